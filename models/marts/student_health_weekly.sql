-- The one place of the score: student_health is the last week of this table.
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
        measured_on,
        is_last_followed,
        has_started,
        has_left,
        expected_assignments,
        completed_expected_assignments,
        completion_share,
        grade_share,
        recency_share,
        timeliness_share,
        last_completed_on,
        days_silent,
        days_enrolled,
        n_a_reason
    from {{ ref('health_shares') }}

),

-- the weight of a share that is null goes to the others
scored as (

    select
        *,
        case
            when has_started and not has_left
                then round(
                    100 * (
                        {{ threshold('weight_completion') }} * coalesce(completion_share, 0)
                        + {{ threshold('weight_grade') }} * coalesce(grade_share, 0)
                        + {{ threshold('weight_recency') }} * recency_share
                        + {{ threshold('weight_timeliness') }} * coalesce(timeliness_share, 0)
                    ) / (
                        case when completion_share is null then 0 else {{ threshold('weight_completion') }} end
                        + case when grade_share is null then 0 else {{ threshold('weight_grade') }} end
                        + {{ threshold('weight_recency') }}
                        + case when timeliness_share is null then 0 else {{ threshold('weight_timeliness') }} end
                    ),
                    1
                )
        end as score
    from shares

),

tiered as (

    select
        *,
        case
            when n_a_reason is not null then 'n_a'
            when score < {{ threshold('tier_critical_below') }} then 'critical'
            when score < {{ threshold('tier_high_below') }} then 'high'
            when score < {{ threshold('tier_medium_below') }} then 'medium'
            else 'low'
        end as tier
    from scored

),

moved as (

    select
        *,
        lag(tier) over student_weeks as previous_tier,
        lag(score) over student_weeks as previous_score
    from tiered
    window student_weeks as (partition by student_key order by week_number)

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
    moved.week_number,
    moved.week_ends_on,
    moved.measured_on,
    moved.is_last_followed as is_latest,
    moved.score,
    moved.tier,
    moved.n_a_reason,
    moved.previous_tier,
    moved.score - moved.previous_score as score_change,
    coalesce({{ risk_level('moved.tier') }} > {{ risk_level('moved.previous_tier') }}, false) as is_worsened,
    coalesce(
        {{ risk_level('moved.previous_tier') }} >= {{ risk_level("'high'") }}
        and {{ risk_level('moved.tier') }} < {{ risk_level("'high'") }},
        false
    ) as is_recovered,
    moved.completion_share,
    moved.grade_share,
    moved.recency_share,
    moved.timeliness_share,
    moved.expected_assignments,
    moved.completed_expected_assignments,
    moved.last_completed_on,
    moved.days_silent,
    moved.days_enrolled
from moved
inner join class_students
    on moved.student_key = class_students.student_key
