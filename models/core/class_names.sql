with classes as (

    select
        id as class_id,
        friendly_id
    from {{ ref('classes') }}

),

names as (

    select
        {{ lowered('class_id') }} as class_name_key,
        class_id,
        1 as preference
    from classes
    union all
    select
        {{ lowered('friendly_id') }} as class_name_key,
        class_id,
        2 as preference
    from classes
    where friendly_id is not null

),

bearers as (

    select
        class_name_key,
        preference,
        min(class_id) as class_id,
        count(*) as classes
    from names
    group by class_name_key, preference

),

-- an id beats a friendly id of the same spelling
chosen as (

    {{ one_of_several('bearers', ['class_name_key'], ['preference']) }}

)

select
    class_name_key,
    case when classes = 1 then class_id end as class_id,
    cast(classes as bigint) as classes
from chosen
