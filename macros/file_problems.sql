{#- Why a name in a file means no class, from the number of classes that bear it; null when it means one. -#}
{% macro class_name_problem(classes) -%}
    case
        when coalesce({{ classes }}, 0) = 0 then 'no class has this id or friendly id'
        when {{ classes }} > 1 then 'several classes have this friendly id: write the id'
    end
{%- endmacro %}
