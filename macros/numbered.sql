{#-
  Whole numbers in place of text keys, as selects. Sorting, joining and grouping millions of rows by
  a number takes half the time and memory that their text keys take; models that do so bring the
  numbers in at first and turn them back at the end. They mean nothing outside of one query.
-#}

{#- A number per student and class, in the order of class_id and student_id. -#}
{% macro numbered_students() -%}
    select
        class_id,
        student_id,
        row_number() over (order by class_id, student_id) as student_number
    from {{ ref('enrollments') }}
{%- endmacro %}

{#- A number per assignment and class, in the order of class_id and position. -#}
{% macro numbered_assignments() -%}
    select
        class_id,
        assignment_id,
        position,
        row_number() over (order by class_id, position) as assignment_number
    from {{ ref('curriculum') }}
{%- endmacro %}
