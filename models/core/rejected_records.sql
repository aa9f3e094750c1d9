with rejected as (

    select
        read_from,
        record_hash,
        record_id,
        reason,
        page,
        record_json,
        first_seen_at,
        run_id
    from {{ ref('stg_raw__rejected_records') }}

),

versions as (

    select
        class_id,
        record_id,
        first_seen_at
    from {{ ref('stg_raw__progression_versions') }}
    where not is_removed

),

classes as (

    select id as class_id
    from {{ ref('classes') }}

),

rejected_ids as (

    select distinct
        read_from,
        record_id
    from rejected

),

accepted as (

    select
        versions.class_id,
        versions.record_id,
        max(versions.first_seen_at) as accepted_at
    from versions
    inner join rejected_ids
        on
            versions.class_id = rejected_ids.read_from
            and versions.record_id = rejected_ids.record_id
    group by versions.class_id, versions.record_id

)

select
    rejected.read_from,
    rejected.record_hash,
    classes.class_id,
    rejected.record_id,
    rejected.reason,
    accepted.record_id is not null as is_accepted_since,
    rejected.page,
    rejected.record_json,
    rejected.first_seen_at,
    rejected.run_id
from rejected
left join classes
    on rejected.read_from = classes.class_id
left join accepted
    on
        rejected.read_from = accepted.class_id
        and rejected.record_id = accepted.record_id
        and rejected.first_seen_at < accepted.accepted_at
