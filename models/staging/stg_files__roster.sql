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
        coalesce(nullif({{ lowered('trim(role)') }}, ''), 'student') as role,
        cast(started_on as date) as started_on,
        cast(left_on as date) as left_on
    from source

),

numbered as (

    select
        *,
        row_number() over (partition by file_version, line order by class_reference) as occurrence
    from renamed

),

-- one number: a window over all lines would bring them all to one place
newest as (

    select max(file_version) as file_version
    from renamed

)

select
    numbered.line,
    numbered.class_reference,
    numbered.student_reference,
    numbered.email,
    numbered.first_name,
    numbered.last_name,
    numbered.region,
    numbered.night,
    numbered.role,
    numbered.started_on,
    numbered.left_on
from numbered
inner join newest
    on numbered.file_version = newest.file_version
where
    numbered.occurrence = 1
    and numbered.line <> 1 -- the header, kept of a file without lines
