-- What is this: classes without a summary row.
-- When does it matter: a class without students or with failing syncs only would disappear instead of showing that.
-- How to resolve: look for an inner join in class_summary.
select classes.id as class_id
from {{ ref('classes') }} as classes
left join {{ ref('class_summary') }} as class_summary
    on classes.id = class_summary.class_id
where class_summary.class_id is null
