-- At the end of week 6, how does each cohort compare with the others, newest cohort first?
with weeks as (

    select
        class_id,
        class_name,
        enrolled_students,
        active_rate,
        cumulative_completion_rate,
        mean_score,
        at_risk_students,
        count(*) over () - 1 as other_classes,
        sum(cumulative_completion_rate) over () - cumulative_completion_rate as other_rates
    from {{ ref('cohort_comparison') }}
    -- a cohort whose week 6 still runs would seem to be behind
    where
        week_in_program = 6
        and is_complete

)

select
    weeks.class_name,
    class_summary.first_week_starts_on,
    round(100 * weeks.cumulative_completion_rate, 1) as completed_percent,
    round(100 * weeks.other_rates / nullif(weeks.other_classes, 0), 1) as others_completed_percent,
    round(100 * weeks.active_rate) as active_percent,
    weeks.at_risk_students,
    weeks.enrolled_students,
    round(weeks.mean_score, 1) as mean_score
from weeks
inner join {{ ref('class_summary') }} as class_summary
    on weeks.class_id = class_summary.class_id
order by class_summary.first_week_starts_on desc, weeks.class_name asc
