-- At which hours of the week does the class complete most: when is help best offered?
with hours as (

    select
        class_name,
        weekday_name,
        hour,
        timezone,
        completions,
        students,
        share_of_completions,
        row_number() over (partition by class_id order by completions desc, weekday asc, hour asc) as hour_rank
    from {{ ref('activity_pattern') }}
    where completions > 0

)

select
    class_name,
    weekday_name,
    hour,
    timezone,
    completions,
    students,
    round(100 * share_of_completions, 1) as percent_of_completions
from hours
where hour_rank <= 10
order by class_name, hour_rank
