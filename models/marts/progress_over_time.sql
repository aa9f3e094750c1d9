with weeks as (

    select
        class_id,
        week_number,
        iso_week,
        week_starts_on,
        week_ends_on,
        measured_on,
        is_complete
    from {{ ref('class_weeks') }}

),

class_summary as (

    select
        class_id,
        class_name,
        students,
        assignments
    from {{ ref('class_summary') }}

),

class_students as (

    select
        class_id,
        student_key,
        enrolled_on,
        left_on
    from {{ ref('class_students') }}

),

completed_work as (

    select
        class_id,
        first_completed_on as completed_on
    from {{ ref('student_assignments') }}
    where
        is_assigned
        and is_completed

),

started as (

    select
        student_key,
        started_on as active_on
    from {{ ref('progressions_as_of') }}
    where started_on is not null

),

completed as (

    select
        student_key,
        completed_on as active_on
    from {{ ref('progressions_as_of') }}
    where completed_on is not null

),

completion_days as (

    select
        class_id,
        completed_on,
        count(*) as completions
    from completed_work
    group by class_id, completed_on

),

-- what lies before the kept history counts in its first week
completions as (

    select
        completion_days.class_id,
        greatest({{ week_start('completion_days.completed_on') }}, class_starts.week_starts_on) as week_starts_on,
        cast(sum(completion_days.completions) as bigint) as completions
    from completion_days
    inner join weeks as class_starts
        on
            completion_days.class_id = class_starts.class_id
            and class_starts.week_number = 1
    group by
        completion_days.class_id,
        greatest({{ week_start('completion_days.completed_on') }}, class_starts.week_starts_on)

),

-- each student once per week
activity as (

    select
        student_key,
        {{ week_start('active_on') }} as week_starts_on
    from started
    union
    select
        student_key,
        {{ week_start('active_on') }} as week_starts_on
    from completed

),

active as (

    select
        class_students.class_id,
        activity.week_starts_on,
        count(*) as active_students
    from activity
    inner join class_students
        on activity.student_key = class_students.student_key
    group by class_students.class_id, activity.week_starts_on

),

enrolled as (

    select
        weeks.class_id,
        weeks.week_number,
        count(*) as enrolled_students
    from weeks
    inner join class_students
        on
            weeks.class_id = class_students.class_id
            and weeks.measured_on >= class_students.enrolled_on
            and (class_students.left_on is null or weeks.week_starts_on < class_students.left_on)
    group by weeks.class_id, weeks.week_number

),

joined as (

    select
        weeks.class_id,
        class_summary.class_name,
        weeks.week_number,
        weeks.iso_week,
        weeks.week_starts_on,
        weeks.week_ends_on,
        weeks.measured_on,
        weeks.is_complete,
        class_summary.students * class_summary.assignments as assigned_work,
        coalesce(completions.completions, 0) as completions,
        coalesce(active.active_students, 0) as active_students,
        coalesce(enrolled.enrolled_students, 0) as enrolled_students
    from weeks
    inner join class_summary
        on weeks.class_id = class_summary.class_id
    left join completions
        on
            weeks.class_id = completions.class_id
            and weeks.week_starts_on = completions.week_starts_on
    left join active
        on
            weeks.class_id = active.class_id
            and weeks.week_starts_on = active.week_starts_on
    left join enrolled
        on
            weeks.class_id = enrolled.class_id
            and weeks.week_number = enrolled.week_number

),

summed as (

    select
        *,
        cast(
            sum(completions) over (
                partition by class_id order by week_number
                rows between unbounded preceding and current row
            ) as bigint
        ) as cumulative_completions
    from joined

)

select
    class_id,
    class_name,
    week_number,
    iso_week,
    week_starts_on,
    week_ends_on,
    measured_on,
    is_complete,
    completions,
    cumulative_completions,
    {{ rate('cumulative_completions', 'assigned_work') }} as cumulative_completion_rate,
    active_students,
    enrolled_students,
    {{ rate('completions', 'enrolled_students') }} as completions_per_student
from summed
