{#-
    Fails on rows that break a key of the model (macros/broken_keys.sql). The primary key is the one of the model's
    constraints; a model without a contract names it here. One test for all keys of a model; a sync asks those of all
    models at once, by the test `every_key`.
-#}
{% test keys(model, primary_key=none, unique_keys=[], foreign_keys=[]) %}
{{ broken_keys(model, primary_key or declared_primary_key(model), unique_keys, foreign_keys) }}
{% endtest %}
