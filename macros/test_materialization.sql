{#
  dbt's materialization of a test, without a copy of the statement for a sync, which leaves no
  artifacts. What is rare, failures to be stored, is left to the original.
#}
{% materialization test, adapter='duckdb' %}

    {%- if should_store_failures() or config.get('sql_header') -%}
        {{ return(materialization_test_default()) }}
    {%- endif -%}

    {%- set test_sql = get_test_sql(
        get_limit_subquery_sql(sql, config.get('limit')),
        config.get('fail_calc'),
        config.get('warn_if'),
        config.get('error_if'),
        limit=none
    ) -%}
    {%- if flags.WRITE_JSON -%}
        {%- do write(test_sql) -%}
    {%- endif -%}
    {%- set response, table = adapter.execute(test_sql, fetch=True) -%}
    {%- do store_result('main', response=response, agate_table=table) -%}

    {{ return({'relations': []}) }}

{% endmaterialization %}
