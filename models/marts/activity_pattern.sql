with students as (

    {{ numbered_students() }}

),

events as (

    select
        students.student_number,
        'started' as event,
        {{ to_local('progressions.started_at', 'classes.timezone') }} as happened_at_local
    from {{ ref('progressions_as_of') }} as progressions
    inner join {{ ref('classes') }} as classes
        on progressions.class_id = classes.id
    inner join students
        on
            progressions.class_id = students.class_id
            and progressions.student_id = students.student_id
    where progressions.started_at is not null
    union all
    select
        students.student_number,
        'completed' as event,
        {{ to_local('progressions.completed_at', 'classes.timezone') }} as happened_at_local
    from {{ ref('progressions_as_of') }} as progressions
    inner join {{ ref('classes') }} as classes
        on progressions.class_id = classes.id
    inner join students
        on
            progressions.class_id = students.class_id
            and progressions.student_id = students.student_id
    where progressions.completed_at is not null

),

-- by student first: counting the distinct students of millions of events would take longer
student_counts as (

    select
        student_number,
        {{ iso_weekday('happened_at_local') }} as weekday,
        {{ hour_of('happened_at_local') }} as hour,
        count(case when event = 'started' then 1 end) as starts,
        count(case when event = 'completed' then 1 end) as completions
    from events
    group by student_number, {{ iso_weekday('happened_at_local') }}, {{ hour_of('happened_at_local') }}

),

counts as (

    select
        students.class_id,
        student_counts.weekday,
        student_counts.hour,
        cast(sum(student_counts.starts) as bigint) as starts,
        cast(sum(student_counts.completions) as bigint) as completions,
        count(*) as students
    from student_counts
    inner join students
        on student_counts.student_number = students.student_number
    group by students.class_id, student_counts.weekday, student_counts.hour

),

-- every hour of the week, also the quiet ones
hours as (

    select
        classes.id as class_id,
        classes.name as class_name,
        classes.timezone,
        cast(floor(numbers.n / 24) + 1 as bigint) as weekday,
        cast(mod(numbers.n, 24) as bigint) as hour
    from {{ ref('classes') }} as classes
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
