-- What became of who was on a call list, whether somebody called or not.
with call_lists as (

    select
        class_id,
        student_id,
        student_key,
        week_number,
        call_list
    from {{ ref('call_lists') }}

),

tiers as (

    select
        student_key,
        week_number,
        tier,
        is_at_risk,
        is_complete
    from {{ ref('health_tiers') }}

),

-- a week without a verdict, as after leaving, is no good one
weeks as (

    select
        tiers.student_key,
        tiers.week_number,
        tiers.is_complete,
        tiers.tier <> 'n_a' and not tiers.is_at_risk as is_safe,
        tiers.tier <> 'n_a' and call_lists.call_list is null as is_off_list
    from tiers
    left join call_lists
        on
            tiers.student_key = call_lists.student_key
            and tiers.week_number = call_lists.week_number

)

select
    call_lists.class_id,
    call_lists.student_id,
    call_lists.student_key,
    call_lists.week_number,
    call_lists.call_list,
    tiers.is_at_risk,
    case
        when
            tiers.is_at_risk and second_week.is_complete
            then coalesce(first_week.is_safe, false) or second_week.is_safe
    end as is_recovered_in_two_weeks,
    case
        when second_week.is_complete then coalesce(first_week.is_off_list, false) or second_week.is_off_list
    end as is_off_list_in_two_weeks
from call_lists
inner join tiers
    on
        call_lists.student_key = tiers.student_key
        and call_lists.week_number = tiers.week_number
left join weeks as first_week
    on
        call_lists.student_key = first_week.student_key
        and call_lists.week_number = first_week.week_number - 1
left join weeks as second_week
    on
        call_lists.student_key = second_week.student_key
        and call_lists.week_number = second_week.week_number - 2
