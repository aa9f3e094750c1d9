{#-
    Rows that break a key of a table: a primary or other unique key that is null or met twice, or a foreign key that
    names nothing in the other table (null names nothing and is fine). `foreign_keys` name the other table as a relation.
    Keys are compared only where their fingerprints meet: millions of numbers are counted in half the time
    that millions of text keys take.
-#}
{% macro broken_keys(table, primary_key, unique_keys, foreign_keys) -%}
{%- for columns in [primary_key] + unique_keys %}
{{ "union all " if not loop.first }}select
    '{{ "primary" if loop.first else "unique" }} key ({{ columns | join(", ") }})' as broken_key,
    {{ key_as_text(columns) }} as key_values,
    count(*) as row_count
from {{ table }}
where
    {{ fingerprint(columns) }} in (
        select {{ fingerprint(columns) }}
        from {{ table }}
        group by {{ fingerprint(columns) }}
        having count(*) > 1
    )
    {%- for column in columns %}
    or {{ column }} is null
    {%- endfor %}
group by {{ columns | join(', ') }}
having
    count(*) > 1
    {%- for column in columns %}
    or {{ column }} is null
    {%- endfor %}
{%- endfor %}
{%- for key in foreign_keys %}
{%- set to_columns = key.get('to_columns', key['columns']) %}
union all
select
    'foreign key ({{ key["columns"] | join(", ") }}) to {{ key["to"].identifier }}' as broken_key,
    {{ key_as_text(key['columns'], 'child') }} as key_values,
    count(*) as row_count
from {{ table }} as child
left join {{ key['to'] }} as parent
    on
    {%- for column in key['columns'] %}
        {{ "and " if not loop.first }}child.{{ column }} = parent.{{ to_columns[loop.index0] }}
    {%- endfor %}
where
    parent.{{ to_columns[0] }} is null
    {%- for column in key['columns'] %}
    and child.{{ column }} is not null
    {%- endfor %}
group by {% for column in key['columns'] %}child.{{ column }}{{ ", " if not loop.last }}{% endfor %}
{%- endfor %}
{%- endmacro %}

{#-
    What is broken in any table, from the tests `keys` that a sync leaves out: each test of its own would cost it the
    same small time. Table by table, because all in one select need the memory of all. `dbt build` asks for the tables
    that it builds, `dbt test` for all. Who calls this depends on the tables, and on those that foreign keys name.
-#}
{% macro all_broken_keys() -%}
{%- set asked = {'build': selected_resources, 'test': graph.nodes.keys()}.get(flags.WHICH, []) -%}
{%- set broken = [] -%}
{%- for test in keys_tests() if test.attached_node in asked -%}
    {%- set keys = test.test_metadata.kwargs -%}
    {%- set node = graph.nodes[test.attached_node] -%}
    {%- set table = ref(node.name) -%}
    {%- set foreign_keys = [] -%}
    {%- for key in keys.get('foreign_keys', []) -%}
        {%- do foreign_keys.append(dict(key, to=ref(modules.re.findall("\\w+", key.to)[1]))) -%}
    {%- endfor -%}
    {%- set primary_key = keys.get('primary_key') or primary_key_of(node) -%}
    {%- set found = broken_keys(table, primary_key, keys.get('unique_keys', []), foreign_keys) -%}
    {%- set shown = run_query('select distinct broken_key from (' ~ found ~ ') as found order by broken_key') -%}
    {%- for row in shown.rows -%}
        {%- do broken.append((table.identifier, row[0])) -%}
    {%- endfor -%}
{%- endfor -%}
{%- for table, key in broken -%}
select '{{ table }}' as table_name, '{{ key }}' as broken_key{{ ' union all ' if not loop.last }}
{%- else -%}
select 'none' as table_name, 'none' as broken_key where 1 = 0
{%- endfor -%}
{%- endmacro %}

{#- The tests `keys` of what a sync tests. -#}
{% macro keys_tests() -%}
    {%- set found = [] -%}
    {%- for node in graph.nodes.values() if node.resource_type == 'test' and node.test_metadata -%}
        {%- if node.test_metadata.name == 'keys' and 'development' not in node.tags -%}
            {%- do found.append(node) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}
