with source as (

    select
        *,
        {{ stored_order() }} as stored_order
    from {{ source('raw', 'class_states') }}

),

renamed as (

    select
        source,
        {{ global_id('source', 'class_id') }} as class_id,
        cast(stored_order as bigint) as stored_order,
        cast(unlisted_since as timestamp) as unlisted_since,
        cast(is_retired as boolean) as is_retired
    from source

),

-- the newest is the one stored last, whatever the clock said then
newest as (

    {{ one_of_several('renamed', ['class_id'], ['stored_order desc']) }}

)

select
    class_id,
    source,
    unlisted_since,
    is_retired
from newest
