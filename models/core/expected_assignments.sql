-- Counted through changes only (a completion, a student falling silent or coming back), so that the
-- work grows with the number of completions and not with completions times weeks.
with active_students as (

    select
        class_id,
        week_number,
        week_ends_on,
        measured_on,
        is_last_followed,
        count(case when is_active then 1 end) as active_students
    from {{ ref('student_weeks') }}
    group by class_id, week_number, week_ends_on, measured_on, is_last_followed

),

active_spells as (

    {{ spells(ref('student_weeks'), ['student_key'], 'is_active') }}

),

first_completions as (

    select
        student_key,
        assignment_key,
        from_week
    from {{ ref('completions') }}
    where attempt_number = 1

),

graded as (

    select
        class_id,
        assignment_id,
        assignment_key,
        min(case when grade_millionths is not null then from_week end) as graded_from_week
    from {{ ref('completions') }}
    group by class_id, assignment_id, assignment_key

),

counted_spells as (

    select
        first_completions.assignment_key,
        greatest(first_completions.from_week, active_spells.from_week) as from_week,
        active_spells.until_week
    from first_completions
    inner join active_spells
        on
            first_completions.student_key = active_spells.student_key
            and first_completions.from_week < active_spells.until_week

),

changes as (

    select
        assignment_key,
        from_week as week_number,
        count(*) as change
    from counted_spells
    group by assignment_key, from_week
    union all
    select
        assignment_key,
        until_week as week_number,
        -count(*) as change
    from counted_spells
    group by assignment_key, until_week

),

net_changes as (

    select
        assignment_key,
        week_number,
        cast(sum(change) as bigint) as change
    from changes
    group by assignment_key, week_number

),

weekly as (

    select
        graded.class_id,
        graded.assignment_id,
        graded.assignment_key,
        active_students.week_number,
        active_students.week_ends_on,
        active_students.measured_on,
        active_students.is_last_followed,
        active_students.active_students,
        coalesce(graded.graded_from_week <= active_students.week_number, false) as is_graded,
        cast(
            coalesce(
                sum(net_changes.change) over (
                    partition by graded.assignment_key order by active_students.week_number
                    rows between unbounded preceding and current row
                ),
                0
            ) as bigint
        ) as active_completed
    from graded
    inner join active_students
        on graded.class_id = active_students.class_id
    left join net_changes
        on
            graded.assignment_key = net_changes.assignment_key
            and active_students.week_number = net_changes.week_number

)

select
    class_id,
    assignment_id,
    assignment_key,
    week_number,
    week_ends_on,
    measured_on,
    is_last_followed,
    active_students,
    active_completed,
    is_graded,
    active_students > 0
    and {{ is_at_least_share('active_completed', 'active_students', 'expected_share') }} as is_expected
from weekly
