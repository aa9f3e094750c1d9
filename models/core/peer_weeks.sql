with group_weeks as (

    select
        class_id,
        group_key,
        week_number,
        measured_on,
        is_followed,
        is_latest,
        class_day
    from {{ ref('group_weeks') }}
    where not is_after_end

),

silences as (

    select
        group_key,
        week_number,
        count(case when is_peer then 1 end) as peers,
        {{ median('peer_class_days_silent') }} as class_silent,
        {{ median('peer_days_silent') }} as median_days_silent,
        max(group_last_completed_on) as last_completed_on
    from {{ ref('student_weeks') }}
    group by group_key, week_number

)

select
    group_weeks.class_id,
    group_weeks.group_key,
    group_weeks.week_number,
    group_weeks.measured_on,
    group_weeks.is_followed,
    group_weeks.is_latest,
    group_weeks.class_day,
    coalesce(silences.peers, 0) as peers,
    silences.class_silent,
    silences.median_days_silent,
    silences.last_completed_on
from group_weeks
left join silences
    on
        group_weeks.group_key = silences.group_key
        and group_weeks.week_number = silences.week_number
