with records as (

    select
        assignment_id,
        {{ newest_value('assignment_name', ['version_no', 'class_id', 'record_id']) }} as assignment_name,
        {{ newest_value('assignment_type', ['version_no', 'class_id', 'record_id']) }} as assignment_type
    from {{ ref('stg_raw__progression_versions') }}
    where is_current
    group by assignment_id

),

units as (

    select distinct assignment_id
    from {{ ref('stg_raw__class_units') }}

)

select
    coalesce(records.assignment_id, units.assignment_id) as id,
    records.assignment_name as name,
    records.assignment_type as type,
    records.assignment_id is not null as has_progressions
from records
full outer join units
    on records.assignment_id = units.assignment_id
