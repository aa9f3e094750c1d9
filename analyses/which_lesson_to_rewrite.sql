-- Which assignments make trouble for many who get there: low grades, long work, passed by?
select
    blockers.class_name,
    blockers.section,
    blockers.position,
    blockers.assignment_name,
    blockers.reason_codes,
    blockers.reached,
    round(100 * blockers.low_grade_rate) as low_grade_percent,
    round(100 * blockers.skipped / blockers.reached) as skipped_percent,
    round(blockers.median_days_to_complete, 1) as median_days,
    round(assignment_completion.average_grade, 2) as average_grade
from {{ ref('blockers') }} as blockers
inner join {{ ref('assignment_completion') }} as assignment_completion
    on
        blockers.class_id = assignment_completion.class_id
        and blockers.assignment_id = assignment_completion.assignment_id
where blockers.status = 'ranked'
order by
    coalesce(blockers.low_grade_rate, 0) + blockers.skipped / blockers.reached desc,
    blockers.class_name asc,
    blockers.position asc
limit 15
