with units as (

    select
        class_id,
        assignment_id,
        unit_position,
        section_position,
        section_name
    from {{ ref('stg_openclass__class_units') }}

),

attempts as (

    select
        class_id,
        student_id,
        assignment_id,
        min(completed_at) as completed_at
    from {{ ref('progressions_as_of') }}
    group by class_id, student_id, assignment_id

),

-- the order in which each student completed things
ranked as (

    select
        class_id,
        assignment_id,
        completed_at,
        case
            when completed_at is not null
                then rank() over (partition by class_id, student_id order by completed_at nulls last)
        end as completion_rank
    from attempts

),

seen as (

    select
        class_id,
        assignment_id,
        {{ median('completion_rank') }} as median_rank,
        count(completed_at) as completions,
        count(*) as students
    from ranked
    group by class_id, assignment_id

),

merged as (

    select
        coalesce(units.class_id, seen.class_id) as class_id,
        coalesce(units.assignment_id, seen.assignment_id) as assignment_id,
        units.unit_position,
        units.section_position,
        units.section_name,
        seen.median_rank,
        coalesce(seen.completions, 0) as completions,
        coalesce(seen.students, 0) as students
    from units
    full outer join seen
        on
            units.class_id = seen.class_id
            and units.assignment_id = seen.assignment_id

)

select
    class_id,
    assignment_id,
    -- units first; the rest in the order of the class, never completed ones last
    row_number() over (
        partition by class_id
        order by
            unit_position asc nulls last, median_rank asc nulls last, completions desc, students desc, assignment_id asc
    ) as position,
    section_name as section,
    section_position,
    unit_position is null as is_inferred
from merged
