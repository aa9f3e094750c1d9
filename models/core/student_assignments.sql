with expected as (

    select
        enrollments.class_id,
        enrollments.student_id,
        enrollments.is_enrolled,
        curriculum.assignment_id,
        curriculum.position,
        classes.as_of_date
    from {{ ref('enrollments') }} as enrollments
    inner join {{ ref('curriculum') }} as curriculum
        on enrollments.class_id = curriculum.class_id
    inner join {{ ref('classes') }} as classes
        on enrollments.class_id = classes.id
    where enrollments.has_started

),

-- of several progressions of one pair a completed one beats an open one, then the latest
numbered as (

    select
        *,
        count(*) over (partition by class_id, student_id, assignment_id) as attempts,
        row_number() over (
            partition by class_id, student_id, assignment_id
            order by completed_at desc nulls last, started_at desc nulls last, progression_id desc
        ) as choice
    from {{ ref('progressions_as_of') }}

),

chosen as (

    select
        expected.*,
        coalesce(numbered.attempts, 0) as attempts,
        numbered.progression_id,
        numbered.grade,
        numbered.started_at,
        numbered.completed_at,
        numbered.reviewed_at,
        numbered.started_on,
        numbered.completed_on,
        numbered.progression_id is not null as is_begun,
        numbered.completed_at is not null as is_completed
    from expected
    left join numbered
        on
            expected.class_id = numbered.class_id
            and expected.student_id = numbered.student_id
            and expected.assignment_id = numbered.assignment_id
            and numbered.choice = 1

),

-- where the student stands in the curriculum
placed as (

    select
        *,
        coalesce(lag(is_completed) over curriculum_order, false) as is_previous_completed,
        lag(completed_on) over curriculum_order as previous_completed_on,
        coalesce(
            max(case when is_completed then position end) over (
                partition by class_id, student_id order by position
                rows between unbounded preceding and unbounded following
            ) > position,
            false
        ) as has_completed_later
    from chosen
    window curriculum_order as (partition by class_id, student_id order by position)

),

judged as (

    select
        *,
        is_completed and {{ is_passing('grade') }} as is_passed,
        is_completed and grade is not null as is_graded,
        is_begun or is_previous_completed or has_completed_later as is_reached,
        not is_completed and has_completed_later as is_skipped,
        is_enrolled and not is_completed and not has_completed_later and (is_begun or is_previous_completed)
            as is_waiting,
        -- waiting begins with the student's last step towards this assignment
        case
            when not is_completed and not has_completed_later
                then greatest(previous_completed_on, started_on)
        end as waiting_since_date
    from placed

),

waiting as (

    select
        *,
        {{ days_between('waiting_since_date', 'as_of_date') }} as days_waiting
    from judged

)

select
    class_id,
    student_id,
    assignment_id,
    position,
    case
        when is_completed then 'completed'
        when is_begun then 'in_progress'
        else 'not_started'
    end as state,
    attempts,
    progression_id,
    grade,
    started_at,
    completed_at,
    reviewed_at,
    started_on,
    completed_on,
    is_completed,
    is_passed,
    is_graded,
    is_completed and reviewed_at is null as is_awaiting_review,
    is_reached,
    is_skipped,
    is_waiting,
    waiting_since_date,
    days_waiting,
    coalesce(is_waiting and days_waiting >= {{ threshold('stuck_days') }}, false) as is_stuck
from waiting
