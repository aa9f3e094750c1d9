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
    numbered.assignment_reference,
    numbered.due_on,
    numbered.is_optional,
    numbered.night
from numbered
inner join newest
    on numbered.file_version = newest.file_version
where
    numbered.occurrence = 1
    and numbered.line <> 1 -- the header, kept of a file without lines
