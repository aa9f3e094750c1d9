-- Who is on the roster and has never started anything?
select
    class_name,
    night,
    mentor,
    first_name,
    last_name,
    email,
    status,
    reason
from {{ ref('student_signals') }}
where
    signal = 'never_started'
    and part_count = 0
    and status <> 'n_a'
order by class_name, night, last_name, first_name
