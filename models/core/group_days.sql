-- Silence is counted in class days: of a stretch in which nobody in the group completes anything only the
-- first `pause_days` count, so that breaks and meetings every two weeks need no rule of their own.
with enrollments as (

    select
        class_id,
        student_key,
        group_key,
        begins_on,
        left_on
    from {{ ref('enrollments') }}

),

class_weeks as (

    select
        class_id,
        week_number,
        week_starts_on,
        measured_on
    from {{ ref('class_weeks') }}

),

completions as (

    select
        student_key,
        completed_on
    from {{ ref('progressions_as_of') }}
    where completed_on is not null

),

groups as (

    select
        class_id,
        group_key,
        min(begins_on) as begins_on
    from enrollments
    group by class_id, group_key

),

week_days as (

    select n
    from {{ numbers() }} as numbers
    where n < 7

),

days as (

    select
        groups.class_id,
        groups.group_key,
        groups.begins_on,
        class_weeks.week_number,
        {{ add_days('class_weeks.week_starts_on', 'week_days.n') }} as day
    from groups
    inner join class_weeks
        on groups.class_id = class_weeks.class_id
    inner join week_days
        on {{ days_between('class_weeks.week_starts_on', 'class_weeks.measured_on') }} >= week_days.n

),

-- the work of who had left by then is not the group's
completion_days as (

    select distinct
        enrollments.group_key,
        completions.completed_on as day
    from completions
    inner join enrollments
        on completions.student_key = enrollments.student_key
    where
        enrollments.left_on is null
        or completions.completed_on < enrollments.left_on

),

marked as (

    select
        days.*,
        completion_days.day is not null as is_completion_day,
        max(completion_days.day) over (
            partition by days.group_key order by days.day
            rows between unbounded preceding and 1 preceding
        ) as previous_completion_on
    from days
    left join completion_days
        on
            days.group_key = completion_days.group_key
            and days.day = completion_days.day

),

counted as (

    select
        *,
        case
            when begins_on is null or day <= begins_on then 0
            when is_completion_day then 1
            when
                {{ days_between('greatest(previous_completion_on, begins_on)', 'day') }}
                <= {{ threshold('pause_days') }}
                then 1
            else 0
        end as counts
    from marked

)

select
    class_id,
    group_key,
    week_number,
    day,
    is_completion_day,
    cast(
        sum(counts) over (
            partition by group_key order by day
            rows between unbounded preceding and current row
        ) as bigint
    ) as class_day
from counted
