with refused as (

    select distinct
        read_from,
        record_id
    from {{ ref('stg_openclass__rejected_records') }}

),

accepted as (

    select
        versions.class_id,
        versions.record_id,
        max(versions.first_seen_at) as accepted_at
    from {{ ref('stg_openclass__progression_versions') }} as versions
    inner join refused
        on
            versions.class_id = refused.read_from
            and versions.record_id = refused.record_id
    where not versions.is_removed
    group by versions.class_id, versions.record_id

)

select
    rejected.read_from,
    rejected.record_hash,
    classes.id as class_id,
    rejected.record_id,
    rejected.reason,
    accepted.record_id is not null as is_accepted_since,
    rejected.page,
    rejected.record_json,
    rejected.first_seen_at,
    rejected.run_id
from {{ ref('stg_openclass__rejected_records') }} as rejected
left join {{ ref('classes') }} as classes
    on rejected.read_from = classes.id
left join accepted
    on
        rejected.read_from = accepted.class_id
        and rejected.record_id = accepted.record_id
        and rejected.first_seen_at < accepted.accepted_at
