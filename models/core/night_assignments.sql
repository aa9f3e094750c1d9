-- Counted once per night: the class is the sum of its nights.
with class_students as (

    select
        class_id,
        student_key,
        {{ night_key('night') }} as night_key
    from {{ ref('class_students') }}

),

student_assignments as (

    select
        student_key,
        assignment_key,
        is_assigned,
        state,
        grade,
        is_passed,
        is_graded,
        is_reached,
        is_waiting,
        is_stuck,
        is_skipped
    from {{ ref('student_assignments') }}

)

select
    class_students.class_id,
    class_students.night_key,
    student_assignments.assignment_key,
    count(case when student_assignments.is_assigned then 1 end) as students,
    count(case when student_assignments.is_assigned and student_assignments.state = 'completed' then 1 end)
        as assigned_completed,
    {{ work_counts() }},
    {{ grade_sum() }} as grade_millionths,
    count(case when student_assignments.is_reached then 1 end) as reached,
    count(case when student_assignments.is_waiting then 1 end) as waiting,
    count(case when student_assignments.is_stuck then 1 end) as stuck,
    count(case when student_assignments.is_skipped then 1 end) as skipped
from student_assignments
inner join class_students
    on student_assignments.student_key = class_students.student_key
group by class_students.class_id, class_students.night_key, student_assignments.assignment_key
