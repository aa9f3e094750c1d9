with enrollments as (

    select
        class_id,
        student_id,
        student_key,
        enrolled_on,
        left_on
    from {{ ref('enrollments') }}

),

class_weeks as (

    select
        class_id,
        week_number,
        week_starts_on,
        week_ends_on,
        measured_on,
        is_followed,
        is_last_followed
    from {{ ref('class_weeks') }}

),

per_week as (

    select
        student_key,
        from_week as week_number,
        count(case when attempt_number = 1 then 1 end) as completions,
        max(completed_on) as last_completed_on
    from {{ ref('completions') }}
    group by student_key, from_week

),

grid as (

    select
        enrollments.student_key,
        enrollments.enrolled_on,
        enrollments.left_on,
        class_weeks.week_number,
        class_weeks.week_ends_on,
        class_weeks.measured_on,
        class_weeks.is_last_followed
    from enrollments
    inner join class_weeks
        on enrollments.class_id = class_weeks.class_id
    where
        class_weeks.is_followed
        and (enrollments.enrolled_on <= class_weeks.measured_on or class_weeks.is_last_followed)

),

filled as (

    select
        grid.*,
        coalesce(per_week.completions, 0) as completions,
        max(per_week.last_completed_on) over (
            partition by grid.student_key order by grid.week_number
            rows between unbounded preceding and current row
        ) as last_completed_on
    from grid
    left join per_week
        on
            grid.student_key = per_week.student_key
            and grid.week_number = per_week.week_number

),

class_starts as (

    select
        class_id,
        min(week_starts_on) as first_week_starts_on
    from class_weeks
    group by class_id

),

measured as (

    select
        enrollments.class_id,
        enrollments.student_id,
        filled.*,
        filled.enrolled_on <= filled.measured_on as has_started,
        coalesce(filled.left_on <= filled.measured_on, false) as has_left,
        greatest(
            {{ days_between('filled.enrolled_on', 'filled.measured_on') }}, 0
        ) as days_enrolled,
        -- who never completed anything is silent since the enrolment, or since the class began
        greatest(
            {{ days_between(
                'coalesce(filled.last_completed_on, greatest(filled.enrolled_on, class_starts.first_week_starts_on))',
                'filled.measured_on'
            ) }},
            0
        ) as days_silent
    from filled
    inner join enrollments
        on filled.student_key = enrollments.student_key
    inner join class_starts
        on enrollments.class_id = class_starts.class_id

)

select
    class_id,
    student_id,
    student_key,
    week_number,
    week_ends_on,
    measured_on,
    is_last_followed,
    has_started,
    has_left,
    completions,
    last_completed_on,
    days_enrolled,
    days_silent,
    has_started
    and not has_left
    and last_completed_on is not null
    and days_silent < {{ threshold('silent_days') }} as is_active
from measured
