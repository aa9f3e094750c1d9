with classes as (

    select
        id as class_id,
        name as class_name,
        timezone
    from {{ ref('classes') }}

),

class_students as (

    select
        class_id,
        student_key,
        timezone
    from {{ ref('class_students') }}

),

started as (

    select
        student_key,
        started_at as happened_at
    from {{ ref('progressions_as_of') }}
    where started_at is not null

),

completed as (

    select
        student_key,
        completed_at as happened_at
    from {{ ref('progressions_as_of') }}
    where completed_at is not null

),

events as (

    select
        student_key,
        happened_at,
        1 as starts,
        0 as completions
    from started
    union all
    select
        student_key,
        happened_at,
        0 as starts,
        1 as completions
    from completed

),

local_events as (

    select
        events.student_key,
        events.starts,
        events.completions,
        {{ to_local('events.happened_at', 'class_students.timezone') }} as happened_at_local
    from events
    inner join class_students
        on events.student_key = class_students.student_key

),

-- by student first: counting the distinct students of millions of events would take longer
student_counts as (

    select
        student_key,
        {{ iso_weekday('happened_at_local') }} as weekday,
        {{ hour_of('happened_at_local') }} as hour,
        sum(starts) as starts,
        sum(completions) as completions
    from local_events
    group by student_key, {{ iso_weekday('happened_at_local') }}, {{ hour_of('happened_at_local') }}

),

counts as (

    select
        class_students.class_id,
        student_counts.weekday,
        student_counts.hour,
        cast(sum(student_counts.starts) as bigint) as starts,
        cast(sum(student_counts.completions) as bigint) as completions,
        count(*) as students
    from student_counts
    inner join class_students
        on student_counts.student_key = class_students.student_key
    group by class_students.class_id, student_counts.weekday, student_counts.hour

),

-- every hour of the week, also the quiet ones
hours as (

    select
        classes.class_id,
        classes.class_name,
        classes.timezone,
        cast(floor(numbers.n / 24) + 1 as bigint) as weekday,
        cast(mod(numbers.n, 24) as bigint) as hour
    from classes
    inner join {{ numbers() }} as numbers
        on numbers.n < 7 * 24

)

select
    hours.class_id,
    hours.class_name,
    hours.weekday,
    case hours.weekday
        when 1 then 'Monday'
        when 2 then 'Tuesday'
        when 3 then 'Wednesday'
        when 4 then 'Thursday'
        when 5 then 'Friday'
        when 6 then 'Saturday'
        else 'Sunday'
    end as weekday_name,
    hours.hour,
    hours.timezone,
    coalesce(counts.starts, 0) as starts,
    coalesce(counts.completions, 0) as completions,
    coalesce(counts.students, 0) as students,
    {{ rate(
        'coalesce(counts.completions, 0)', 'sum(counts.completions) over (partition by hours.class_id)'
    ) }} as share_of_completions
from hours
left join counts
    on
        hours.class_id = counts.class_id
        and hours.weekday = counts.weekday
        and hours.hour = counts.hour
