with api_students as (

    select
        student_id,
        first_name,
        last_name,
        email
    from {{ ref('stg_raw__students') }}

),

roster_students as (

    select
        student_id,
        {{ newest_value('first_name', ['line']) }} as first_name,
        {{ newest_value('last_name', ['line']) }} as last_name,
        {{ newest_value('email', ['line']) }} as email
    from {{ ref('roster_matches') }}
    where
        student_id is not null
        and not is_excluded
    group by student_id

),

-- a roster fills what the API left empty, and brings in who has no progression yet
merged as (

    select
        coalesce(api_students.student_id, roster_students.student_id) as id,
        coalesce(api_students.first_name, roster_students.first_name) as first_name,
        coalesce(api_students.last_name, roster_students.last_name) as last_name,
        coalesce(api_students.email, roster_students.email) as email,
        api_students.student_id is not null as has_progressions
    from api_students
    full outer join roster_students
        on api_students.student_id = roster_students.student_id

)

select
    id,
    first_name,
    last_name,
    email,
    coalesce(nullif(trim(concat(coalesce(first_name, ''), ' ', coalesce(last_name, ''))), ''), email, id) as name,
    has_progressions
from merged
