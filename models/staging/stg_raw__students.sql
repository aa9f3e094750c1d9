with records as (

    select
        student_id,
        first_name,
        last_name,
        email,
        version_no,
        class_id,
        record_id,
        first_seen_at
    from {{ ref('stg_raw__progression_versions') }}
    where is_current

),

newest as (

    select
        student_id,
        {{ newest_value('first_name', ['version_no', 'class_id', 'record_id']) }} as first_name,
        {{ newest_value('last_name', ['version_no', 'class_id', 'record_id']) }} as last_name,
        {{ newest_value('email', ['version_no', 'class_id', 'record_id']) }} as email,
        min(first_seen_at) as first_seen_at
    from records
    group by student_id

)

select
    student_id,
    first_name,
    last_name,
    email,
    {{ email_key('email') }} as email_key,
    {{ name_key('first_name', 'last_name') }} as name_key,
    first_seen_at
from newest
