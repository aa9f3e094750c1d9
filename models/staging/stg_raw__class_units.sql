with source as (

    select * from {{ source('raw', 'class_units') }}

),

renamed as (

    select
        {{ global_id('source', 'class_id') }} as class_id,
        units_hash,
        cast(position as bigint) as unit_position,
        cast(section_position as bigint) as section_position,
        section_name,
        {{ global_id('source', 'assignment_id') }} as assignment_id
    from source

),

current_units as (

    select renamed.*
    from renamed
    inner join {{ ref('stg_raw__classes') }} as classes
        on
            renamed.class_id = classes.class_id
            and renamed.units_hash = classes.units_hash

),

-- an assignment listed twice keeps its first place
numbered as (

    select
        *,
        row_number() over (partition by class_id, assignment_id order by unit_position) as occurrence
    from current_units

)

select
    class_id,
    assignment_id,
    unit_position,
    section_position,
    section_name
from numbered
where occurrence = 1
