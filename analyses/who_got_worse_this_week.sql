-- Whose risk rose in the last week that is over, and what is the matter?
with complete_weeks as (

    select
        class_id,
        max(week_number) as week_number
    from {{ ref('class_weeks') }}
    where is_complete
    group by class_id

)

select
    concat_ws(' ', weekly.first_name, weekly.last_name) as student,
    weekly.night,
    weekly.measured_on,
    concat(weekly.previous_tier, ' to ', weekly.tier) as risk,
    round(weekly.score_change, 1) as score_change,
    health.reasons
from {{ ref('student_health_weekly') }} as weekly
inner join complete_weeks
    on
        weekly.class_id = complete_weeks.class_id
        and weekly.week_number = complete_weeks.week_number
inner join {{ ref('student_health') }} as health
    on
        weekly.class_id = health.class_id
        and weekly.student_id = health.student_id
where
    weekly.is_worsened
    and health.tier <> 'n_a'
order by weekly.score_change, weekly.class_name, weekly.last_name
