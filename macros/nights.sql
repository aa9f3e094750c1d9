{#- How a night is shown where students without one make a row of their own. -#}
{% macro night_label(night) -%}
    coalesce({{ night }}, '(no night)')
{%- endmacro %}

{#- One night, however the roster writes it. -#}
{% macro night_key(night) -%}
    {{ lowered(night_label(night)) }}
{%- endmacro %}
