with students as (

    select
        class_id,
        count(*) as students,
        count(case when is_enrolled then 1 end) as students_enrolled,
        count(case when is_active_lately then 1 end) as active_students
    from {{ ref('student_completion') }}
    group by class_id

),

assignments as (

    select
        class_id,
        count(*) as assignments
    from {{ ref('curriculum') }}
    group by class_id

),

work as (

    select
        class_id,
        count(*) as expected_work,
        count(case when is_completed then 1 end) as completions,
        count(case when is_awaiting_review then 1 end) as open_reviews,
        avg(grade) as average_grade
    from {{ ref('student_assignments') }}
    group by class_id

)

select
    classes.id as class_id,
    classes.friendly_id,
    classes.name as class_name,
    coalesce(students.students, 0) as students,
    coalesce(students.students - students.students_enrolled, 0) as students_left,
    coalesce(assignments.assignments, 0) as assignments,
    coalesce(work.completions, 0) as completions,
    {{ rate('work.completions', 'work.expected_work') }} as completion_rate,
    work.average_grade,
    coalesce(students.active_students, 0) as active_students,
    coalesce(work.open_reviews, 0) as open_reviews,
    classes.timezone,
    classes.as_of,
    classes.last_synced_at,
    classes.last_run_status,
    classes.is_stale
from {{ ref('classes') }} as classes
left join students
    on classes.id = students.class_id
left join assignments
    on classes.id = assignments.class_id
left join work
    on classes.id = work.class_id
