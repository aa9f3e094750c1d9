-- By number until the end (macros/numbered.sql).
with students as (

    {{ numbered_students() }}

),

assignments as (

    {{ numbered_assignments() }}

),

classes as (

    select
        id as class_id,
        name as class_name,
        as_of_date,
        row_number() over (order by id) as class_number
    from {{ ref('classes') }}

),

waiting as (

    select
        classes.class_number,
        students.student_number,
        assignments.assignment_number,
        student_assignments.position,
        student_assignments.progression_id,
        student_assignments.grade,
        student_assignments.completed_at,
        student_assignments.completed_on
    from {{ ref('student_assignments') }} as student_assignments
    inner join classes
        on student_assignments.class_id = classes.class_id
    inner join students
        on
            student_assignments.class_id = students.class_id
            and student_assignments.student_id = students.student_id
    inner join assignments
        on
            student_assignments.class_id = assignments.class_id
            and student_assignments.assignment_id = assignments.assignment_id
    where student_assignments.is_awaiting_review

),

ranked as (

    select
        *,
        row_number() over (
            partition by class_number order by completed_at asc, position asc, student_number asc
        ) as review_rank
    from waiting

)

select
    classes.class_id,
    classes.class_name,
    students.student_id,
    people.first_name,
    people.last_name,
    people.email,
    enrollments.region,
    enrollments.night,
    enrollments.mentor,
    enrollments.is_enrolled,
    assignments.assignment_id,
    described.name as assignment_name,
    described.type as assignment_type,
    ranked.position,
    ranked.progression_id,
    ranked.grade,
    ranked.completed_at,
    {{ days_between('ranked.completed_on', 'classes.as_of_date') }} as days_waiting,
    ranked.review_rank
from ranked
inner join students
    on ranked.student_number = students.student_number
inner join assignments
    on ranked.assignment_number = assignments.assignment_number
inner join classes
    on ranked.class_number = classes.class_number
inner join {{ ref('enrollments') }} as enrollments
    on
        students.class_id = enrollments.class_id
        and students.student_id = enrollments.student_id
inner join {{ ref('students') }} as people
    on students.student_id = people.id
inner join {{ ref('assignments') }} as described
    on assignments.assignment_id = described.id
