select
    enrollments.class_id,
    enrollments.student_id,
    classes.class_key,
    enrollments.student_key,
    classes.name as class_name,
    students.first_name,
    students.last_name,
    students.email,
    students.name as student_name,
    enrollments.region,
    enrollments.night,
    enrollments.mentor,
    enrollments.role,
    enrollments.enrolled_on,
    enrollments.left_on,
    enrollments.has_started,
    enrollments.has_left,
    enrollments.is_enrolled,
    classes.timezone,
    classes.as_of_date,
    classes.is_stale
from {{ ref('enrollments') }} as enrollments
inner join {{ ref('classes') }} as classes
    on enrollments.class_id = classes.id
inner join {{ ref('students') }} as students
    on enrollments.student_id = students.id
