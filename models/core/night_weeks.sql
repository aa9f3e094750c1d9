-- Counted once per night: the class is the sum of its nights. (A student belongs to one night of a class.)
with weeks as (

    select
        class_id,
        week_number,
        week_starts_on,
        measured_on
    from {{ ref('class_weeks') }}

),

class_students as (

    select
        class_id,
        student_key,
        {{ night_key('night') }} as night_key,
        enrolled_on,
        left_on
    from {{ ref('class_students') }}

),

completed_work as (

    select
        student_key,
        first_completed_on as completed_on
    from {{ ref('student_assignments') }}
    where
        is_assigned
        and is_completed

),

started as (

    select
        student_key,
        started_on as active_on
    from {{ ref('progressions_as_of') }}
    where started_on is not null

),

completed as (

    select
        student_key,
        completed_on as active_on
    from {{ ref('progressions_as_of') }}
    where completed_on is not null

),

nights as (

    select distinct
        class_id,
        night_key
    from class_students

),

student_days as (

    select
        student_key,
        completed_on,
        count(*) as completions
    from completed_work
    group by student_key, completed_on

),

-- what lies before the kept history counts in its first week
completions as (

    select
        class_students.class_id,
        class_students.night_key,
        greatest({{ week_start('student_days.completed_on') }}, class_starts.week_starts_on) as week_starts_on,
        cast(sum(student_days.completions) as bigint) as completions
    from student_days
    inner join class_students
        on student_days.student_key = class_students.student_key
    inner join weeks as class_starts
        on
            class_students.class_id = class_starts.class_id
            and class_starts.week_number = 1
    group by
        class_students.class_id,
        class_students.night_key,
        greatest({{ week_start('student_days.completed_on') }}, class_starts.week_starts_on)

),

-- each student once per week
activity as (

    select
        student_key,
        {{ week_start('active_on') }} as week_starts_on
    from started
    union
    select
        student_key,
        {{ week_start('active_on') }} as week_starts_on
    from completed

),

active as (

    select
        class_students.class_id,
        class_students.night_key,
        activity.week_starts_on,
        count(*) as active_students
    from activity
    inner join class_students
        on activity.student_key = class_students.student_key
    group by class_students.class_id, class_students.night_key, activity.week_starts_on

),

enrolled as (

    select
        weeks.class_id,
        class_students.night_key,
        weeks.week_number,
        count(*) as enrolled_students
    from weeks
    inner join class_students
        on
            weeks.class_id = class_students.class_id
            and weeks.measured_on >= class_students.enrolled_on
            and (class_students.left_on is null or weeks.week_starts_on < class_students.left_on)
    group by weeks.class_id, class_students.night_key, weeks.week_number

)

select
    nights.class_id,
    nights.night_key,
    weeks.week_number,
    coalesce(completions.completions, 0) as completions,
    coalesce(active.active_students, 0) as active_students,
    coalesce(enrolled.enrolled_students, 0) as enrolled_students
from nights
inner join weeks
    on nights.class_id = weeks.class_id
left join completions
    on
        nights.class_id = completions.class_id
        and nights.night_key = completions.night_key
        and weeks.week_starts_on = completions.week_starts_on
left join active
    on
        nights.class_id = active.class_id
        and nights.night_key = active.night_key
        and weeks.week_starts_on = active.week_starts_on
left join enrolled
    on
        nights.class_id = enrolled.class_id
        and nights.night_key = enrolled.night_key
        and weeks.week_number = enrolled.week_number
