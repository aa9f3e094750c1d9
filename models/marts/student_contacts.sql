with class_students as (

    select
        class_id,
        student_id,
        student_key,
        class_name,
        first_name,
        last_name,
        email,
        region,
        night,
        mentor,
        is_enrolled,
        as_of_on
    from {{ ref('class_students') }}

),

contacts as (

    select
        contact_id,
        student_id,
        contacted_on,
        how,
        contacted_by,
        note,
        noted_at,
        row_number() over (partition by student_id order by contacted_on desc, stored_order desc) = 1 as is_latest
    from {{ ref('contacts') }}

),

class_weeks as (

    select
        class_id,
        week_number,
        week_starts_on,
        week_ends_on
    from {{ ref('class_weeks') }}

),

tiers as (

    select
        student_key,
        week_number,
        tier,
        score
    from {{ ref('health_tiers') }}

),

outcomes as (

    select
        student_key,
        week_number,
        call_list,
        is_recovered_in_two_weeks,
        is_off_list_in_two_weeks
    from {{ ref('call_outcomes') }}

)

select
    class_students.class_id,
    class_students.class_name,
    class_students.student_id,
    class_students.first_name,
    class_students.last_name,
    class_students.email,
    class_students.region,
    class_students.night,
    class_students.mentor,
    class_students.is_enrolled,
    contacts.contact_id,
    contacts.contacted_on,
    -- a class that could not be read today is as of yesterday
    greatest({{ days_between('contacts.contacted_on', 'class_students.as_of_on') }}, 0) as days_since,
    contacts.how,
    contacts.contacted_by,
    contacts.note,
    contacts.noted_at,
    contacts.is_latest,
    class_weeks.week_number,
    class_weeks.week_ends_on,
    tiers.tier,
    tiers.score,
    outcomes.call_list,
    outcomes.is_recovered_in_two_weeks,
    outcomes.is_off_list_in_two_weeks
from contacts
inner join class_students
    on contacts.student_id = class_students.student_id
left join class_weeks
    on
        class_students.class_id = class_weeks.class_id
        and contacts.contacted_on between class_weeks.week_starts_on and class_weeks.week_ends_on
left join tiers
    on
        class_students.student_key = tiers.student_key
        and class_weeks.week_number = tiers.week_number
left join outcomes
    on
        class_students.student_key = outcomes.student_key
        and class_weeks.week_number = outcomes.week_number
