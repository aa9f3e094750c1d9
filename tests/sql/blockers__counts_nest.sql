-- What is this: assignments at which more students are done, stuck or passing by than ever got there.
-- When does it matter: the stuck rate would be a share of the wrong group.
-- How to resolve: check is_reached, is_stuck and is_skipped in student_assignments; they must exclude each other.
select
    class_id,
    assignment_id,
    reached,
    completed,
    waiting,
    stuck,
    skipped
from {{ ref('blockers') }}
where
    completed + waiting + skipped > reached
    or stuck > waiting
