-- What is this: the weights of the health score when they do not sum to 100.
-- When does it matter: reasons speak of points of a score from 0 to 100.
-- How to resolve: correct the vars weight_… in dbt_project.yml.
with weights as (

    select
        {{ threshold('weight_completion') }}
        + {{ threshold('weight_grade') }}
        + {{ threshold('weight_recency') }}
        + {{ threshold('weight_timeliness') }} as total

)

select total
from weights
where total <> 100
