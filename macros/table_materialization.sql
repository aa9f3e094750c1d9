{#
  The table materialization of dbt-duckdb without the swap of an old table for a new one: a sync
  builds into a new file, where there is no old table, and the file as a whole is what is swapped.
  In a file that is built again in place the old table is dropped and the new one made in one
  transaction. Contracts, comments and hooks work as in the original.
#}
{% materialization table, adapter='duckdb', supported_languages=['sql'] %}

    {%- set old_relation = load_cached_relation(this) -%}
    {%- set target_relation = this.incorporate(type='table') -%}

    {%- if pre_hooks -%}
        {{ run_hooks(pre_hooks, inside_transaction=False) }}
        {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- endif -%}

    {% if old_relation is not none %}
        {% do adapter.drop_relation(old_relation) %}
    {% endif %}

    {%- set create_sql = create_table_as(False, target_relation, compiled_code, 'sql') -%}
    {% if flags.WRITE_JSON %}
        {#- Syncs leave no artifacts, so no copy of the statement either. -#}
        {% do write(create_sql) %}
    {% endif %}
    {% do adapter.add_query(create_sql) %}
    {% do store_raw_result('main', message='OK', code=none, rows_affected=none) %}

    {% do persist_docs(target_relation, model) %}

    {%- if post_hooks -%}
        {{ run_hooks(post_hooks, inside_transaction=True) }}
    {%- endif -%}
    {% do adapter.commit() %}
    {%- if post_hooks -%}
        {{ run_hooks(post_hooks, inside_transaction=False) }}
    {%- endif -%}

    {{ return({'relations': [target_relation]}) }}

{% endmaterialization %}
