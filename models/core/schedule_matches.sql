with lines as (

    select
        line,
        class_reference,
        assignment_reference,
        due_on,
        is_optional,
        night
    from {{ ref('stg_files__schedule') }}

),

class_names as (

    select
        class_name_key,
        class_id,
        classes
    from {{ ref('class_names') }}

),

units as (

    select
        class_id,
        assignment_id
    from {{ ref('stg_raw__class_units') }}

),

versions as (

    select
        class_id,
        assignment_id,
        assignment_name,
        is_current
    from {{ ref('stg_raw__progression_versions') }}

),

assignments as (

    select
        id as assignment_id,
        name as assignment_name
    from {{ ref('assignments') }}

),

located as (

    select
        lines.*,
        class_names.class_id,
        {{ class_name_problem('class_names.classes') }} as class_problem
    from lines
    left join class_names
        on {{ lowered('lines.class_reference') }} = class_names.class_name_key

),

scheduled_classes as (

    select distinct class_id
    from located
    where class_id is not null

),

met as (

    select
        versions.class_id,
        versions.assignment_id,
        versions.assignment_name,
        max(cast(versions.is_current as integer)) as is_met
    from versions
    inner join scheduled_classes
        on versions.class_id = scheduled_classes.class_id
    group by versions.class_id, versions.assignment_id, versions.assignment_name

),

known_assignments as (

    select
        class_id,
        assignment_id
    from units
    union
    select
        class_id,
        assignment_id
    from met
    where is_met = 1

),

-- a schedule outlives a change of names: an id first, then the name of now, then one of before
assignment_names as (

    select
        class_id,
        assignment_id,
        assignment_id as assignment_reference,
        1 as preference
    from known_assignments
    union all
    select
        known_assignments.class_id,
        known_assignments.assignment_id,
        trim(assignments.assignment_name) as assignment_reference,
        2 as preference
    from known_assignments
    inner join assignments
        on known_assignments.assignment_id = assignments.assignment_id
    union all
    select
        known_assignments.class_id,
        known_assignments.assignment_id,
        trim(met.assignment_name) as assignment_reference,
        3 as preference
    from known_assignments
    inner join met
        on
            known_assignments.class_id = met.class_id
            and known_assignments.assignment_id = met.assignment_id

),

bearers as (

    select
        class_id,
        assignment_reference,
        preference,
        min(assignment_id) as assignment_id,
        count(distinct assignment_id) as assignments
    from assignment_names
    group by class_id, assignment_reference, preference

),

best as (

    {{ one_of_several('bearers', ['class_id', 'assignment_reference'], ['preference']) }}

),

matched as (

    select
        located.*,
        best.preference,
        case when best.assignments = 1 then best.assignment_id end as assignment_id,
        coalesce(best.assignments > 1, false) as is_ambiguous,
        {{ lowered("coalesce(located.night, '')") }} as night_key
    from located
    left join best
        on
            located.class_id = best.class_id
            and located.assignment_reference = best.assignment_reference

),

ranked as (

    select
        *,
        min(line) over (partition by class_id, assignment_id, night_key) as first_line
    from matched

)

select
    line,
    class_reference,
    class_id,
    assignment_reference,
    assignment_id,
    case
        when assignment_id is null then 'none'
        when preference = 1 then 'id'
        when preference = 2 then 'name'
        else 'former name'
    end as matched_by,
    case
        when class_problem is not null then class_problem
        when is_ambiguous then 'several assignments of the class bear this name: write the id'
        when assignment_id is null
            then 'no assignment of the class has this id or name (one that nobody has started is known by its id only)'
        when line > first_line
            then concat('line ', cast(first_line as {{ dbt.type_string() }}), ' speaks for this assignment already')
    end as problem,
    assignment_id is not null and line = first_line as is_current,
    night,
    night_key,
    due_on,
    is_optional
from ranked
