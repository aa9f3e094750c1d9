-- What is this: enrolments without a health row, or health rows without an enrolment.
-- When does it matter: the student whom a join dropped is the one nobody calls.
-- How to resolve: check that the class has a last followed week, and that student_weeks holds every enrolment in it.
select
    enrollments.class_id,
    enrollments.student_id
from {{ ref('enrollments') }} as enrollments
left join {{ ref('student_health') }} as student_health
    on
        enrollments.class_id = student_health.class_id
        and enrollments.student_id = student_health.student_id
where student_health.student_id is null
