with student_completion as (

    select
        class_id,
        class_name,
        student_id,
        {{ night_key('night') }} as night_key,
        {{ night_label('night') }} as night,
        mentor,
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

student_health as (

    select
        class_id,
        student_id,
        tier,
        score
    from {{ ref('student_health') }}

),

overdue as (

    select
        class_id,
        student_id,
        count(*) as overdue_reviews
    from {{ ref('review_queue') }}
    where is_overdue
    group by class_id, student_id

),

members as (

    select
        student_completion.*,
        student_health.tier,
        student_health.score,
        coalesce(overdue.overdue_reviews, 0) as overdue_reviews
    from student_completion
    inner join student_health
        on
            student_completion.class_id = student_health.class_id
            and student_completion.student_id = student_health.student_id
    left join overdue
        on
            student_completion.class_id = overdue.class_id
            and student_completion.student_id = overdue.student_id

)

select
    class_id,
    class_name,
    min(night) as night,
    min(mentor) as mentor,
    count(*) as students,
    count(case when not is_enrolled then 1 end) as students_left,
    count(case when is_active_lately then 1 end) as active_students,
    count(case when stuck_assignments > 0 then 1 end) as stuck_students,
    {{ tier_counts('tier', 'score') }},
    cast(sum(completed) as bigint) as completions,
    {{ rate('sum(completed)', 'sum(assignments)') }} as completion_rate,
    {{ mean_grade('sum(grade_millionths)', 'sum(graded)') }} as average_grade,
    cast(sum(open_reviews) as bigint) as open_reviews,
    cast(sum(overdue_reviews) as bigint) as overdue_reviews
from members
group by class_id, class_name, night_key
