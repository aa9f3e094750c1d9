with classes as (

    select
        id as class_id,
        friendly_id,
        name as class_name,
        timezone,
        as_of,
        last_synced_at,
        last_run_at,
        last_run_status,
        is_stale
    from {{ ref('classes') }}

),

class_weeks as (

    select
        class_id,
        week_number,
        week_starts_on,
        is_latest,
        is_class_over
    from {{ ref('class_weeks') }}

),

curriculum as (

    select class_id
    from {{ ref('curriculum') }}
    where is_assigned

),

rejected_records as (

    select class_id
    from {{ ref('rejected_records') }}
    where
        class_id is not null
        and not is_accepted_since

),

student_completion as (

    select
        class_id,
        student_id,
        is_enrolled,
        is_active_lately,
        assignments,
        completed,
        graded,
        cast(round(average_grade * graded * 1000000) as bigint) as grade_millionths,
        open_reviews,
        stuck_assignments
    from {{ ref('student_completion') }}

),

overdue_reviews as (

    select class_id
    from {{ ref('review_queue') }}
    where is_overdue

),

student_health as (

    select
        class_id,
        student_id,
        tier,
        score
    from {{ ref('student_health') }}

),

students as (

    select
        class_id,
        count(*) as students,
        count(case when not is_enrolled then 1 end) as students_left,
        count(case when is_active_lately then 1 end) as active_students,
        count(case when stuck_assignments > 0 then 1 end) as stuck_students,
        cast(sum(assignments) as bigint) as assigned_work,
        cast(sum(completed) as bigint) as completions,
        cast(sum(open_reviews) as bigint) as open_reviews,
        {{ mean_grade('sum(grade_millionths)', 'sum(graded)') }} as average_grade
    from student_completion
    group by class_id

),

assignments as (

    select
        class_id,
        count(*) as assignments
    from curriculum
    group by class_id

),

begins as (

    select
        class_id,
        min(begins_on) as begins_on
    from {{ ref('enrollments') }}
    group by class_id

),

-- the latest completion of all groups, and how long ago that is
silences as (

    select
        class_id,
        max(last_completed_on) as last_completed_on,
        {{ days_between('max(last_completed_on)', 'max(measured_on)') }} as days_silent
    from {{ ref('peer_weeks') }}
    where is_latest
    group by class_id

),

tiers as (

    select
        student_health.class_id,
        {{ tier_counts('student_health.tier', 'student_health.score') }}
    from student_health
    inner join student_completion
        on
            student_health.class_id = student_completion.class_id
            and student_health.student_id = student_completion.student_id
    group by student_health.class_id

),

overdue as (

    select
        class_id,
        count(*) as overdue_reviews
    from overdue_reviews
    group by class_id

),

rejections as (

    select
        class_id,
        count(*) as rejected_records
    from rejected_records
    group by class_id

),

spans as (

    select
        class_id,
        min(week_starts_on) as first_week_starts_on,
        max(case when is_latest then week_number end) as weeks,
        max(case when is_class_over then 1 else 0 end) = 1 as is_class_over
    from class_weeks
    group by class_id

)

select
    classes.class_id,
    classes.friendly_id,
    classes.class_name,
    coalesce(students.students, 0) as students,
    coalesce(students.students_left, 0) as students_left,
    coalesce(assignments.assignments, 0) as assignments,
    coalesce(students.completions, 0) as completions,
    {{ rate('students.completions', 'students.assigned_work') }} as completion_rate,
    students.average_grade,
    coalesce(students.active_students, 0) as active_students,
    coalesce(students.stuck_students, 0) as stuck_students,
    coalesce(students.open_reviews, 0) as open_reviews,
    coalesce(overdue.overdue_reviews, 0) as overdue_reviews,
    coalesce(tiers.critical_students, 0) as critical_students,
    coalesce(tiers.high_students, 0) as high_students,
    coalesce(tiers.medium_students, 0) as medium_students,
    coalesce(tiers.low_students, 0) as low_students,
    coalesce(tiers.n_a_students, 0) as n_a_students,
    tiers.mean_score,
    coalesce(rejections.rejected_records, 0) as rejected_records,
    begins.begins_on,
    case
        when not spans.is_class_over and silences.days_silent > {{ threshold('pause_days') }}
            then silences.last_completed_on
    end as paused_since_on,
    spans.first_week_starts_on,
    spans.weeks,
    spans.is_class_over,
    classes.timezone,
    classes.as_of,
    classes.last_synced_at,
    classes.last_run_at,
    classes.last_run_status,
    classes.is_stale
from classes
inner join spans
    on classes.class_id = spans.class_id
left join begins
    on classes.class_id = begins.class_id
left join silences
    on classes.class_id = silences.class_id
left join students
    on classes.class_id = students.class_id
left join assignments
    on classes.class_id = assignments.class_id
left join tiers
    on classes.class_id = tiers.class_id
left join overdue
    on classes.class_id = overdue.class_id
left join rejections
    on classes.class_id = rejections.class_id
