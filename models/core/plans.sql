-- What each group of a class is to do: the curriculum, with the schedule's dates and options for the group.
with curriculum as (

    select
        class_id,
        assignment_id,
        assignment_key,
        assignment_number,
        position
    from {{ ref('curriculum') }}
    where is_assigned

),

groups as (

    select distinct
        class_id,
        group_key,
        group_night_key
    from {{ ref('enrollments') }}

),

schedule_lines as (

    select
        class_id,
        assignment_id,
        night_key,
        due_on,
        is_optional
    from {{ ref('schedule_lines') }}

),

-- a line for the night stands in the place of one for everybody
described as (

    select
        groups.class_id,
        groups.group_key,
        curriculum.assignment_id,
        curriculum.assignment_key,
        curriculum.position,
        {{ plan_key('groups.group_key', 'curriculum.assignment_number') }} as plan_key,
        case when own_lines.class_id is null then lines_for_all.due_on else own_lines.due_on end as due_on,
        coalesce(own_lines.is_optional, lines_for_all.is_optional, false) as is_optional
    from groups
    inner join curriculum
        on groups.class_id = curriculum.class_id
    left join schedule_lines as own_lines
        on
            groups.class_id = own_lines.class_id
            and curriculum.assignment_id = own_lines.assignment_id
            and groups.group_night_key = own_lines.night_key
    left join schedule_lines as lines_for_all
        on
            groups.class_id = lines_for_all.class_id
            and curriculum.assignment_id = lines_for_all.assignment_id
            and lines_for_all.night_key = ''

)

select
    class_id,
    group_key,
    assignment_id,
    assignment_key,
    plan_key,
    position,
    due_on,
    is_optional,
    -- the required assignment before this one, which leads to it
    max(case when not is_optional then assignment_key end) over (
        partition by group_key order by position
        rows between unbounded preceding and 1 preceding
    ) as previous_assignment_key
from described
