{#- Schemas are named exactly as configured (core, not main_core): readers type these names. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ adapter.dispatch('schema_name', 'cohort_tracker')(custom_schema_name | trim if custom_schema_name else target.schema) }}
{%- endmacro %}

{% macro default__schema_name(name) -%}
    {{ name }}
{%- endmacro %}

{#- On Spark each build has schemas of its own, per tenant; the views that readers ask are put over them when it is good. -#}
{% macro spark__schema_name(name) -%}
    {{ target.schema }}_{{ name }}__{{ env_var('COHORT_TRACKER_BUILD_ID') }}
{%- endmacro %}
