with activity as (

    select
        class_id,
        min(least(started_on, completed_on)) as first_activity_on,
        max(completed_on) as last_completed_on
    from {{ ref('progressions_as_of') }}
    group by class_id

),

completions as (

    select
        class_id,
        {{ week_start('completed_on') }} as week_starts_on,
        max(completed_on) as last_completed_on
    from {{ ref('progressions_as_of') }}
    where completed_on is not null
    group by class_id, {{ week_start('completed_on') }}

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
        {{ week_start('coalesce(activity.first_activity_on, classes.as_of_on)') }} as first_week_starts_on,
        {{ week_start('classes.as_of_on') }} as last_week_starts_on,
        {{ week_start('coalesce(activity.last_completed_on, classes.as_of_on)') }} as last_completed_week_starts_on
    from classes
    left join activity
        on classes.class_id = activity.class_id

),

-- the weeks kept are counted back from the end of the class, however long ago that was
kept as (

    select
        *,
        greatest(
            first_week_starts_on,
            {{ add_days('last_completed_week_starts_on', '-7 * (' ~ threshold('history_weeks') ~ ' - 1)') }}
        ) as first_kept_week_starts_on
    from spans

),

weeks as (

    select
        kept.class_id,
        kept.as_of_on,
        kept.last_completed_week_starts_on,
        cast(numbers.n + 1 as bigint) as week_number,
        {{ add_days('kept.first_kept_week_starts_on', 'numbers.n * 7') }} as week_starts_on
    from kept
    inner join {{ numbers() }} as numbers
        on {{ days_between('kept.first_kept_week_starts_on', 'kept.last_week_starts_on') }} >= numbers.n * 7

),

dated as (

    select
        weeks.*,
        {{ add_days('weeks.week_starts_on', 6) }} as week_ends_on,
        least({{ add_days('weeks.week_starts_on', 6) }}, weeks.as_of_on) as measured_on,
        max(completions.last_completed_on) over (
            partition by weeks.class_id order by weeks.week_number
            rows between unbounded preceding and current row
        ) as last_completed_on
    from weeks
    left join completions
        on
            weeks.class_id = completions.class_id
            and weeks.week_starts_on = completions.week_starts_on

),

-- when nobody has completed anything for `silent_days` the class is over, until somebody does again
followed as (

    select
        *,
        coalesce(
            {{ days_between('last_completed_on', 'measured_on') }} < {{ threshold('silent_days') }}
            or last_completed_on >= week_starts_on,
            true
        ) as is_followed
    from dated

),

ends as (

    select
        class_id,
        max(week_number) as last_week,
        max(case when is_followed then week_number end) as last_followed_week,
        max(case when week_starts_on <= last_completed_week_starts_on then week_number end) as last_completed_week
    from followed
    group by class_id

)

select
    followed.class_id,
    followed.week_number,
    {{ iso_week_label('followed.week_starts_on') }} as iso_week,
    followed.week_starts_on,
    followed.week_ends_on,
    followed.measured_on,
    followed.week_ends_on < followed.as_of_on as is_complete,
    followed.is_followed,
    followed.week_number > ends.last_followed_week as is_after_end,
    case
        when ends.last_followed_week = ends.last_week then followed.week_number = ends.last_week
        else followed.week_number = ends.last_completed_week
    end as is_latest,
    ends.last_followed_week < ends.last_week as is_class_over
from followed
inner join ends
    on followed.class_id = ends.class_id
