with lines as (

    select
        line,
        mentor,
        night,
        email,
        class_reference
    from {{ ref('stg_files__mentors') }}
    where
        mentor is not null
        and night is not null

),

class_names as (

    select
        class_name_key,
        class_id
    from {{ ref('class_names') }}

),

located as (

    select
        lines.*,
        {{ lowered('lines.night') }} as night_key,
        class_names.class_id
    from lines
    left join class_names
        on {{ lowered('lines.class_reference') }} = class_names.class_name_key
    -- a line for a class that nobody knows is for no class, not for all
    where
        lines.class_reference is null
        or class_names.class_id is not null

),

chosen as (

    {{ one_of_several('located', ['class_id', 'night_key', 'mentor'], ['line']) }}

)

select
    line,
    mentor,
    email,
    night,
    night_key,
    class_id
from chosen
