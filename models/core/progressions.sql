select
    record_id as id,
    student_id,
    assignment_id,
    grade,
    started_at,
    completed_at,
    reviewed_at,
    first_seen_at as synced_at,
    class_id,
    version_no
from {{ ref('stg_raw__progression_versions') }}
where is_current
