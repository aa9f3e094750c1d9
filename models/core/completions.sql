-- Every completion that counted for a while: a later completion of the same pair takes over from
-- the earlier one. So a count at the end of any week sees what was known by then.
with completed as (

    select
        class_id,
        student_id,
        assignment_id,
        progression_id,
        completed_at,
        completed_on,
        cast(round(grade * 1000000) as bigint) as grade_millionths
    from {{ ref('progressions_as_of') }}
    where completed_at is not null

),

ordered as (

    select
        *,
        row_number() over pair as attempt_number,
        min(completed_on) over pair as first_completed_on,
        lead(completed_on) over pair as next_completed_on
    from completed
    window pair as (
        partition by class_id, student_id, assignment_id order by completed_at, progression_id
    )

),

-- how many students had completed the assignment on an earlier day
per_day as (

    select
        class_id,
        assignment_id,
        first_completed_on,
        count(*) as students
    from ordered
    where attempt_number = 1
    group by class_id, assignment_id, first_completed_on

),

ahead as (

    select
        class_id,
        assignment_id,
        first_completed_on,
        cast(
            sum(students) over (partition by class_id, assignment_id order by first_completed_on) - students
            as bigint
        ) as students_ahead
    from per_day

),

weeks as (

    select
        class_id,
        week_number,
        week_start
    from {{ ref('class_weeks') }}

)

select
    ordered.class_id,
    ordered.student_id,
    ordered.assignment_id,
    ordered.attempt_number,
    ordered.completed_on,
    ordered.grade_millionths,
    ahead.students_ahead,
    -- what lies before the kept history counts in its first week
    coalesce(weeks.week_number, 1) as from_week,
    case when ordered.next_completed_on is not null then coalesce(next_weeks.week_number, 1) end as until_week
from ordered
inner join ahead
    on
        ordered.class_id = ahead.class_id
        and ordered.assignment_id = ahead.assignment_id
        and ordered.first_completed_on = ahead.first_completed_on
left join weeks
    on
        ordered.class_id = weeks.class_id
        and {{ week_start('ordered.completed_on') }} = weeks.week_start
left join weeks as next_weeks
    on
        ordered.class_id = next_weeks.class_id
        and {{ week_start('ordered.next_completed_on') }} = next_weeks.week_start
