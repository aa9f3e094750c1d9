with source as (

    select * from {{ source('files', 'schedule') }}

),

renamed as (

    select
        cast(file_version as bigint) as file_version,
        cast(line as bigint) as line,
        nullif(trim(class), '') as class_reference,
        nullif(trim(assignment), '') as assignment_reference,
        cast(due_on as date) as due_on,
        coalesce(cast(optional as boolean), false) as is_optional,
        nullif(trim(night), '') as night
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
    assignment_reference,
    due_on,
    is_optional,
    night
from numbered
where
    file_version = newest_file_version
    and occurrence = 1
    and line <> 1 -- the header, kept of a file without lines
