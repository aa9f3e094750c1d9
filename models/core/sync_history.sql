select
    -- sortable by time, because run ids are
    concat(run_id, ':', class_id, ':', lpad(cast(request_number as {{ dbt.type_string() }}), 6, '0')) as id,
    synced_at,
    class_id,
    page,
    records_processed,
    run_id,
    request_number
from {{ ref('stg_sync__pages') }}
