{#-
    Fails on rows that break a key of the model: a primary or other unique key that is null or met
    twice, or a foreign key that names nothing in the other table (null names nothing and is fine).
    The primary key is the one of the model's constraints; a model without a contract names it here.
    One test for all keys of a model, because each test costs the same small time at every sync.
    Keys are compared only where their fingerprints meet: millions of numbers are counted in half the time
    that millions of text keys take.
-#}
{% test keys(model, primary_key=none, unique_keys=[], foreign_keys=[]) %}
{%- set primary_key = primary_key or declared_primary_key(model) %}
{%- for columns in [primary_key] + unique_keys %}
{{ "union all " if not loop.first }}select
    '{{ "primary" if loop.first else "unique" }} key ({{ columns | join(", ") }})' as broken_key,
    {{ key_as_text(columns) }} as key_values,
    count(*) as row_count
from {{ model }}
where
    {{ fingerprint(columns) }} in (
        select {{ fingerprint(columns) }}
        from {{ model }}
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
from {{ model }} as child
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
{% endtest %}
