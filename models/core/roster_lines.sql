with roster as (

    select
        line,
        class_reference,
        email,
        first_name,
        last_name,
        region,
        night,
        role,
        started_on,
        left_on
    from {{ ref('stg_files__roster') }}

),

classes as (

    select
        id,
        friendly_id
    from {{ ref('classes') }}

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
        lower(id) as class_name_key,
        1 as preference
    from classes
    union all
    select
        id as class_id,
        lower(friendly_id) as class_name_key,
        2 as preference
    from classes
    where friendly_id is not null

),

-- a line whose class nobody knows stays, to be seen
possible_classes as (

    select
        roster.*,
        class_names.class_id,
        class_names.preference
    from roster
    left join class_names
        on lower(roster.class_reference) = class_names.class_name_key

),

-- an id beats a friendly id of the same spelling
classified as (

    {{ one_of_several('possible_classes', ['line'], ['preference', 'class_id']) }}

),

keyed as (

    select
        *,
        lower(email) as email_key,
        case
            when first_name is not null and last_name is not null then lower(concat(first_name, ' ', last_name))
        end as name_key
    from classified

),

left_out as (

    select distinct keyed.line
    from keyed
    inner join exclusions
        on {{ fits_exclusion('exclusions', 'keyed.email_key', full_name_key('keyed.first_name', 'keyed.last_name')) }}

)

select
    keyed.line,
    keyed.class_reference,
    keyed.class_id,
    keyed.email,
    keyed.first_name,
    keyed.last_name,
    keyed.region,
    keyed.night,
    keyed.role,
    keyed.role in ({{ quoted_list('excluded_roles') }}) or left_out.line is not null as is_excluded,
    keyed.started_on,
    keyed.left_on,
    keyed.email_key,
    keyed.name_key
from keyed
left join left_out
    on keyed.line = left_out.line
