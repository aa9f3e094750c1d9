with units as (

    select
        class_id,
        assignment_id,
        unit_position,
        section_position,
        section_name
    from {{ ref('stg_raw__class_units') }}

),

met as (

    select distinct
        class_id,
        assignment_id
    from {{ ref('progressions_as_of') }}

),

-- who completed what, to find the order of the class where the units give none
progressions as (

    select
        class_id,
        student_key,
        assignment_id,
        completed_at
    from {{ ref('progressions_as_of') }}

),

classes as (

    select
        id as class_id,
        class_key
    from {{ ref('classes') }}

),

listed as (

    select
        coalesce(units.class_id, met.class_id) as class_id,
        coalesce(units.assignment_id, met.assignment_id) as assignment_id,
        units.unit_position,
        units.section_position,
        units.section_name
    from units
    full outer join met
        on
            units.class_id = met.class_id
            and units.assignment_id = met.assignment_id

),

-- where the units give each assignment a place of its own, nobody's order of work is asked for
shared_places as (

    select
        class_id,
        unit_position
    from listed
    group by class_id, unit_position
    having
        count(*) > 1
        or unit_position is null

),

unordered_classes as (

    select distinct class_id
    from shared_places

),

attempts as (

    select
        progressions.student_key,
        progressions.class_id,
        progressions.assignment_id,
        min(progressions.completed_at) as completed_at
    from progressions
    inner join unordered_classes
        on progressions.class_id = unordered_classes.class_id
    group by progressions.student_key, progressions.class_id, progressions.assignment_id

),

-- the order in which each student completed things
ranked as (

    select
        class_id,
        assignment_id,
        completed_at,
        case
            when completed_at is not null
                then rank() over (partition by student_key order by completed_at nulls last)
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

ordered as (

    select
        listed.*,
        seen.median_rank,
        coalesce(seen.completions, 0) as completions,
        coalesce(seen.students, 0) as students
    from listed
    left join seen
        on
            listed.class_id = seen.class_id
            and listed.assignment_id = seen.assignment_id

),

-- units first; the rest in the order of the class, never completed ones last
placed as (

    select
        *,
        row_number() over (
            partition by class_id
            order by
                unit_position asc nulls last,
                median_rank asc nulls last,
                completions desc,
                students desc,
                assignment_id asc
        ) as position
    from ordered

)

select
    placed.class_id,
    placed.assignment_id,
    {{ key_in_class('classes.class_key', 'placed.position') }} as assignment_key,
    placed.position,
    placed.section_name as section,
    placed.section_position,
    placed.unit_position is null as is_inferred
from placed
inner join classes
    on placed.class_id = classes.class_id
