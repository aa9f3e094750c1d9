-- Weekly sums are running sums of these changes in whole numbers: exact, and linear in the data.
with class_students as (

    select
        class_id,
        student_id,
        student_key
    from {{ ref('class_students') }}

),

expected_assignments as (

    select
        assignment_key,
        week_number,
        is_graded,
        is_expected
    from {{ ref('expected_assignments') }}

),

completions as (

    select
        student_key,
        assignment_key,
        from_week,
        until_week,
        grade_millionths,
        students_ahead
    from {{ ref('completions') }}

),

graded_completions as (

    select
        student_key,
        from_week,
        until_week,
        grade_millionths
    from {{ ref('completions') }}
    where grade_millionths is not null

),

expected_spells as (

    {{ spells('expected_assignments', ['assignment_key', 'is_graded'], 'is_expected') }}

),

-- how long each completion counted as expected work done
counted as (

    select
        completions.student_key,
        greatest(completions.from_week, expected_spells.from_week) as from_week,
        least(coalesce(completions.until_week, expected_spells.until_week), expected_spells.until_week)
            as until_week,
        -- a grade counts by itself; expected work without one is no longer missing
        case when completions.grade_millionths is not null or expected_spells.is_graded then 1 else 0 end as grades,
        completions.students_ahead
    from completions
    inner join expected_spells
        on
            completions.assignment_key = expected_spells.assignment_key
            and completions.from_week < expected_spells.until_week
            and (completions.until_week is null or completions.until_week > expected_spells.from_week)

),

-- a grade counts from its completion on, whether or not the work is expected yet; `grades` are those that
-- count beside one for each expected graded assignment, less those that expected work was completed without
changes as (

    select
        student_key,
        from_week as week_number,
        0 as completed,
        grade_millionths,
        1 as grades,
        0 as students_ahead
    from graded_completions
    union all
    select
        student_key,
        until_week as week_number,
        0 as completed,
        -grade_millionths as grade_millionths,
        -1 as grades,
        0 as students_ahead
    from graded_completions
    where until_week is not null
    union all
    select
        student_key,
        from_week as week_number,
        1 as completed,
        0 as grade_millionths,
        -grades as grades,
        students_ahead
    from counted
    where from_week < until_week
    union all
    select
        student_key,
        until_week as week_number,
        -1 as completed,
        0 as grade_millionths,
        grades,
        -students_ahead as students_ahead
    from counted
    where from_week < until_week

),

net_changes as (

    select
        student_key,
        week_number,
        cast(sum(completed) as bigint) as completed_change,
        cast(sum(grade_millionths) as bigint) as grade_millionths_change,
        cast(sum(grades) as bigint) as grades_change,
        cast(sum(students_ahead) as bigint) as students_ahead_change
    from changes
    group by student_key, week_number

)

select
    class_students.class_id,
    class_students.student_id,
    net_changes.student_key,
    net_changes.week_number,
    net_changes.completed_change,
    net_changes.grade_millionths_change,
    net_changes.grades_change,
    net_changes.students_ahead_change
from net_changes
inner join class_students
    on net_changes.student_key = class_students.student_key
