-- What is this: classes whose parts do not add up to the class: tiers, nights, states, reviews, hours of the week.
-- When does it matter: two marts give two answers to one question, and nobody knows which one to believe.
-- How to resolve: the column `part` names the mart that differs; look for a join in it that drops or repeats rows.
with parts as (

    select
        class_id,
        'students per tier' as part,
        critical_students + high_students + medium_students + low_students + n_a_students as total,
        students as class_total
    from {{ ref('class_summary') }}
    union all
    select
        class_summary.class_id,
        'students per night' as part,
        coalesce(sum(night_summary.students), 0) as total,
        max(class_summary.students) as class_total
    from {{ ref('class_summary') }} as class_summary
    left join {{ ref('night_summary') }} as night_summary
        on class_summary.class_id = night_summary.class_id
    group by class_summary.class_id
    union all
    select
        class_summary.class_id,
        'states per assignment' as part,
        coalesce(
            sum(
                case
                    when assignment_completion.position is not null
                        then
                            assignment_completion.completed
                            + assignment_completion.in_progress
                            + assignment_completion.not_started
                end
            ),
            0
        ) as total,
        max(class_summary.students) * max(class_summary.assignments) as class_total
    from {{ ref('class_summary') }} as class_summary
    left join {{ ref('assignment_completion') }} as assignment_completion
        on class_summary.class_id = assignment_completion.class_id
    group by class_summary.class_id
    union all
    select
        class_summary.class_id,
        'completions per section' as part,
        coalesce(sum(section_completion.completed), 0) as total,
        max(class_summary.completions) as class_total
    from {{ ref('class_summary') }} as class_summary
    left join {{ ref('section_completion') }} as section_completion
        on class_summary.class_id = section_completion.class_id
    group by class_summary.class_id
    union all
    select
        class_summary.class_id,
        'completions per type' as part,
        coalesce(sum(type_completion.completed), 0) as total,
        max(class_summary.completions) as class_total
    from {{ ref('class_summary') }} as class_summary
    left join {{ ref('type_completion') }} as type_completion
        on class_summary.class_id = type_completion.class_id
    group by class_summary.class_id
    union all
    select
        class_summary.class_id,
        'open reviews' as part,
        count(review_queue.assignment_id) as total,
        max(class_summary.open_reviews) as class_total
    from {{ ref('class_summary') }} as class_summary
    left join {{ ref('review_queue') }} as review_queue
        on class_summary.class_id = review_queue.class_id
    group by class_summary.class_id
    union all
    select
        class_summary.class_id,
        'overdue reviews per night' as part,
        coalesce(sum(night_summary.overdue_reviews), 0) as total,
        max(class_summary.overdue_reviews) as class_total
    from {{ ref('class_summary') }} as class_summary
    left join {{ ref('night_summary') }} as night_summary
        on class_summary.class_id = night_summary.class_id
    group by class_summary.class_id
    union all
    select
        class_id,
        'hours of the week' as part,
        count(*) as total,
        7 * 24 as class_total
    from {{ ref('activity_pattern') }}
    group by class_id

)

select
    class_id,
    part,
    total,
    class_total
from parts
where total <> class_total
