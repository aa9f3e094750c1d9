-- What is this: students whose health differs from the last week of student_health_weekly.
-- When does it matter: two answers to one question; trends would not end where the current table begins.
-- How to resolve: student_health must take score and tier from student_health_weekly, never compute them.
with weeks as (

    select
        class_id,
        student_id,
        week_ends_on,
        score,
        tier
    from {{ ref('student_health_weekly') }}

),

last_weeks as (

    {{ one_of_several('weeks', ['class_id', 'student_id'], ['week_ends_on desc']) }}

)

select
    last_weeks.class_id,
    last_weeks.student_id,
    last_weeks.score as weekly_score,
    student_health.score
from last_weeks
left join {{ ref('student_health') }} as student_health
    on
        last_weeks.class_id = student_health.class_id
        and last_weeks.student_id = student_health.student_id
where
    student_health.student_id is null
    or last_weeks.score is distinct from student_health.score
    or last_weeks.tier <> student_health.tier
