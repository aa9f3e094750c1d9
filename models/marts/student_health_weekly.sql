-- The one place of the score: student_health is the last week of this table.
-- Sums over weeks are running sums of changes in whole numbers: exact, and linear in the data.
-- By number until the end (macros/numbered.sql).
with students as (

    {{ numbered_students() }}

),

expected_spells as (

    {{ spells(ref('expected_assignments'), ['class_id', 'assignment_id', 'is_graded'], 'is_expected') }}

),

-- how long each completion counted as expected work done
counted as (

    select
        students.student_number,
        greatest(completions.from_week, expected_spells.from_week) as from_week,
        least(coalesce(completions.until_week, expected_spells.until_week), expected_spells.until_week)
            as until_week,
        case when completions.grade_millionths is not null then 1 else 0 end as graded,
        case when expected_spells.is_graded and completions.grade_millionths is null then 1 else 0 end as ungraded,
        completions.students_ahead
    from {{ ref('completions') }} as completions
    inner join expected_spells
        on
            completions.class_id = expected_spells.class_id
            and completions.assignment_id = expected_spells.assignment_id
            and completions.from_week < expected_spells.until_week
            and (completions.until_week is null or completions.until_week > expected_spells.from_week)
    inner join students
        on
            completions.class_id = students.class_id
            and completions.student_id = students.student_id

),

graded as (

    select
        students.student_number,
        completions.from_week,
        completions.until_week,
        completions.grade_millionths
    from {{ ref('completions') }} as completions
    inner join students
        on
            completions.class_id = students.class_id
            and completions.student_id = students.student_id
    where completions.grade_millionths is not null

),

-- a grade counts from its completion on, whether or not the work is expected yet; `grades` are those that
-- count beside one for each expected graded assignment, less those that expected work was completed without
changes as (

    select
        student_number,
        from_week as week_number,
        0 as completed,
        grade_millionths,
        1 as grades,
        0 as students_ahead
    from graded
    union all
    select
        student_number,
        until_week as week_number,
        0 as completed,
        -grade_millionths as grade_millionths,
        -1 as grades,
        0 as students_ahead
    from graded
    where until_week is not null
    union all
    select
        student_number,
        from_week as week_number,
        1 as completed,
        0 as grade_millionths,
        -graded - ungraded as grades,
        students_ahead
    from counted
    where from_week < until_week
    union all
    select
        student_number,
        until_week as week_number,
        -1 as completed,
        0 as grade_millionths,
        graded + ungraded as grades,
        -students_ahead as students_ahead
    from counted
    where from_week < until_week

),

net_changes as (

    select
        student_number,
        week_number,
        cast(sum(completed) as bigint) as completed,
        cast(sum(grade_millionths) as bigint) as grade_millionths,
        cast(sum(grades) as bigint) as grades,
        cast(sum(students_ahead) as bigint) as students_ahead
    from changes
    group by student_number, week_number

),

expected as (

    select
        class_id,
        week_number,
        count(case when is_expected then 1 end) as expected,
        count(case when is_expected and is_graded then 1 end) as expected_graded
    from {{ ref('expected_assignments') }}
    group by class_id, week_number

),

known_students as (

    select
        class_id,
        week_number,
        count(case when has_started then 1 end) as students,
        count(case when is_active then 1 end) as active_students
    from {{ ref('student_weeks') }}
    group by class_id, week_number

),

class_level as (

    select
        class_weeks.class_id,
        class_weeks.week_number,
        class_weeks.is_class_over,
        classes.is_stale,
        known_students.students,
        known_students.active_students,
        coalesce(expected.expected, 0) as expected,
        coalesce(expected.expected_graded, 0) as expected_graded
    from {{ ref('class_weeks') }} as class_weeks
    inner join {{ ref('classes') }} as classes
        on class_weeks.class_id = classes.id
    inner join known_students
        on
            class_weeks.class_id = known_students.class_id
            and class_weeks.week_number = known_students.week_number
    left join expected
        on
            class_weeks.class_id = expected.class_id
            and class_weeks.week_number = expected.week_number

),

weeks as (

    select
        students.student_number,
        student_weeks.week_number,
        student_weeks.week_end,
        student_weeks.measured_on,
        student_weeks.is_last_followed,
        student_weeks.has_started,
        student_weeks.has_left,
        student_weeks.last_completed_on,
        student_weeks.days_enrolled,
        student_weeks.days_silent
    from {{ ref('student_weeks') }} as student_weeks
    inner join students
        on
            student_weeks.class_id = students.class_id
            and student_weeks.student_id = students.student_id

),

