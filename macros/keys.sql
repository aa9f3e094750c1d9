{#- The values of a key in one text, to be shown. -#}
{% macro key_as_text(columns, relation=none) -%}
    concat({% for column in columns %}cast({{ relation ~ '.' if relation }}{{ column }} as {{ dbt.type_string() }}){{ ", ' ', " if not loop.last }}{% endfor %})
{%- endmacro %}
