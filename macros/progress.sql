{#- A relation of weeks with the running total of its completions, per partition, as a select. -#}
{% macro cumulated_progress(relation, partition) -%}
    select
        *,
        cast(
            sum(completions) over (
                partition by {{ partition | join(', ') }} order by week_number
                rows between unbounded preceding and current row
            ) as bigint
        ) as cumulative_completions
    from {{ relation }}
{%- endmacro %}

{#- Seconds from start to completion; work still open has lasted until `now` at least. -#}
{% macro seconds_of_work(relation, now) -%}
    greatest(
        {{ seconds_between(relation ~ '.started_at', 'coalesce(' ~ relation ~ '.completed_at, ' ~ now ~ ')') }},
        0
    )
{%- endmacro %}
