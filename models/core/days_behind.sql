with latest as (

    select
        class_id,
        student_id,
        student_key,
        group_key,
        measured_on,
        is_peer,
        peers,
        expected_assignments,
        completed_expected_assignments,
        days_enrolled
    from {{ ref('health_shares') }}
    where is_latest

),

begins as (

    select
        student_key,
        begins_on
    from {{ ref('enrollments') }}

),

expected_now as (

    select plan_key
    from {{ ref('expected_assignments') }}
    where
        is_latest
        and is_expected

),

first_completions as (

    select
        student_key,
        plan_key,
        completed_on
    from {{ ref('completions') }}
    where
        attempt_number = 1
        and is_required

),

-- the day on which each of today's peers had completed so many of what is expected
reached as (

    select
        latest.group_key,
        latest.peers,
        first_completions.completed_on,
        row_number() over (
            partition by latest.student_key order by first_completions.completed_on, first_completions.plan_key
        ) as completed
    from latest
    inner join first_completions
        on latest.student_key = first_completions.student_key
    inner join expected_now
        on first_completions.plan_key = expected_now.plan_key
    where latest.is_peer

),

counted as (

    select
        group_key,
        peers,
        completed,
        completed_on,
        row_number() over (partition by group_key, completed order by completed_on) as peers_there
    from reached

),

-- the day by which enough of them had
class_days_of_counts as (

    select
        group_key,
        completed,
        min(completed_on) as reached_on
    from counted
    where {{ is_at_least_share('peers_there', 'peers', 'expected_share') }}
    group by group_key, completed

),

dated as (

    select
        latest.*,
        case
            when latest.completed_expected_assignments >= latest.expected_assignments then null
            when latest.completed_expected_assignments = 0 then begins.begins_on
            else greatest(class_days_of_counts.reached_on, begins.begins_on)
        end as reached_on,
        class_days_of_counts.completed is not null or latest.completed_expected_assignments = 0 as is_reached
    from latest
    inner join begins
        on latest.student_key = begins.student_key
    left join class_days_of_counts
        on
            latest.group_key = class_days_of_counts.group_key
            and latest.completed_expected_assignments = class_days_of_counts.completed

)

select
    class_id,
    student_id,
    case when is_reached then reached_on end as behind_since_on,
    case
        when is_reached and reached_on is not null
            then greatest(least({{ days_between('reached_on', 'measured_on') }}, days_enrolled), 0)
        else 0
    end as days_behind
from dated
