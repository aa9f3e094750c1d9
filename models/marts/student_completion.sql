with class_students as (

    select
        student_key,
        class_name,
        first_name,
        last_name,
        email,
        region,
        night,
        mentor,
        is_enrolled,
        as_of_on
    from {{ ref('class_students') }}

),

student_work as (

    select
        class_id,
        student_id,
        student_key,
        assignments,
        completed,
        in_progress,
        not_started,
        passed,
        graded,
        low_grades,
        average_grade,
        open_reviews,
        stuck_assignments,
        first_activity_at,
        last_activity_at,
        first_activity_on,
        last_activity_on
    from {{ ref('student_work') }}

)

select
    student_work.class_id,
    class_students.class_name,
    student_work.student_id,
    class_students.first_name,
    class_students.last_name,
    class_students.email,
    class_students.region,
    class_students.night,
    class_students.mentor,
    class_students.is_enrolled,
    student_work.assignments,
    student_work.completed,
    student_work.in_progress,
    student_work.not_started,
    student_work.passed,
    student_work.graded,
    student_work.low_grades,
    {{ rate('student_work.completed', 'student_work.assignments') }} as completion_rate,
    student_work.average_grade,
    student_work.open_reviews,
    student_work.stuck_assignments,
    student_work.first_activity_at,
    student_work.last_activity_at,
    student_work.first_activity_on,
    student_work.last_activity_on,
    {{ days_between('student_work.last_activity_on', 'class_students.as_of_on') }} as days_since_last_activity,
    coalesce(
        {{ days_between('student_work.last_activity_on', 'class_students.as_of_on') }}
        < {{ threshold('active_days') }},
        false
    ) as is_active_lately
from student_work
inner join class_students
    on student_work.student_key = class_students.student_key
