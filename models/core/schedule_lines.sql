with matches as (

    select
        line,
        class_id,
        assignment_id,
        night,
        night_key,
        due_on,
        is_optional
    from {{ ref('schedule_matches') }}
    where is_current

)

select
    class_id,
    assignment_id,
    night_key,
    night,
    line,
    due_on,
    is_optional
from matches
