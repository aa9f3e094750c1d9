{#- Pieces of sentences that people read. -#}

{#- A number without needless decimals: 3, 3.5. -#}
{% macro number_text(number) -%}
    case
        when {{ number }} = floor({{ number }}) then cast(cast({{ number }} as bigint) as {{ dbt.type_string() }})
        else cast(round(cast({{ number }} as double) * 10) / 10 as {{ dbt.type_string() }})
    end
{%- endmacro %}

{#- A share as whole percent: 42%. -#}
{% macro percent_text(share) -%}
    concat(cast(cast(round(100 * {{ share }}) as bigint) as {{ dbt.type_string() }}), '%')
{%- endmacro %}

{#- A count with its word: 1 day, 2 days. -#}
{% macro counted_text(number, word) -%}
    concat(cast({{ number }} as {{ dbt.type_string() }}), case when {{ number }} = 1 then ' {{ word }}' else ' {{ word }}s' end)
{%- endmacro %}

{#- A day as people say it: 9 November. -#}
{% macro day_text(day) -%}
    concat(
        cast(extract(day from {{ day }}) as {{ dbt.type_string() }}), ' ',
        case extract(month from {{ day }})
            {% for name in ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December'] -%}
                when {{ loop.index }} then '{{ name }}'
            {% endfor -%}
        end
    )
{%- endmacro %}
