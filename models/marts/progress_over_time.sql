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

night_weeks as (

    select
        class_id,
        week_number,
        completions,
        active_students,
        enrolled_students
    from {{ ref('night_weeks') }}

),

counts as (

    select
        class_id,
        week_number,
        cast(sum(completions) as bigint) as completions,
        cast(sum(active_students) as bigint) as active_students,
        cast(sum(enrolled_students) as bigint) as enrolled_students
    from night_weeks
    group by class_id, week_number

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
        coalesce(counts.completions, 0) as completions,
        coalesce(counts.active_students, 0) as active_students,
        coalesce(counts.enrolled_students, 0) as enrolled_students
    from weeks
    inner join class_summary
        on weeks.class_id = class_summary.class_id
    left join counts
        on
            weeks.class_id = counts.class_id
            and weeks.week_number = counts.week_number

),

summed as (

    {{ cumulated_progress('joined', ['class_id']) }}

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
