with latest as (

    select
        class_id,
        student_id,
        student_key,
        measured_on,
        is_active
    from {{ ref('student_weeks') }}
    where is_last_followed

),

expected_now as (

    select
        assignment_key,
        active_students
    from {{ ref('expected_assignments') }}
    where
        is_last_followed
        and is_expected

),

first_completions as (

    select
        student_key,
        assignment_key,
        completed_on
    from {{ ref('completions') }}
    where attempt_number = 1

),

open_work as (

    select
        student_key,
        assignment_key
    from {{ ref('student_assignments') }}
    where not is_completed

),

completion_order as (

    select
        expected_now.assignment_key,
        expected_now.active_students,
        first_completions.completed_on,
        row_number() over (
            partition by expected_now.assignment_key order by first_completions.completed_on
        ) as completed
    from expected_now
    inner join first_completions
        on expected_now.assignment_key = first_completions.assignment_key
    inner join latest
        on
            first_completions.student_key = latest.student_key
            and latest.is_active

),

-- the day on which each expected assignment became expected, among who is active now
expected_since as (

    select
        assignment_key,
        min(completed_on) as expected_since_on
    from completion_order
    where {{ is_at_least_share('completed', 'active_students', 'expected_share') }}
    group by assignment_key

),

missing as (

    select
        open_work.student_key,
        min(expected_since.expected_since_on) as missing_since_on
    from open_work
    inner join expected_since
        on open_work.assignment_key = expected_since.assignment_key
    group by open_work.student_key

)

select
    latest.class_id,
    latest.student_id,
    missing.missing_since_on,
    coalesce({{ days_between('missing.missing_since_on', 'latest.measured_on') }}, 0) as days_behind
from latest
left join missing
    on latest.student_key = missing.student_key
