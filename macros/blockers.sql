{#-
  What makes an assignment a blocker, for a class or for a night of it: from a relation with the counts of
  `night_assignments`, as a select with rates, codes, status and rank. `partition` names whose assignments are ranked.
-#}
{% macro judged_blockers(relation, partition) -%}
    select
        *,
        case
            when is_ranked then 'ranked'
            when is_judged then 'clear'
            else 'n_a'
        end as status,
        case when is_ranked then nullif(codes, '') end as reason_codes,
        case
            when is_ranked
                then cast(
                    row_number() over (
                        partition by {{ partition | join(', ') }}
                        order by
                            is_ranked desc, stuck_rate desc, stuck desc, low_grade_rate desc nulls last, position asc
                    ) as bigint
                )
        end as blocker_rank
    from (
        select
            *,
            -- an assignment of which nothing is to be said is no blocker
            is_judged and (stuck > 0 or codes <> '') as is_ranked
        from (
            select
                *,
                {{ rate('stuck', 'reached') }} as stuck_rate,
                {{ rate('low_grades', 'graded') }} as low_grade_rate,
                reached >= {{ threshold('min_reached') }} as is_judged,
                trim(
                    concat(
                        {% for code, part, whole in [
                            ('stuck', 'stuck', 'reached'),
                            ('skipped', 'skipped', 'reached'),
                            ('low_grade', 'low_grades', 'graded'),
                        ] %}
                            case
                                when
                                    {{ part }} > 0
                                    and {{ is_at_least_share(part, whole, 'blocker_' ~ code ~ '_share') }}
                                    then '{{ code }} '
                                else ''
                            end{{ ',' if not loop.last }}
                        {% endfor %}
                    )
                ) as codes
            from {{ relation }}
        ) as rated
    ) as judged
{%- endmacro %}
