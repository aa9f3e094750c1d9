with members as (

    select
        student_completion.class_id,
        student_completion.class_name,
        student_completion.student_id,
        -- one night, however the roster writes it
        coalesce(lower(student_completion.night), '') as night_key,
        coalesce(student_completion.night, '(no night)') as night,
        student_completion.mentor,
        student_completion.is_enrolled,
        student_completion.is_active_lately,
        student_completion.assignments,
        student_completion.completed,
        student_completion.graded,
        student_completion.average_grade * student_completion.graded as grade_sum,
        student_health.tier,
        student_health.score
    from {{ ref('student_completion') }} as student_completion
    inner join {{ ref('student_health') }} as student_health
        on
            student_completion.class_id = student_health.class_id
            and student_completion.student_id = student_health.student_id

),

open_work as (

    select
        class_id,
        student_id,
        count(case when is_awaiting_review then 1 end) as open_reviews,
        max(case when is_stuck then 1 else 0 end) as is_stuck
    from {{ ref('student_assignments') }}
    where
        is_awaiting_review
        or is_stuck
    group by class_id, student_id

)

select
    members.class_id,
    members.class_name,
    min(members.night) as night,
    min(members.mentor) as mentor,
    count(*) as students,
    count(case when not members.is_enrolled then 1 end) as students_left,
    count(case when members.is_active_lately then 1 end) as active_students,
    cast(coalesce(sum(open_work.is_stuck), 0) as bigint) as stuck_students,
    {{ tier_counts('members.tier', 'members.score') }},
    cast(sum(members.completed) as bigint) as completions,
    {{ rate('sum(members.completed)', 'sum(members.assignments)') }} as completion_rate,
    sum(members.grade_sum) / nullif(sum(members.graded), 0) as average_grade,
    cast(coalesce(sum(open_work.open_reviews), 0) as bigint) as open_reviews
from members
left join open_work
    on
        members.class_id = open_work.class_id
        and members.student_id = open_work.student_id
group by members.class_id, members.class_name, members.night_key
