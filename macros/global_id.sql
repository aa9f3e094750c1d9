{#- An id that no other source has: those of the first source as they are, others after their source's name. Null stays null. -#}
{% macro global_id(source, id) -%}
    case when {{ source }} = 'openclass' then {{ id }} else {{ source }} || ':' || {{ id }} end
{%- endmacro %}
