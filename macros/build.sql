{#- What a build says of itself. Read while it runs: dbt parses the project anew where a value that it read then has changed. -#}

{#- The id that a sync gave its build, else dbt's own of this invocation. -#}
{% macro build_id() -%}
    {{ env_var('COHORT_TRACKER_BUILD_ID', invocation_id) if execute }}
{%- endmacro %}

{#- The version of the program that builds; empty by hand. -#}
{% macro build_version() -%}
    {{ env_var('COHORT_TRACKER_VERSION', '') if execute }}
{%- endmacro %}

{#- Now, in UTC whatever the time zone of the machine. -#}
{% macro build_time() -%}
    {{ modules.datetime.datetime.now(modules.pytz.utc).strftime('%Y-%m-%d %H:%M:%S') if execute else '1970-01-01' }}
{%- endmacro %}

{#- Every threshold with its value in this build, as JSON in quotes doubled for SQL: the variables that are no texts. -#}
{% macro thresholds_in_force() -%}
    {%- set values = {} -%}
    {%- if execute -%}
        {%- for name, default in model.config.meta.variables.items() if default is not string -%}
            {%- do values.update({name: var(name)}) -%}
        {%- endfor -%}
        {{ tojson(values, sort_keys=true) | replace("'", "''") }}
    {%- endif -%}
{%- endmacro %}
