with waiting as (

    select
        class_id,
        student_id,
        assignment_id,
        position,
        progression_id,
        grade,
        completed_at,
        completed_on,
        row_number() over (
            partition by class_id order by completed_at asc, position asc, student_id asc
        ) as review_rank
    from {{ ref('student_assignments') }}
    where is_awaiting_review

)

select
    waiting.class_id,
    classes.name as class_name,
    waiting.student_id,
    students.first_name,
    students.last_name,
    students.email,
    enrollments.region,
    enrollments.night,
    enrollments.mentor,
    enrollments.is_enrolled,
    waiting.assignment_id,
    assignments.name as assignment_name,
    assignments.type as assignment_type,
    waiting.position,
    waiting.progression_id,
    waiting.grade,
    waiting.completed_at,
    {{ days_between('waiting.completed_on', 'classes.as_of_date') }} as days_waiting,
    waiting.review_rank
from waiting
inner join {{ ref('enrollments') }} as enrollments
    on
        waiting.class_id = enrollments.class_id
        and waiting.student_id = enrollments.student_id
inner join {{ ref('classes') }} as classes
    on waiting.class_id = classes.id
inner join {{ ref('students') }} as students
    on waiting.student_id = students.id
inner join {{ ref('assignments') }} as assignments
    on waiting.assignment_id = assignments.id
