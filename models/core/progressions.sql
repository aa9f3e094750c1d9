with versions as (

    select
        class_id,
        record_id,
        version_no,
        student_id,
        assignment_id,
        grade,
        started_at,
        completed_at,
        reviewed_at,
        first_seen_at
    from {{ ref('stg_raw__progression_versions') }}
    where is_current

),

-- a record that came unreadable stays as it was read last
rejected as (

    select distinct
        class_id,
        record_id
    from {{ ref('rejected_records') }}
    where not is_accepted_since

)

select
    versions.record_id as id,
    versions.student_id,
    versions.assignment_id,
    versions.grade,
    versions.started_at,
    versions.completed_at,
    versions.reviewed_at,
    versions.first_seen_at as synced_at,
    versions.class_id,
    versions.version_no,
    rejected.record_id is not null as has_rejected_change
from versions
left join rejected
    on
        versions.class_id = rejected.class_id
        and versions.record_id = rejected.record_id
