{#
  What dbt-duckdb does per column, done per table: dbt calls several macros for each column of each
  table, which took a fifth of a build.
#}

{#-
  Names and types that a model declares against those that its query has, as DuckDB writes them. Where they differ, be
  it only that a type is written otherwise, dbt's own macro judges, and words the difference.
-#}
{% macro duckdb__get_assert_columns_equivalent(sql) -%}
    {%- if model.columns and not config.get('sql_header') and model.columns.values() | rejectattr('data_type') | list == [] -%}
        {%- set declared_columns, found_columns = [], [] -%}
        {%- for column in model.columns.values() -%}
            {%- set type = column.data_type | upper -%}
            {%- do declared_columns.append((column.name, 'VARCHAR' if type in ['STRING', 'TEXT'] else type)) -%}
        {%- endfor -%}
        {%- for column in adapter.get_column_schema_from_query(sql) -%}
            {%- do found_columns.append((column.column, column.dtype)) -%}
        {%- endfor -%}
        {%- if declared_columns | sort == found_columns | sort -%}
            {{ return('') }}
        {%- endif -%}
    {%- endif -%}
    {{ return(default__get_assert_columns_equivalent(sql)) }}
{%- endmacro %}

{#- All comments of a table in one go. Under a contract its columns are those of the model, and need not be asked for. -#}
{% macro duckdb__persist_docs(relation, model, for_relation, for_columns) -%}
    {%- if not (config.get('contract') or {}).enforced -%}
        {{ return(default__persist_docs(relation, model, for_relation, for_columns)) }}
    {%- endif -%}
    {%- set comments = [] -%}
    {%- if for_relation and config.persist_relation_docs() and model.description -%}
        {%- do comments.append("comment on table " ~ relation ~ " is '" ~ adapter.escape_sql_string(model.description) ~ "'") -%}
    {%- endif -%}
    {%- if for_columns and config.persist_column_docs() -%}
        {%- for column in model.columns.values() -%}
            {%- set name = adapter.quote(column.name) if column.quote else column.name -%}
            {%- do comments.append("comment on column " ~ relation ~ "." ~ name ~ " is '" ~ adapter.escape_sql_string(column.description) ~ "'") -%}
        {%- endfor -%}
    {%- endif -%}
    {%- if comments -%}
        {%- do adapter.add_query(comments | join(';\n')) -%}
    {%- endif -%}
{%- endmacro %}

{#-
  Primary keys are declared for readers and tested by the test `keys`, but not enforced: DuckDB would
  keep an index for each, which takes half the build again and doubles the file.
-#}
{% macro duckdb__get_table_columns_and_constraints() -%}
    {%- set columns = adapter.render_raw_columns_constraints(raw_columns=model.columns) -%}
    {%- set others = model.constraints | rejectattr('type', 'equalto', 'primary_key') | list -%}
    ({{ (columns + adapter.render_raw_model_constraints(raw_constraints=others)) | join(', ') }})
{%- endmacro %}
