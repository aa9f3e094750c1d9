with enrollments as (

    select
        class_id,
        student_id,
        student_key,
        group_key,
        region,
        night,
        mentor,
        role,
        begins_on,
        enrolled_on,
        counts_from_on,
        is_late_joiner,
        left_on,
        has_started,
        has_left,
        is_enrolled
    from {{ ref('enrollments') }}

),

classes as (

    select
        id as class_id,
        class_key,
        name as class_name,
        timezone,
        as_of_on,
        is_stale
    from {{ ref('classes') }}

),

students as (

    select
        id as student_id,
        first_name,
        last_name,
        email,
        name as student_name
    from {{ ref('students') }}

)

select
    enrollments.class_id,
    enrollments.student_id,
    classes.class_key,
    enrollments.student_key,
    enrollments.group_key,
    classes.class_name,
    students.first_name,
    students.last_name,
    students.email,
    students.student_name,
    enrollments.region,
    enrollments.night,
    enrollments.mentor,
    enrollments.role,
    enrollments.begins_on,
    enrollments.enrolled_on,
    enrollments.counts_from_on,
    enrollments.is_late_joiner,
    enrollments.left_on,
    enrollments.has_started,
    enrollments.has_left,
    enrollments.is_enrolled,
    classes.timezone,
    classes.as_of_on,
    classes.is_stale
from enrollments
inner join classes
    on enrollments.class_id = classes.class_id
inner join students
    on enrollments.student_id = students.student_id
