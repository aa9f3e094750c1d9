with latest as (

    select * from {{ ref('student_health_weekly') }}
    where is_latest

),

-- the day on which each expected assignment became expected, among who is active now
active_now as (

    select
        class_id,
        student_id
    from {{ ref('student_weeks') }}
    where
        is_last_followed
        and is_active

),

expected_now as (

    select
        class_id,
        assignment_id,
        active_students
    from {{ ref('expected_assignments') }}
    where
        is_last_followed
        and is_expected

),

completion_order as (

    select
        expected_now.class_id,
        expected_now.assignment_id,
        expected_now.active_students,
        completions.completed_on,
        row_number() over (
            partition by expected_now.class_id, expected_now.assignment_id order by completions.completed_on
        ) as completed
    from expected_now
    inner join {{ ref('completions') }} as completions
        on
            expected_now.class_id = completions.class_id
            and expected_now.assignment_id = completions.assignment_id
            and completions.attempt_number = 1
    inner join active_now
        on
            completions.class_id = active_now.class_id
            and completions.student_id = active_now.student_id

),

expected_since as (

    select
        class_id,
        assignment_id,
        min(completed_on) as expected_since_date
    from completion_order
    where {{ is_at_least_share('completed', 'active_students', 'expected_share') }}
    group by class_id, assignment_id

),

missing as (

    select
        student_assignments.class_id,
        student_assignments.student_id,
        min(expected_since.expected_since_date) as missing_since_date
    from {{ ref('student_assignments') }} as student_assignments
    inner join expected_since
        on
            student_assignments.class_id = expected_since.class_id
            and student_assignments.assignment_id = expected_since.assignment_id
    where not student_assignments.is_completed
    group by student_assignments.class_id, student_assignments.student_id

),

-- what each part of the score costs in points
parts as (

    select
        class_id,
        student_id,
        'pace' as part,
        {{ threshold('weight_completion') }} * (1 - completion_share) as points_lost
    from latest
    union all
    select
        class_id,
        student_id,
        'mean_grade' as part,
        {{ threshold('weight_grade') }} * (1 - grade_share) as points_lost
    from latest
    union all
    select
        class_id,
        student_id,
        'inactivity' as part,
        {{ threshold('weight_recency') }} * (1 - recency_share) as points_lost
    from latest
    union all
    select
        class_id,
        student_id,
        'lateness' as part,
        case when completed_expected_assignments > 0 then {{ threshold('weight_pace') }} * (1 - pace_share) end
            as points_lost
    from latest

),

signals as (

    select
        class_id,
        student_id,
        signal,
        status,
        reason,
        measured_value,
        max(case when signal = 'inactivity' and status = 'fail' then 1 else 0 end) over student as is_inactive,
        max(case when signal = 'never_started' and part_count = 0 then 1 else 0 end) over student as has_begun_nothing
    from {{ ref('student_signals') }}
    window student as (partition by class_id, student_id)

),

-- a failing signal is a reason whatever it costs; who never started anything has that one reason only
findings as (

    select
        class_id,
        student_id,
        signal as finding,
        reason,
        case
            when has_begun_nothing = 1 then signal = 'never_started'
            when signal = 'momentum' then status = 'fail' and is_inactive = 0
            else status = 'fail'
        end as is_reason,
        has_begun_nothing = 0 as can_cost
    from signals
    union all
    select
        class_id,
        student_id,
        'mean_grade' as finding,
        concat('Mean grade ', {{ percent_text('grade_share') }}, ', missing expected work counted as 0') as reason,
        false as is_reason,
        last_completed_on is not null as can_cost
    from latest
    union all
    select
        class_id,
        student_id,
        'lateness' as finding,
        'Completes work later than most of the class' as reason,
        false as is_reason,
        true as can_cost
    from latest

),

weighed as (

    select
        findings.class_id,
        findings.student_id,
        findings.reason,
        findings.is_reason
        or (findings.can_cost and coalesce(parts.points_lost, 0) >= {{ threshold('reason_points') }}) as is_reason,
        coalesce(parts.points_lost, 0) * 10000
        - case findings.finding
            when 'pace' then 1
            when 'mean_grade' then 2
            when 'inactivity' then 3
            when 'lateness' then 4
            when 'never_started' then 5
            when 'stuck' then 6
            when 'grades' then 7
            when 'quizzes' then 8
            else 9
        end as sort_key
    from findings
    left join parts
        on
            findings.class_id = parts.class_id
            and findings.student_id = parts.student_id
            and findings.finding = parts.part

),

