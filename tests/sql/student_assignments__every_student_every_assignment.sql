-- What is this: classes whose assigned work is not exactly students × assignments.
-- When does it matter: a missing pair hides a student who does nothing, and raises every rate.
-- How to resolve: look for a join in student_assignments that drops or repeats pairs.
with students as (

    select
        class_id,
        count(*) as students
    from {{ ref('enrollments') }}
    where has_started
    group by class_id

),

assignments as (

    select
        class_id,
        count(*) as assignments
    from {{ ref('curriculum') }}
    where is_assigned
    group by class_id

),

pairs as (

    select
        class_id,
        count(*) as pairs
    from {{ ref('student_assignments') }}
    where is_assigned
    group by class_id

)

select
    students.class_id,
    students.students,
    assignments.assignments,
    pairs.pairs
from students
inner join assignments
    on students.class_id = assignments.class_id
left join pairs
    on students.class_id = pairs.class_id
where students.students * assignments.assignments <> coalesce(pairs.pairs, 0)
