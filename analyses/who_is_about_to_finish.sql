-- Who is about to finish, and when?
select
    class_name,
    night,
    first_name,
    last_name,
    remaining_assignments,
    projected_finish_earliest_on,
    projected_finish_latest_on
from {{ ref('student_health') }}
where
    projection = 'projected'
    and remaining_assignments <= 5
order by projected_finish_latest_on, class_name, last_name, first_name
