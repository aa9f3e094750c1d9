{% set fields = [
    'student_id', 'assignment_id', 'grade', 'started_at', 'completed_at', 'reviewed_at',
    'first_name', 'last_name', 'email', 'assignment_name', 'assignment_type',
] %}

with versions as (

    select * from {{ ref('stg_openclass__progression_versions') }}
    where has_changed

),

-- one row per version and field; a removal has no content to compare
contents as (

    select
        class_id,
        record_id,
        version_no,
        first_seen_at,
        'record' as field,
        case when is_removed then 'removed' else 'present' end as content
    from versions
    {% for field in fields %}
        union all
        select
            class_id,
            record_id,
            version_no,
            first_seen_at,
            '{{ field }}' as field,
            cast({{ field }} as {{ dbt.type_string() }}) as content
        from versions
        where not is_removed
    {% endfor %}
),

compared as (

    select
        *,
        row_number() over field_versions as occurrence,
        lag(content) over field_versions as previous_content
    from contents
    window field_versions as (partition by class_id, record_id, field order by version_no)

),

subjects as (

    select
        class_id,
        record_id,
        {{ newest_value('student_id', ['version_no']) }} as student_id,
        {{ newest_value('assignment_id', ['version_no']) }} as assignment_id
    from versions
    group by class_id, record_id

)

select
    compared.class_id,
    compared.record_id as progression_id,
    compared.version_no,
    compared.field,
    subjects.student_id,
    subjects.assignment_id,
    compared.previous_content as value_from,
    compared.content as value_to,
    compared.first_seen_at as changed_at
from compared
inner join subjects
    on
        compared.class_id = subjects.class_id
        and compared.record_id = subjects.record_id
where
    compared.occurrence > 1
    and compared.content is distinct from compared.previous_content
