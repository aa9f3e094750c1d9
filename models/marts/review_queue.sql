select
    student_assignments.class_id,
    classes.name as class_name,
    student_assignments.student_id,
    students.first_name,
    students.last_name,
    students.email,
    enrollments.region,
    enrollments.night,
    enrollments.mentor,
    enrollments.is_enrolled,
    student_assignments.assignment_id,
    assignments.name as assignment_name,
    assignments.type as assignment_type,
    student_assignments.position,
    student_assignments.progression_id,
    student_assignments.grade,
    student_assignments.completed_at,
    {{ days_between('student_assignments.completed_on', 'classes.as_of_date') }} as days_waiting,
    row_number() over (
        partition by student_assignments.class_id
        order by
            student_assignments.completed_at asc, student_assignments.position asc, student_assignments.student_id asc
    ) as review_rank
from {{ ref('student_assignments') }} as student_assignments
inner join {{ ref('enrollments') }} as enrollments
    on
        student_assignments.class_id = enrollments.class_id
        and student_assignments.student_id = enrollments.student_id
inner join {{ ref('classes') }} as classes
    on student_assignments.class_id = classes.id
inner join {{ ref('students') }} as students
    on student_assignments.student_id = students.id
inner join {{ ref('assignments') }} as assignments
    on student_assignments.assignment_id = assignments.id
where student_assignments.is_awaiting_review
