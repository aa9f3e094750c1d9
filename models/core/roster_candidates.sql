with roster_lines as (

    select
        line,
        class_id,
        student_reference,
        email_key,
        name_key
    from {{ ref('roster_lines') }}

),

students as (

    select
        student_id,
        email_key,
        name_key
    from {{ ref('stg_raw__students') }}

),

-- lines that have to tell by e-mail address or name whom they mean
lines as (

    select
        line,
        class_id,
        email_key,
        name_key,
        count(*) over (partition by class_id, name_key) as lines_of_name
    from roster_lines
    where student_reference is null

),

by_id as (

    select
        roster_lines.line,
        roster_lines.class_id,
        1 as preference,
        students.student_id
    from roster_lines
    inner join students
        on roster_lines.student_reference = students.student_id

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
        students.student_id,
        students.email_key,
        students.name_key
    from class_members
    inner join students
        on class_members.student_id = students.student_id
    left join by_id
        on
            class_members.class_id = by_id.class_id
            and class_members.student_id = by_id.student_id
    -- whom a line names by id no other line of the class means
    where by_id.line is null

),

email_in_class as (

    select
        lines.line,
        2 as preference,
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
        3 as preference,
        min(students.student_id) as student_id
    from lines
    inner join students
        on lines.email_key = students.email_key
    left join by_id
        on
            lines.class_id = by_id.class_id
            and students.student_id = by_id.student_id
    where by_id.line is null
    group by lines.line

),

-- a name decides only when one member and one line of the class bear it
name_in_class as (

    select
        lines.line,
        4 as preference,
        case when count(*) = 1 and lines.lines_of_name = 1 then min(members.student_id) end as student_id
    from lines
    inner join members
        on
            lines.class_id = members.class_id
            and lines.name_key = members.name_key
    group by lines.line, lines.lines_of_name

),

candidates as (

    select
        line,
        preference,
        student_id
    from by_id
    union all
    select
        line,
        preference,
        student_id
    from email_in_class
    union all
    select
        line,
        preference,
        student_id
    from email_anywhere
    union all
    select
        line,
        preference,
        student_id
    from name_in_class

)

select
    line,
    cast(preference as bigint) as preference,
    case preference
        when 1 then 'id'
        when 2 then 'email'
        when 3 then 'email in another class'
        when 4 then 'name'
    end as matched_by,
    student_id
from candidates
