{#- The one way to read a threshold: the dbt var of that name (dbt_project.yml). -#}
{% macro threshold(name) -%}
    {{ var(name) }}
{%- endmacro %}

{#- True when `part` of `whole` is at least the named share: whole numbers are compared, exactly the share counts. -#}
{% macro is_at_least_share(part, whole, share) -%}
    ({{ part }} * 10000 >= {{ whole }} * {{ (threshold(share) | float * 10000) | round | int }})
{%- endmacro %}

{#- True when a grade passes. Work without a grade is never difficult: it passes once it is completed. -#}
{% macro is_passing(grade) -%}
    ({{ grade }} is null or {{ grade }} >= {{ threshold('passing_grade') }})
{%- endmacro %}

{#- A time that can be one, else null: not from before the class's age, and not far ahead of what is known. -#}
{% macro time_or_null(moment, known_until) -%}
    case
        when
            {{ moment }} >= cast('{{ threshold("earliest_time") }}' as timestamp)
            and {{ moment }} <= {{ days_later(known_until, threshold('latest_days_ahead')) }}
            then {{ moment }}
    end
{%- endmacro %}

{#- Rate of two counts; null when there is nothing to take a rate of. -#}
{% macro rate(part, whole) -%}
    cast({{ part }} as double) / nullif({{ whole }}, 0)
{%- endmacro %}

{#- The moment asked for by the var as_of, or null. -#}
{% macro as_of_override() -%}
    {% if var('as_of') %}cast('{{ var("as_of") }}' as timestamp){% else %}cast(null as timestamp){% endif %}
{%- endmacro %}

{#- A list var as quoted SQL values, in lower case; an empty list as a value that nothing has. -#}
{% macro quoted_list(name) -%}
    {% for value in var(name) or [''] %}'{{ value | lower | replace("'", "''") }}'{{ ", " if not loop.last }}{% endfor %}
{%- endmacro %}

{#- Order of the risk tiers, 4 = worst; null for n_a. -#}
{% macro risk_level(tier) -%}
    case {{ tier }} when 'critical' then 4 when 'high' then 3 when 'medium' then 2 when 'low' then 1 end
{%- endmacro %}

{#- True for the tiers that need somebody to act. -#}
{% macro is_at_risk(tier) -%}
    {{ tier }} in ('critical', 'high')
{%- endmacro %}
