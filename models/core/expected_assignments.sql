-- Counted through changes only (a completion, a student falling silent or coming back), so that the
-- work grows with the number of completions and not with completions times weeks.
-- By number until the end (macros/numbered.sql).
with students as (

    {{ numbered_students() }}

),

assignments as (

    {{ numbered_assignments() }}

),

active_weeks as (

    select
        students.student_number,
        student_weeks.week_number,
        student_weeks.is_active
    from {{ ref('student_weeks') }} as student_weeks
    inner join students
        on
            student_weeks.class_id = students.class_id
            and student_weeks.student_id = students.student_id
    where student_weeks.is_active

),

active_spells as (

    {{ spells('active_weeks', ['student_number'], 'is_active') }}

),

first_completions as (

    select
        students.student_number,
        assignments.assignment_number,
        completions.from_week
    from {{ ref('completions') }} as completions
    inner join students
        on
            completions.class_id = students.class_id
            and completions.student_id = students.student_id
    inner join assignments
        on
            completions.class_id = assignments.class_id
            and completions.assignment_id = assignments.assignment_id
    where completions.attempt_number = 1

),

counted_spells as (

    select
        first_completions.assignment_number,
        greatest(first_completions.from_week, active_spells.from_week) as from_week,
        active_spells.until_week
    from first_completions
    inner join active_spells
        on
            first_completions.student_number = active_spells.student_number
            and first_completions.from_week < active_spells.until_week

),

changes as (

    select
        assignment_number,
        from_week as week_number,
        count(*) as change
    from counted_spells
    group by assignment_number, from_week
    union all
    select
        assignment_number,
        until_week as week_number,
        -count(*) as change
    from counted_spells
    group by assignment_number, until_week

),

net_changes as (

    select
        assignment_number,
        week_number,
        cast(sum(change) as bigint) as change
    from changes
    group by assignment_number, week_number

),

graded as (

    select
        class_id,
        assignment_id,
        min(case when grade_millionths is not null then from_week end) as graded_from_week
    from {{ ref('completions') }}
    group by class_id, assignment_id

),

active_students as (

    select
        class_id,
        week_number,
        week_end,
        measured_on,
        is_last_followed,
        count(case when is_active then 1 end) as active_students
    from {{ ref('student_weeks') }}
    group by class_id, week_number, week_end, measured_on, is_last_followed

),

weekly as (

    select
        assignments.assignment_number,
        active_students.week_number,
        active_students.week_end,
        active_students.measured_on,
        active_students.is_last_followed,
        active_students.active_students,
        coalesce(graded.graded_from_week <= active_students.week_number, false) as is_graded,
        cast(
            coalesce(
                sum(net_changes.change) over (
                    partition by assignments.assignment_number order by active_students.week_number
                    rows between unbounded preceding and current row
                ),
                0
            ) as bigint
        ) as active_completed
    from graded
    inner join assignments
        on
            graded.class_id = assignments.class_id
            and graded.assignment_id = assignments.assignment_id
    inner join active_students
        on graded.class_id = active_students.class_id
    left join net_changes
        on
            assignments.assignment_number = net_changes.assignment_number
            and active_students.week_number = net_changes.week_number

)

select
    assignments.class_id,
    assignments.assignment_id,
    weekly.week_number,
    weekly.week_end,
    weekly.measured_on,
    weekly.is_last_followed,
    weekly.active_students,
    weekly.active_completed,
    weekly.is_graded,
    weekly.active_students > 0
    and {{ is_at_least_share('weekly.active_completed', 'weekly.active_students', 'expected_share') }} as is_expected
from weekly
inner join assignments
    on weekly.assignment_number = assignments.assignment_number
