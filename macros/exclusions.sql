{#- True when a row of stg_files__exclusions fits somebody; e-mail address and full name in lower case. -#}
{% macro fits_exclusion(exclusions, email_key, full_name) -%}
    case when {{ exclusions }}.is_email then {{ email_key }} else {{ full_name }} end
    like {{ exclusions }}.like_pattern escape '!'
{%- endmacro %}

{#- A name as exclusions are compared with it, also where half of it is missing. -#}
{% macro full_name_key(first_name, last_name) -%}
    {%- set full_name = "concat(coalesce(trim(" ~ first_name ~ "), ''), ' ', coalesce(trim(" ~ last_name ~ "), ''))" -%}
    {{ lowered("trim(" ~ full_name ~ ")") }}
{%- endmacro %}
