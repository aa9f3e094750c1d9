-- Which grades were changed in the last 7 days before the class's newest data, from what to what?
select
    classes.name as class_name,
    students.name as student_name,
    assignments.name as assignment_name,
    changes.value_from as grade_before,
    changes.value_to as grade_now,
    changes.changed_at
from {{ ref('progression_changes') }} as changes
inner join {{ ref('classes') }} as classes
    on changes.class_id = classes.id
inner join {{ ref('students') }} as students
    on changes.student_id = students.id
inner join {{ ref('assignments') }} as assignments
    on changes.assignment_id = assignments.id
where
    changes.field = 'grade'
    and {{ days_between('changes.changed_at', 'classes.as_of') }} <= 7
order by changes.changed_at desc, class_name asc, student_name asc, assignment_name asc
