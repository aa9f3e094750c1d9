with source as (

    select * from {{ source('raw', 'classes') }}

),

renamed as (

    select
        source,
        {{ global_id('source', 'class_id') }} as class_id,
        cast(version_no as bigint) as version_no,
        {{ text_or_null('friendly_id') }} as friendly_id,
        {{ text_or_null('name') }} as class_name,
        {{ text_or_null('school') }} as school,
        cast(is_published as boolean) as is_published,
        units_hash,
        cast(first_seen_at as timestamp) as first_seen_at
    from source

),

numbered as (

    select
        *,
        row_number() over (partition by class_id order by version_no desc) as recency
    from renamed

)

select
    class_id,
    source,
    friendly_id,
    class_name,
    school,
    is_published,
    units_hash,
    first_seen_at
from numbered
where recency = 1
