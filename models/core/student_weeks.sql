with enrollments as (

    select
        class_id,
        student_id,
        student_key,
        group_key,
        begins_on,
        enrolled_on,
        counts_from_on,
        left_on
    from {{ ref('enrollments') }}

),

group_weeks as (

    select
        group_key,
        week_number,
        week_ends_on,
        measured_on,
        is_complete,
        is_followed,
        is_latest,
        class_day
    from {{ ref('group_weeks') }}
    where not is_after_end

),

group_days as (

    select
        group_key,
        day,
        class_day
    from {{ ref('group_days') }}

),

required as (

    select
        group_key,
        count(*) as assignments
    from {{ ref('plans') }}
    where not is_optional
    group by group_key

),

per_week as (

    select
        student_key,
        from_week as week_number,
        count(case when attempt_number = 1 then 1 end) as completions,
        count(case when attempt_number = 1 and is_required then 1 end) as required_completions,
        max(completed_on) as last_completed_on,
        max(class_day) as last_class_day
    from {{ ref('completions') }}
    group by student_key, from_week

),

grid as (

    select
        enrollments.student_key,
        enrollments.group_key,
        enrollments.enrolled_on,
        enrollments.counts_from_on,
        enrollments.begins_on,
        enrollments.left_on,
        required.assignments as required_assignments,
        group_weeks.week_number,
        group_weeks.week_ends_on,
        group_weeks.measured_on,
        group_weeks.is_complete,
        group_weeks.is_followed,
        group_weeks.is_latest,
        group_weeks.class_day,
        coalesce(group_days.class_day, 0) as first_class_day
    from enrollments
    inner join group_weeks
        on enrollments.group_key = group_weeks.group_key
    left join required
        on enrollments.group_key = required.group_key
    left join group_days
        on
            enrollments.group_key = group_days.group_key
            and enrollments.counts_from_on = group_days.day
    where
        enrollments.enrolled_on <= group_weeks.measured_on
        or group_weeks.is_latest

),

filled as (

    select
        grid.*,
        coalesce(per_week.completions, 0) as completions,
        max(per_week.last_completed_on) over weeks_so_far as last_completed_on,
        max(per_week.last_class_day) over weeks_so_far as last_class_day,
        coalesce(
            sum(per_week.required_completions) over weeks_so_far >= grid.required_assignments, false
        ) as is_finished
    from grid
    left join per_week
        on
            grid.student_key = per_week.student_key
            and grid.week_number = per_week.week_number
    window weeks_so_far as (
        partition by grid.student_key order by grid.week_number
        rows between unbounded preceding and current row
    )

),

measured as (

    select
        *,
        enrolled_on <= measured_on as has_started,
        coalesce(left_on <= measured_on, false) as has_left,
        -- while the class has not begun no day counts
        case
            when begins_on is null then 0
            else greatest({{ days_between('counts_from_on', 'measured_on') }}, 0)
        end as days_enrolled,
        -- who never completed anything is silent since the enrolment, or since the class began
        case
            when begins_on is null then 0
            else
                greatest(
                    {{ days_between(
                        'greatest(coalesce(last_completed_on, counts_from_on), begins_on)', 'measured_on'
                    ) }},
                    0
                )
        end as days_silent,
        -- who comes later is not silent yet
        case
            when enrolled_on > measured_on then 0
            else greatest(class_day - coalesce(last_class_day, first_class_day), 0)
        end as class_days_silent
    from filled

),

latest as (

    select
        group_key,
        week_number,
        max(last_completed_on) as last_completed_on,
        max(last_class_day) as last_class_day
    from measured
    where
        has_started
        and not has_left
    group by group_key, week_number

),

compared as (

    select
        measured.*,
        latest.last_completed_on as group_last_completed_on,
        latest.last_class_day as group_last_class_day,
        measured.has_started
        and not measured.has_left
        and coalesce(
            measured.is_finished
            or latest.last_class_day - measured.last_class_day <= {{ threshold('peer_window_days') }},
            false
        ) as is_peer
    from measured
    left join latest
        on
            measured.group_key = latest.group_key
            and measured.week_number = latest.week_number

)

select
    enrollments.class_id,
    enrollments.student_id,
    compared.student_key,
    compared.group_key,
    compared.week_number,
    compared.week_ends_on,
    compared.measured_on,
    compared.is_complete,
    compared.is_followed,
    compared.is_latest,
    compared.has_started,
    compared.has_left,
    compared.completions,
    compared.is_finished,
    compared.is_peer,
    compared.last_completed_on,
    compared.days_enrolled,
    compared.days_silent,
    compared.class_days_silent,
    compared.group_last_completed_on,
    -- a finisher has nothing more to complete: counts as silent since the latest completion of the group
    case
        when not compared.is_peer then null
        when compared.is_finished
            then {{ days_between('compared.group_last_completed_on', 'compared.measured_on') }}
        else compared.days_silent
    end as peer_days_silent,
    case
        when not compared.is_peer then null
        when compared.is_finished then compared.class_day - compared.group_last_class_day
        else compared.class_days_silent
    end as peer_class_days_silent
from compared
inner join enrollments
    on compared.student_key = enrollments.student_key
