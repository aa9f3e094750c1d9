with enrollments as (

    select
        class_id,
        student_id,
        student_key,
        group_key,
        counts_from_on,
        has_started,
        is_enrolled
    from {{ ref('enrollments') }}

),

curriculum as (

    select
        class_id,
        assignment_id,
        assignment_key,
        position,
        is_assigned
    from {{ ref('curriculum') }}

),

plans as (

    select
        group_key,
        assignment_key,
        position,
        is_optional,
        due_on,
        previous_assignment_key
    from {{ ref('plans') }}

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

group_days as (

    select
        group_key,
        day,
        class_day
    from {{ ref('group_days') }}

),

-- the silence of the class, beyond which waiting counts
silences as (

    select
        group_key,
        class_day,
        class_silent
    from {{ ref('peer_weeks') }}
    where is_latest

),

begun as (

    select
        progressions.student_key,
        curriculum.assignment_key,
        curriculum.is_assigned,
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

-- an assignment that nobody has opened yet is no place to be stuck at
openings as (

    select
        assignment_key,
        min(least(started_on, completed_on)) as opened_on
    from begun
    group by assignment_key

),

-- few pairs have several progressions: only those need to be put in order
repeated as (

    select
        student_key,
        assignment_key,
        count(*) as attempts,
        min(completed_on) as first_completed_on
    from begun
    group by student_key, assignment_key
    having count(*) > 1

),

alone as (

    select
        begun.*,
        1 as attempts,
        begun.completed_on as first_completed_on
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
        repeated.attempts,
        repeated.first_completed_on
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

{% set fields = [
    'student_key', 'assignment_key', 'is_assigned', 'progression_id', 'grade', 'started_at', 'completed_at',
    'reviewed_at', 'started_on', 'completed_on', 'attempts', 'first_completed_on',
] %}
deciding as (

    select {{ fields | join(', ') }}
    from alone
    union all
    select {{ fields | join(', ') }}
    from best_of_several

),

assigned as (

    select
        enrollments.student_key,
        enrollments.group_key,
        enrollments.counts_from_on,
        enrollments.is_enrolled,
        classes.as_of_on,
        plans.assignment_key,
        plans.position,
        plans.is_optional,
        plans.due_on,
        plans.previous_assignment_key
    from enrollments
    inner join plans
        on enrollments.group_key = plans.group_key
    inner join classes
        on enrollments.class_id = classes.class_id
    where enrollments.has_started

),

completed as (

    select
        student_key,
        assignment_key,
        first_completed_on
    from deciding
    where first_completed_on is not null

),

furthest as (

    select
        completed.student_key,
        max(completed.assignment_key) as assignment_key
    from completed
    inner join assigned
        on
            completed.student_key = assigned.student_key
            and completed.assignment_key = assigned.assignment_key
    where not assigned.is_optional
    group by completed.student_key

),

-- where the student stands in the curriculum
placed as (

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
        deciding.first_completed_on,
        deciding.progression_id is not null as is_begun,
        deciding.completed_at is not null as is_completed,
        previous.first_completed_on as previous_completed_on,
        openings.assignment_key is not null as is_opened,
        openings.opened_on,
        coalesce(furthest.assignment_key > assigned.assignment_key, false) as has_completed_later
    from assigned
    left join deciding
        on
            assigned.student_key = deciding.student_key
            and assigned.assignment_key = deciding.assignment_key
    left join completed as previous
        on
            assigned.student_key = previous.student_key
            and assigned.previous_assignment_key = previous.assignment_key
    left join openings
        on assigned.assignment_key = openings.assignment_key
    left join furthest
        on assigned.student_key = furthest.student_key

),

judged as (

    select
        *,
        not is_optional
        and (
            is_begun
            or has_completed_later
            or (previous_completed_on is not null and is_opened)
        ) as is_reached,
        not is_optional and not is_completed and has_completed_later as is_skipped,
        not is_optional
        and not is_completed
        and not has_completed_later
        and (is_begun or (previous_completed_on is not null and is_opened)) as is_in_front
    from placed

),

-- what was opened several times waits since it was opened first
starts as (

    select
        student_key,
        assignment_key,
        started_on
    from begun
    where started_on is not null

),

-- waiting begins with the last step towards this assignment: that of the student or of the class
fronts as (

    select
        student_key,
        group_key,
        assignment_key,
        as_of_on,
        counts_from_on,
        greatest(previous_completed_on, opened_on) as reachable_on
    from judged
    where is_in_front

),

first_starts as (

    select
        fronts.student_key,
        fronts.assignment_key,
        min(starts.started_on) as started_on
    from fronts
    inner join starts
        on
            fronts.student_key = starts.student_key
            and fronts.assignment_key = starts.assignment_key
            and fronts.reachable_on <= starts.started_on
    group by fronts.student_key, fronts.assignment_key

),

dated_fronts as (

    select
        fronts.student_key,
        fronts.group_key,
        fronts.assignment_key,
        case
            when fronts.reachable_on is not null
                then greatest(fronts.reachable_on, first_starts.started_on, fronts.counts_from_on)
        end as waiting_since_on
    from fronts
    left join first_starts
        on
            fronts.student_key = first_starts.student_key
            and fronts.assignment_key = first_starts.assignment_key

),

waiting as (

    select
        dated_fronts.student_key,
        dated_fronts.assignment_key,
        dated_fronts.waiting_since_on,
        greatest(silences.class_day - coalesce(group_days.class_day, 0), 0) as class_days_waiting,
        greatest(silences.class_day - coalesce(group_days.class_day, 0), 0) - silences.class_silent as excess_waiting
    from dated_fronts
    inner join silences
        on dated_fronts.group_key = silences.group_key
    left join group_days
        on
            dated_fronts.group_key = group_days.group_key
            and dated_fronts.waiting_since_on = group_days.day
    where dated_fronts.waiting_since_on is not null

),

described as (

    select
        judged.*,
        judged.is_enrolled and judged.is_in_front as is_waiting,
        waiting.waiting_since_on,
        waiting.class_days_waiting,
        waiting.excess_waiting,
        {{ days_between('waiting.waiting_since_on', 'judged.as_of_on') }} as days_waiting
    from judged
    left join waiting
        on
            judged.student_key = waiting.student_key
            and judged.assignment_key = waiting.assignment_key

),

-- what the plan does not name is shown where somebody has begun it, and counts nowhere as assigned
extra as (

    select deciding.*
    from deciding
    inner join enrollments
        on deciding.student_key = enrollments.student_key
    where
        enrollments.has_started
        and not deciding.is_assigned

),

all_work as (

    select
        student_key,
        assignment_key,
        true as is_assigned,
        position,
        is_optional,
        due_on,
        attempts,
        progression_id,
        grade,
        started_at,
        completed_at,
        reviewed_at,
        started_on,
        completed_on,
        first_completed_on,
        is_begun,
        is_completed,
        is_reached,
        is_skipped,
        is_waiting,
        waiting_since_on,
        class_days_waiting,
        days_waiting,
        excess_waiting
    from described
    union all
    select
        student_key,
        assignment_key,
        false as is_assigned,
        cast(null as bigint) as position,
        true as is_optional,
        cast(null as date) as due_on,
        attempts,
        progression_id,
        grade,
        started_at,
        completed_at,
        reviewed_at,
        started_on,
        completed_on,
        first_completed_on,
        true as is_begun,
        completed_at is not null as is_completed,
        false as is_reached,
        false as is_skipped,
        false as is_waiting,
        cast(null as date) as waiting_since_on,
        cast(null as bigint) as class_days_waiting,
        cast(null as bigint) as days_waiting,
        cast(null as double) as excess_waiting
    from extra

)

select
    enrollments.class_id,
    enrollments.student_id,
    all_work.student_key,
    curriculum.assignment_id,
    all_work.assignment_key,
    all_work.is_assigned,
    all_work.position,
    all_work.is_optional,
    all_work.due_on,
    case
        when all_work.is_completed then 'completed'
        when all_work.is_begun then 'in_progress'
        else 'not_started'
    end as state,
    all_work.attempts,
    all_work.progression_id,
    all_work.grade,
    all_work.started_at,
    all_work.completed_at,
    all_work.reviewed_at,
    all_work.started_on,
    all_work.completed_on,
    all_work.first_completed_on,
    all_work.is_completed,
    all_work.is_completed and {{ is_passing('all_work.grade') }} as is_passed,
    all_work.is_completed and all_work.grade is not null as is_graded,
    all_work.is_completed and all_work.reviewed_at is null as is_awaiting_review,
    all_work.is_reached,
    all_work.is_skipped,
    all_work.is_waiting,
    all_work.waiting_since_on,
    all_work.days_waiting,
    all_work.class_days_waiting,
    coalesce(all_work.is_waiting and all_work.excess_waiting >= {{ threshold('stuck_days') }}, false) as is_stuck,
    coalesce(all_work.is_waiting and all_work.excess_waiting >= {{ threshold('stuck_fail_days') }}, false)
        as is_stuck_long
from all_work
inner join enrollments
    on all_work.student_key = enrollments.student_key
inner join curriculum
    on all_work.assignment_key = curriculum.assignment_key
