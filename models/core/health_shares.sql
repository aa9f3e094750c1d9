with class_students as (

    select
        class_id,
        student_id,
        student_key,
        is_late_joiner,
        is_stale
    from {{ ref('class_students') }}

),

student_weeks as (

    select
        student_key,
        group_key,
        week_number,
        week_ends_on,
        measured_on,
        is_complete,
        is_followed,
        is_latest,
        has_started,
        has_left,
        is_peer,
        is_finished,
        completions,
        last_completed_on,
        days_enrolled,
        days_silent,
        class_days_silent
    from {{ ref('student_weeks') }}

),

peer_weeks as (

    select
        group_key,
        week_number,
        peers,
        class_silent
    from {{ ref('peer_weeks') }}

),

health_events as (

    select
        student_key,
        week_number,
        completed_change,
        grade_millionths_change,
        grades_change,
        timeliness_millionths_change,
        expected_change,
        expected_graded_change
    from {{ ref('health_events') }}

),

expected as (

    select
        group_key,
        week_number,
        count(case when is_expected then 1 end) as expected,
        count(case when is_expected and is_graded then 1 end) as expected_graded
    from {{ ref('expected_assignments') }}
    group by group_key, week_number

),

running as (

    select
        student_weeks.*,
        sum(health_events.completed_change) over weeks_so_far as completed_sum,
        sum(health_events.grade_millionths_change) over weeks_so_far as grade_sum,
        sum(health_events.grades_change) over weeks_so_far as grades_sum,
        sum(health_events.timeliness_millionths_change) over weeks_so_far as timeliness_sum,
        sum(health_events.expected_change) over weeks_so_far as expected_sum,
        sum(health_events.expected_graded_change) over weeks_so_far as expected_graded_sum
    from student_weeks
    left join health_events
        on
            student_weeks.student_key = health_events.student_key
            and student_weeks.week_number = health_events.week_number
    window weeks_so_far as (
        partition by student_weeks.student_key order by student_weeks.week_number
        rows between unbounded preceding and current row
    )

),

measured as (

    select
        running.*,
        class_students.class_id,
        class_students.student_id,
        class_students.is_stale,
        peer_weeks.peers,
        peer_weeks.class_silent,
        coalesce(expected.expected, 0) as group_expected,
        cast(
            case
                when class_students.is_late_joiner then coalesce(running.expected_sum, 0)
                else coalesce(expected.expected, 0)
            end as bigint
        ) as expected_assignments,
        cast(
            coalesce(running.grades_sum, 0)
            + case
                when class_students.is_late_joiner then coalesce(running.expected_graded_sum, 0)
                else coalesce(expected.expected_graded, 0)
            end as bigint
        ) as grades,
        cast(coalesce(running.completed_sum, 0) as bigint) as completed_expected_assignments,
        cast(coalesce(running.grade_sum, 0) as bigint) as grade_millionths,
        cast(coalesce(running.timeliness_sum, 0) as bigint) as timeliness_millionths,
        -- without peers there is no silence of the class to compare with, and who is not in the class is not compared
        case
            when running.has_started and not running.has_left and peer_weeks.class_silent is not null
                then greatest(running.class_days_silent - peer_weeks.class_silent, 0)
        end as excess_silence
    from running
    inner join class_students
        on running.student_key = class_students.student_key
    left join peer_weeks
        on
            running.group_key = peer_weeks.group_key
            and running.week_number = peer_weeks.week_number
    left join expected
        on
            running.group_key = expected.group_key
            and running.week_number = expected.week_number

)

-- four shares in 0-1; a share of nothing is null
select
    class_id,
    student_id,
    student_key,
    group_key,
    week_number,
    week_ends_on,
    measured_on,
    is_complete,
    is_followed,
    is_latest,
    has_started,
    has_left,
    is_peer,
    is_finished,
    peers,
    completions,
    expected_assignments,
    completed_expected_assignments,
    {{ rate('completed_expected_assignments', 'expected_assignments') }} as completion_share,
    {{ rate('grade_millionths', 'grades') }} / 1000000 as grade_share,
    case
        when is_finished then 1
        when excess_silence is not null then greatest(1 - excess_silence / {{ threshold('silent_days') }}, 0)
    end as recency_share,
    {{ rate('timeliness_millionths', 'completed_expected_assignments') }} / 1000000 as timeliness_share,
    -- in the score, work that is missing is as late as can be
    {{ rate('timeliness_millionths', 'expected_assignments') }} / 1000000 as timely_share,
    last_completed_on,
    days_silent,
    class_days_silent,
    excess_silence,
    days_enrolled,
    case
        when has_left then 'left the class'
        when not has_started then 'not enrolled yet'
        when is_latest and is_stale then 'data is stale'
        when days_enrolled < {{ threshold('grace_days') }} then 'in the first days'
        when coalesce(peers, 0) = 0 then 'nobody in the class is active'
        when group_expected = 0 then 'nothing is expected yet'
        when expected_assignments = 0 then 'nothing is expected of this student yet'
    end as n_a_reason
from measured
