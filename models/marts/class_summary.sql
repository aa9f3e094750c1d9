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
        count(case when is_awaiting_review then 1 end) as open_reviews,
        {{ work_counts() }}
    from {{ ref('student_assignments') }}
    group by class_id

),

stuck as (

    select
        class_id,
        count(distinct student_id) as stuck_students
    from {{ ref('student_assignments') }}
    where is_stuck
    group by class_id

),

tiers as (

    select
        student_health.class_id,
        {{ tier_counts('student_health.tier', 'student_health.score') }}
    from {{ ref('student_health') }} as student_health
    inner join {{ ref('student_completion') }} as student_completion
        on
            student_health.class_id = student_completion.class_id
            and student_health.student_id = student_completion.student_id
    group by student_health.class_id

),

rejections as (

    select
        class_id,
        count(*) as rejected_records
    from {{ ref('rejected_records') }}
    where
        class_id is not null
        and not is_accepted_since
    group by class_id

),

spans as (

    select
        class_id,
        min(week_start) as first_week_start,
        max(case when is_last_followed then week_number end) as weeks,
        max(case when is_class_over then 1 else 0 end) = 1 as is_class_over
    from {{ ref('class_weeks') }}
    group by class_id

)

select
    classes.id as class_id,
    classes.friendly_id,
    classes.name as class_name,
    coalesce(students.students, 0) as students,
    coalesce(students.students - students.students_enrolled, 0) as students_left,
    coalesce(assignments.assignments, 0) as assignments,
    coalesce(work.completed, 0) as completions,
    {{ rate('work.completed', 'work.expected_work') }} as completion_rate,
    work.average_grade,
    coalesce(students.active_students, 0) as active_students,
    coalesce(stuck.stuck_students, 0) as stuck_students,
    coalesce(work.open_reviews, 0) as open_reviews,
    coalesce(tiers.critical_students, 0) as critical_students,
    coalesce(tiers.high_students, 0) as high_students,
    coalesce(tiers.medium_students, 0) as medium_students,
    coalesce(tiers.low_students, 0) as low_students,
    coalesce(tiers.n_a_students, 0) as n_a_students,
    tiers.mean_score,
    coalesce(rejections.rejected_records, 0) as rejected_records,
    spans.first_week_start,
    spans.weeks,
    spans.is_class_over,
    classes.timezone,
    classes.as_of,
    classes.last_synced_at,
    classes.last_run_at,
    classes.last_run_status,
    classes.is_stale
from {{ ref('classes') }} as classes
inner join spans
    on classes.id = spans.class_id
left join students
    on classes.id = students.class_id
left join assignments
    on classes.id = assignments.class_id
left join work
    on classes.id = work.class_id
left join stuck
    on classes.id = stuck.class_id
left join tiers
    on classes.id = tiers.class_id
left join rejections
    on classes.id = rejections.class_id
