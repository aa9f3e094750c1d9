-- What is this: students who do not have each signal exactly once.
-- When does it matter: a signal that drops a student hides exactly the one it should warn of.
-- How to resolve: look for a join in student_signals that drops or repeats students.
select
    enrollments.class_id,
    enrollments.student_id,
    count(student_signals.signal) as signals,
    count(distinct student_signals.signal) as different_signals
from {{ ref('enrollments') }} as enrollments
left join {{ ref('student_signals') }} as student_signals
    on
        enrollments.class_id = student_signals.class_id
        and enrollments.student_id = student_signals.student_id
group by enrollments.class_id, enrollments.student_id
having
    count(student_signals.signal) <> 7
    or count(distinct student_signals.signal) <> 7
