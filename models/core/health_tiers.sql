-- The one place of score and tier.
with shares as (

    select
        class_id,
        student_id,
        student_key,
        group_key,
        week_number,
        measured_on,
        is_complete,
        is_latest,
        has_started,
        has_left,
        is_peer,
        peers,
        completion_share,
        grade_share,
        recency_share,
        timely_share,
        n_a_reason
    from {{ ref('health_shares') }}
    where
        is_followed
        or is_latest

),

-- rounded to nine places first: what is exactly between two tenths must not depend on the last bit;
-- the weight of a share that is null goes to the others
scored as (

    select
        *,
        case
            when has_started and not has_left
                then round(round(
                    100 * (
                        {{ threshold('weight_completion') }} * coalesce(completion_share, 0)
                        + {{ threshold('weight_grade') }} * coalesce(grade_share, 0)
                        + {{ threshold('weight_recency') }} * coalesce(recency_share, 0)
                        + {{ threshold('weight_timeliness') }} * coalesce(timely_share, 0)
                    ) / nullif(
                        case when completion_share is null then 0 else {{ threshold('weight_completion') }} end
                        + case when grade_share is null then 0 else {{ threshold('weight_grade') }} end
                        + case when recency_share is null then 0 else {{ threshold('weight_recency') }} end
                        + case when timely_share is null then 0 else {{ threshold('weight_timeliness') }} end,
                        0
                    ),
                    9
                ), 1)
        end as score
    from shares

),

in_tenths as (

    select
        *,
        cast(round(score * 10) as bigint) as score_tenths
    from scored

),

-- the median of whole tenths is one of whole twentieths
class_scores as (

    select
        group_key,
        week_number,
        cast(round(2 * {{ median('case when is_peer then score_tenths end') }}) as bigint) as class_score_twentieths
    from in_tenths
    group by group_key, week_number

),

compared as (

    select
        in_tenths.*,
        class_scores.class_score_twentieths,
        coalesce(in_tenths.peers >= {{ threshold('min_peers') }}, false) as has_class_score
    from in_tenths
    inner join class_scores
        on
            in_tenths.group_key = class_scores.group_key
            and in_tenths.week_number = class_scores.week_number

),

tiered as (

    select
        *,
        case
            when n_a_reason is not null then 'n_a'
            {% for tier in ['critical', 'high', 'medium'] -%}
                when
                    score_tenths < 10 * {{ threshold('tier_' ~ tier ~ '_below') }}
                    or (
                        has_class_score
                        and not {{ is_at_least_share(
                            '2 * score_tenths', 'class_score_twentieths', 'tier_' ~ tier ~ '_share'
                        ) }}
                    )
                    then '{{ tier }}'
            {% endfor -%}
            else 'low'
        end as tier
    from compared

),

-- after a break of the class's life there is no week before
moved as (

    select
        *,
        case when lag(week_number) over student_weeks = week_number - 1 then lag(tier) over student_weeks end
            as previous_tier,
        case when lag(week_number) over student_weeks = week_number - 1 then lag(score) over student_weeks end
            as previous_score
    from tiered
    window student_weeks as (partition by student_key order by week_number)

)

select
    class_id,
    student_id,
    student_key,
    group_key,
    week_number,
    measured_on,
    is_complete,
    is_latest,
    score,
    case when has_class_score then cast(class_score_twentieths as double) / 20 end as class_score,
    tier,
    n_a_reason,
    previous_tier,
    score - previous_score as score_change,
    coalesce({{ risk_level('tier') }} > {{ risk_level('previous_tier') }}, false) as is_worsened,
    coalesce(
        {{ is_at_risk('previous_tier') }}
        and {{ risk_level('tier') }} < {{ risk_level("'high'") }},
        false
    ) as is_recovered,
    {{ is_at_risk('tier') }} as is_at_risk,
    {{ is_at_risk('tier') }} and not coalesce({{ is_at_risk('previous_tier') }}, false) as is_newly_at_risk
from moved
