with weeks as (

    select
        class_id,
        week_number,
        iso_week,
        week_start,
        week_end,
        measured_on
    from {{ ref('class_weeks') }}

),

-- what lies before the kept history counts in its first week
placed_completions as (

    select
        student_assignments.class_id,
        greatest({{ week_start('student_assignments.completed_on') }}, class_starts.week_start) as week_start
    from {{ ref('student_assignments') }} as student_assignments
    inner join weeks as class_starts
        on
            student_assignments.class_id = class_starts.class_id
            and class_starts.week_number = 1
    where student_assignments.is_completed

),

completions as (

    select
        class_id,
        week_start,
        count(*) as completions
    from placed_completions
    group by class_id, week_start

),

activity as (

    select
        class_id,
        student_id,
        {{ week_start('started_on') }} as week_start
    from {{ ref('progressions_as_of') }}
    where started_on is not null
    union
    select
        class_id,
        student_id,
        {{ week_start('completed_on') }} as week_start
    from {{ ref('progressions_as_of') }}
    where completed_on is not null

),

active as (

    select
        class_id,
        week_start,
        count(distinct student_id) as active_students
    from activity
    group by class_id, week_start

),

enrolled as (

    select
        weeks.class_id,
        weeks.week_number,
        count(*) as enrolled_students
    from weeks
    inner join {{ ref('enrollments') }} as enrollments
        on
            weeks.class_id = enrollments.class_id
            and weeks.measured_on >= enrollments.enrolled_on
            and (enrollments.left_on is null or weeks.week_start < enrollments.left_on)
    group by weeks.class_id, weeks.week_number

),

joined as (

    select
        weeks.class_id,
        class_summary.class_name,
        weeks.week_number,
        weeks.iso_week,
        weeks.week_start,
        weeks.week_end,
        class_summary.students * class_summary.assignments as expected_work,
        coalesce(completions.completions, 0) as completions,
        coalesce(active.active_students, 0) as active_students,
        coalesce(enrolled.enrolled_students, 0) as enrolled_students
    from weeks
    inner join {{ ref('class_summary') }} as class_summary
        on weeks.class_id = class_summary.class_id
    left join completions
        on
            weeks.class_id = completions.class_id
            and weeks.week_start = completions.week_start
    left join active
        on
            weeks.class_id = active.class_id
            and weeks.week_start = active.week_start
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
    week_start,
    week_end,
    completions,
    cumulative_completions,
    {{ rate('cumulative_completions', 'expected_work') }} as cumulative_completion_rate,
    active_students,
    enrolled_students,
    {{ rate('completions', 'enrolled_students') }} as completions_per_student
from summed
