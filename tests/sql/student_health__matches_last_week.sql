-- What is this: students whose health differs from the latest week of student_health_weekly.
-- When does it matter: two answers to one question; trends would not end where the current table begins.
-- How to resolve: student_health must take score and tier from student_health_weekly, never compute them; only the end
-- of a class takes a verdict away.
with latest as (

    select
        class_id,
        student_id,
        score,
        tier
    from {{ ref('student_health_weekly') }}
    where is_latest

),

ends as (

    select
        class_id,
        is_class_over
    from {{ ref('class_weeks') }}
    where is_latest

)

select
    latest.class_id,
    latest.student_id,
    latest.score as weekly_score,
    student_health.score
from latest
inner join ends
    on latest.class_id = ends.class_id
left join {{ ref('student_health') }} as student_health
    on
        latest.class_id = student_health.class_id
        and latest.student_id = student_health.student_id
where
    student_health.student_id is null
    or latest.score is distinct from student_health.score
    or case when ends.is_class_over then 'n_a' else latest.tier end <> student_health.tier
