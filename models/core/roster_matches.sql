with roster as (

    select
        line,
        class_reference,
        lower(class_reference) as class_key,
        lower(email) as email_key,
        lower(concat(first_name, ' ', last_name)) as name_key,
        first_name is not null and last_name is not null as has_name,
        email,
        first_name,
        last_name,
        region,
        night,
        role,
        started_on,
        left_on
    from {{ ref('stg_files__roster') }}

),

class_keys as (

    select
        id as class_id,
        lower(id) as class_key,
        1 as preference
    from {{ ref('classes') }}
    union all
    select
        id as class_id,
        lower(friendly_id) as class_key,
        2 as preference
    from {{ ref('classes') }}
    where friendly_id is not null

),

-- an id beats a friendly id of the same spelling; a line whose class nobody knows stays, to be seen
class_candidates as (

    select
        roster.*,
        class_keys.class_id,
        row_number() over (partition by roster.line order by class_keys.preference, class_keys.class_id)
            as choice
    from roster
    left join class_keys
        on roster.class_key = class_keys.class_key

),

lines as (

    select
        line,
        class_reference,
        class_id,
        email_key,
        name_key,
        has_name,
        email,
        first_name,
        last_name,
        region,
        night,
        role,
        started_on,
        left_on,
        count(*) over (partition by class_id, name_key) as lines_of_name
    from class_candidates
    where choice = 1

),

api_students as (

    select
        student_id,
        lower(trim(email)) as email_key,
        lower(concat(trim(first_name), ' ', trim(last_name))) as name_key
    from {{ ref('stg_openclass__students') }}

),

class_members as (

    select distinct
        class_id,
        student_id
    from {{ ref('progressions') }}

),

members as (

    select
        class_members.class_id,
        api_students.student_id,
        api_students.email_key,
        api_students.name_key
    from class_members
    inner join api_students
        on class_members.student_id = api_students.student_id

),

email_in_class as (

    select
        lines.line,
        1 as preference,
        min(members.student_id) as student_id
    from lines
    inner join members
        on
            lines.class_id = members.class_id
            and lines.email_key = members.email_key
    group by lines.line

),

email_anywhere as (

    select
        lines.line,
        2 as preference,
        min(api_students.student_id) as student_id
    from lines
    inner join api_students
        on lines.email_key = api_students.email_key
    group by lines.line

),

members_of_name as (

    select
        lines.line,
        lines.lines_of_name,
        count(*) as members,
        min(members.student_id) as student_id
    from lines
    inner join members
        on
            lines.class_id = members.class_id
            and lines.name_key = members.name_key
    where lines.has_name
    group by lines.line, lines.lines_of_name

),

-- a name decides only when one member and one line of the class bear it
name_in_class as (

    select
        line,
        3 as preference,
        student_id
    from members_of_name
    where
        lines_of_name = 1
        and members = 1

),

candidates as (

    select * from email_in_class
    union all
    select * from email_anywhere
    union all
    select * from name_in_class

),

best as (

    select
        line,
        preference,
        student_id,
        row_number() over (partition by line order by preference) as choice
    from candidates

),

matched as (

    select
        lines.*,
        coalesce(best.preference, 4) as preference,
        best.student_id as matched_student_id,
        lines.class_id is null as is_class_unknown,
        -- without an e-mail address, a name that others bear too could be any of them
        best.student_id is null and lines.email_key is null and members_of_name.line is not null as is_ambiguous
    from lines
    left join best
        on
            lines.line = best.line
            and best.choice = 1
    left join members_of_name
        on lines.line = members_of_name.line

),

identified as (

    select
        *,
        case
            when is_class_unknown or is_ambiguous then null
            when matched_student_id is not null then matched_student_id
            -- without an e-mail address a name identifies within its class only
            when email_key is not null then concat('roster:', email_key)
            when has_name then concat('roster:', class_id, ':', name_key)
        end as student_id
    from matched

),

-- of several lines for one student the best match speaks, then the last line
numbered as (

    select
        *,
        row_number() over (partition by class_id, student_id order by preference asc, line desc) as choice_of_student
    from identified

)

select
    line,
    class_reference,
    class_id,
    student_id,
    case
        when student_id is null then 'none'
        when preference = 1 then 'email'
        when preference = 2 then 'email in another class'
        when preference = 3 then 'name'
        else 'new'
    end as matched_by,
    case
        when is_class_unknown then 'no class has this id or friendly id'
        when is_ambiguous then 'several could bear this name: add the e-mail address'
        when student_id is null then 'neither e-mail address nor full name'
        when choice_of_student > 1 then 'another line speaks for this student'
    end as problem,
    student_id is not null and choice_of_student = 1 as is_in_force,
    role in ({{ quoted_list('excluded_roles') }}) as is_excluded,
    email,
    first_name,
    last_name,
    region,
    night,
    role,
    started_on,
    left_on
from numbered
