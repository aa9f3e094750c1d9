{#- Fails on rows whose columns name nothing in the other table. -#}
{% test foreign_key(model, columns, to, to_columns=none) %}
select {% for column in columns %}child.{{ column }}{{ ", " if not loop.last }}{% endfor %}
from {{ model }} as child
left join {{ to }} as parent
    on
    {%- for column in columns %}
        {{ "and " if not loop.first }}child.{{ column }} = parent.{{ (to_columns or columns)[loop.index0] }}
    {%- endfor %}
where
    parent.{{ (to_columns or columns)[0] }} is null
    {%- for column in columns %}
    and child.{{ column }} is not null
    {%- endfor %}
{% endtest %}
