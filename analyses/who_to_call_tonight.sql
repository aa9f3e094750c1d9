-- Who of a night needs a call first, and why?
select
    night,
    mentor,
    class_name,
    first_name,
    last_name,
    email,
    tier,
    score,
    days_silent,
    days_behind,
    reasons
from {{ ref('student_health') }}
where tier in ('critical', 'high')
order by night, class_name, risk_rank, last_name, first_name
