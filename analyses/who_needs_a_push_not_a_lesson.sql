-- Who has good grades but has stopped: no difficulty, no completions?
select
    inactivity.class_name,
    inactivity.night,
    inactivity.first_name,
    inactivity.last_name,
    inactivity.reason as what_happened,
    grades.reason as how_good
from {{ ref('student_signals') }} as inactivity
inner join {{ ref('student_signals') }} as grades
    on
        inactivity.class_id = grades.class_id
        and inactivity.student_id = grades.student_id
        and grades.signal = 'grades'
where
    inactivity.signal = 'inactivity'
    and inactivity.status in ('watch', 'fail')
    and grades.status = 'pass'
order by inactivity.measured_value desc, inactivity.class_name asc, inactivity.last_name asc
