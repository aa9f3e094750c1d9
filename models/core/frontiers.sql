with waiting as (

    select
        student_key,
        assignment_key,
        position,
        waiting_since_on,
        days_waiting,
        is_stuck,
        is_stuck_long
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
        assignment_id,
        assignment_name
    from {{ ref('curriculum') }}

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
    curriculum.assignment_name,
    longest.waiting_since_on,
    longest.days_waiting,
    longest.is_stuck,
    longest.is_stuck_long,
    stuck.students as stuck_students
from longest
inner join class_students
    on longest.student_key = class_students.student_key
inner join curriculum
    on longest.assignment_key = curriculum.assignment_key
inner join stuck
    on longest.assignment_key = stuck.assignment_key
