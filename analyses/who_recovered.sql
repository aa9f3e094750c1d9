-- Who was at critical or high risk four weeks before the last week that is over, and at low risk then?
with complete_weeks as (

    select
        class_id,
        max(week_number) as week_number
    from {{ ref('class_weeks') }}
    where is_complete
    group by class_id

)

select
    concat_ws(' ', now.first_name, now.last_name) as student,
    now.night,
    earlier.tier as tier_then,
    earlier.score as score_then,
    now.score as score_now,
    now.measured_on
from {{ ref('student_health_weekly') }} as now
inner join complete_weeks
    on
        now.class_id = complete_weeks.class_id
        and now.week_number = complete_weeks.week_number
inner join {{ ref('student_health_weekly') }} as earlier
    on
        now.class_id = earlier.class_id
        and now.student_id = earlier.student_id
        and now.week_number = earlier.week_number + 4
where
    now.tier = 'low'
    and earlier.tier in ('critical', 'high')
order by now.score - earlier.score desc, now.class_name asc, student asc
