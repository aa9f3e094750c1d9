with lines as (

    select
        line,
        class_id,
        email_key,
        name_key,
        count(*) over (partition by class_id, name_key) as lines_of_name
    from {{ ref('roster_lines') }}

),

students as (

    select
        student_id,
        lower(trim(email)) as email_key,
        lower(concat(trim(first_name), ' ', trim(last_name))) as name_key
    from {{ ref('stg_raw__students') }}

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
        min(students.student_id) as student_id
    from lines
    inner join students
        on lines.email_key = students.email_key
    group by lines.line

),

-- a name decides only when one member and one line of the class bear it
name_in_class as (

    select
        lines.line,
        3 as preference,
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
        when 1 then 'email'
        when 2 then 'email in another class'
        when 3 then 'name'
    end as matched_by,
    student_id
from candidates
