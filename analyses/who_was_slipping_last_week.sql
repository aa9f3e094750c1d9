-- Who was slipping last week, and what became of them?
with weekly as (

    select
        class_id,
        student_id,
        week_number,
        is_latest,
        tier,
        call_list
    from {{ ref('student_health_weekly') }}

)

select
    concat_ws(' ', health.first_name, health.last_name) as student,
    health.night,
    last_week.tier as tier_then,
    case
        when not health.is_enrolled then 'left the class'
        when health.is_finished then 'finished'
        when health.call_list = 'slipping' then 'still slipping'
        when health.call_list = 'gone_quiet' then 'gone quiet'
        when health.tier = 'n_a' then health.reasons
        else concat(health.tier, ' risk now')
    end as became,
    health.last_completed_on,
    health.start_assignment_name as start_at
from weekly as last_week
inner join weekly as this_week
    on
        last_week.class_id = this_week.class_id
        and last_week.student_id = this_week.student_id
        and last_week.week_number = this_week.week_number - 1
inner join {{ ref('student_health') }} as health
    on
        last_week.class_id = health.class_id
        and last_week.student_id = health.student_id
where
    this_week.is_latest
    and last_week.call_list = 'slipping'
order by health.night, health.class_name, became, student
