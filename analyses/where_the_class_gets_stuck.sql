-- Which assignments stop students, what kind of trouble is it, and who is stuck there now?
select
    class_name,
    blocker_rank,
    section,
    position,
    assignment_name,
    reason_codes,
    stuck,
    reached,
    round(100 * stuck_rate) as stuck_percent,
    round(100 * low_grade_rate) as low_grade_percent,
    round(median_days_to_complete, 1) as median_days,
    stuck_students
from {{ ref('blockers') }}
where
    blocker_rank <= 5
    or reason_codes is not null
order by class_name, blocker_rank
