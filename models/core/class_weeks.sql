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
        as_of_on
    from {{ ref('classes') }}

),

spans as (

    select
        classes.class_id,
        classes.as_of_on,
        activity.last_completed_on,
        {{ week_start('coalesce(activity.first_activity_on, classes.as_of_on)') }} as first_week_starts_on,
        {{ week_start('classes.as_of_on') }} as last_week_starts_on
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
                last_week_starts_on,
                {{ week_start(add_days('last_completed_on', threshold('silent_days'))) }}
            ),
            last_week_starts_on
        ) as last_followed_week_starts_on
    from spans

),

-- the weeks kept are counted back from the end of the class, however long ago that was
kept as (

    select
        *,
        greatest(
            first_week_starts_on,
            {{ add_days('last_followed_week_starts_on', '-7 * (' ~ threshold('history_weeks') ~ ' - 1)') }}
        ) as first_kept_week_starts_on
    from ended

),

weeks as (

    select
        kept.class_id,
        kept.as_of_on,
        kept.last_followed_week_starts_on,
        cast(numbers.n + 1 as bigint) as week_number,
        {{ add_days('kept.first_kept_week_starts_on', 'numbers.n * 7') }} as week_starts_on
    from kept
    inner join {{ numbers() }} as numbers
        on {{ days_between('kept.first_kept_week_starts_on', 'kept.last_week_starts_on') }} >= numbers.n * 7

),

dated as (

    select
        *,
        {{ add_days('week_starts_on', 6) }} as week_ends_on
    from weeks

),

followed as (

    select
        *,
        week_starts_on <= last_followed_week_starts_on as is_followed
    from dated

)

select
    class_id,
    week_number,
    {{ iso_week_label('week_starts_on') }} as iso_week,
    week_starts_on,
    week_ends_on,
    least(week_ends_on, as_of_on) as measured_on,
    is_followed,
    is_followed
    and week_number = max(case when is_followed then week_number end) over (partition by class_id)
        as is_last_followed,
    max(case when is_followed then 0 else 1 end) over (partition by class_id) = 1 as is_class_over
from followed
