{% set fields = [
    'student_id', 'assignment_id', 'grade', 'started_at', 'completed_at', 'reviewed_at',
    'first_name', 'last_name', 'email', 'assignment_name', 'assignment_type',
] %}

with versions as (

    select
        class_id,
        record_id,
        version_no,
        is_removed,
        first_seen_at,
        {{ fields | join(',\n        ') }}
    from {{ ref('stg_raw__progression_versions') }}
    where has_changed

),

-- removals and returns
presence as (

    select
        class_id,
        record_id,
        version_no,
        first_seen_at,
        row_number() over record_versions as occurrence,
        case when is_removed then 'removed' else 'present' end as record,
        lag(case when is_removed then 'removed' else 'present' end) over record_versions as previous_record
    from versions
    window record_versions as (partition by class_id, record_id order by version_no)

),

-- a removal has no content to compare
contents as (

    select
        class_id,
        record_id,
        version_no,
        first_seen_at,
        {% for field in fields %}
            {% set plain = 'cast(' ~ field ~ ' as ' ~ dbt.type_string() ~ ')' %}
            {% set text = float_text(field) if field == 'grade' else plain %}
            {{ text }} as {{ field }},
            lag({{ text }}) over record_versions as previous_{{ field }},
        {% endfor %}
        row_number() over record_versions as occurrence
    from versions
    where not is_removed
    window record_versions as (partition by class_id, record_id order by version_no)

),

-- one row per version and field that changed
compared as (

    select
        class_id,
        record_id,
        version_no,
        first_seen_at,
        'record' as field,
        previous_record as previous_content,
        record as content
    from presence
    where
        occurrence > 1
        and record is distinct from previous_record
    {% for field in fields %}
        union all
        select
            class_id,
            record_id,
            version_no,
            first_seen_at,
            '{{ field }}' as field,
            previous_{{ field }} as previous_content,
            {{ field }} as content
        from contents
        where
            occurrence > 1
            and {{ field }} is distinct from previous_{{ field }}
    {% endfor %}
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
