-- Two lists of whom to call: who slips can still be reached in class, who has gone quiet must be written to.
with tiers as (

    select
        class_id,
        student_id,
        student_key,
        group_key,
        week_number,
        is_complete,
        tier,
        is_at_risk,
        is_worsened,
        case
            when lag(week_number) over student_weeks = week_number - 1 then lag(is_worsened) over student_weeks
        end as was_worsened
    from {{ ref('health_tiers') }}
    window student_weeks as (partition by student_key order by week_number)

),

shares as (

    select
        student_key,
        week_number,
        measured_on,
        is_finished,
        excess_silence,
        expected_assignments
    from {{ ref('health_shares') }}

),

first_activity as (

    select
        student_key,
        min(least(started_on, completed_on)) as first_activity_on
    from {{ ref('progressions_as_of') }}
    group by student_key

),

first_completions as (

    select
        student_key,
        plan_key,
        from_week
    from {{ ref('completions') }}
    where attempt_number = 1

),

-- the assignments expected in each week in the order in which they became so, those with a date by themselves:
-- of the others late joiners are expected to have done the first ones only
expected as (

    select
        group_key,
        week_number,
        plan_key,
        expected_from_week,
        position,
        case when has_due_date then 1 else 0 end as has_due_date,
        row_number() over (
            partition by group_key, week_number, has_due_date order by expected_from_week, position
        ) as place
    from {{ ref('expected_assignments') }}
    where is_expected

),

dated as (

    select
        group_key,
        week_number,
        count(*) as dated_assignments
    from expected
    where has_due_date = 1
    group by group_key, week_number

),

judged as (

    select
        tiers.*,
        shares.measured_on,
        shares.is_finished,
        shares.excess_silence,
        shares.expected_assignments
    from tiers
    inner join shares
        on
            tiers.student_key = shares.student_key
            and tiers.week_number = shares.week_number
    where tiers.tier <> 'n_a'

),

silent as (

    select
        judged.student_key,
        judged.group_key,
        judged.week_number,
        judged.expected_assignments - coalesce(dated.dated_assignments, 0) as undated_assignments,
        coalesce(dated.dated_assignments, 0) as dated_assignments
    from judged
    left join dated
        on
            judged.group_key = dated.group_key
            and judged.week_number = dated.week_number
    where judged.excess_silence >= {{ threshold('inactivity_watch_days') }}

),

-- the last two of either kind: among them are the last two of both
candidates as (

    {% for kind in ['undated', 'dated'] -%}
        {% for back in [0, 1] -%}
            select
                student_key,
                group_key,
                week_number,
                {{ 1 if kind == 'dated' else 0 }} as has_due_date,
                {{ kind }}_assignments - {{ back }} as place
            from silent
            where {{ kind }}_assignments > {{ back }}
            {{ 'union all' if not (kind == 'dated' and back == 1) }}
        {% endfor %}
    {%- endfor %}

),

last_expected as (

    select
        candidates.student_key,
        candidates.week_number,
        expected.plan_key,
        row_number() over (
            partition by candidates.student_key, candidates.week_number
            order by expected.expected_from_week desc, expected.position desc
        ) as place_from_end
    from candidates
    inner join expected
        on
            candidates.group_key = expected.group_key
            and candidates.week_number = expected.week_number
            and candidates.has_due_date = expected.has_due_date
            and candidates.place = expected.place

),

-- who completed neither of the last two
behind as (

    select
        last_expected.student_key,
        last_expected.week_number
    from last_expected
    left join first_completions
        on
            last_expected.student_key = first_completions.student_key
            and last_expected.plan_key = first_completions.plan_key
            and last_expected.week_number >= first_completions.from_week
    where last_expected.place_from_end <= 2
    group by last_expected.student_key, last_expected.week_number
    having count(first_completions.student_key) = 0

),

listed as (

    select
        judged.class_id,
        judged.student_id,
        judged.student_key,
        judged.week_number,
        case
            when first_activity.first_activity_on is null or first_activity.first_activity_on > judged.measured_on
                then 'never_started'
            when behind.student_key is not null then 'gone_quiet'
            when judged.is_at_risk or judged.is_worsened then 'slipping'
            when not judged.is_complete and judged.was_worsened then 'slipping'
            when not judged.is_finished and judged.excess_silence >= {{ threshold('inactivity_fail_days') }}
                then 'gone_quiet'
        end as call_list
    from judged
    left join first_activity
        on judged.student_key = first_activity.student_key
    left join behind
        on
            judged.student_key = behind.student_key
            and judged.week_number = behind.week_number

)

select
    class_id,
    student_id,
    student_key,
    week_number,
    call_list
from listed
where call_list is not null
