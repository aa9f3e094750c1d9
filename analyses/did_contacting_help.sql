-- Of those on a call list in a week, how many came back within two weeks: who was contacted then, and who was not?
-- No proof: mentors choose whom they call, and who can be reached may have come back anyway. Few say nothing at all.
with contacted as (

    select distinct
        class_id,
        student_id,
        week_number
    from {{ ref('student_contacts') }}
    where week_number is not null

),

weeks as (

    select distinct
        class_id,
        week_number
    from contacted

),

-- who was on a list in the same weeks; the first contact from that week on says which group they are in
listed as (

    select
        outcomes.class_id,
        outcomes.student_id,
        outcomes.week_number,
        outcomes.is_at_risk,
        outcomes.is_recovered_in_two_weeks,
        outcomes.is_off_list_in_two_weeks,
        min(contacted.week_number) as contacted_in_week
    from {{ ref('call_outcomes') }} as outcomes
    inner join weeks
        on
            outcomes.class_id = weeks.class_id
            and outcomes.week_number = weeks.week_number
    left join contacted
        on
            outcomes.class_id = contacted.class_id
            and outcomes.student_id = contacted.student_id
            and contacted.week_number between outcomes.week_number and outcomes.week_number + 2
    where outcomes.is_off_list_in_two_weeks is not null
    group by
        outcomes.class_id,
        outcomes.student_id,
        outcomes.week_number,
        outcomes.is_at_risk,
        outcomes.is_recovered_in_two_weeks,
        outcomes.is_off_list_in_two_weeks

)

select
    classes.name as class_name,
    case when listed.contacted_in_week is null then 'not contacted' else 'contacted' end as they_were,
    count(*) as on_a_list,
    count(case when listed.is_off_list_in_two_weeks then 1 end) as came_off_it,
    round({{ rate('count(case when listed.is_off_list_in_two_weeks then 1 end)', 'count(*)') }}, 2) as share_off_it,
    count(case when listed.is_at_risk then 1 end) as at_risk,
    count(case when listed.is_recovered_in_two_weeks then 1 end) as recovered,
    round(
        {{ rate(
            'count(case when listed.is_recovered_in_two_weeks then 1 end)',
            'count(case when listed.is_at_risk then 1 end)',
        ) }},
        2
    ) as share_recovered
from listed
inner join {{ ref('classes') }} as classes
    on listed.class_id = classes.id
-- who was contacted only in the two weeks after is in neither group
where coalesce(listed.contacted_in_week = listed.week_number, true)
group by
    listed.class_id,
    classes.name,
    they_were
order by
    class_name asc,
    they_were asc
