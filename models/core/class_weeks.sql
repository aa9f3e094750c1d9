with activity as (

    select
        class_id,
        min(least(started_on, completed_on)) as first_activity_on,
        max(completed_on) as last_completed_on
    from {{ ref('progressions_as_of') }}
    group by class_id

),

spans as (

    select
        classes.id as class_id,
        classes.as_of_date,
        activity.last_completed_on,
        {{ week_start('coalesce(activity.first_activity_on, classes.as_of_date)') }} as first_week_start,
        {{ week_start('classes.as_of_date') }} as last_week_start
    from {{ ref('classes') }} as classes
    left join activity
        on classes.id = activity.class_id

),

counted as (

    select
        *,
        least(
            cast({{ days_between('first_week_start', 'last_week_start') }} / 7 as integer),
            {{ threshold('history_weeks') }} - 1
        ) as weeks_back
    from spans

),

weeks as (

    select
        counted.class_id,
        counted.as_of_date,
        counted.last_completed_on,
        cast(numbers.n + 1 as bigint) as week_number,
        {{ add_days('counted.last_week_start', '(numbers.n - counted.weeks_back) * 7') }}
            as week_start
    from counted
    inner join {{ numbers() }} as numbers
        on counted.weeks_back >= numbers.n

),

dated as (

    select
        *,
        {{ add_days('week_start', 6) }} as week_end
    from weeks

),

-- when nobody has completed anything for `silent_days` the class is over: nothing more to follow
followed as (

    select
        *,
        coalesce(
            {{ days_between('last_completed_on', 'week_start') }} <= {{ threshold('silent_days') }}, true
        ) as is_followed
    from dated

)

select
    class_id,
    week_number,
    {{ iso_week_label('week_start') }} as iso_week,
    week_start,
    week_end,
    least(week_end, as_of_date) as measured_on,
    is_followed,
    is_followed
    and week_number = max(case when is_followed then week_number end) over (partition by class_id)
        as is_last_followed,
    max(case when is_followed then 0 else 1 end) over (partition by class_id) = 1 as is_class_over
from followed
