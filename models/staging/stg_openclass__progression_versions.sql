with source as (

    select * from {{ source('openclass', 'progressions') }}

),

renamed as (

    select
        class_id,
        record_id,
        cast(version_no as bigint) as version_no,
        cast(is_removed as boolean) as is_removed,
        user_id as student_id,
        user_first_name as first_name,
        user_last_name as last_name,
        user_email as email,
        assignment_id,
        assignment_name,
        assignment_type,
        cast(grade as double) as grade,
        cast(started_at as timestamp) as started_at,
        cast(completed_at as timestamp) as completed_at,
        cast(reviewed_at as timestamp) as reviewed_at,
        cast(first_seen_at as timestamp) as first_seen_at
    from source

),

numbered as (

    select
        *,
        row_number() over (partition by class_id, record_id order by version_no desc) as recency,
        lag(version_no) over (partition by class_id, record_id order by version_no desc) as newer_version_no
    from renamed

)

select
    class_id,
    record_id,
    version_no,
    is_removed,
    student_id,
    first_name,
    last_name,
    email,
    assignment_id,
    assignment_name,
    assignment_type,
    grade,
    started_at,
    completed_at,
    reviewed_at,
    first_seen_at,
    recency = 1 as is_newest,
    recency = 1 and not is_removed as is_in_force
from numbered
-- a retried load may have stored the same version twice
where newer_version_no is null or newer_version_no <> version_no
