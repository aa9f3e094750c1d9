{#-
  Median days that work takes, by Kaplan and Meier (1958): work still open has lasted until now at least. From a
  relation with `seconds`, `is_completed` and the keys, as a select of the keys and `median_days`; null when fewer
  than half are through.
-#}
{% macro kaplan_meier_median_days(relation, keys) -%}
    select
        {{ keys | join(', ') }},
        cast(min(seconds) as double) / 86400 as median_days
    from (
        -- the share still working after each moment is the product of what remained at each
        select
            {{ keys | join(', ') }},
            seconds,
            is_completed and still_open = 1 as is_exhausted,
            sum(case when is_completed and still_open > 1 then ln(1 - 1 / cast(still_open as double)) else 0 end) over (
                partition by {{ keys | join(', ') }} order by still_open desc
                rows between unbounded preceding and current row
            ) as log_share
        from (
            -- how many were still working just before each moment; who completed then comes before who is still open
            select
                {{ keys | join(', ') }},
                is_completed,
                seconds,
                row_number() over (
                    partition by {{ keys | join(', ') }} order by seconds desc, is_completed asc
                ) as still_open
            from {{ relation }}
        ) as at_risk
    ) as surviving
    -- the first moment at which at most half are still working; the margin is for rounding in the product
    where
        is_exhausted
        or log_share <= ln(0.5) + 0.000000001
    group by {{ keys | join(', ') }}
{%- endmacro %}
