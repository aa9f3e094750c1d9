select
    cast(null as {{ dbt.type_string() }}) as class_id,
    cast(null as {{ dbt.type_string() }}) as assignment_id,
    cast(null as {{ dbt.type_string() }}) as night,
    cast(null as {{ dbt.type_string() }}) as night_key,
    cast(null as bigint) as line,
    cast(null as date) as due_on,
    cast(null as boolean) as is_optional
from {{ ref('classes') }}
where false
