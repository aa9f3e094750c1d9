with source as (

    select * from {{ source('files', 'exclusions') }}

),

renamed as (

    select
        cast(file_version as bigint) as file_version,
        cast(line as bigint) as line,
        nullif({{ lowered('trim(pattern)') }}, '') as pattern
    from source

),

numbered as (

    select
        *,
        row_number() over (partition by file_version, line order by pattern) as occurrence
    from renamed

),

-- one number: a window over all lines would bring them all to one place
newest as (

    select max(file_version) as file_version
    from renamed

)

select
    numbered.line,
    numbered.pattern,
    numbered.pattern like '%@%' as is_email,
    -- what `like` takes for a sign is one, but for the star; a domain fits whatever stands before it
    concat(
        case when numbered.pattern like '@%' then '%' else '' end,
        replace(replace(replace(replace(numbered.pattern, '!', '!!'), '%', '!%'), '_', '!_'), '*', '%')
    ) as like_pattern
from numbered
inner join newest
    on numbered.file_version = newest.file_version
where
    numbered.occurrence = 1
    and numbered.pattern is not null
