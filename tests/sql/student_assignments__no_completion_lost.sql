-- What is this: classes whose known completions (student and assignment) are not all in the assigned work.
-- When does it matter: a completion outside curriculum or enrolments would vanish from every mart.
-- How to resolve: compare curriculum and enrollments with the progressions of the class.
with known as (

    select
        class_id,
        count(distinct concat(student_id, ' ', assignment_id)) as completions
    from {{ ref('progressions_as_of') }}
    where completed_at is not null
    group by class_id

)

select
    known.class_id,
    known.completions,
    class_summary.completions as summarized
from known
inner join {{ ref('class_summary') }} as class_summary
    on known.class_id = class_summary.class_id
where known.completions <> class_summary.completions
