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
        assignment_key
    from {{ ref('curriculum') }}

),

enrollments as (

    select
        class_id,
        student_id,
        student_key
    from {{ ref('enrollments') }}

),

weeks as (

    select
        class_id,
        week_number,
        week_starts_on
    from {{ ref('class_weeks') }}

),

completed as (

    select
        progressions.student_key,
        curriculum.assignment_key,
        progressions.progression_id,
        progressions.completed_at,
        progressions.completed_on,
        cast(round(progressions.grade * 1000000) as bigint) as grade_millionths
    from progressions
    inner join curriculum
        on
            progressions.class_id = curriculum.class_id
            and progressions.assignment_id = curriculum.assignment_id

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
        completed.assignment_key,
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
        assignment_key,
        completed_on,
        grade_millionths,
        attempt_number,
        first_completed_on,
        next_completed_on
    from numbered

),

-- how many students had completed the assignment on an earlier day: up to this day, without this day
ahead as (

    select
        *,
        count(case when attempt_number = 1 then 1 end) over so_far
        - count(case when attempt_number = 1 then 1 end) over same_day as students_ahead
    from ordered
    window
        so_far as (
            partition by assignment_key order by first_completed_on
            range between unbounded preceding and current row
        ),
        same_day as (
            partition by assignment_key order by first_completed_on
            range between current row and current row
        )

)

select
    enrollments.class_id,
    enrollments.student_id,
    ahead.student_key,
    curriculum.assignment_id,
    ahead.assignment_key,
    ahead.attempt_number,
    ahead.completed_on,
    ahead.grade_millionths,
    ahead.students_ahead,
    -- what lies before the kept history counts in its first week
    coalesce(weeks.week_number, 1) as from_week,
    case when ahead.next_completed_on is not null then coalesce(next_weeks.week_number, 1) end as until_week
from ahead
inner join enrollments
    on ahead.student_key = enrollments.student_key
inner join curriculum
    on ahead.assignment_key = curriculum.assignment_key
left join weeks
    on
        enrollments.class_id = weeks.class_id
        and {{ week_start('ahead.completed_on') }} = weeks.week_starts_on
left join weeks as next_weeks
    on
        enrollments.class_id = next_weeks.class_id
        and {{ week_start('ahead.next_completed_on') }} = next_weeks.week_starts_on
