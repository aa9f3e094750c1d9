with source as (

    select * from {{ source('files', 'exclusions') }}

),

renamed as (

    select
        cast(file_version as bigint) as file_version,
        cast(line as bigint) as line,
        nullif(lower(trim(pattern)), '') as pattern
    from source

),

numbered as (

    select
        *,
        max(file_version) over () as newest_file_version,
        row_number() over (partition by file_version, line order by pattern) as occurrence
    from renamed

)

select
    line,
    pattern,
    pattern like '%@%' as is_email,
    -- what `like` takes for a sign is one, but for the star; a domain fits whatever stands before it
    concat(
        case when pattern like '@%' then '%' else '' end,
        replace(replace(replace(replace(pattern, '!', '!!'), '%', '!%'), '_', '!_'), '*', '%')
    ) as like_pattern
from numbered
where
    file_version = newest_file_version
    and occurrence = 1
    and pattern is not null
