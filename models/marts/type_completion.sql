with counts as (

    select
        student_assignments.class_id,
        student_assignments.student_id,
        coalesce(assignments.type, 'unknown') as assignment_type,
        {{ work_counts() }}
    from {{ ref('student_assignments') }} as student_assignments
    inner join {{ ref('assignments') }} as assignments
        on student_assignments.assignment_id = assignments.id
    group by
        student_assignments.class_id,
        student_assignments.student_id,
        coalesce(assignments.type, 'unknown')

)

select
    counts.class_id,
    classes.name as class_name,
    counts.student_id,
    students.first_name,
    students.last_name,
    enrollments.night,
    enrollments.mentor,
    enrollments.is_enrolled,
    counts.assignment_type,
    counts.expected_work as assignments,
    counts.completed,
    counts.in_progress,
    counts.not_started,
    counts.passed,
    counts.graded,
    counts.low_grades,
    {{ rate('counts.completed', 'counts.expected_work') }} as completion_rate,
    counts.average_grade
from counts
inner join {{ ref('enrollments') }} as enrollments
    on
        counts.class_id = enrollments.class_id
        and counts.student_id = enrollments.student_id
inner join {{ ref('classes') }} as classes
    on counts.class_id = classes.id
inner join {{ ref('students') }} as students
    on counts.student_id = students.id