reasons as (

    select
        class_id,
        student_id,
        {{ dbt.listagg('reason', "'. '", 'order by sort_key desc') }} as reasons
    from weighed
    where is_reason
    group by class_id, student_id

),

ranked as (

    select
        class_id,
        student_id,
        rank() over (partition by class_id order by score) as risk_rank,
        count(*) over (partition by class_id) as peers
    from latest
    where tier <> 'n_a'

),

-- two speeds so far: that of the last days, and that since the first activity
speeds as (

    select
        student_completion.class_id,
        student_completion.student_id,
        student_completion.completed,
        student_completion.assignments - student_completion.completed as remaining,
        cast(signals.measured_value as bigint) as recent_completions,
        {{ days_between('student_completion.first_activity_on', 'latest.measured_on') }} + 1 as days_so_far
    from {{ ref('student_completion') }} as student_completion
    inner join latest
        on
            student_completion.class_id = latest.class_id
            and student_completion.student_id = latest.student_id
    inner join signals
        on
            student_completion.class_id = signals.class_id
            and student_completion.student_id = signals.student_id
            and signals.signal = 'momentum'

),

days_to_finish as (

    select
        class_id,
        student_id,
        remaining,
        cast(
            ceiling(cast(remaining * {{ threshold('momentum_days') }} as double) / nullif(recent_completions, 0))
            as bigint
        ) as days_at_recent_speed,
        cast(ceiling(cast(remaining * days_so_far as double) / nullif(completed, 0)) as bigint) as days_at_mean_speed
    from speeds

),

projections as (

    select
        class_id,
        student_id,
        remaining,
        least(days_at_recent_speed, days_at_mean_speed) as earliest_days,
        greatest(days_at_recent_speed, days_at_mean_speed) as latest_days
    from days_to_finish
    where
        days_at_recent_speed is not null
        and days_at_mean_speed is not null

)

select
    latest.class_id,
    latest.class_name,
    latest.student_id,
    latest.first_name,
    latest.last_name,
    students.email,
    enrollments.region,
    enrollments.night,
    enrollments.mentor,
    latest.measured_on,
    latest.score,
    latest.tier,
    coalesce(latest.n_a_reason, reasons.reasons) as reasons,
    ranked.risk_rank,
    ranked.peers,
    latest.completion_share,
    latest.grade_share,
    latest.recency_share,
    latest.pace_share,
    latest.expected_assignments,
    latest.completed_expected_assignments,
    latest.last_completed_on,
    latest.days_silent,
    case
        when latest.tier <> 'n_a'
            then coalesce({{ days_between('missing.missing_since_date', 'latest.measured_on') }}, 0)
    end as days_behind,
    coalesce(student_completion.assignments - student_completion.completed, 0) as remaining_assignments,
    case
        when latest.tier = 'n_a' then 'n_a'
        when student_completion.completed = student_completion.assignments then 'finished'
        when projections.latest_days is not null then 'projected'
        else 'n_a'
    end as projection,
    case
        when latest.tier = 'n_a' then null
        when student_completion.completed = student_completion.assignments then latest.last_completed_on
        else {{ add_days('latest.measured_on', 'projections.earliest_days') }}
    end as projected_finish_earliest,
    case
        when latest.tier = 'n_a' then null
        when student_completion.completed = student_completion.assignments then latest.last_completed_on
        else {{ add_days('latest.measured_on', 'projections.latest_days') }}
    end as projected_finish_latest
from latest
inner join {{ ref('enrollments') }} as enrollments
    on
        latest.class_id = enrollments.class_id
        and latest.student_id = enrollments.student_id
inner join {{ ref('students') }} as students
    on latest.student_id = students.id
left join missing
    on
        latest.class_id = missing.class_id
        and latest.student_id = missing.student_id
left join reasons
    on
        latest.class_id = reasons.class_id
        and latest.student_id = reasons.student_id
left join ranked
    on
        latest.class_id = ranked.class_id
        and latest.student_id = ranked.student_id
left join {{ ref('student_completion') }} as student_completion
    on
        latest.class_id = student_completion.class_id
        and latest.student_id = student_completion.student_id
left join projections
    on
        latest.class_id = projections.class_id
        and latest.student_id = projections.student_id
