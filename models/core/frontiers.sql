with waiting as (

    select
        student_key,
        assignment_key,
        position,
        waiting_since_on,
        days_waiting,
        is_stuck
    from {{ ref('student_assignments') }}
    where is_waiting

),

class_students as (

    select
        class_id,
        student_id,
        student_key
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
        name
    from {{ ref('assignments') }}

),

longest as (

    {{ one_of_several('waiting', ['student_key'], ['days_waiting desc nulls last', 'position asc']) }}

),

stuck as (

    select
        assignment_key,
        count(case when is_stuck then 1 end) as students
    from waiting
    group by assignment_key

)

select
    class_students.class_id,
    class_students.student_id,
    longest.student_key,
    curriculum.assignment_id,
    coalesce(assignments.name, curriculum.assignment_id) as assignment_name,
    longest.waiting_since_on,
    longest.is_stuck,
    stuck.students as stuck_students
from longest
inner join class_students
    on longest.student_key = class_students.student_key
inner join curriculum
    on longest.assignment_key = curriculum.assignment_key
inner join assignments
    on curriculum.assignment_id = assignments.assignment_id
inner join stuck
    on longest.assignment_key = stuck.assignment_key
