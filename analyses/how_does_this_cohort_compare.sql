-- At week 6, how does each cohort compare with the others, newest cohort first?
select
    cohort_comparison.class_name,
    class_summary.first_week_starts_on,
    cohort_comparison.enrolled_students,
    round(100 * cohort_comparison.cumulative_completion_rate, 1) as completed_percent,
    round(100 * cohort_comparison.other_classes_completion_rate, 1) as others_completed_percent,
    round(100 * cohort_comparison.completion_rate_difference, 1) as percent_ahead,
    round(100 * cohort_comparison.active_rate) as active_percent,
    round(cohort_comparison.mean_score, 1) as mean_score,
    cohort_comparison.at_risk_students
from {{ ref('cohort_comparison') }} as cohort_comparison
inner join {{ ref('class_summary') }} as class_summary
    on cohort_comparison.class_id = class_summary.class_id
where cohort_comparison.week_in_program = 6
order by class_summary.first_week_starts_on desc, cohort_comparison.class_name asc
