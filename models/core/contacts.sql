with contacts as (

    select
        contact_id,
        student_id,
        contacted_on,
        how,
        contacted_by,
        note,
        noted_at,
        stored_order
    from {{ ref('stg_raw__contacts') }}
    where coalesce(noted_at <= {{ as_of_override() }}, true)

),

roster_matches as (

    select
        student_id,
        roster_id_by_email,
        roster_id_by_name
    from {{ ref('roster_matches') }}
    where student_id is not null

),

roster_ids as (

    select
        roster_id_by_email as roster_id,
        student_id
    from roster_matches
    union
    select
        roster_id_by_name as roster_id,
        student_id
    from roster_matches

),

-- who was on the roster only and has an account since; an id that may mean several means nobody else
renamed_students as (

    select
        roster_id,
        min(student_id) as student_id
    from roster_ids
    where roster_id is not null
    group by roster_id
    having count(*) = 1

)

select
    contacts.contact_id,
    coalesce(renamed_students.student_id, contacts.student_id) as student_id,
    contacts.contacted_on,
    contacts.how,
    contacts.contacted_by,
    contacts.note,
    contacts.noted_at,
    contacts.stored_order
from contacts
left join renamed_students
    on contacts.student_id = renamed_students.roster_id
