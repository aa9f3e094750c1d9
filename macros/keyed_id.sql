{#-
  Id of a student whom only the roster names: a hash of what identifies the person, keyed with the raw store's secret,
  so that the id tells neither address nor name, and whoever guesses them cannot try them out.
-#}
{% macro keyed_id(secret, parts) -%}
    concat('roster:', md5(concat({{ secret }}, ':', {{ parts | join(", ':', ") }})))
{%- endmacro %}
