with source as (

    select
        *,
        {{ stored_order() }} as stored_order
    from {{ source('sync', 'sync_runs') }}

),

renamed as (

    select
        run_id,
        {{ global_id('source', 'class_id') }} as class_id,
        source,
        cast(stored_order as bigint) as stored_order,
        cast(started_at as timestamp) as started_at,
        cast(finished_at as timestamp) as finished_at,
        mode as sync_mode,
        status,
        cast(pages as bigint) as pages,
        cast(fetched as bigint) as records_fetched,
        cast(new as bigint) as records_new,
        cast(changed as bigint) as records_changed,
        cast(removed as bigint) as records_removed,
        cast(rejected as bigint) as records_rejected,
        cast(reported_total as bigint) as reported_total,
        cast(stored_total as bigint) as stored_total,
        cast(verified as boolean) as is_verified,
        cast(page_size as bigint) as page_size,
        timezone,
        error
    from source

),

-- a retried load may have stored the same run twice
numbered as (

    select
        *,
        row_number() over (partition by run_id, class_id order by stored_order desc) as occurrence
    from renamed

)

select
    run_id,
    class_id,
    source,
    stored_order,
    started_at,
    finished_at,
    sync_mode,
    status,
    pages,
    records_fetched,
    records_new,
    records_changed,
    records_removed,
    records_rejected,
    reported_total,
    stored_total,
    is_verified,
    page_size,
    timezone,
    error
from numbered
where occurrence = 1
