with changed_records as (

    select
        class_id,
        record_id
    from {{ ref('stg_openclass__progression_versions') }}
    where not is_newest
    group by class_id, record_id

),

versions as (

    select
        class_id,
        record_id,
        version_no,
        student_id,
        assignment_id,
        is_removed,
        cast(grade as {{ dbt.type_string() }}) as grade,
        cast(started_at as {{ dbt.type_string() }}) as started_at,
        cast(completed_at as {{ dbt.type_string() }}) as completed_at,
        cast(reviewed_at as {{ dbt.type_string() }}) as reviewed_at,
        first_name,
        last_name,
        email,
        assignment_name,
        assignment_type,
        first_seen_at
    from {{ ref('stg_openclass__progression_versions') }}
    inner join changed_records using (class_id, record_id)

),

{% set fields = [
    'grade', 'started_at', 'completed_at', 'reviewed_at', 'first_name', 'last_name', 'email',
    'assignment_name', 'assignment_type', 'student_id', 'assignment_id',
] %}

compared as (

    select
        *,
        lag(version_no) over (partition by class_id, record_id order by version_no) as previous_version_no,
        lag(is_removed) over (partition by class_id, record_id order by version_no) as previous_is_removed
        {%- for field in fields %},
        lag({{ field }}) over (partition by class_id, record_id order by version_no) as previous_{{ field }}
        {%- endfor %}
    from versions

),

-- a first version is no change, and a removal has no content to compare
later_versions as (

    select * from compared
    where previous_version_no is not null

),

changes as (

    select
        class_id,
        record_id,
        version_no,
        coalesce(student_id, previous_student_id) as student_id,
        coalesce(assignment_id, previous_assignment_id) as assignment_id,
        'record' as field,
        case when previous_is_removed then 'removed' else 'present' end as value_from,
        case when is_removed then 'removed' else 'present' end as value_to,
        first_seen_at
    from later_versions
    where is_removed <> previous_is_removed
    {%- for field in fields %}

    union all

    select
        class_id,
        record_id,
        version_no,
        student_id,
        assignment_id,
        '{{ field }}' as field,
        previous_{{ field }} as value_from,
        {{ field }} as value_to,
        first_seen_at
    from later_versions
    where
        not is_removed
        and not previous_is_removed
        and {{ field }} is distinct from previous_{{ field }}
    {%- endfor %}

)

select
    class_id,
    record_id as progression_id,
    version_no,
    field,
    student_id,
    assignment_id,
    value_from,
    value_to,
    first_seen_at as changed_at
from changes
