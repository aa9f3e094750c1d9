{#- The values of a key in one text, to be shown. -#}
{% macro key_as_text(columns, relation=none) -%}
    concat({% for column in columns %}cast({{ relation ~ '.' if relation }}{{ column }} as {{ dbt.type_string() }}){{ ", ' ', " if not loop.last }}{% endfor %})
{%- endmacro %}

{#- A whole number of the values of a key: equal for equal keys, and seldom equal for different ones. -#}
{% macro fingerprint(columns) -%}
    {{ adapter.dispatch('fingerprint', 'cohort_tracker')(columns) }}
{%- endmacro %}

{% macro default__fingerprint(columns) -%}
    hash({{ columns | join(', ') }})
{%- endmacro %}

{% macro spark__fingerprint(columns) -%}
    xxhash64({{ columns | join(', ') }})
{%- endmacro %}

{#-
  A whole number in place of a text key of two parts, class first: in the order of the class and of
  `number`, which counts within the class. Sorting, joining and grouping millions of rows by it takes
  half the time and memory that the texts take. No class has a million students or assignments.
-#}
{% macro key_in_class(class_key, number) -%}
    cast({{ class_key }} * 1000000 + {{ number }} as bigint)
{%- endmacro %}

{#- The columns of the primary key that the constraints of a table's model declare. -#}
{% macro declared_primary_key(relation) -%}
    {%- if execute -%}
        {%- for node in graph.nodes.values() if node.resource_type == 'model' and node.alias == relation.identifier -%}
            {{ return(primary_key_of(node)) }}
        {%- endfor -%}
    {%- endif -%}
    {{ return([]) }}
{%- endmacro %}

{#- The same of a model. -#}
{% macro primary_key_of(node) -%}
    {%- for constraint in node.constraints if constraint.type == 'primary_key' -%}
        {{ return(constraint.columns) }}
    {%- endfor -%}
    {%- do exceptions.raise_compiler_error(node.name ~ " has no primary key: name it in its constraints") -%}
{%- endmacro %}

{#- Key of a group of a class: all of the class (0), or one night that has a plan of its own. -#}
{% macro group_key(class_key, group_number) -%}
    cast({{ class_key }} * 1000 + {{ group_number }} as bigint)
{%- endmacro %}

{#- Key of an assignment in the plan of a group, in the order of `number`, as `key_in_class` is for the class. -#}
{% macro plan_key(group_key, number) -%}
    cast({{ group_key }} * 1000000 + {{ number }} as bigint)
{%- endmacro %}
