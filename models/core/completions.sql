-- Every completion that counted for a while: a later completion of the same pair takes over from
-- the earlier one. So a count at the end of any week sees what was known by then.
with progressions as (

    select
        class_id,
        student_key,
        assignment_id,
        progression_id,
        completed_at,
        completed_on,
        grade
    from {{ ref('progressions_as_of') }}
    where completed_at is not null

),

curriculum as (

    select
        class_id,
        assignment_id,
        assignment_key,
        assignment_number
    from {{ ref('curriculum') }}

),

enrollments as (

    select
        class_id,
        student_id,
        student_key,
        group_key
    from {{ ref('enrollments') }}

),

plans as (

    select plan_key
    from {{ ref('plans') }}
    where not is_optional

),

weeks as (

    select
        group_key,
        week_number,
        week_starts_on,
        students_begun
    from {{ ref('group_weeks') }}

),

group_days as (

    select
        group_key,
        day,
        class_day
    from {{ ref('group_days') }}

),

-- what lies before the kept history counts on its first day
first_days as (

    select
        group_key,
        min(day) as day
    from group_days
    group by group_key

),

completed as (

    select
        enrollments.student_key,
        enrollments.group_key,
        curriculum.assignment_key,
        {{ plan_key('enrollments.group_key', 'curriculum.assignment_number') }} as plan_key,
        progressions.progression_id,
        progressions.completed_at,
        progressions.completed_on,
        cast(round(progressions.grade * 1000000) as bigint) as grade_millionths
    from progressions
    inner join curriculum
        on
            progressions.class_id = curriculum.class_id
            and progressions.assignment_id = curriculum.assignment_id
    inner join enrollments
        on progressions.student_key = enrollments.student_key

),

-- few pairs were completed several times: only those need to be put in order
repeated as (

    select
        student_key,
        assignment_key
    from completed
    group by student_key, assignment_key
    having count(*) > 1

),

numbered as (

    select
        completed.*,
        row_number() over pair as attempt_number,
        min(completed.completed_on) over pair as first_completed_on,
        lead(completed.completed_on) over pair as next_completed_on
    from completed
    inner join repeated
        on
            completed.student_key = repeated.student_key
            and completed.assignment_key = repeated.assignment_key
    window pair as (
        partition by completed.student_key, completed.assignment_key
        order by completed.completed_at, completed.progression_id
    )

),

ordered as (

    select
        completed.student_key,
        completed.group_key,
        completed.assignment_key,
        completed.plan_key,
        completed.completed_on,
        completed.grade_millionths,
        1 as attempt_number,
        completed.completed_on as first_completed_on,
        cast(null as date) as next_completed_on
    from completed
    left join repeated
        on
            completed.student_key = repeated.student_key
            and completed.assignment_key = repeated.assignment_key
    where repeated.student_key is null
    union all
    select
        student_key,
        group_key,
        assignment_key,
        plan_key,
        completed_on,
        grade_millionths,
        attempt_number,
        first_completed_on,
        next_completed_on
    from numbered

),

-- how many of the group first completed the assignment on each day, and before it
first_completion_days as (

    select
        plan_key,
        completed_on,
        count(*) as students
    from ordered
    where attempt_number = 1
    group by plan_key, completed_on

),

days_ahead as (

    select
        plan_key,
        completed_on,
        cast(
            coalesce(
                sum(students) over (
                    partition by plan_key order by completed_on
                    rows between unbounded preceding and 1 preceding
                ),
                0
            ) as bigint
        ) as students_ahead
    from first_completion_days

),

placed as (

    select
        ordered.*,
        days_ahead.students_ahead,
        group_days.class_day,
        weeks.week_number as from_week,
        first_weeks.students_begun,
        -- what lies before the kept history counts in its first week
        greatest({{ week_start('ordered.next_completed_on') }}, {{ week_start('first_days.day') }})
            as next_week_starts_on
    from ordered
    inner join first_days
        on ordered.group_key = first_days.group_key
    inner join days_ahead
        on
            ordered.plan_key = days_ahead.plan_key
            and ordered.first_completed_on = days_ahead.completed_on
    inner join group_days
        on
            ordered.group_key = group_days.group_key
            and greatest(ordered.completed_on, first_days.day) = group_days.day
    inner join weeks
        on
            ordered.group_key = weeks.group_key
            and greatest({{ week_start('ordered.completed_on') }}, first_days.day) = weeks.week_starts_on
    inner join weeks as first_weeks
        on
            ordered.group_key = first_weeks.group_key
            and greatest({{ week_start('ordered.first_completed_on') }}, first_days.day) = first_weeks.week_starts_on

)

select
    enrollments.class_id,
    enrollments.student_id,
    placed.student_key,
    curriculum.assignment_id,
    placed.assignment_key,
    placed.plan_key,
    plans.plan_key is not null as is_required,
    placed.attempt_number,
    placed.completed_on,
    placed.class_day,
    placed.grade_millionths,
    -- the share of the group that was not ahead, fixed when the assignment was first completed
    cast(
        round(
            1000000 * cast(placed.students_begun - placed.students_ahead as double) / placed.students_begun
        ) as bigint
    ) as timeliness_millionths,
    placed.from_week,
    case when placed.next_completed_on is not null then next_weeks.week_number end as until_week
from placed
inner join enrollments
    on placed.student_key = enrollments.student_key
inner join curriculum
    on placed.assignment_key = curriculum.assignment_key
left join plans
    on placed.plan_key = plans.plan_key
left join weeks as next_weeks
    on
        placed.group_key = next_weeks.group_key
        and placed.next_week_starts_on = next_weeks.week_starts_on
