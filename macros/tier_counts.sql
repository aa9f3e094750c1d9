{#- Students per tier, and the mean score of those with a verdict: one definition for class, night and week. -#}
{% macro tier_counts(tier, score) -%}
    {% for value in ['critical', 'high', 'medium', 'low', 'n_a'] -%}
        count(case when {{ tier }} = '{{ value }}' then 1 end) as {{ value }}_students,
    {% endfor -%}
    {{ mean_of_whole(
        "case when " ~ tier ~ " <> 'n_a' then cast(round(" ~ score ~ " * 10) as bigint) end",
        "case when " ~ tier ~ " <> 'n_a' then " ~ score ~ " end"
    ) }} / 10 as mean_score
{%- endmacro %}
