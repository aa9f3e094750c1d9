-- Two speeds so far: that of the last days, and that since the first activity.
with student_measures as (

    select
        class_id,
        student_id,
        measured_on,
        is_finished,
        completed,
        remaining_assignments,
        recent_completions,
        first_activity_on,
        last_completed_on
    from {{ ref('student_measures') }}

),

speeds as (

    select
        *,
        {{ days_between('first_activity_on', 'measured_on') }} + 1 as days_so_far
    from student_measures

),

days_to_finish as (

    select
        *,
        cast(
            ceiling(
                cast(remaining_assignments * {{ threshold('momentum_days') }} as double)
                / nullif(recent_completions, 0)
            ) as bigint
        ) as days_at_recent_speed,
        cast(ceiling(cast(remaining_assignments * days_so_far as double) / nullif(completed, 0)) as bigint)
            as days_at_mean_speed
    from speeds

),

projected as (

    select
        *,
        not is_finished
        and days_at_recent_speed is not null
        and days_at_mean_speed is not null as is_projected
    from days_to_finish

)

select
    class_id,
    student_id,
    remaining_assignments,
    case
        when is_finished then 'finished'
        when is_projected then 'projected'
        else 'n_a'
    end as projection,
    case
        when is_finished then last_completed_on
        when is_projected then {{ add_days('measured_on', 'least(days_at_recent_speed, days_at_mean_speed)') }}
    end as projected_finish_earliest_on,
    case
        when is_finished then last_completed_on
        when is_projected then {{ add_days('measured_on', 'greatest(days_at_recent_speed, days_at_mean_speed)') }}
    end as projected_finish_latest_on
from projected
