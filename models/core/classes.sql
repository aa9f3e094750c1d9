with listed as (

    select
        class_id,
        source,
        friendly_id,
        class_name,
        school,
        is_published,
        units_hash is not null as has_units,
        first_seen_at
    from {{ ref('stg_raw__classes') }}

),

class_states as (

    select
        class_id,
        unlisted_since,
        is_retired
    from {{ ref('stg_raw__class_states') }}

),

records as (

    select
        class_id,
        source,
        max(first_seen_at) as newest_record_at
    from {{ ref('stg_raw__progression_versions') }}
    group by class_id, source

),

sync_runs as (

    select
        class_id,
        source,
        stored_order,
        finished_at,
        status,
        timezone
    from {{ ref('stg_sync__runs') }}

),

pages as (

    select
        class_id,
        source
    from {{ ref('stg_sync__pages') }}

),

-- a class of which nothing was ever read, a mistyped id say, is none
known_classes as (

    select
        class_id,
        source
    from listed
    union
    select
        class_id,
        source
    from sync_runs
    where status <> 'failed'
    union
    select
        class_id,
        source
    from records
    union
    select
        class_id,
        source
    from pages

),

-- An unverified run read the class to its end as well: only the proof is missing.
-- The newest run is the one stored last: a clock that was wrong once decides nothing later.
runs as (

    select
        class_id,
        {{ newest_value("case when status = 'ok' then finished_at end", ['stored_order']) }} as last_synced_at,
        {{ newest_value("case when status in ('ok', 'unverified') then finished_at end", ['stored_order']) }}
            as last_read_at,
        {{ newest_value('finished_at', ['stored_order']) }} as last_run_at,
        {{ newest_value('status', ['stored_order']) }} as last_run_status,
        {{ newest_value('timezone', ['stored_order']) }} as timezone
    from sync_runs
    group by class_id

),

-- what "now" means here: the newest run of any class, or the moment asked for; never the clock
newest_run as (

    select coalesce({{ as_of_override() }}, {{ newest_value('finished_at', ['stored_order']) }}) as clock_at
    from sync_runs

),

joined as (

    select
        known_classes.class_id,
        known_classes.source,
        listed.friendly_id,
        coalesce(listed.class_name, listed.friendly_id, known_classes.class_id) as class_name,
        listed.school,
        listed.is_published,
        coalesce(listed.has_units, false) as has_units,
        coalesce(runs.timezone, '{{ threshold("default_timezone") }}') as timezone,
        coalesce(class_states.is_retired, false) as is_retired,
        class_states.unlisted_since,
        runs.last_synced_at,
        runs.last_run_at,
        runs.last_run_status,
        coalesce(runs.last_read_at, runs.last_run_at, records.newest_record_at, listed.first_seen_at)
            as data_as_of,
        newest_run.clock_at
    from known_classes
    left join listed
        on known_classes.class_id = listed.class_id
    left join class_states
        on known_classes.class_id = class_states.class_id
    left join records
        on known_classes.class_id = records.class_id
    left join runs
        on known_classes.class_id = runs.class_id
    cross join newest_run

),

dated as (

    select
        *,
        coalesce({{ as_of_override() }}, data_as_of) as as_of
    from joined

)

select
    class_id as id,
    source,
    cast(row_number() over (order by class_id) as bigint) as class_key,
    friendly_id,
    class_name as name,
    school,
    is_published,
    has_units,
    timezone,
    is_retired,
    {{ local_date('unlisted_since', 'timezone') }} as unlisted_since_on,
    last_synced_at,
    last_run_at,
    last_run_status,
    data_as_of as read_at,
    as_of,
    {{ local_date('as_of', 'timezone') }} as as_of_on,
    not is_retired
    and coalesce(
        {{ seconds_between('data_as_of', 'clock_at') }} > {{ threshold('stale_after_hours') }} * 3600,
        false
    ) as is_stale
from dated
