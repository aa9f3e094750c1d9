with student_assignments as (

    select
        student_key,
        assignment_key,
        position,
        waiting_since_on,
        days_waiting,
        is_stuck_long
    from {{ ref('student_assignments') }}
    where is_stuck

),

curriculum as (

    select
        assignment_key,
        assignment_id,
        assignment_name,
        section
    from {{ ref('curriculum') }}

),

class_students as (

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

)

select
    class_students.class_id,
    class_students.class_name,
    curriculum.assignment_id,
    curriculum.assignment_name,
    curriculum.section,
    student_assignments.position,
    class_students.student_id,
    class_students.first_name,
    class_students.last_name,
    class_students.email,
    class_students.region,
    class_students.night,
    class_students.mentor,
    class_students.is_enrolled,
    student_assignments.waiting_since_on,
    student_assignments.days_waiting,
    student_assignments.is_stuck_long
from student_assignments
inner join curriculum
    on student_assignments.assignment_key = curriculum.assignment_key
inner join class_students
    on student_assignments.student_key = class_students.student_key
