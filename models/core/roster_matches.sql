with lines as (

    select
        line,
        class_reference,
        class_id,
        is_class_shared,
        student_reference,
        email,
        first_name,
        last_name,
        region,
        night,
        role,
        is_excluded,
        started_on,
        left_on,
        email_key,
        name_key
    from {{ ref('roster_lines') }}

),

-- read from the source, not from staging: the secret must be in no published table
secrets as (

    select min(secret) as secret
    from {{ source('raw', 'raw_secret') }}

),

candidates as (

    select
        line,
        preference,
        matched_by,
        student_id
    from {{ ref('roster_candidates') }}

),

decided as (

    select *
    from candidates
    where student_id is not null

),

best as (

    {{ one_of_several('decided', ['line'], ['preference']) }}

),

shared_names as (

    select line
    from candidates
    where student_id is null

),

matched as (

    select
        lines.*,
        best.preference,
        best.matched_by,
        best.student_id as matched_student_id,
        lines.class_id is null as is_class_unknown,
        -- without an e-mail address, a name that others bear too could be any of them
        best.student_id is null
        and coalesce(lines.student_reference, lines.email_key) is null
        and shared_names.line is not null as is_ambiguous
    from lines
    left join best
        on lines.line = best.line
    left join shared_names
        on lines.line = shared_names.line

),

keyed as (

    select
        matched.*,
        case when matched.email_key is not null then {{ keyed_id('secrets.secret', ['matched.email_key']) }} end
            as roster_id_by_email,
        -- without an e-mail address a name identifies within its class only
        case
            when matched.class_id is not null and matched.name_key is not null
                then {{ keyed_id('secrets.secret', ['matched.class_id', 'matched.name_key']) }}
        end as roster_id_by_name
    from matched
    cross join secrets

),

identified as (

    select
        *,
        case
            when not is_class_unknown and not is_ambiguous
                then coalesce(matched_student_id, student_reference, roster_id_by_email, roster_id_by_name)
        end as student_id
    from keyed

),

-- of several lines for one student the best match speaks, then the last line
ranked as (

    select
        *,
        row_number() over (
            partition by class_id, student_id order by preference asc nulls last, line desc
        ) as choice_of_student
    from identified

)

select
    line,
    class_reference,
    class_id,
    student_id,
    case
        when student_id is null then 'none'
        else coalesce(matched_by, 'new')
    end as matched_by,
    case
        when is_class_shared then 'several classes have this friendly id: write the id of the class'
        when is_class_unknown then 'no class has this id or friendly id'
        when is_ambiguous then 'several could bear this name: add the e-mail address'
        when student_id is null then 'neither student id, e-mail address nor full name'
        when choice_of_student > 1 then 'another line speaks for this student'
    end as problem,
    student_id is not null and choice_of_student = 1 as is_current,
    roster_id_by_email,
    roster_id_by_name,
    is_excluded,
    email,
    first_name,
    last_name,
    region,
    night,
    role,
    started_on,
    left_on
from ranked
