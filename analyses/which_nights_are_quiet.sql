-- On which nights does the smallest part of the group work, and how many are at risk there?
select
    class_name,
    night,
    mentor,
    students - students_left as students_now,
    active_students,
    round(100.0 * active_students / students) as active_percent,
    stuck_students,
    critical_students + high_students as at_risk_students,
    round(mean_score, 1) as mean_score,
    open_reviews
from {{ ref('night_summary') }}
order by active_percent, class_name, night
