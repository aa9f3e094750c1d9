with class_students as (

    select
        class_id,
        student_key,
        night,
        mentor,
        {{ night_key('night') }} as night_key
    from {{ ref('class_students') }}

),

night_assignments as (

    select
        class_id,
        night_key,
        assignment_key,
        students,
        assigned_completed,
        completed,
        in_progress,
        not_started,
        passed,
        graded,
        low_grades,
        grade_millionths
    from {{ ref('night_assignments') }}

),

assignment_completion as (

    select
        class_id,
        class_name,
        assignment_id,
        assignment_name,
        assignment_type,
        section,
        position,
        is_inferred
    from {{ ref('assignment_completion') }}

),

curriculum as (

    select
        class_id,
        assignment_id,
        assignment_key
    from {{ ref('curriculum') }}

),

classes as (

    select
        id as class_id,
        as_of
    from {{ ref('classes') }}

),

started_work as (

    select
        student_key,
        assignment_key,
        started_at,
        completed_at,
        is_completed
    from {{ ref('student_assignments') }}
    where started_at is not null

),

nights as (

    select
        class_id,
        night_key,
        min({{ night_label('night') }}) as night,
        min(mentor) as mentor
    from class_students
    group by class_id, night_key

),

durations as (

    select
        class_students.night_key,
        started_work.assignment_key,
        started_work.is_completed,
        {{ seconds_of_work('started_work', 'classes.as_of') }} as seconds
    from started_work
    inner join class_students
        on started_work.student_key = class_students.student_key
    inner join classes
        on class_students.class_id = classes.class_id

),

medians as (

    {{ kaplan_meier_median_days('durations', ['night_key', 'assignment_key']) }}

)

select
    night_assignments.class_id,
    assignment_completion.class_name,
    nights.night,
    nights.mentor,
    curriculum.assignment_id,
    assignment_completion.assignment_name,
    assignment_completion.assignment_type,
    assignment_completion.section,
    assignment_completion.position,
    assignment_completion.is_inferred,
    night_assignments.students,
    night_assignments.completed,
    night_assignments.in_progress,
    night_assignments.not_started,
    night_assignments.passed,
    night_assignments.graded,
    night_assignments.low_grades,
    {{ rate('night_assignments.assigned_completed', 'night_assignments.students') }} as completion_rate,
    {{ mean_grade('night_assignments.grade_millionths', 'night_assignments.graded') }} as average_grade,
    medians.median_days as median_days_to_complete
from night_assignments
inner join nights
    on
        night_assignments.class_id = nights.class_id
        and night_assignments.night_key = nights.night_key
inner join curriculum
    on night_assignments.assignment_key = curriculum.assignment_key
inner join assignment_completion
    on
        curriculum.class_id = assignment_completion.class_id
        and curriculum.assignment_id = assignment_completion.assignment_id
left join medians
    on
        night_assignments.night_key = medians.night_key
        and night_assignments.assignment_key = medians.assignment_key
