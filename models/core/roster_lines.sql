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

)

select
    line,
    class_reference,
    class_id,
    email,
    first_name,
    last_name,
    region,
    night,
    role,
    role in ({{ quoted_list('excluded_roles') }}) as is_excluded,
    started_on,
    left_on,
    email_key,
    name_key
from keyed
