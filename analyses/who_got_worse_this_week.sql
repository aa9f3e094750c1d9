-- Whose risk rose since last week, and what is the matter?
select
    weekly.class_name,
    health.night,
    weekly.first_name,
    weekly.last_name,
    weekly.previous_tier,
    weekly.tier,
    round(weekly.score_change, 1) as score_change,
    health.reasons
from {{ ref('student_health_weekly') }} as weekly
inner join {{ ref('student_health') }} as health
    on
        weekly.class_id = health.class_id
        and weekly.student_id = health.student_id
where
    weekly.is_latest
    and weekly.is_worsened
order by weekly.score_change, weekly.class_name, weekly.last_name