running as (

    select
        weeks.*,
        sum(net_changes.completed) over weeks_so_far as completed_sum,
        sum(net_changes.grade_millionths) over weeks_so_far as grade_sum,
        sum(net_changes.grades) over weeks_so_far as grades_sum,
        sum(net_changes.students_ahead) over weeks_so_far as students_ahead_sum
    from weeks
    left join net_changes
        on
            weeks.student_number = net_changes.student_number
            and weeks.week_number = net_changes.week_number
    window weeks_so_far as (
        partition by weeks.student_number order by weeks.week_number
        rows between unbounded preceding and current row
    )

),

measured as (

    select
        running.*,
        class_level.is_class_over,
        class_level.is_stale,
        class_level.students,
        class_level.active_students,
        class_level.expected,
        cast(coalesce(running.completed_sum, 0) as bigint) as completed_expected,
        cast(coalesce(running.students_ahead_sum, 0) as bigint) as students_ahead,
        cast(coalesce(running.grade_sum, 0) as bigint) as grade_millionths,
        cast(class_level.expected_graded + coalesce(running.grades_sum, 0) as bigint) as grades
    from running
    inner join students
        on running.student_number = students.student_number
    left join class_level
        on
            students.class_id = class_level.class_id
            and running.week_number = class_level.week_number

),

-- four shares in 0-1; a share of nothing is null and its weight goes to the others
shares as (

    select
        *,
        {{ rate('completed_expected', 'expected') }} as completion_share,
        {{ rate('grade_millionths', 'grades') }} / 1000000 as grade_share,
        greatest(1 - cast(days_silent as double) / {{ threshold('silent_days') }}, 0) as recency_share,
        (completed_expected - {{ rate('students_ahead', 'students') }}) / nullif(expected, 0) as pace_share
    from measured

),

scored as (

    select
        *,
        case
            when has_started and not has_left
                then round(
                    100 * (
                        {{ threshold('weight_completion') }} * coalesce(completion_share, 0)
                        + {{ threshold('weight_grade') }} * coalesce(grade_share, 0)
                        + {{ threshold('weight_recency') }} * recency_share
                        + {{ threshold('weight_pace') }} * coalesce(pace_share, 0)
                    ) / (
                        case when completion_share is null then 0 else {{ threshold('weight_completion') }} end
                        + case when grade_share is null then 0 else {{ threshold('weight_grade') }} end
                        + {{ threshold('weight_recency') }}
                        + case when pace_share is null then 0 else {{ threshold('weight_pace') }} end
                    ),
                    1
                )
        end as score,
        case
            when has_left then 'left the class'
            when not has_started then 'not enrolled yet'
            when is_last_followed and is_stale then 'data is stale'
            when is_last_followed and is_class_over then 'the class is over'
            when days_enrolled < {{ threshold('grace_days') }} then 'in the first days'
            when active_students = 0 then 'nobody in the class is active'
            when expected = 0 then 'nothing is expected yet'
        end as n_a_reason
    from shares

),

tiered as (

    select
        *,
        case
            when n_a_reason is not null then 'n_a'
            when score < {{ threshold('tier_critical_below') }} then 'critical'
            when score < {{ threshold('tier_high_below') }} then 'high'
            when score < {{ threshold('tier_medium_below') }} then 'medium'
            else 'low'
        end as tier
    from scored

),

moved as (

    select
        *,
        lag(tier) over student_weeks as previous_tier,
        lag(score) over student_weeks as previous_score
    from tiered
    window student_weeks as (partition by student_number order by week_number)

)

select
    students.class_id,
    classes.name as class_name,
    students.student_id,
    people.first_name,
    people.last_name,
    moved.week_number,
    moved.week_end,
    moved.measured_on,
    moved.is_last_followed as is_latest,
    moved.score,
    moved.tier,
    moved.n_a_reason,
    moved.previous_tier,
    moved.score - moved.previous_score as score_change,
    coalesce({{ risk_level('moved.tier') }} > {{ risk_level('moved.previous_tier') }}, false) as is_worsened,
    coalesce(
        {{ risk_level('moved.previous_tier') }} >= {{ risk_level("'high'") }}
        and {{ risk_level('moved.tier') }} < {{ risk_level("'high'") }},
        false
    ) as is_recovered,
    moved.completion_share,
    moved.grade_share,
    moved.recency_share,
    moved.pace_share,
    moved.expected as expected_assignments,
    moved.completed_expected as completed_expected_assignments,
    moved.last_completed_on,
    moved.days_silent,
    moved.days_enrolled
from moved
inner join students
    on moved.student_number = students.student_number
inner join {{ ref('classes') }} as classes
    on students.class_id = classes.id
inner join {{ ref('students') }} as people
    on students.student_id = people.id
