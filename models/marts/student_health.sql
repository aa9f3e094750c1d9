with class_students as (

    select
        class_id,
        student_id,
        student_key,
        class_name,
        first_name,
        last_name,
        email,
        region,
        night,
        mentor,
        is_enrolled
    from {{ ref('class_students') }}

),

last_weeks as (

    select
        class_id,
        student_id,
        week_number,
        measured_on,
        is_complete,
        score,
        class_score,
        tier,
        n_a_reason,
        previous_tier,
        call_list,
        is_peer,
        is_finished,
        completion_share,
        grade_share,
        recency_share,
        timeliness_share,
        expected_assignments,
        completed_expected_assignments,
        last_completed_on,
        days_silent,
        excess_silence
    from {{ ref('student_health_weekly') }}
    where is_latest

),

call_lists as (

    select
        class_id,
        student_id,
        week_number,
        call_list
    from {{ ref('call_lists') }}

),

ends as (

    select
        class_id,
        is_class_over
    from {{ ref('class_weeks') }}
    where is_latest

),

starting_points as (

    select
        class_id,
        student_id,
        assignment_id,
        assignment_name
    from {{ ref('starting_points') }}

),

waiting as (

    select
        student_key,
        assignment_id,
        days_waiting
    from {{ ref('student_assignments') }}
    where is_waiting

),

reasons as (

    select
        class_id,
        student_id,
        {{ joined_text('sentence', "'. '", ['reason_rank']) }} as reasons
    from {{ ref('student_reasons') }}
    group by class_id, student_id

),

days_behind as (

    select
        class_id,
        student_id,
        days_behind
    from {{ ref('days_behind') }}

),

projections as (

    select
        class_id,
        student_id,
        remaining_assignments,
        projection,
        projected_finish_earliest_on,
        projected_finish_latest_on
    from {{ ref('projections') }}

),

-- of a class that is over the last week is shown, and nobody is judged any more
latest as (

    select
        last_weeks.class_id,
        last_weeks.student_id,
        last_weeks.measured_on,
        last_weeks.is_complete,
        last_weeks.score,
        last_weeks.class_score,
        case when ends.is_class_over then 'n_a' else last_weeks.tier end as tier,
        case
            when last_weeks.n_a_reason in ('left the class', 'not enrolled yet', 'data is stale')
                then last_weeks.n_a_reason
            when ends.is_class_over then 'the class is over'
            else last_weeks.n_a_reason
        end as n_a_reason,
        last_weeks.previous_tier,
        case when not ends.is_class_over then last_weeks.call_list end as call_list,
        week_before.call_list as previous_call_list,
        last_weeks.is_peer,
        last_weeks.is_finished,
        last_weeks.completion_share,
        last_weeks.grade_share,
        last_weeks.recency_share,
        last_weeks.timeliness_share,
        last_weeks.expected_assignments,
        last_weeks.completed_expected_assignments,
        last_weeks.last_completed_on,
        last_weeks.days_silent,
        last_weeks.excess_silence
    from last_weeks
    inner join ends
        on last_weeks.class_id = ends.class_id
    left join call_lists as week_before
        on
            last_weeks.class_id = week_before.class_id
            and last_weeks.student_id = week_before.student_id
            and last_weeks.week_number - 1 = week_before.week_number

),

ranked as (

    select
        class_id,
        student_id,
        cast(rank() over (partition by class_id order by score) as bigint) as risk_rank,
        count(*) over (partition by class_id) as judged_students
    from latest
    where tier <> 'n_a'

)

select
    latest.class_id,
    class_students.class_name,
    latest.student_id,
    class_students.first_name,
    class_students.last_name,
    class_students.email,
    class_students.region,
    class_students.night,
    class_students.mentor,
    class_students.is_enrolled,
    latest.measured_on,
    latest.is_complete,
    latest.score,
    latest.class_score,
    latest.tier,
    latest.n_a_reason,
    latest.previous_tier,
    latest.call_list,
    latest.previous_call_list,
    latest.call_list is not null and latest.previous_call_list is null as is_newly_called,
    coalesce(latest.n_a_reason, reasons.reasons) as reasons,
    ranked.risk_rank,
    ranked.judged_students,
    latest.is_peer,
    latest.is_finished,
    latest.completion_share,
    latest.grade_share,
    latest.recency_share,
    latest.timeliness_share,
    latest.expected_assignments,
    latest.completed_expected_assignments,
    latest.last_completed_on,
    latest.days_silent,
    latest.excess_silence,
    starting_points.assignment_id as start_assignment_id,
    starting_points.assignment_name as start_assignment_name,
    waiting.days_waiting as start_days_waiting,
    case when latest.tier <> 'n_a' then days_behind.days_behind end as days_behind,
    projections.remaining_assignments,
    case when latest.tier <> 'n_a' then projections.projection else 'n_a' end as projection,
    case when latest.tier <> 'n_a' then projections.projected_finish_earliest_on end as projected_finish_earliest_on,
    case when latest.tier <> 'n_a' then projections.projected_finish_latest_on end as projected_finish_latest_on
from latest
inner join class_students
    on
        latest.class_id = class_students.class_id
        and latest.student_id = class_students.student_id
inner join days_behind
    on
        latest.class_id = days_behind.class_id
        and latest.student_id = days_behind.student_id
inner join projections
    on
        latest.class_id = projections.class_id
        and latest.student_id = projections.student_id
left join starting_points
    on
        latest.class_id = starting_points.class_id
        and latest.student_id = starting_points.student_id
left join waiting
    on
        class_students.student_key = waiting.student_key
        and starting_points.assignment_id = waiting.assignment_id
left join reasons
    on
        latest.class_id = reasons.class_id
        and latest.student_id = reasons.student_id
left join ranked
    on
        latest.class_id = ranked.class_id
        and latest.student_id = ranked.student_id
