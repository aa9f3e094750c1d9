with class_students as (

    select
        class_id,
        student_id,
        student_key
    from {{ ref('class_students') }}

),

student_weeks as (

    select
        student_key,
        week_number,
        week_ends_on,
        measured_on,
        is_last_followed,
        has_started,
        has_left,
        is_active,
        last_completed_on,
        days_enrolled,
        days_silent
    from {{ ref('student_weeks') }}

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

health_events as (

    select
        student_key,
        week_number,
        completed_change,
        grade_millionths_change,
        grades_change,
        students_ahead_change
    from {{ ref('health_events') }}

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

class_weeks as (

    select
        class_id,
        week_number,
        is_class_over
    from {{ ref('class_weeks') }}

),

classes as (

    select
        id as class_id,
        is_stale
    from {{ ref('classes') }}

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
    from class_weeks
    inner join classes
        on class_weeks.class_id = classes.class_id
    inner join known_students
        on
            class_weeks.class_id = known_students.class_id
            and class_weeks.week_number = known_students.week_number
    left join expected
        on
            class_weeks.class_id = expected.class_id
            and class_weeks.week_number = expected.week_number

),

running as (

    select
        student_weeks.*,
        sum(health_events.completed_change) over weeks_so_far as completed_sum,
        sum(health_events.grade_millionths_change) over weeks_so_far as grade_sum,
        sum(health_events.grades_change) over weeks_so_far as grades_sum,
        sum(health_events.students_ahead_change) over weeks_so_far as students_ahead_sum
    from student_weeks
    left join health_events
        on
            student_weeks.student_key = health_events.student_key
            and student_weeks.week_number = health_events.week_number
    window weeks_so_far as (
        partition by student_weeks.student_key order by student_weeks.week_number
        rows between unbounded preceding and current row
    )

),

measured as (

    select
        running.*,
        class_students.class_id,
        class_students.student_id,
        class_level.is_class_over,
        class_level.is_stale,
        class_level.students,
        class_level.active_students,
        class_level.expected as expected_assignments,
        cast(coalesce(running.completed_sum, 0) as bigint) as completed_expected_assignments,
        cast(coalesce(running.students_ahead_sum, 0) as bigint) as students_ahead,
        cast(coalesce(running.grade_sum, 0) as bigint) as grade_millionths,
        cast(class_level.expected_graded + coalesce(running.grades_sum, 0) as bigint) as grades
    from running
    inner join class_students
        on running.student_key = class_students.student_key
    left join class_level
        on
            class_students.class_id = class_level.class_id
            and running.week_number = class_level.week_number

)

-- four shares in 0-1; a share of nothing is null
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
    is_active,
    expected_assignments,
    completed_expected_assignments,
    {{ rate('completed_expected_assignments', 'expected_assignments') }} as completion_share,
    {{ rate('grade_millionths', 'grades') }} / 1000000 as grade_share,
    greatest(1 - cast(days_silent as double) / {{ threshold('silent_days') }}, 0) as recency_share,
    (completed_expected_assignments - {{ rate('students_ahead', 'students') }}) / nullif(expected_assignments, 0)
        as timeliness_share,
    last_completed_on,
    days_silent,
    days_enrolled,
    case
        when has_left then 'left the class'
        when not has_started then 'not enrolled yet'
        when is_last_followed and is_stale then 'data is stale'
        when is_last_followed and is_class_over then 'the class is over'
        when days_enrolled < {{ threshold('grace_days') }} then 'in the first days'
        when active_students = 0 then 'nobody in the class is active'
        when expected_assignments = 0 then 'nothing is expected yet'
    end as n_a_reason
from measured
