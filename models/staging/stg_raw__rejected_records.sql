with source as (

    select * from {{ source('raw', 'rejected_records') }}

),

renamed as (

    select
        -- lines of files have no class, but tell their file
        case when source = 'files' then class_id else {{ global_id('source', 'class_id') }} end as read_from,
        case when source = 'files' then record_id else {{ global_id('source', 'record_id') }} end as record_id,
        record_hash,
        cast(page as bigint) as page,
        reason,
        record_json,
        cast(first_seen_at as timestamp) as first_seen_at,
        run_id,
        field,
        cast(version_no as bigint) as version_no
    from source

),

-- a retried load may have stored the same record twice, and one that was usable meanwhile is told again
numbered as (

    select
        *,
        row_number() over (partition by read_from, record_hash order by first_seen_at, run_id) as occurrence,
        max(version_no) over (partition by read_from, record_hash) as newest_version_no
    from renamed

)

select
    read_from,
    record_id,
    record_hash,
    page,
    reason,
    record_json,
    first_seen_at,
    run_id,
    field,
    newest_version_no as version_no
from numbered
where occurrence = 1
