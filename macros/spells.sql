{#- Unbroken spells of weeks in which a flag holds, as a select: keys, from_week, until_week (the first week after). -#}
{% macro spells(relation, keys, flag) -%}
    select
        {{ keys | join(', ') }},
        min(week_number) as from_week,
        max(week_number) + 1 as until_week
    from (
        select
            *,
            week_number - row_number() over (partition by {{ keys | join(', ') }} order by week_number) as spell
        from {{ relation }}
        where {{ flag }}
    ) as flagged
    group by {{ keys | join(', ') }}, spell
{%- endmacro %}
