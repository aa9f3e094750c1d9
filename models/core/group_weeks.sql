with group_days as (

    select
        group_key,
        day,
        class_day
    from {{ ref('group_days') }}

),

class_weeks as (

    select
        class_id,
        week_number,
        week_starts_on,
        week_ends_on,
        measured_on,
        is_complete,
        is_followed,
        is_after_end,
        is_latest
    from {{ ref('class_weeks') }}

),

enrollments as (

    select
        class_id,
        group_key,
        begins_on,
        enrolled_on
    from {{ ref('enrollments') }}

),

groups as (

    select
        class_id,
        group_key,
        min(begins_on) as begins_on
    from enrollments
    group by class_id, group_key

),

-- what lies before the kept history counts in its first week
first_weeks as (

    select
        class_id,
        min(week_starts_on) as week_starts_on,
        max(measured_on) as as_of_on
    from class_weeks
    group by class_id

),

arrivals as (

    select
        enrollments.group_key,
        greatest({{ week_start('enrollments.enrolled_on') }}, first_weeks.week_starts_on) as week_starts_on,
        count(*) as students
    from enrollments
    inner join first_weeks
        on enrollments.class_id = first_weeks.class_id
    where enrollments.enrolled_on <= first_weeks.as_of_on
    group by
        enrollments.group_key,
        greatest({{ week_start('enrollments.enrolled_on') }}, first_weeks.week_starts_on)

)

select
    groups.class_id,
    groups.group_key,
    class_weeks.week_number,
    class_weeks.week_starts_on,
    class_weeks.week_ends_on,
    class_weeks.measured_on,
    class_weeks.is_complete,
    class_weeks.is_followed,
    class_weeks.is_after_end,
    class_weeks.is_latest,
    groups.begins_on,
    group_days.class_day,
    cast(
        coalesce(
            sum(arrivals.students) over (
                partition by groups.group_key order by class_weeks.week_number
                rows between unbounded preceding and current row
            ),
            0
        ) as bigint
    ) as students_begun
from groups
inner join class_weeks
    on groups.class_id = class_weeks.class_id
inner join group_days
    on
        groups.group_key = group_days.group_key
        and class_weeks.measured_on = group_days.day
left join arrivals
    on
        groups.group_key = arrivals.group_key
        and class_weeks.week_starts_on = arrivals.week_starts_on
