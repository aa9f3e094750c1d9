with latest as (

    select
        class_id,
        student_id,
        student_key,
        group_key,
        measured_on,
        is_peer,
        is_finished,
        expected_assignments,
        completed_expected_assignments,
        completion_share,
        last_completed_on,
        days_silent,
        class_days_silent,
        excess_silence,
        days_enrolled,
        -- only one of the measures is about expected work
        case when n_a_reason not like 'nothing is expected%' then n_a_reason end as n_a_reason
    from {{ ref('health_shares') }}
    where is_latest

),

-- the silence of the class at that day, and since when it pauses
silences as (

    select
        group_key,
        median_days_silent,
        case
            when {{ days_between('last_completed_on', 'measured_on') }} > {{ threshold('pause_days') }}
                then last_completed_on
        end as paused_since_on
    from {{ ref('peer_weeks') }}
    where is_latest

),

ends as (

    select
        class_id,
        is_class_over
    from {{ ref('class_weeks') }}
    where is_latest

),

student_work as (

    select
        student_key,
        assignments,
        completed,
        remaining_assignments,
        in_progress,
        begun,
        graded,
        low_grades,
        first_activity_on
    from {{ ref('student_work') }}

),

first_completions as (

    select
        student_key,
        completed_on
    from {{ ref('completions') }}
    where
        attempt_number = 1
        and is_assigned

),

frontiers as (

    select
        student_key,
        assignment_id,
        assignment_name,
        waiting_since_on,
        days_waiting,
        is_stuck,
        is_stuck_long,
        stuck_students
    from {{ ref('frontiers') }}

),

graded_work as (

    select
        student_key,
        assignment_key,
        is_passed
    from {{ ref('student_assignments') }}
    where
        is_assigned
        and is_graded

),

quiz_assignments as (

    select curriculum.assignment_key
    from {{ ref('curriculum') }} as curriculum
    inner join {{ ref('assignments') }} as assignments
        on curriculum.assignment_id = assignments.id
    where {{ lowered('assignments.type') }} = 'quiz'

),

recent as (

    select
        first_completions.student_key,
        count(*) as completions
    from first_completions
    inner join latest
        on first_completions.student_key = latest.student_key
    where {{ days_between('first_completions.completed_on', 'latest.measured_on') }} < {{ threshold('momentum_days') }}
    group by first_completions.student_key

),

quizzes as (

    select
        graded_work.student_key,
        count(*) as graded,
        count(case when not graded_work.is_passed then 1 end) as failed
    from graded_work
    inner join quiz_assignments
        on graded_work.assignment_key = quiz_assignments.assignment_key
    group by graded_work.student_key

),

measured as (

    select
        latest.*,
        case when ends.is_class_over then 'the class is over' end as over_reason,
        silences.median_days_silent as cohort_days_silent,
        silences.paused_since_on,
        coalesce(student_work.assignments, 0) as assignments,
        coalesce(student_work.completed, 0) as completed,
        coalesce(student_work.completed + student_work.in_progress, 0) as begun,
        coalesce(student_work.begun, 0) > 0 as has_begun,
        coalesce(student_work.remaining_assignments, 0) as remaining_assignments,
        coalesce(student_work.graded, 0) as graded,
        coalesce(student_work.low_grades, 0) as low_grades,
        {{ rate('student_work.low_grades', 'student_work.graded') }} as low_grade_share,
        student_work.first_activity_on,
        coalesce(recent.completions, 0) as recent_completions,
        coalesce(quizzes.graded, 0) as graded_quizzes,
        coalesce(quizzes.failed, 0) as failed_quizzes,
        frontiers.assignment_id as frontier_assignment_id,
        frontiers.assignment_name as frontier_assignment_name,
        coalesce(frontiers.is_stuck, false) as is_stuck,
        coalesce(frontiers.is_stuck_long, false) as is_stuck_long,
        frontiers.days_waiting,
        frontiers.stuck_students
    from latest
    inner join ends
        on latest.class_id = ends.class_id
    left join silences
        on latest.group_key = silences.group_key
    left join student_work
        on latest.student_key = student_work.student_key
    left join recent
        on latest.student_key = recent.student_key
    left join quizzes
        on latest.student_key = quizzes.student_key
    left join frontiers
        on latest.student_key = frontiers.student_key

),

cohorts as (

    select
        group_key,
        {{ median('case when is_peer then completion_share end') }} as completion_share,
        {{ median('case when is_peer then low_grade_share end') }} as low_grade_share,
        {{ median('case when is_peer then recent_completions end') }} as recent_completions,
        {{ median('case when is_peer and graded_quizzes > 0 then failed_quizzes end') }} as failed_quizzes,
        {{ rate('count(case when has_begun then 1 end)', 'count(case when assignments > 0 then 1 end)') }}
            as begun_share
    from measured
    group by group_key

)

select
    measured.class_id,
    measured.student_id,
    measured.student_key,
    measured.measured_on,
    coalesce(
        case
            when measured.n_a_reason in ('left the class', 'not enrolled yet', 'data is stale') then measured.n_a_reason
        end,
        measured.over_reason,
        measured.n_a_reason
    ) as n_a_reason,
    measured.is_peer,
    measured.is_finished,
    measured.assignments,
    measured.begun,
    measured.has_begun,
    cohorts.begun_share as cohort_begun_share,
    measured.completed,
    measured.remaining_assignments,
    measured.expected_assignments,
    measured.completed_expected_assignments,
    measured.completion_share,
    cohorts.completion_share as cohort_completion_share,
    measured.first_activity_on,
    measured.last_completed_on,
    measured.days_enrolled,
    measured.days_silent,
    measured.class_days_silent,
    measured.excess_silence,
    measured.cohort_days_silent,
    measured.paused_since_on,
    measured.graded,
    measured.low_grades,
    measured.low_grade_share,
    cohorts.low_grade_share as cohort_low_grade_share,
    measured.recent_completions,
    cohorts.recent_completions as cohort_recent_completions,
    measured.graded_quizzes,
    measured.failed_quizzes,
    cohorts.failed_quizzes as cohort_failed_quizzes,
    measured.frontier_assignment_id,
    measured.frontier_assignment_name,
    measured.is_stuck,
    measured.is_stuck_long,
    measured.days_waiting,
    measured.stuck_students
from measured
inner join cohorts
    on measured.group_key = cohorts.group_key
