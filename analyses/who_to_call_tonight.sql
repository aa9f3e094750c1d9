-- Who of a night needs a call first, and why?
select
    night,
    concat(first_name, ' ', last_name) as student,
    tier,
    score,
    reasons
from {{ ref('student_health') }}
where tier in ('critical', 'high')
order by night, class_name, risk_rank, last_name, first_name
