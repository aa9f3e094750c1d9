with activity as (

    select
        class_id,
        min(least(started_on, completed_on)) as first_activity_on,
        max(completed_on) as last_completed_on
    from {{ ref('progressions_as_of') }}
    group by class_id

),

classes as (

    select
        id as class_id,
        as_of_date
    from {{ ref('classes') }}

),

spans as (

    select
        classes.class_id,
        classes.as_of_date,
        activity.last_completed_on,
        {{ week_start('coalesce(activity.first_activity_on, classes.as_of_date)') }} as first_week_start,
        {{ week_start('classes.as_of_date') }} as last_week_start
    from classes
    left join activity
        on classes.class_id = activity.class_id

),

-- when nobody has completed anything for `silent_days` the class is over: nothing more to follow
ended as (

    select
        *,
        coalesce(
            least(
                last_week_start,
                {{ week_start(add_days('last_completed_on', threshold('silent_days'))) }}
            ),
            last_week_start
        ) as last_followed_week_start
    from spans

),

-- the weeks kept are counted back from the end of the class, however long ago that was
kept as (

    select
        *,
        greatest(
            first_week_start,
            {{ add_days('last_followed_week_start', '-7 * (' ~ threshold('history_weeks') ~ ' - 1)') }}
        ) as first_kept_week_start
    from ended

),

weeks as (

    select
        kept.class_id,
        kept.as_of_date,
        kept.last_followed_week_start,
        cast(numbers.n + 1 as bigint) as week_number,
        {{ add_days('kept.first_kept_week_start', 'numbers.n * 7') }} as week_start
    from kept
    inner join {{ numbers() }} as numbers
        on {{ days_between('kept.first_kept_week_start', 'kept.last_week_start') }} >= numbers.n * 7

),

dated as (

    select
        *,
        {{ add_days('week_start', 6) }} as week_end
    from weeks

),

followed as (

    select
        *,
        week_start <= last_followed_week_start as is_followed
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
