-- What is this: assignments at which a student is done, stuck or passing by without ever having got there.
-- When does it matter: the stuck rate would be a share of the wrong group.
-- How to resolve: check is_reached, is_stuck and is_skipped in student_assignments; they must exclude each other.
select
    class_id,
    student_id,
    assignment_id
from {{ ref('student_assignments') }}
where
    is_assigned
    and (
        (not is_optional and (is_completed or is_waiting or is_skipped) and not is_reached)
        or (is_stuck and not is_waiting)
        or (is_waiting and (is_completed or is_skipped))
        or (is_optional and (is_reached or is_waiting or is_skipped))
    )
