with followed_weeks as (

    select
        class_id,
        week_number
    from {{ ref('class_weeks') }}
    where is_followed

),

student_health_weekly as (

    select
        class_id,
        week_number,
        tier,
        score
    from {{ ref('student_health_weekly') }}

),

progress as (

    select
        class_id,
        class_name,
        week_number,
        iso_week,
        week_ends_on,
        measured_on,
        is_complete,
        enrolled_students,
        active_students,
        completions,
        completions_per_student,
        cumulative_completion_rate
    from {{ ref('progress_over_time') }}

),

health as (

    select
        class_id,
        week_number,
        {{ tier_counts('tier', 'score') }}
    from student_health_weekly
    group by class_id, week_number

),

weeks as (

    select
        progress.class_id,
        progress.class_name,
        progress.week_number as week_in_program,
        progress.iso_week,
        progress.week_ends_on,
        progress.measured_on,
        progress.is_complete,
        progress.enrolled_students,
        progress.active_students,
        {{ rate('progress.active_students', 'progress.enrolled_students') }} as active_rate,
        progress.completions,
        progress.completions_per_student,
        progress.cumulative_completion_rate,
        health.mean_score,
        coalesce(health.critical_students + health.high_students, 0) as at_risk_students,
        coalesce(
            health.critical_students + health.high_students + health.medium_students + health.low_students, 0
        ) as judged_students
    from progress
    inner join followed_weeks
        on
            progress.class_id = followed_weeks.class_id
            and progress.week_number = followed_weeks.week_number
    left join health
        on
            progress.class_id = health.class_id
            and progress.week_number = health.week_number

),

-- whole numbers have the same sum in whatever order the classes come
rates as (

    select
        *,
        cast(round(cumulative_completion_rate * 1000000000000) as bigint) as rate_trillionths
    from weeks

),

-- the other classes in the same week of theirs
compared as (

    select
        *,
        count(rate_trillionths) over same_week
        - (case when rate_trillionths is null then 0 else 1 end) as other_classes,
        coalesce(sum(rate_trillionths) over same_week, 0) - coalesce(rate_trillionths, 0) as other_trillionths
    from rates
    window same_week as (partition by week_in_program)

),

others as (

    select
        *,
        {{ rate('other_trillionths', 'other_classes') }} / 1000000000000 as other_classes_completion_rate
    from compared

)

select
    class_id,
    class_name,
    week_in_program,
    iso_week,
    week_ends_on,
    measured_on,
    is_complete,
    enrolled_students,
    active_students,
    active_rate,
    completions,
    completions_per_student,
    cumulative_completion_rate,
    mean_score,
    at_risk_students,
    judged_students,
    {{ rate('at_risk_students', 'judged_students') }} as at_risk_rate,
    other_classes,
    other_classes_completion_rate,
    cumulative_completion_rate - other_classes_completion_rate as completion_rate_difference
from others
