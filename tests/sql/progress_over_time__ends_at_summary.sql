-- What is this: classes whose weekly completions miss the class total, or whose running total falls.
-- When does it matter: a completion that falls into no week is missing from every chart.
-- How to resolve: compare class_weeks with the completion days of student_assignments.
with steps as (

    select
        class_id,
        week_number,
        cumulative_completions,
        lag(cumulative_completions) over (partition by class_id order by week_number) as completions_before,
        max(week_number) over (partition by class_id) as last_week_number
    from {{ ref('progress_over_time') }}

)

select
    steps.class_id,
    steps.week_number,
    steps.cumulative_completions,
    class_summary.completions
from steps
inner join {{ ref('class_summary') }} as class_summary
    on steps.class_id = class_summary.class_id
where
    steps.cumulative_completions < steps.completions_before
    or (
        steps.week_number = steps.last_week_number
        and steps.cumulative_completions <> class_summary.completions
    )
