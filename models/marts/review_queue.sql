with class_students as (

    select
        class_id,
        student_id,
        class_key,
        student_key,
        class_name,
        first_name,
        last_name,
        email,
        region,
        night,
        mentor,
        is_enrolled,
        as_of_on
    from {{ ref('class_students') }}

),

curriculum as (

    select
        assignment_key,
        assignment_id,
        assignment_name
    from {{ ref('curriculum') }}

),

assignments as (

    select
        id as assignment_id,
        type as assignment_type
    from {{ ref('assignments') }}

),

waiting as (

    select
        student_key,
        assignment_key,
        position,
        progression_id,
        grade,
        completed_at,
        completed_on
    from {{ ref('student_assignments') }}
    where is_awaiting_review

),

-- names and ids join after the sort, which would carry them along
ranked as (

    select
        waiting.*,
        cast(
            row_number() over (
                partition by class_students.class_key
                order by
                    waiting.completed_at asc,
                    waiting.position asc nulls last,
                    waiting.assignment_key asc,
                    waiting.student_key asc
            ) as bigint
        ) as review_rank
    from waiting
    inner join class_students
        on waiting.student_key = class_students.student_key

)

select
    class_students.class_id,
    class_students.class_name,
    class_students.student_id,
    class_students.first_name,
    class_students.last_name,
    class_students.email,
    class_students.region,
    class_students.night,
    class_students.mentor,
    class_students.is_enrolled,
    curriculum.assignment_id,
    curriculum.assignment_name,
    assignments.assignment_type,
    ranked.position,
    ranked.progression_id,
    ranked.grade,
    ranked.completed_at,
    {{ days_between('ranked.completed_on', 'class_students.as_of_on') }} as days_waiting,
    {{ days_between('ranked.completed_on', 'class_students.as_of_on') }} >= {{ threshold('review_days') }}
        as is_overdue,
    ranked.review_rank
from ranked
inner join class_students
    on ranked.student_key = class_students.student_key
inner join curriculum
    on ranked.assignment_key = curriculum.assignment_key
inner join assignments
    on curriculum.assignment_id = assignments.assignment_id
