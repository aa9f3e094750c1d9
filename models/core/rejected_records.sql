with rejected as (

    select
        read_from,
        record_hash,
        record_id,
        reason,
        page,
        record_json,
        first_seen_at,
        run_id,
        field,
        version_no
    from {{ ref('stg_raw__rejected_records') }}

),

versions as (

    select
        class_id,
        record_id,
        version_no,
        first_seen_at,
        rejected_fields
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
        max(versions.version_no) as version_no,
        max(versions.first_seen_at) as accepted_at,
        {{ newest_value("coalesce(versions.rejected_fields, '')", ['versions.version_no']) }} as rejected_fields
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
    rejected.field,
    coalesce(
        case
            -- a field: usable once the newest version has it
            when rejected.field is not null
                then ',' || accepted.rejected_fields || ',' not like '%,' || rejected.field || ',%'
            when rejected.version_no is not null
                then accepted.version_no > rejected.version_no
            else accepted.accepted_at > rejected.first_seen_at
        end,
        false
    ) as is_accepted_since,
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
