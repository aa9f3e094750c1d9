{#-
    The order in which the rows of a raw table were stored, as a number, whatever the clock said then. The raw store
    is a SQLite file, which counts its rows; an export of it keeps the number in a column of this name.
-#}
{% macro stored_order() -%}
    rowid
{%- endmacro %}
