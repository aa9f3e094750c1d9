with source as (

    select * from {{ source('files', 'roster') }}

),

renamed as (

    select
        cast(file_version as bigint) as file_version,
        cast(line as bigint) as line,
        nullif(trim(class), '') as class_reference,
        nullif(trim(student_id), '') as student_reference,
        nullif(trim(email), '') as email,
        nullif(trim(first_name), '') as first_name,
        nullif(trim(last_name), '') as last_name,
        nullif(trim(region), '') as region,
        nullif(trim(night), '') as night,
        coalesce(nullif(lower(trim(role)), ''), 'student') as role,
        cast(started_on as date) as started_on,
        cast(left_on as date) as left_on
    from source

),

numbered as (

    select
        *,
        max(file_version) over () as newest_file_version,
        row_number() over (partition by file_version, line order by class_reference) as occurrence
    from renamed

)

select
    line,
    class_reference,
    student_reference,
    email,
    first_name,
    last_name,
    region,
    night,
    role,
    started_on,
    left_on
from numbered
where
    file_version = newest_file_version
    and occurrence = 1
    and line <> 1 -- the header, kept of a file without lines
