with class_students as (

    select
        class_id,
        student_id,
        student_key,
        class_name,
        first_name,
        last_name,
        email,
        region,
        night,
        mentor,
        is_enrolled
    from {{ ref('class_students') }}

),

curriculum as (

    select
        assignment_key,
        assignment_id
    from {{ ref('curriculum') }}

),

assignments as (

    select
        id as assignment_id,
        coalesce(type, 'unknown') as assignment_type
    from {{ ref('assignments') }}

),

student_assignments as (

    select
        student_key,
        assignment_key,
        state,
        grade,
        is_passed,
        is_graded
    from {{ ref('student_assignments') }}
    where is_assigned

),

types as (

    select
        curriculum.assignment_key,
        assignments.assignment_type
    from curriculum
    inner join assignments
        on curriculum.assignment_id = assignments.assignment_id

),

counts as (

    select
        student_assignments.student_key,
        types.assignment_type,
        {{ work_counts() }}
    from student_assignments
    inner join types
        on student_assignments.assignment_key = types.assignment_key
    group by student_assignments.student_key, types.assignment_type

)

select
    class_students.class_id,
    class_students.class_name,
    class_students.student_id,
    class_students.first_name,
    class_students.last_name,
    class_students.email,
    class_students.region,
    class_students.night,
    class_students.mentor,
    class_students.is_enrolled,
    counts.assignment_type,
    counts.assigned_work as assignments,
    counts.completed,
    counts.in_progress,
    counts.not_started,
    counts.passed,
    counts.graded,
    counts.low_grades,
    {{ rate('counts.completed', 'counts.assigned_work') }} as completion_rate,
    counts.average_grade
from counts
inner join class_students
    on counts.student_key = class_students.student_key
