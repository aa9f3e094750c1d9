-- Counted through changes only (a completion, a student becoming a peer or ceasing to be one), so that the
-- work grows with the number of completions and not with completions times weeks.
with plans as (

    select
        class_id,
        group_key,
        assignment_id,
        plan_key,
        position,
        due_on
    from {{ ref('plans') }}
    where not is_optional

),

peer_weeks as (

    select
        group_key,
        week_number,
        measured_on,
        is_followed,
        is_latest,
        peers
    from {{ ref('peer_weeks') }}

),

peer_spells as (

    {{ spells(ref('student_weeks'), ['student_key'], 'is_peer') }}

),

first_completions as (

    select
        student_key,
        plan_key,
        from_week
    from {{ ref('completions') }}
    where
        attempt_number = 1
        and is_required

),

graded as (

    select
        plan_key,
        min(from_week) as graded_from_week
    from {{ ref('completions') }}
    where grade_millionths is not null
    group by plan_key

),

counted_spells as (

    select
        first_completions.plan_key,
        greatest(first_completions.from_week, peer_spells.from_week) as from_week,
        peer_spells.until_week
    from first_completions
    inner join peer_spells
        on
            first_completions.student_key = peer_spells.student_key
            and first_completions.from_week < peer_spells.until_week

),

changes as (

    select
        plan_key,
        from_week as week_number,
        count(*) as change
    from counted_spells
    group by plan_key, from_week
    union all
    select
        plan_key,
        until_week as week_number,
        -count(*) as change
    from counted_spells
    group by plan_key, until_week

),

net_changes as (

    select
        plan_key,
        week_number,
        cast(sum(change) as bigint) as change
    from changes
    group by plan_key, week_number

),

weekly as (

    select
        plans.class_id,
        plans.group_key,
        plans.assignment_id,
        plans.plan_key,
        plans.position,
        plans.due_on,
        peer_weeks.week_number,
        peer_weeks.measured_on,
        peer_weeks.is_followed,
        peer_weeks.is_latest,
        peer_weeks.peers,
        coalesce(graded.graded_from_week <= peer_weeks.week_number, false) as is_graded,
        cast(
            coalesce(
                sum(net_changes.change) over (
                    partition by plans.plan_key order by peer_weeks.week_number
                    rows between unbounded preceding and current row
                ),
                0
            ) as bigint
        ) as peers_completed
    from plans
    inner join peer_weeks
        on plans.group_key = peer_weeks.group_key
    left join graded
        on plans.plan_key = graded.plan_key
    left join net_changes
        on
            plans.plan_key = net_changes.plan_key
            and peer_weeks.week_number = net_changes.week_number

),

-- where the schedule gives a date, the date alone decides
judged as (

    select
        *,
        case
            when due_on is not null then measured_on > due_on
            else
                peers > 0
                and {{ is_at_least_share('peers_completed', 'peers', 'expected_share') }}
        end as is_expected
    from weekly

)

select
    class_id,
    group_key,
    assignment_id,
    plan_key,
    position,
    due_on is not null as has_due_date,
    week_number,
    measured_on,
    is_followed,
    is_latest,
    peers,
    peers_completed,
    is_graded,
    is_expected,
    min(case when is_expected then week_number end) over (partition by plan_key) as expected_from_week
from judged
