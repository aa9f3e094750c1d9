-- Who was at critical or high risk four weeks ago and is at low risk now?
with now as (

    select
        class_id,
        class_name,
        student_id,
        first_name,
        last_name,
        week_number,
        score,
        tier
    from {{ ref('student_health_weekly') }}
    where is_latest

),

earlier as (

    select
        class_id,
        student_id,
        week_number,
        score,
        tier
    from {{ ref('student_health_weekly') }}

)

select
    now.class_name,
    now.first_name,
    now.last_name,
    earlier.tier as tier_then,
    earlier.score as score_then,
    now.score as score_now
from now
inner join earlier
    on
        now.class_id = earlier.class_id
        and now.student_id = earlier.student_id
        and now.week_number = earlier.week_number + 4
where
    now.tier = 'low'
    and earlier.tier in ('critical', 'high')
order by now.score - earlier.score desc
