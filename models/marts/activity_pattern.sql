with events as (

    select
        progressions.class_id,
        progressions.student_id,
        'started' as event,
        {{ to_local('progressions.started_at', 'classes.timezone') }} as happened_at_local
    from {{ ref('progressions_as_of') }} as progressions
    inner join {{ ref('classes') }} as classes
        on progressions.class_id = classes.id
    where progressions.started_at is not null
    union all
    select
        progressions.class_id,
        progressions.student_id,
        'completed' as event,
        {{ to_local('progressions.completed_at', 'classes.timezone') }} as happened_at_local
    from {{ ref('progressions_as_of') }} as progressions
    inner join {{ ref('classes') }} as classes
        on progressions.class_id = classes.id
    where progressions.completed_at is not null

),

counts as (

    select
        class_id,
        {{ iso_weekday('happened_at_local') }} as weekday,
        {{ hour_of('happened_at_local') }} as hour,
        count(case when event = 'started' then 1 end) as starts,
        count(case when event = 'completed' then 1 end) as completions,
        count(distinct student_id) as students
    from events
    group by class_id, {{ iso_weekday('happened_at_local') }}, {{ hour_of('happened_at_local') }}

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
