{#- UTC timestamp to wall-clock time in a zone. Most classes stay on UTC, where the costly conversion is skipped. -#}
{% macro to_local(utc, zone) -%}
    {{ adapter.dispatch('to_local', 'cohort_tracker')(utc, zone) }}
{%- endmacro %}

{% macro default__to_local(utc, zone) -%}
    case when {{ zone }} = 'UTC' then {{ utc }} else timezone({{ zone }}, timezone('UTC', {{ utc }})) end
{%- endmacro %}

{% macro spark__to_local(utc, zone) -%}
    from_utc_timestamp({{ utc }}, {{ zone }})
{%- endmacro %}

{#- Local calendar day of a UTC timestamp. -#}
{% macro local_date(utc, zone) -%}
    cast({{ to_local(utc, zone) }} as date)
{%- endmacro %}

{#- Monday of a day's ISO week. -#}
{% macro week_start(day) -%}
    cast({{ dbt.date_trunc('week', day) }} as date)
{%- endmacro %}

{#- Whole days from one day to another. -#}
{% macro days_between(earlier, later) -%}
    {{ adapter.dispatch('days_between', 'cohort_tracker')(earlier, later) }}
{%- endmacro %}

{% macro default__days_between(earlier, later) -%}
    cast({{ dbt.datediff(earlier, later, 'day') }} as bigint)
{%- endmacro %}

{#- dbt's own for Spark fails on a null. -#}
{% macro spark__days_between(earlier, later) -%}
    cast(datediff({{ later }}, {{ earlier }}) as bigint)
{%- endmacro %}

{#- Seconds from one moment to another, fractions of either left away. -#}
{% macro seconds_between(earlier, later) -%}
    {{ adapter.dispatch('seconds_between', 'cohort_tracker')(earlier, later) }}
{%- endmacro %}

{% macro default__seconds_between(earlier, later) -%}
    {{ dbt.datediff(earlier, later, 'second') }}
{%- endmacro %}

{% macro spark__seconds_between(earlier, later) -%}
    (unix_seconds({{ later }}) - unix_seconds({{ earlier }}))
{%- endmacro %}

{#- A day moved by a number of days. -#}
{% macro add_days(day, days) -%}
    {{ adapter.dispatch('add_days', 'cohort_tracker')(day, days) }}
{%- endmacro %}

{% macro default__add_days(day, days) -%}
    cast({{ dbt.dateadd('day', days, day) }} as date)
{%- endmacro %}

{% macro spark__add_days(day, days) -%}
    date_add({{ day }}, cast({{ days }} as int))
{%- endmacro %}

{#- A moment moved by a fixed number of days. -#}
{% macro days_later(moment, days) -%}
    {{ adapter.dispatch('days_later', 'cohort_tracker')(moment, days) }}
{%- endmacro %}

{% macro default__days_later(moment, days) -%}
    {{ dbt.dateadd('day', days, moment) }}
{%- endmacro %}

{% macro spark__days_later(moment, days) -%}
    {{ moment }} + interval '{{ days }}' day
{%- endmacro %}

{#- ISO week of a Monday as text, like 2026-W53; its year is the year of the week's Thursday. -#}
{% macro iso_week_label(monday) -%}
    {{ adapter.dispatch('iso_week_label', 'cohort_tracker')(monday) }}
{%- endmacro %}

{% macro default__iso_week_label(monday) -%}
    strftime({{ monday }}, '%G-W%V')
{%- endmacro %}

{% macro spark__iso_week_label(monday) -%}
    concat(extract(yearofweek from {{ monday }}), '-W', lpad(extract(week from {{ monday }}), 2, '0'))
{%- endmacro %}

{#- Day of the ISO week of a local timestamp: 1 = Monday. -#}
{% macro iso_weekday(moment) -%}
    {{ adapter.dispatch('iso_weekday', 'cohort_tracker')(moment) }}
{%- endmacro %}

{% macro default__iso_weekday(moment) -%}
    isodow({{ moment }})
{%- endmacro %}

{% macro spark__iso_weekday(moment) -%}
    cast(weekday({{ moment }}) + 1 as bigint)
{%- endmacro %}

{#- Hour of a timestamp: 0 to 23. -#}
{% macro hour_of(moment) -%}
    cast(extract(hour from {{ moment }}) as bigint)
{%- endmacro %}

{#- Rows 0 to 1999 as a subquery with the column n. -#}
{% macro numbers() -%}
    (
        {%- set digits %}(select 0 as d union all select 1 union all select 2 union all select 3 union all select 4 union all select 5 union all select 6 union all select 7 union all select 8 union all select 9){% endset %}
        select ones.d + 10 * tens.d + 100 * hundreds.d + 1000 * thousands.d as n
        from {{ digits }} as ones
        cross join {{ digits }} as tens
        cross join {{ digits }} as hundreds
        cross join (select 0 as d union all select 1) as thousands
    )
{%- endmacro %}
