{#- The fields that raw/fields.py lets be set aside: what could not be read stands as it was read last. -#}
{% set set_aside = ['grade', 'started_at', 'reviewed_at'] -%}
{#- Read once in a stream, so that the classes stay together as they are stored: all that follows is faster by it. -#}
{% set renamed %}
    select
        source.source,
        {{ global_id('source.source', 'source.class_id') }} as class_id,
        {{ global_id('source.source', 'source.record_id') }} as record_id,
        cast(source.version_no as bigint) as version_no,
        cast(source.is_removed as boolean) as is_removed,
        {{ global_id('source.source', 'source.user_id') }} as student_id,
        {{ text_or_null('source.user_first_name') }} as first_name,
        {{ text_or_null('source.user_last_name') }} as last_name,
        {{ text_or_null('source.user_email') }} as email,
        {{ global_id('source.source', 'source.assignment_id') }} as assignment_id,
        {{ text_or_null('source.assignment_name') }} as assignment_name,
        {{ text_or_null('source.assignment_type') }} as assignment_type,
        cast(source.grade as double) as grade,
        cast(source.started_at as timestamp) as started_at,
        cast(source.completed_at as timestamp) as completed_at,
        cast(source.reviewed_at as timestamp) as reviewed_at,
        cast(source.first_seen_at as timestamp) as first_seen_at,
        source.rejected_fields
    from {{ source('raw', 'progressions') }} as source
{% endset %}

-- few records have several versions
with counted as (

    select
        source,
        class_id,
        record_id,
        count(*) as versions,
        min(version_no) as oldest_version_no,
        max(version_no) as newest_version_no
    from {{ source('raw', 'progressions') }}
    group by source, class_id, record_id
    having count(*) > 1

),

repeated as (

    select
        {{ global_id('source', 'class_id') }} as class_id,
        {{ global_id('source', 'record_id') }} as record_id,
        versions,
        oldest_version_no,
        newest_version_no
    from counted

),

-- a retried load may have stored the same version twice; two different versions need no second look
copied as (

    select
        renamed.class_id,
        renamed.record_id,
        renamed.version_no
    from ({{ renamed }}) as renamed
    inner join repeated
        on
            renamed.class_id = repeated.class_id
            and renamed.record_id = repeated.record_id
            and (repeated.versions > 2 or repeated.oldest_version_no = repeated.newest_version_no)
    group by renamed.class_id, renamed.record_id, renamed.version_no
    having count(*) > 1

),

stored_once as (

    select renamed.*
    from ({{ renamed }}) as renamed
    left join copied
        on
            renamed.class_id = copied.class_id
            and renamed.record_id = copied.record_id
            and renamed.version_no = copied.version_no
    where copied.class_id is null

),

stored_again as (

    select
        renamed.*,
        row_number() over (
            partition by renamed.class_id, renamed.record_id, renamed.version_no order by renamed.first_seen_at
        ) as occurrence
    from ({{ renamed }}) as renamed
    inner join copied
        on
            renamed.class_id = copied.class_id
            and renamed.record_id = copied.record_id
            and renamed.version_no = copied.version_no

),

{% set columns = [
    'source', 'class_id', 'record_id', 'version_no', 'is_removed', 'student_id', 'first_name', 'last_name', 'email',
    'assignment_id', 'assignment_name', 'assignment_type', 'grade', 'started_at', 'completed_at', 'reviewed_at',
    'first_seen_at', 'rejected_fields',
] %}
versions as (

    select
        {{ columns | join(',\n        ') }}
    from stored_once
    union all
    select
        {{ columns | join(',\n        ') }}
    from stored_again
    where occurrence = 1

),

judged as (

    select
        versions.*,
        coalesce(versions.version_no = repeated.newest_version_no, true) as is_newest,
        coalesce(repeated.oldest_version_no < repeated.newest_version_no, false) as has_changed
    from versions
    left join repeated
        on
            versions.class_id = repeated.class_id
            and versions.record_id = repeated.record_id

),

-- the records of which a field was ever set aside, whole
affected as (

    select distinct
        class_id,
        record_id
    from judged
    where rejected_fields is not null

),

histories as (

    select
        judged.class_id,
        judged.record_id,
        judged.version_no,
        {% for field in set_aside %}
            judged.{{ field }},
            coalesce(',' || judged.rejected_fields || ',', '') not like '%,{{ field }},%' as has_{{ field }},
        {% endfor %}
        judged.rejected_fields
    from judged
    inner join affected
        on
            judged.class_id = affected.class_id
            and judged.record_id = affected.record_id
    where not judged.is_removed

),

-- each version belongs to the last one, itself included, in which the field could be read
sourced as (

    select
        class_id,
        record_id,
        version_no,
        {% for field in set_aside %}
            {{ field }},
            max(case when has_{{ field }} then version_no end) over record_versions as {{ field }}_version_no,
        {% endfor %}
        rejected_fields
    from histories
    window
        record_versions as (
            partition by class_id, record_id
            order by version_no
            rows between unbounded preceding and current row
        )

),

mended as (

    select
        class_id,
        record_id,
        version_no,
        {% for field in set_aside %}
            max({{ field }}) over (partition by class_id, record_id, {{ field }}_version_no) as {{ field }},
        {% endfor %}
        rejected_fields
    from sourced

)

select
    {% for column in columns %}
        {% if column in set_aside %}
            case when mended.record_id is null then judged.{{ column }} else mended.{{ column }} end as {{ column }},
        {% else %}
            judged.{{ column }},
        {% endif %}
    {% endfor %}
    judged.is_newest,
    judged.has_changed,
    judged.is_newest and not judged.is_removed as is_current
from judged
left join mended
    on
        judged.class_id = mended.class_id
        and judged.record_id = mended.record_id
        and judged.version_no = mended.version_no
        and mended.rejected_fields is not null
