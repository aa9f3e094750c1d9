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

shares as (

    select
        student_key,
        week_number,
        week_ends_on,
        has_started and not has_left as is_there,
        is_peer,
        is_finished,
        completions,
        expected_assignments,
        completed_expected_assignments,
        completion_share,
        grade_share,
        recency_share,
        timeliness_share,
        last_completed_on,
        days_silent,
        excess_silence,
        days_enrolled
    from {{ ref('health_shares') }}

),

tiers as (

    select
        student_key,
        week_number,
        measured_on,
        is_complete,
        is_latest,
        score,
        class_score,
        tier,
        n_a_reason,
        previous_tier,
        score_change,
        is_worsened,
        is_recovered
    from {{ ref('health_tiers') }}

),

call_lists as (

    select
        student_key,
        week_number,
        call_list
    from {{ ref('call_lists') }}

),

-- after a break of the class's life there is no week before
weeks_before as (

    select
        tiers.student_key,
        tiers.week_number,
        case
            when lag(tiers.week_number) over student_weeks = tiers.week_number - 1
                then lag(shares.completions) over student_weeks
        end as completions
    from tiers
    inner join shares
        on
            tiers.student_key = shares.student_key
            and tiers.week_number = shares.week_number
    window student_weeks as (partition by tiers.student_key order by tiers.week_number)

)

select
    class_students.class_id,
    class_students.class_name,
    class_students.student_id,
    class_students.first_name,
    class_students.last_name,
    class_students.email,
    class_students.region,
    class_students.night,
    class_students.mentor,
    class_students.is_enrolled,
    tiers.week_number,
    shares.week_ends_on,
    tiers.measured_on,
    tiers.is_complete,
    tiers.is_latest,
    tiers.score,
    tiers.class_score,
    tiers.tier,
    tiers.n_a_reason,
    call_lists.call_list,
    tiers.previous_tier,
    tiers.score_change,
    tiers.is_worsened,
    tiers.is_recovered,
    shares.is_peer,
    shares.is_finished,
    shares.completion_share,
    shares.grade_share,
    shares.recency_share,
    shares.timeliness_share,
    shares.expected_assignments,
    shares.completed_expected_assignments,
    shares.last_completed_on,
    shares.days_silent,
    shares.excess_silence,
    shares.days_enrolled,
    shares.completions,
    weeks_before.completions as previous_completions,
    case
        when not shares.is_there then null
        when shares.completions > 0 then 'moved'
        when shares.is_finished then 'finished'
        when weeks_before.completions > 0 then 'stopped'
        else 'silent'
    end as movement,
    cast(
        sum(shares.completions) over (
            partition by shares.student_key
            order by shares.week_number
            rows between unbounded preceding and current row
        ) as bigint
    ) as cumulative_completions
from tiers
inner join shares
    on
        tiers.student_key = shares.student_key
        and tiers.week_number = shares.week_number
inner join weeks_before
    on
        tiers.student_key = weeks_before.student_key
        and tiers.week_number = weeks_before.week_number
inner join class_students
    on tiers.student_key = class_students.student_key
left join call_lists
    on
        tiers.student_key = call_lists.student_key
        and tiers.week_number = call_lists.week_number
