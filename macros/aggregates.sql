{#- Median, interpolated. -#}
{% macro median(expression) -%}
    {{ adapter.dispatch('median', 'cohort_tracker')(expression) }}
{%- endmacro %}

{% macro default__median(expression) -%}
    median({{ expression }})
{%- endmacro %}

{% macro spark__median(expression) -%}
    percentile({{ expression }}, 0.5)
{%- endmacro %}

{#- The newest value of a column that is not null; the order columns must leave no tie. -#}
{% macro newest_value(column, order_columns) -%}
    {{ adapter.dispatch('newest_value', 'cohort_tracker')(column, order_columns) }}
{%- endmacro %}

{% macro default__newest_value(column, order_columns) -%}
    max_by({{ column }}, row({{ order_columns | join(', ') }})) filter (where {{ column }} is not null)
{%- endmacro %}

{% macro spark__newest_value(column, order_columns) -%}
    max_by({{ column }}, struct({{ order_columns | join(', ') }})) filter (where {{ column }} is not null)
{%- endmacro %}

{#- Mean from a sum of whole numbers, which is the same in whatever order the rows come. -#}
{% macro mean_of_whole(whole_number, counted) -%}
    {{ rate('sum(' ~ whole_number ~ ')', 'count(' ~ counted ~ ')') }}
{%- endmacro %}

{#- Texts of a group in one, in an order that leaves no tie. -#}
{% macro joined_text(text, separator, order_columns) -%}
    {{ adapter.dispatch('joined_text', 'cohort_tracker')(text, separator, order_columns) }}
{%- endmacro %}

{% macro default__joined_text(text, separator, order_columns) -%}
    {{ dbt.listagg(text, separator, 'order by ' ~ order_columns | join(', ')) }}
{%- endmacro %}

{#- dbt's own for Spark leaves the order away. -#}
{% macro spark__joined_text(text, separator, order_columns) -%}
    listagg({{ text }}, {{ separator }}) within group (order by {{ order_columns | join(', ') }})
{%- endmacro %}
