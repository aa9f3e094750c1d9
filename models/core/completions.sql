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
        assignment_number,
        is_assigned
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

group_weeks as (

    select
        group_key,
        week_number,
        students_begun
    from {{ ref('group_weeks') }}

),

group_days as (

    select
        group_key,
        week_number,
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
        greatest(progressions.completed_on, first_days.day) as counts_on,
        cast(round(progressions.grade * 1000000) as bigint) as grade_millionths
    from progressions
    inner join curriculum
        on
            progressions.class_id = curriculum.class_id
            and progressions.assignment_id = curriculum.assignment_id
    inner join enrollments
        on progressions.student_key = enrollments.student_key
    inner join first_days
        on enrollments.group_key = first_days.group_key

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
        cast(row_number() over pair as bigint) as attempt_number,
        min(completed.counts_on) over pair as first_counts_on,
        lead(completed.counts_on) over pair as next_counts_on
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
        completed.counts_on,
        completed.grade_millionths,
        1 as attempt_number,
        completed.counts_on as first_counts_on,
        cast(null as bigint) as until_week
    from completed
    left join repeated
        on
            completed.student_key = repeated.student_key
            and completed.assignment_key = repeated.assignment_key
    where repeated.student_key is null
    union all
    select
        numbered.student_key,
        numbered.group_key,
        numbered.assignment_key,
        numbered.plan_key,
        numbered.completed_on,
        numbered.counts_on,
        numbered.grade_millionths,
        numbered.attempt_number,
        numbered.first_counts_on,
        next_days.week_number as until_week
    from numbered
    left join group_days as next_days
        on
            numbered.group_key = next_days.group_key
            and numbered.next_counts_on = next_days.day

),

first_completions as (

    select
        group_key,
        plan_key,
        counts_on,
        count(*) as students
    from ordered
    where attempt_number = 1
    group by group_key, plan_key, counts_on

),

-- how many of the group first completed the assignment before each day
ahead as (

    select
        group_key,
        plan_key,
        counts_on,
        coalesce(
            sum(students) over (
                partition by plan_key order by counts_on
                rows between unbounded preceding and 1 preceding
            ),
            0
        ) as students_ahead
    from first_completions

),

-- the share of the group that was not ahead, fixed when the assignment was first completed
timeliness as (

    select
        ahead.plan_key,
        ahead.counts_on,
        cast(
            round(
                1000000 * cast(group_weeks.students_begun - ahead.students_ahead as double)
                / group_weeks.students_begun
            ) as bigint
        ) as millionths
    from ahead
    inner join group_days
        on
            ahead.group_key = group_days.group_key
            and ahead.counts_on = group_days.day
    inner join group_weeks
        on
            ahead.group_key = group_weeks.group_key
            and group_days.week_number = group_weeks.week_number

)

select
    enrollments.class_id,
    enrollments.student_id,
    ordered.student_key,
    curriculum.assignment_id,
    ordered.assignment_key,
    ordered.plan_key,
    curriculum.is_assigned,
    plans.plan_key is not null as is_required,
    ordered.attempt_number,
    ordered.completed_on,
    group_days.class_day,
    ordered.grade_millionths,
    timeliness.millionths as timeliness_millionths,
    group_days.week_number as from_week,
    ordered.until_week
from ordered
inner join group_days
    on
        ordered.group_key = group_days.group_key
        and ordered.counts_on = group_days.day
inner join timeliness
    on
        ordered.plan_key = timeliness.plan_key
        and ordered.first_counts_on = timeliness.counts_on
inner join enrollments
    on ordered.student_key = enrollments.student_key
inner join curriculum
    on ordered.assignment_key = curriculum.assignment_key
left join plans
    on ordered.plan_key = plans.plan_key
