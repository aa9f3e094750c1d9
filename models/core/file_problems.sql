with roster as (

    select
        line,
        class_id,
        class_reference,
        problem
    from {{ ref('roster_matches') }}
    where problem is not null

),

mentors as (

    select
        line,
        class_reference
    from {{ ref('stg_files__mentors') }}
    where class_reference is not null

),

schedule as (

    select
        line,
        class_id,
        class_reference,
        assignment_reference,
        problem
    from {{ ref('schedule_matches') }}
    where problem is not null

),

class_names as (

    select
        class_name_key,
        classes
    from {{ ref('class_names') }}

),

judged_mentors as (

    select
        mentors.line,
        mentors.class_reference,
        {{ class_name_problem('class_names.classes') }} as problem
    from mentors
    left join class_names
        on {{ lowered('mentors.class_reference') }} = class_names.class_name_key

)

select
    'roster' as file_name,
    line,
    case when class_id is null then class_reference end as named,
    problem
from roster
union all
select
    'mentors' as file_name,
    line,
    class_reference as named,
    problem
from judged_mentors
where problem is not null
union all
select
    'schedule' as file_name,
    line,
    case when class_id is null then class_reference else assignment_reference end as named,
    problem
from schedule
