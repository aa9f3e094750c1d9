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
        row_number() over (partition by file_version, line order by mentor) as occurrence
    from renamed

),

-- one number: a window over all lines would bring them all to one place
newest as (

    select max(file_version) as file_version
    from renamed

)

select
    numbered.line,
    numbered.mentor,
    numbered.night,
    numbered.email,
    numbered.class_reference
from numbered
inner join newest
    on numbered.file_version = newest.file_version
where
    numbered.occurrence = 1
    and numbered.line <> 1 -- the header, kept of a file without lines
