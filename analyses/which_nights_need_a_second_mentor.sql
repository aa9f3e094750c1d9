-- On which nights are most students on a call list for each mentor?
with students as (

    select
        class_id,
        {{ lowered('night') }} as night_key,
        call_list
    from {{ ref('student_health') }}
    where
        is_enrolled
        and night is not null

),

calls as (

    select
        class_id,
        night_key,
        count(*) as students,
        count(call_list) as to_call
    from students
    group by class_id, night_key

),

mentors as (

    select
        calls.class_id,
        calls.night_key,
        count(distinct mentors.mentor) as mentors
    from calls
    left join {{ ref('mentors') }} as mentors
        on
            calls.night_key = mentors.night_key
            and (mentors.class_id is null or calls.class_id = mentors.class_id)
    group by calls.class_id, calls.night_key

)

select
    nights.class_name,
    nights.night,
    mentors.mentors,
    calls.students,
    calls.to_call,
    nights.open_reviews
from calls
inner join mentors
    on
        calls.class_id = mentors.class_id
        and calls.night_key = mentors.night_key
inner join {{ ref('night_summary') }} as nights
    on
        calls.class_id = nights.class_id
        and calls.night_key = {{ lowered('nights.night') }}
-- a night without a mentor comes before all others with as many to call
order by
    calls.to_call / greatest(mentors.mentors, 1) desc,
    mentors.mentors asc,
    nights.open_reviews desc,
    nights.class_name asc,
    nights.night asc
