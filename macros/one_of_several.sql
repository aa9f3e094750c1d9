{#-
  Of all rows of a relation that share the keys the first in an order, as a select. The order must leave no
  tie. The rows have a column `choice` more, which is 1. (Not every engine has `qualify`.)
-#}
{% macro one_of_several(relation, keys, order_by) -%}
    select *
    from (
        select
            *,
            row_number() over (partition by {{ keys | join(', ') }} order by {{ order_by | join(', ') }}) as choice
        from {{ relation }}
    ) as ranked
    where choice = 1
{%- endmacro %}
