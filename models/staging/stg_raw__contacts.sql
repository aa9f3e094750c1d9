with source as (

    select
        *,
        {{ stored_order() }} as stored_order
    from {{ source('raw', 'contacts') }}

),

renamed as (

    select
        contact_id,
        student_id,
        cast(contacted_on as date) as contacted_on,
        how,
        {{ text_or_null('contacted_by') }} as contacted_by,
        {{ text_or_null('note') }} as note,
        cast(is_withdrawn as boolean) as is_withdrawn,
        cast(first_seen_at as timestamp) as noted_at,
        cast(stored_order as bigint) as stored_order
    from source

),

-- the newest is the one stored last, whatever the clock said then
newest as (

    {{ one_of_several('renamed', ['contact_id'], ['stored_order desc']) }}

)

select
    contact_id,
    student_id,
    contacted_on,
    how,
    contacted_by,
    note,
    noted_at,
    stored_order
from newest
where not is_withdrawn
