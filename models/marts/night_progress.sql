with progress_over_time as (

    select
        class_id,
        class_name,
        week_number,
        iso_week,
        week_starts_on,
        week_ends_on,
        measured_on,
        is_complete
    from {{ ref('progress_over_time') }}

),

night_weeks as (

    select
        class_id,
        night_key,
        week_number,
        completions,
        active_students,
        enrolled_students
    from {{ ref('night_weeks') }}

),

class_students as (

    select
        class_id,
        night,
        mentor,
        {{ night_key('night') }} as night_key,
        has_started
    from {{ ref('class_students') }}

),

assignments as (

    select
        class_id,
        assignments
    from {{ ref('class_summary') }}

),

nights as (

    select
        class_id,
        night_key,
        min({{ night_label('night') }}) as night,
        min(mentor) as mentor,
        count(case when has_started then 1 end) as students
    from class_students
    group by class_id, night_key

),

joined as (

    select
        progress_over_time.*,
        nights.night_key,
        nights.night,
        nights.mentor,
        nights.students * assignments.assignments as assigned_work,
        night_weeks.completions,
        night_weeks.active_students,
        night_weeks.enrolled_students
    from progress_over_time
    inner join night_weeks
        on
            progress_over_time.class_id = night_weeks.class_id
            and progress_over_time.week_number = night_weeks.week_number
    inner join nights
        on
            night_weeks.class_id = nights.class_id
            and night_weeks.night_key = nights.night_key
    inner join assignments
        on progress_over_time.class_id = assignments.class_id

),

summed as (

    {{ cumulated_progress('joined', ['class_id', 'night_key']) }}

)

select
    class_id,
    class_name,
    night,
    mentor,
    week_number,
    iso_week,
    week_starts_on,
    week_ends_on,
    measured_on,
    is_complete,
    completions,
    cumulative_completions,
    {{ rate('cumulative_completions', 'assigned_work') }} as cumulative_completion_rate,
    active_students,
    enrolled_students,
    {{ rate('completions', 'enrolled_students') }} as completions_per_student
from summed
