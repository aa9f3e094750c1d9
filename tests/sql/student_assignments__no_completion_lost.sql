-- What is this: classes whose known completions (student and assignment) are not all in the work of students.
-- When does it matter: a completion outside curriculum or enrolments would vanish from every mart.
-- How to resolve: compare curriculum and enrollments with the progressions of the class.
with known as (

    select
        class_id,
        count(distinct concat(student_id, ' ', assignment_id)) as completions
    from {{ ref('progressions_as_of') }}
    where completed_at is not null
    group by class_id

),

found as (

    select
        class_id,
        count(case when is_completed then 1 end) as completions
    from {{ ref('student_assignments') }}
    group by class_id

)

select
    known.class_id,
    known.completions,
    found.completions as found_completions
from known
left join found
    on known.class_id = found.class_id
where known.completions <> coalesce(found.completions, 0)
