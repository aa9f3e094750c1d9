-- Which assignments make trouble for many who get there: low grades, long work, passed by?
with blockers as (

    select
        class_id,
        class_name,
        section,
        position,
        assignment_id,
        assignment_name,
        reason_codes,
        reached,
        low_grade_rate,
        skipped,
        median_days_to_complete,
        row_number() over (
            partition by class_id order by coalesce(low_grade_rate, 0) + skipped / reached desc, position asc
        ) as trouble_rank
    from {{ ref('blockers') }}
    where status = 'ranked'

)

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
from blockers
inner join {{ ref('assignment_completion') }} as assignment_completion
    on
        blockers.class_id = assignment_completion.class_id
        and blockers.assignment_id = assignment_completion.assignment_id
where blockers.trouble_rank <= 10
order by blockers.class_name, blockers.trouble_rank
