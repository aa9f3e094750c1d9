with enrollments as (

    select
        class_id,
        student_id,
        student_key,
        has_started,
        is_enrolled
    from {{ ref('enrollments') }}

),

curriculum as (

    select
        class_id,
        assignment_id,
        assignment_key,
        position
    from {{ ref('curriculum') }}

),

classes as (

    select
        id as class_id,
        as_of_on
    from {{ ref('classes') }}

),

progressions as (

    select
        class_id,
        student_key,
        assignment_id,
        progression_id,
        grade,
        started_at,
        completed_at,
        reviewed_at,
        started_on,
        completed_on
    from {{ ref('progressions_as_of') }}

),

assigned as (

    select
        enrollments.student_key,
        curriculum.assignment_key,
        curriculum.position,
        enrollments.is_enrolled,
        classes.as_of_on
    from enrollments
    inner join curriculum
        on enrollments.class_id = curriculum.class_id
    inner join classes
        on enrollments.class_id = classes.class_id
    where enrollments.has_started

),

begun as (

    select
        progressions.student_key,
        curriculum.assignment_key,
        progressions.progression_id,
        progressions.grade,
        progressions.started_at,
        progressions.completed_at,
        progressions.reviewed_at,
        progressions.started_on,
        progressions.completed_on
    from progressions
    inner join curriculum
        on
            progressions.class_id = curriculum.class_id
            and progressions.assignment_id = curriculum.assignment_id

),

-- few pairs have several progressions: only those need to be put in order
repeated as (

    select
        student_key,
        assignment_key,
        count(*) as attempts
    from begun
    group by student_key, assignment_key
    having count(*) > 1

),

alone as (

    select
        begun.*,
        1 as attempts
    from begun
    left join repeated
        on
            begun.student_key = repeated.student_key
            and begun.assignment_key = repeated.assignment_key
    where repeated.student_key is null

),

several as (

    select
        begun.*,
        repeated.attempts
    from begun
    inner join repeated
        on
            begun.student_key = repeated.student_key
            and begun.assignment_key = repeated.assignment_key

),

-- a completed one beats an open one, then the latest
best_of_several as (

    {{ one_of_several(
        'several',
        ['student_key', 'assignment_key'],
        ['completed_at desc nulls last', 'started_at desc nulls last', 'progression_id desc']
    ) }}

),

deciding as (

    select
        student_key,
        assignment_key,
        progression_id,
        grade,
        started_at,
        completed_at,
        reviewed_at,
        started_on,
        completed_on,
        attempts
    from alone
    union all
    select
        student_key,
        assignment_key,
        progression_id,
        grade,
        started_at,
        completed_at,
        reviewed_at,
        started_on,
        completed_on,
        attempts
    from best_of_several

),

chosen as (

    select
        assigned.*,
        coalesce(deciding.attempts, 0) as attempts,
        deciding.progression_id,
        deciding.grade,
        deciding.started_at,
        deciding.completed_at,
        deciding.reviewed_at,
        deciding.started_on,
        deciding.completed_on,
        deciding.progression_id is not null as is_begun,
        deciding.completed_at is not null as is_completed
    from assigned
    left join deciding
        on
            assigned.student_key = deciding.student_key
            and assigned.assignment_key = deciding.assignment_key

),

completed as (

    select
        student_key,
        assignment_key,
        completed_on
    from deciding
    where completed_at is not null

),

furthest as (

    select
        student_key,
        max(assignment_key) as assignment_key
    from completed
    group by student_key

),

-- where the student stands in the curriculum
placed as (

    select
        chosen.*,
        previous.student_key is not null as is_previous_completed,
        previous.completed_on as previous_completed_on,
        coalesce(furthest.assignment_key > chosen.assignment_key, false) as has_completed_later
    from chosen
    left join completed as previous
        on
            chosen.student_key = previous.student_key
            and chosen.assignment_key - 1 = previous.assignment_key
    left join furthest
        on chosen.student_key = furthest.student_key

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
        end as waiting_since_on
    from placed

),

waiting as (

    select
        *,
        {{ days_between('waiting_since_on', 'as_of_on') }} as days_waiting
    from judged

)

select
    enrollments.class_id,
    enrollments.student_id,
    waiting.student_key,
    curriculum.assignment_id,
    waiting.assignment_key,
    waiting.position,
    case
        when waiting.is_completed then 'completed'
        when waiting.is_begun then 'in_progress'
        else 'not_started'
    end as state,
    waiting.attempts,
    waiting.progression_id,
    waiting.grade,
    waiting.started_at,
    waiting.completed_at,
    waiting.reviewed_at,
    waiting.started_on,
    waiting.completed_on,
    waiting.is_completed,
    waiting.is_passed,
    waiting.is_graded,
    waiting.is_completed and waiting.reviewed_at is null as is_awaiting_review,
    waiting.is_reached,
    waiting.is_skipped,
    waiting.is_waiting,
    waiting.waiting_since_on,
    waiting.days_waiting,
    coalesce(waiting.is_waiting and waiting.days_waiting >= {{ threshold('stuck_days') }}, false) as is_stuck
from waiting
inner join enrollments
    on waiting.student_key = enrollments.student_key
inner join curriculum
    on waiting.assignment_key = curriculum.assignment_key
