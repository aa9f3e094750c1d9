with class_students as (

    select
        class_id,
        student_id,
        student_key
    from {{ ref('class_students') }}
    where has_started

),

student_assignments as (

    select
        student_key,
        state,
        grade,
        is_passed,
        is_graded,
        is_stuck,
        is_optional
    from {{ ref('student_assignments') }}
    where is_assigned

),

-- work outside the plan is a beginning, and is to be reviewed as well
all_work as (

    select
        student_key,
        count(case when state <> 'not_started' then 1 end) as begun,
        count(case when is_awaiting_review then 1 end) as open_reviews
    from {{ ref('student_assignments') }}
    group by student_key

),

progressions as (

    select
        student_key,
        started_at,
        completed_at,
        started_on,
        completed_on
    from {{ ref('progressions_as_of') }}

),

counts as (

    select
        student_key,
        {{ work_counts() }},
        count(case when not is_optional and state <> 'completed' then 1 end) as remaining_assignments,
        count(case when is_stuck then 1 end) as stuck_assignments
    from student_assignments
    group by student_key

),

activity as (

    select
        student_key,
        min(least(started_at, completed_at)) as first_activity_at,
        max(greatest(started_at, completed_at)) as last_activity_at,
        min(least(started_on, completed_on)) as first_activity_on,
        max(greatest(started_on, completed_on)) as last_activity_on
    from progressions
    group by student_key

)

select
    class_students.class_id,
    class_students.student_id,
    class_students.student_key,
    coalesce(counts.assigned_work, 0) as assignments,
    coalesce(counts.completed, 0) as completed,
    coalesce(all_work.begun, 0) as begun,
    coalesce(counts.remaining_assignments, 0) as remaining_assignments,
    coalesce(counts.in_progress, 0) as in_progress,
    coalesce(counts.not_started, 0) as not_started,
    coalesce(counts.passed, 0) as passed,
    coalesce(counts.graded, 0) as graded,
    coalesce(counts.low_grades, 0) as low_grades,
    counts.average_grade,
    coalesce(all_work.open_reviews, 0) as open_reviews,
    coalesce(counts.stuck_assignments, 0) as stuck_assignments,
    activity.first_activity_at,
    activity.last_activity_at,
    activity.first_activity_on,
    activity.last_activity_on
from class_students
left join counts
    on class_students.student_key = counts.student_key
left join all_work
    on class_students.student_key = all_work.student_key
left join activity
    on class_students.student_key = activity.student_key
