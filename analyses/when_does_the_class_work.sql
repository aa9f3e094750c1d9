-- At which hours of the week does the class complete most: when is help best offered?
select
    class_name,
    weekday_name,
    hour,
    timezone,
    completions,
    students,
    round(100 * share_of_completions, 1) as percent_of_completions
from {{ ref('activity_pattern') }}
where completions > 0
order by completions desc, class_name asc, weekday asc, hour asc
limit 20
