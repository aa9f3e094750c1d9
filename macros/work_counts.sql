{#- The counts of assigned work (student_assignments, grouped by the caller): each is defined here once. -#}
{% macro work_counts() -%}
    count(*) as assigned_work,
    count(case when state = 'completed' then 1 end) as completed,
    count(case when state = 'in_progress' then 1 end) as in_progress,
    count(case when state = 'not_started' then 1 end) as not_started,
    count(case when is_passed then 1 end) as passed,
    count(case when is_graded then 1 end) as graded,
    count(case when is_graded and not is_passed then 1 end) as low_grades,
    {{ mean_grade(grade_sum(), 'count(grade)') }} as average_grade
{%- endmacro %}

{#- Sum of grades in millionths: whole numbers give the same sum in whatever order they come. -#}
{% macro grade_sum() -%}
    cast(sum(cast(round(grade * 1000000) as bigint)) as bigint)
{%- endmacro %}

{#- Mean grade (0-1) from a sum in millionths. -#}
{% macro mean_grade(millionths, graded) -%}
    {{ rate(millionths, graded) }} / 1000000
{%- endmacro %}
