{# Bands of grades: 1 is below one half, 2 to 6 are the tenths above; a grade of 1 is in the last. #}

{% macro grade_bands() -%}
    select cast(n + 1 as bigint) as band
    from {{ numbers() }} as numbers
    where n < 6
{%- endmacro %}

{# The band of a grade in whole millionths. #}
{% macro grade_band(millionths) -%}
    cast(least(greatest(floor({{ millionths }} / 100000) - 3, 1), 6) as bigint)
{%- endmacro %}

{% macro grade_band_from(band) -%}
    cast(case when {{ band }} = 1 then 0 else {{ band }} + 3 end as double) / 10
{%- endmacro %}

{% macro grade_band_to(band) -%}
    cast({{ band }} + 4 as double) / 10
{%- endmacro %}
