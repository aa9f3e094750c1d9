-- Which completed work has waited longest for a review, and on which night will its author be there?
select
    class_name,
    review_rank,
    night,
    mentor,
    first_name,
    last_name,
    assignment_name,
    days_waiting,
    grade
from {{ ref('review_queue') }}
where
    is_enrolled
    and review_rank <= 20
order by class_name, review_rank
