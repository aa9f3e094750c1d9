with activity as (

    select
        class_id,
        student_id,
        min(least(started_at, completed_at)) as first_activity_at
    from {{ ref('dated_progressions') }}
    group by class_id, student_id

),

roster as (

    select
        class_id,
        student_id,
        is_excluded,
        region,
        night,
        role,
        started_on,
        left_on
    from {{ ref('roster_matches') }}
    where is_current

),

students as (

    select
        student_id,
        {{ lowered('trim(email)') }} as email_key,
        {{ full_name_key('first_name', 'last_name') }} as full_name
    from {{ ref('stg_raw__students') }}

),

exclusions as (

    select
        is_email,
        like_pattern
    from {{ ref('stg_files__exclusions') }}

),

mentors as (

    select
        class_id,
        night_key,
        mentor
    from {{ ref('mentors') }}

),

classes as (

    select
        id as class_id,
        class_key,
        timezone,
        as_of,
        as_of_on
    from {{ ref('classes') }}

),

planned_nights as (

    select distinct
        class_id,
        night_key
    from {{ ref('schedule_lines') }}
    where night_key <> ''

),

-- a night with lines of its own in the schedule is a group by itself; all others are one
groups as (

    select
        class_id,
        night_key,
        row_number() over (partition by class_id order by night_key) as group_number
    from planned_nights

),

-- a mentor without a class takes the night in every class
mentors_by_class as (

    select distinct
        classes.class_id,
        mentors.night_key,
        mentors.mentor
    from classes
    inner join mentors
        on classes.class_id = coalesce(mentors.class_id, classes.class_id)

),

night_mentors as (

    select
        class_id,
        night_key,
        {{ joined_text('mentor', "', '", ['mentor']) }} as mentor
    from mentors_by_class
    group by class_id, night_key

),

left_out as (

    select distinct students.student_id
    from students
    inner join exclusions
        on {{ fits_exclusion('exclusions', 'students.email_key', 'students.full_name') }}

),

merged as (

    select
        coalesce(activity.class_id, roster.class_id) as class_id,
        coalesce(activity.student_id, roster.student_id) as student_id,
        activity.student_id is not null as has_progressions,
        roster.student_id is not null as is_on_roster,
        activity.first_activity_at,
        roster.region,
        roster.night,
        coalesce(roster.role, 'student') as role,
        roster.started_on,
        roster.left_on
    from activity
    full outer join roster
        on
            activity.class_id = roster.class_id
            and activity.student_id = roster.student_id
    where not coalesce(roster.is_excluded, false)

),

localized as (

    select
        merged.*,
        classes.class_key,
        classes.as_of_on,
        merged.first_activity_at <= classes.as_of as is_known_active,
        {{ local_date('merged.first_activity_at', 'classes.timezone') }} as first_activity_on
    from merged
    inner join classes
        on merged.class_id = classes.class_id
    left join left_out
        on merged.student_id = left_out.student_id
    where left_out.student_id is null

),

arrivals as (

    select
        class_id,
        first_activity_on,
        count(*) over (partition by class_id) as students,
        count(case when is_known_active then 1 end) over (partition by class_id) as active_students,
        case
            when is_known_active
                then row_number() over (
                    partition by class_id, is_known_active order by first_activity_on, student_id
                )
        end as arrival
    from localized

),

-- the day by which enough of the class had done something: one who looks in early begins nothing
begins as (

    select
        class_id,
        min(first_activity_on) as begins_on
    from arrivals
    where
        arrival >= least(students, {{ threshold('begin_students') }})
        and {{ is_at_least_share('arrival', 'active_students', 'begin_share') }}
    group by class_id

),

-- work proves presence: a start date on the roster that lies after it is not believed
dated as (

    select
        localized.*,
        begins.begins_on,
        coalesce(groups.group_number, 0) as group_number,
        groups.night_key as group_night_key,
        coalesce(least(localized.started_on, localized.first_activity_on), begins.begins_on, localized.as_of_on)
            as enrolled_on
    from localized
    left join begins
        on localized.class_id = begins.class_id
    left join groups
        on
            localized.class_id = groups.class_id
            and {{ lowered('localized.night') }} = groups.night_key

)

select
    dated.class_id,
    dated.student_id,
    {{ key_in_class('dated.class_key', 'row_number() over (partition by dated.class_key order by dated.student_id)') }}
        as student_key,
    {{ group_key('dated.class_key', 'dated.group_number') }} as group_key,
    dated.group_night_key,
    dated.has_progressions,
    dated.is_on_roster,
    dated.region,
    dated.night,
    night_mentors.mentor,
    dated.role,
    dated.started_on,
    dated.left_on,
    dated.begins_on,
    dated.enrolled_on,
    greatest(dated.enrolled_on, dated.begins_on) as counts_from_on,
    coalesce({{ days_between('dated.begins_on', 'dated.enrolled_on') }} > {{ threshold('late_join_days') }}, false)
        as is_late_joiner,
    dated.enrolled_on <= dated.as_of_on as has_started,
    coalesce(dated.left_on <= dated.as_of_on, false) as has_left,
    dated.enrolled_on <= dated.as_of_on
    and coalesce(dated.left_on > dated.as_of_on, true) as is_enrolled
from dated
left join night_mentors
    on
        dated.class_id = night_mentors.class_id
        and {{ lowered('dated.night') }} = night_mentors.night_key
