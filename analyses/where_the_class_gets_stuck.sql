-- Which assignments stop students, what kind of trouble is it, and who is stuck there now?
with stuck as (

    select
        class_id,
        assignment_id,
        {{ joined_text("concat_ws(' ', first_name, last_name)", "', '", ['last_name', 'first_name', 'student_id']) }}
            as students
    from {{ ref('stuck_students') }}
    group by class_id, assignment_id

)

select
    blockers.class_name,
    blockers.blocker_rank,
    blockers.assignment_name,
    blockers.reason_codes,
    concat(blockers.stuck, ' of ', blockers.reached) as stuck_of_reached,
    stuck.students,
    blockers.section,
    blockers.position,
    round(100 * blockers.low_grade_rate) as low_grade_percent,
    round(blockers.median_days_to_complete, 1) as median_days
from {{ ref('blockers') }} as blockers
left join stuck
    on
        blockers.class_id = stuck.class_id
        and blockers.assignment_id = stuck.assignment_id
where
    blockers.blocker_rank <= 5
    or blockers.reason_codes is not null
order by blockers.class_name, blockers.blocker_rank
