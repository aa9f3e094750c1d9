-- Which assignments cost the class most days, from the start to the first completion or until now?
with work as (

    select
        class_id,
        assignment_id,
        is_completed,
        -- what is started and not done costs days for who still stands there only
        case
            when is_completed and started_on <= first_completed_on
                then {{ days_between('started_on', 'first_completed_on') }}
            when not is_completed and is_waiting then days_waiting
        end as days
    from {{ ref('student_assignments') }}
    where
        is_assigned
        and not is_optional

),

costs as (

    select
        class_id,
        assignment_id,
        count(days) as students,
        count(case when is_completed then days end) as students_done,
        sum(days) as days_spent
    from work
    group by class_id, assignment_id

),

ranked as (

    select
        *,
        row_number() over (partition by class_id order by days_spent desc, assignment_id asc) as cost_rank
    from costs
    where days_spent > 0

)

select
    blockers.class_name,
    blockers.assignment_name,
    ranked.days_spent,
    ranked.students,
    ranked.students_done,
    round(blockers.median_days_to_complete, 1) as median_days
from ranked
inner join {{ ref('blockers') }} as blockers
    on
        ranked.class_id = blockers.class_id
        and ranked.assignment_id = blockers.assignment_id
where ranked.cost_rank <= 10
order by blockers.class_name, ranked.cost_rank
