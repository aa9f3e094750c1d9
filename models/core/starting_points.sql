-- Where to start with a student: the assignment they are stuck at, else the first that is expected and missing.
with latest as (

    select
        student_key,
        group_key,
        week_number
    from {{ ref('health_shares') }}
    where is_latest

),

expected_now as (

    select
        group_key,
        plan_key,
        assignment_id
    from {{ ref('expected_assignments') }}
    where
        is_latest
        and is_expected

),

late_expectations as (

    select
        student_key,
        plan_key,
        counts_from_week
    from {{ ref('late_expectations') }}

),

class_students as (

    select
        student_key,
        is_late_joiner
    from {{ ref('class_students') }}

),

open_work as (

    select
        student_key,
        assignment_id,
        position
    from {{ ref('student_assignments') }}
    where
        is_assigned
        and not is_completed

),

frontiers as (

    select
        student_key,
        assignment_id,
        is_stuck
    from {{ ref('frontiers') }}

),

curriculum as (

    select
        class_id,
        assignment_id,
        assignment_name
    from {{ ref('curriculum') }}

),

enrollments as (

    select
        class_id,
        student_id,
        student_key
    from {{ ref('enrollments') }}

),

missing as (

    select
        latest.student_key,
        open_work.assignment_id,
        open_work.position
    from latest
    inner join class_students
        on latest.student_key = class_students.student_key
    inner join open_work
        on latest.student_key = open_work.student_key
    inner join expected_now
        on
            latest.group_key = expected_now.group_key
            and open_work.assignment_id = expected_now.assignment_id
    left join late_expectations
        on
            latest.student_key = late_expectations.student_key
            and expected_now.plan_key = late_expectations.plan_key
    where
        not class_students.is_late_joiner
        or late_expectations.counts_from_week <= latest.week_number

),

first_missing as (

    {{ one_of_several('missing', ['student_key'], ['position asc']) }}

)

select
    enrollments.class_id,
    enrollments.student_id,
    enrollments.student_key,
    curriculum.assignment_id,
    curriculum.assignment_name
from enrollments
left join frontiers
    on enrollments.student_key = frontiers.student_key
left join first_missing
    on enrollments.student_key = first_missing.student_key
inner join curriculum
    on
        enrollments.class_id = curriculum.class_id
        and case
            when frontiers.is_stuck then frontiers.assignment_id
            else coalesce(first_missing.assignment_id, frontiers.assignment_id)
        end = curriculum.assignment_id
