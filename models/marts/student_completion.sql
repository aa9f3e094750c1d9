with counts as (

    select
        class_id,
        student_id,
        {{ work_counts() }}
    from {{ ref('student_assignments') }}
    group by class_id, student_id

),

activity as (

    select
        class_id,
        student_id,
        min(least(started_at, completed_at)) as first_activity_at,
        max(greatest(started_at, completed_at)) as last_activity_at,
        min(least(started_on, completed_on)) as first_activity_on,
        max(greatest(started_on, completed_on)) as last_activity_on
    from {{ ref('progressions_as_of') }}
    group by class_id, student_id

)

select
    enrollments.class_id,
    classes.name as class_name,
    enrollments.student_id,
    students.first_name,
    students.last_name,
    students.email,
    enrollments.region,
    enrollments.night,
    enrollments.mentor,
    enrollments.is_enrolled,
    coalesce(counts.expected_work, 0) as assignments,
    coalesce(counts.completed, 0) as completed,
    coalesce(counts.in_progress, 0) as in_progress,
    coalesce(counts.not_started, 0) as not_started,
    coalesce(counts.passed, 0) as passed,
    coalesce(counts.graded, 0) as graded,
    coalesce(counts.low_grades, 0) as low_grades,
    {{ rate('counts.completed', 'counts.expected_work') }} as completion_rate,
    counts.average_grade,
    activity.first_activity_at,
    activity.last_activity_at,
    activity.first_activity_on,
    activity.last_activity_on,
    {{ days_between('activity.last_activity_on', 'classes.as_of_date') }} as days_since_last_activity,
    coalesce(
        {{ days_between('activity.last_activity_on', 'classes.as_of_date') }} < {{ threshold('active_days') }}, false
    ) as is_active_lately
from {{ ref('enrollments') }} as enrollments
inner join {{ ref('classes') }} as classes
    on enrollments.class_id = classes.id
inner join {{ ref('students') }} as students
    on enrollments.student_id = students.id
left join counts
    on
        enrollments.class_id = counts.class_id
        and enrollments.student_id = counts.student_id
left join activity
    on
        enrollments.class_id = activity.class_id
        and enrollments.student_id = activity.student_id
where enrollments.has_started
