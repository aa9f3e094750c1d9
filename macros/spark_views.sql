{#-
  What readers ask on Spark: views over the tables of one build, under the names that the tables have in DuckDB.
  Only a good build gets here. `core.build` comes last, so that whoever reads its new id sees the new tables. What
  older builds left, killed ones too, is dropped; the tables of the build before stay for whoever still reads them.
-#}
{% macro switch_views() -%}
    {%- do require_utc() -%}
    {%- set build = env_var('COHORT_TRACKER_BUILD_ID') -%}
    {%- set before = published_build() -%}
    {%- set models = graph.nodes.values() | selectattr('resource_type', 'equalto', 'model') | list -%}
    {%- set last = models | selectattr('name', 'equalto', 'build') | list -%}
    {%- for schema in models | map(attribute='schema') | unique -%}
        {%- do adapter.create_schema(api.Relation.create(schema=schema | replace('__' ~ build, ''))) -%}
    {%- endfor -%}
    {%- for model in (models | rejectattr('name', 'equalto', 'build') | list) + last -%}
        {%- do run_query(view_over(model, build)) -%}
    {%- endfor -%}
    {%- do drop_builds_before(build, before) -%}
{%- endmacro %}

{#-
  Times without a zone are read in that of the session: in another than UTC every day would be a wrong one. Asked
  before a build and before it is shown.
-#}
{% macro require_utc() -%}
    {%- set zone = run_query('select current_timezone()').rows[0][0] -%}
    {%- if zone != 'UTC' -%}
        {%- do exceptions.raise_compiler_error(
            'The session of Spark is in ' ~ zone ~ ', where the times of a build are wrong: '
            ~ 'leave spark.sql.session.timeZone to profiles.yml'
        ) -%}
    {%- endif -%}
{%- endmacro %}

{#- The id of the build that readers see now; none before the first. -#}
{% macro published_build() -%}
    {%- set view = adapter.get_relation(database=none, schema=target.schema ~ '_core', identifier='build') -%}
    {%- if view is not none -%}
        {{ return(run_query('select id from ' ~ view).rows[0][0]) }}
    {%- endif -%}
{%- endmacro %}

{#- The statement that puts the view of a model over its table of this build, with all comments. -#}
{% macro view_over(model, build) -%}
    create or replace view
    {{ api.Relation.create(schema=model.schema | replace('__' ~ build, ''), identifier=model.alias) }}
    {%- if model.contract.enforced %} (
        {%- for column in model.columns.values() %}
        {{ column.name }} comment '{{ in_quotes(short_enough(column.description)) }}'{{ "," if not loop.last }}
        {%- endfor %}
    )
    {%- endif %}
    comment '{{ in_quotes(model.description) }}'
    as select
    {%- if model.contract.enforced %} {{ model.columns.keys() | join(', ') }} {%- else %} * {%- endif %}
    from {{ api.Relation.create(schema=model.schema, identifier=model.alias) }}
{%- endmacro %}

{#-
  Spark's metastore is Hive's, which holds 256 characters of the comment of a column. With one more it tries ten times,
  for twenty seconds, and keeps the view in a way that only Spark can read. The whole text is in `make docs`.
-#}
{% macro short_enough(description) -%}
    {{ description | truncate(256, false, '…', 0) }}
{%- endmacro %}

{% macro in_quotes(text) -%}
    {{ text | replace('\\', '\\\\') | replace("'", "\\'") }}
{%- endmacro %}

{#- Drop what builds of this tenant left that are older than this one, but for the one before. -#}
{% macro drop_builds_before(build, before) -%}
    {%- for layer in ['staging', 'core', 'marts'] -%}
        {%- set own = target.schema ~ '_' ~ layer ~ '__' -%}
        {%- for row in run_query("show schemas like '" ~ own ~ "*'").rows -%}
            {%- set found = row[0] | replace(own, '') -%}
            {%- if found < build and found != before -%}
                {%- do adapter.drop_schema(api.Relation.create(schema=row[0])) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
{%- endmacro %}
