-- What is missing in the tables because it could not be read, and which lines of files need a correction?
select
    read_from,
    record_id,
    reason,
    first_seen_at
from {{ ref('rejected_records') }}
where not is_accepted_since
union all
select
    concat('file:', file_name) as read_from,
    cast(line as {{ dbt.type_string() }}) as record_id,
    problem as reason,
    null as first_seen_at
from {{ ref('file_problems') }}
order by read_from, record_id
