with sync_runs as (

    select
        run_id,
        class_id,
        started_at,
        finished_at,
        sync_mode,
        status,
        pages,
        records_fetched,
        records_new,
        records_changed,
        records_removed,
        records_rejected,
        reported_total,
        stored_total,
        is_verified,
        page_size,
        timezone,
        error
    from {{ ref('stg_sync__runs') }}

),

classes as (

    select id as class_id
    from {{ ref('classes') }}

)

-- runs for an id of which nothing was ever read stay in the raw store: no other table has that class
select
    sync_runs.run_id,
    sync_runs.class_id,
    sync_runs.started_at,
    sync_runs.finished_at,
    sync_runs.sync_mode,
    sync_runs.status,
    sync_runs.pages,
    sync_runs.records_fetched,
    sync_runs.records_new,
    sync_runs.records_changed,
    sync_runs.records_removed,
    sync_runs.records_rejected,
    sync_runs.reported_total,
    sync_runs.stored_total,
    sync_runs.is_verified,
    sync_runs.page_size,
    sync_runs.timezone,
    sync_runs.error
from sync_runs
inner join classes
    on sync_runs.class_id = classes.class_id
