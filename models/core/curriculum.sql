with units as (

    select
        class_id,
        assignment_id,
        unit_position,
        section_position,
        section_name
    from {{ ref('stg_raw__class_units') }}

),

schedule as (

    select
        class_id,
        assignment_id,
        min(line) as line
    from {{ ref('schedule_lines') }}
    group by class_id, assignment_id

),

assignments as (

    select
        id as assignment_id,
        name
    from {{ ref('assignments') }}

),

classes as (

    select
        id as class_id,
        class_key
    from {{ ref('classes') }}

),

enrollments as (

    select
        class_id,
        student_id,
        student_key
    from {{ ref('enrollments') }}

),

progressions as (

    select
        class_id,
        student_id,
        assignment_id,
        completed_at
    from {{ ref('dated_progressions') }}

),

-- one curriculum for every week and every `as_of`: all that is stored has a say
attempts as (

    select
        enrollments.class_id,
        enrollments.student_key,
        progressions.assignment_id,
        min(progressions.completed_at) as completed_at
    from progressions
    inner join enrollments
        on
            progressions.class_id = enrollments.class_id
            and progressions.student_id = enrollments.student_id
    group by enrollments.class_id, enrollments.student_key, progressions.assignment_id

),

met as (

    select
        class_id,
        assignment_id,
        count(completed_at) as completions,
        count(*) as students
    from attempts
    group by class_id, assignment_id

),

-- units that most of the completed work lies outside of are not those that the class follows
unit_coverage as (

    select
        met.class_id,
        coalesce(sum(case when units.assignment_id is not null then met.completions end), 0) as covered,
        sum(met.completions) as completions
    from met
    left join units
        on
            met.class_id = units.class_id
            and met.assignment_id = units.assignment_id
    group by met.class_id

),

doubted_units as (

    select class_id
    from unit_coverage
    where not {{ is_at_least_share('covered', 'completions', 'units_believed_share') }}

),

believed_units as (

    select units.*
    from units
    left join doubted_units
        on units.class_id = doubted_units.class_id
    where doubted_units.class_id is null

),

planned_classes as (

    select class_id
    from schedule
    union
    select class_id
    from believed_units

),

-- nobody's order of work is asked for where a plan gives it
unplanned_attempts as (

    select attempts.*
    from attempts
    left join planned_classes
        on attempts.class_id = planned_classes.class_id
    where
        planned_classes.class_id is null
        and attempts.completed_at is not null

),

ranked as (

    select
        class_id,
        assignment_id,
        rank() over (partition by student_key order by completed_at) as completion_rank
    from unplanned_attempts

),

inferred as (

    select
        class_id,
        assignment_id,
        {{ median('completion_rank') }} as median_rank
    from ranked
    group by class_id, assignment_id

),

scheduled_classes as (

    select distinct class_id
    from schedule

),

-- where there is a schedule, units only name the sections
followed_units as (

    select believed_units.*
    from believed_units
    left join scheduled_classes
        on believed_units.class_id = scheduled_classes.class_id
    where scheduled_classes.class_id is null

),

listed as (

    select
        class_id,
        assignment_id
    from met
    union
    select
        class_id,
        assignment_id
    from followed_units
    union
    select
        class_id,
        assignment_id
    from schedule

),

described as (

    select
        listed.class_id,
        listed.assignment_id,
        assignments.name,
        believed_units.section_position,
        believed_units.section_name,
        case when scheduled_classes.class_id is null then believed_units.unit_position else schedule.line end
            as planned_place,
        planned_classes.class_id is null as is_inferred,
        inferred.median_rank,
        coalesce(met.completions, 0) as completions,
        coalesce(met.students, 0) as students
    from listed
    left join assignments
        on listed.assignment_id = assignments.assignment_id
    left join believed_units
        on
            listed.class_id = believed_units.class_id
            and listed.assignment_id = believed_units.assignment_id
    left join schedule
        on
            listed.class_id = schedule.class_id
            and listed.assignment_id = schedule.assignment_id
    left join scheduled_classes
        on listed.class_id = scheduled_classes.class_id
    left join planned_classes
        on listed.class_id = planned_classes.class_id
    left join inferred
        on
            listed.class_id = inferred.class_id
            and listed.assignment_id = inferred.assignment_id
    left join met
        on
            listed.class_id = met.class_id
            and listed.assignment_id = met.assignment_id

),

-- what is outside the plan has no position, and its key comes after all others
placed as (

    select
        *,
        is_inferred or planned_place is not null as is_assigned,
        row_number() over (
            partition by class_id
            order by
                planned_place asc nulls last,
                median_rank asc nulls last,
                completions desc,
                students desc,
                assignment_id asc
        ) as place
    from described

)

select
    placed.class_id,
    placed.assignment_id,
    {{ key_in_class('classes.class_key', 'placed.place') }} as assignment_key,
    cast(placed.place as bigint) as assignment_number,
    cast(case when placed.is_assigned then placed.place end as bigint) as position,
    coalesce(
        placed.name,
        case
            when not placed.is_assigned then 'Unnamed assignment'
            when placed.section_name is null
                then concat('Assignment ', cast(placed.place as {{ dbt.type_string() }}))
            else
                concat(
                    'Assignment ', cast(placed.place as {{ dbt.type_string() }}), ' (', placed.section_name, ')'
                )
        end
    ) as assignment_name,
    placed.section_name as section,
    placed.section_position,
    placed.is_assigned,
    placed.is_inferred
from placed
inner join classes
    on placed.class_id = classes.class_id
