with source as (

    select * from {{ source('files', 'mentors') }}

),

renamed as (

    select
        cast(file_version as bigint) as file_version,
        cast(line as bigint) as line,
        nullif(trim(mentor), '') as mentor,
        nullif(trim(night), '') as night,
        nullif(trim(email), '') as email,
        nullif(trim(class), '') as class_reference
    from source

),

numbered as (

    select
        *,
        max(file_version) over () as newest_file_version,
        row_number() over (partition by file_version, line order by mentor) as occurrence
    from renamed

)

select
    line,
    mentor,
    night,
    email,
    class_reference
from numbered
where
    file_version = newest_file_version
    and occurrence = 1
    and line <> 1 -- the header, kept of a file without lines
