with source as (

    select * from {{ source('sync', 'sync_pages') }}

),

renamed as (

    select
        run_id,
        {{ global_id('source', 'class_id') }} as class_id,
        source,
        cast(seq as bigint) as request_number,
        cast(page as bigint) as page,
        cast(records_processed as bigint) as records_processed,
        cast(synced_at as timestamp) as synced_at
    from source

),

-- a retried load may have stored the same page twice
numbered as (

    select
        *,
        row_number() over (partition by run_id, class_id, request_number order by synced_at) as occurrence
    from renamed

)

select
    run_id,
    class_id,
    source,
    request_number,
    page,
    records_processed,
    synced_at
from numbered
where occurrence = 1
