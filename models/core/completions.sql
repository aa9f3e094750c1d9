-- Every completion that counted for a while: a later completion of the same pair takes over from
-- the earlier one. So a count at the end of any week sees what was known by then.
-- By number until the end (macros/numbered.sql).
with students as (

    {{ numbered_students() }}

),

assignments as (

    {{ numbered_assignments() }}

),

completed as (

    select
        students.student_number,
        assignments.assignment_number,
        progressions.progression_id,
        progressions.completed_at,
        progressions.completed_on,
        cast(round(progressions.grade * 1000000) as bigint) as grade_millionths
    from {{ ref('progressions_as_of') }} as progressions
    inner join students
        on
            progressions.class_id = students.class_id
            and progressions.student_id = students.student_id
    inner join assignments
        on
            progressions.class_id = assignments.class_id
            and progressions.assignment_id = assignments.assignment_id
    where progressions.completed_at is not null

),

-- few pairs were completed several times: only those need to be put in order
repeated as (

    select
        student_number,
        assignment_number
    from completed
    group by student_number, assignment_number
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
            completed.student_number = repeated.student_number
            and completed.assignment_number = repeated.assignment_number
    window pair as (
        partition by completed.student_number, completed.assignment_number
        order by completed.completed_at, completed.progression_id
    )

),

ordered as (

    select
        completed.student_number,
        completed.assignment_number,
        completed.completed_on,
        completed.grade_millionths,
        1 as attempt_number,
        completed.completed_on as first_completed_on,
        cast(null as date) as next_completed_on
    from completed
    left join repeated
        on
            completed.student_number = repeated.student_number
            and completed.assignment_number = repeated.assignment_number
    where repeated.student_number is null
    union all
    select
        student_number,
        assignment_number,
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
            partition by assignment_number order by first_completed_on
            range between unbounded preceding and current row
        ),
        same_day as (
            partition by assignment_number order by first_completed_on
            range between current row and current row
        )

),

weeks as (

    select
        class_id,
        week_number,
        week_start
    from {{ ref('class_weeks') }}

)

select
    students.class_id,
    students.student_id,
    assignments.assignment_id,
    ahead.attempt_number,
    ahead.completed_on,
    ahead.grade_millionths,
    ahead.students_ahead,
    -- what lies before the kept history counts in its first week
    coalesce(weeks.week_number, 1) as from_week,
    case when ahead.next_completed_on is not null then coalesce(next_weeks.week_number, 1) end as until_week
from ahead
inner join students
    on ahead.student_number = students.student_number
inner join assignments
    on ahead.assignment_number = assignments.assignment_number
left join weeks
    on
        students.class_id = weeks.class_id
        and {{ week_start('ahead.completed_on') }} = weeks.week_start
left join weeks as next_weeks
    on
        students.class_id = next_weeks.class_id
        and {{ week_start('ahead.next_completed_on') }} = next_weeks.week_start
