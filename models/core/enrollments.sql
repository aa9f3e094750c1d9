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
        lower(trim(email)) as email_key,
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
        lower(night) as night_key,
        {{ dbt.listagg('mentor', "', '", 'order by mentor') }} as mentor
    from {{ ref('stg_files__mentors') }}
    where
        mentor is not null
        and night is not null
    group by lower(night)

),

classes as (

    select
        id as class_id,
        class_key,
        timezone,
        as_of_on
    from {{ ref('classes') }}

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
        {{ local_date('merged.first_activity_at', 'classes.timezone') }} as first_activity_on
    from merged
    inner join classes
        on merged.class_id = classes.class_id
    left join left_out
        on merged.student_id = left_out.student_id
    where left_out.student_id is null

),

placed as (

    select
        *,
        min(first_activity_on) over (partition by class_id) as class_started_on
    from localized

),

-- work proves presence: a start date on the roster that lies after it is not believed
dated as (

    select
        *,
        coalesce(least(started_on, first_activity_on), class_started_on, as_of_on) as enrolled_on
    from placed

)

select
    dated.class_id,
    dated.student_id,
    {{ key_in_class('dated.class_key', 'row_number() over (partition by dated.class_key order by dated.student_id)') }}
        as student_key,
    dated.has_progressions,
    dated.is_on_roster,
    dated.region,
    dated.night,
    mentors.mentor,
    dated.role,
    dated.started_on,
    dated.left_on,
    dated.enrolled_on,
    dated.enrolled_on <= dated.as_of_on as has_started,
    coalesce(dated.left_on <= dated.as_of_on, false) as has_left,
    dated.enrolled_on <= dated.as_of_on
    and coalesce(dated.left_on > dated.as_of_on, true) as is_enrolled
from dated
left join mentors
    on lower(dated.night) = mentors.night_key
