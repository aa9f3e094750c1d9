with roster as (

    select
        line,
        class_reference,
        student_reference,
        email,
        first_name,
        last_name,
        region,
        night,
        role,
        started_on,
        left_on,
        {{ email_key('email') }} as email_key,
        {{ name_key('first_name', 'last_name') }} as name_key
    from {{ ref('stg_files__roster') }}

),

classes as (

    select
        id,
        source,
        friendly_id,
        not is_retired and unlisted_since_on is null as is_listed
    from {{ ref('classes') }}

),

students as (

    select
        student_id,
        email_key,
        name_key
    from {{ ref('stg_raw__students') }}

),

progressions as (

    select
        class_id,
        student_id
    from {{ ref('progressions') }}

),

exclusions as (

    select
        is_email,
        like_pattern
    from {{ ref('stg_files__exclusions') }}

),

class_names as (

    select
        id as class_id,
        source,
        is_listed,
        {{ lowered('id') }} as class_name_key,
        1 as preference
    from classes
    union all
    select
        id as class_id,
        source,
        is_listed,
        {{ lowered('friendly_id') }} as class_name_key,
        2 as preference
    from classes
    where friendly_id is not null

),

-- an id beats a friendly id of the same spelling
possible_classes as (

    select
        roster.line,
        roster.email_key,
        roster.name_key,
        class_names.class_id,
        class_names.is_listed,
        {{ global_id('class_names.source', 'roster.student_reference') }} as student_reference,
        rank() over (partition by roster.line order by class_names.preference) as class_rank
    from roster
    inner join class_names
        on {{ lowered('roster.class_reference') }} = class_names.class_name_key

),

named_classes as (

    select
        *,
        count(*) over (partition by line) as classes_named
    from possible_classes
    where class_rank = 1

),

shared_classes as (

    select distinct class_id
    from named_classes
    where classes_named > 1

),

members as (

    select distinct
        progressions.class_id,
        progressions.student_id,
        students.email_key,
        students.name_key
    from progressions
    inner join shared_classes
        on progressions.class_id = shared_classes.class_id
    inner join students
        on progressions.student_id = students.student_id

),

-- the person has work in the class
worked as (

    select distinct
        named_classes.line,
        named_classes.class_id
    from named_classes
    inner join members
        on
            named_classes.class_id = members.class_id
            and case
                when named_classes.student_reference is not null
                    then named_classes.student_reference = members.student_id
                else named_classes.email_key = members.email_key or named_classes.name_key = members.name_key
            end
    where named_classes.classes_named > 1

),

ranked as (

    select
        named_classes.*,
        rank() over (
            partition by named_classes.line
            order by
                case when worked.line is null then 1 else 0 end,
                case when named_classes.is_listed then 0 else 1 end
        ) as place
    from named_classes
    left join worked
        on
            named_classes.line = worked.line
            and named_classes.class_id = worked.class_id

),

decided as (

    select
        line,
        case when count(*) = 1 then min(class_id) end as class_id,
        count(*) > 1 as is_class_shared,
        min(student_reference) as student_reference
    from ranked
    where place = 1
    group by line

),

left_out as (

    select distinct roster.line
    from roster
    inner join exclusions
        on
            {{ fits_exclusion(
                'exclusions', 'roster.email_key', full_name_key('roster.first_name', 'roster.last_name')
            ) }}

)

-- a line whose class nobody knows stays, to be seen
select
    roster.line,
    roster.class_reference,
    decided.class_id,
    coalesce(decided.is_class_shared, false) as is_class_shared,
    coalesce(decided.student_reference, roster.student_reference) as student_reference,
    roster.email,
    roster.first_name,
    roster.last_name,
    roster.region,
    roster.night,
    roster.role,
    roster.role in ({{ quoted_list('excluded_roles') }}) or left_out.line is not null as is_excluded,
    roster.started_on,
    roster.left_on,
    roster.email_key,
    roster.name_key
from roster
left join decided
    on roster.line = decided.line
left join left_out
    on roster.line = left_out.line
