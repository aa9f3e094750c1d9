with classes as (

    select
        id as class_id,
        name as class_name
    from {{ ref('classes') }}

),

nights as (

    select
        class_id,
        band,
        grades,
        students
    from {{ ref('night_grade_distribution') }}

),

-- a class without students has its bands too
bands as (

    {{ grade_bands() }}

),

counts as (

    select
        class_id,
        band,
        cast(sum(grades) as bigint) as grades,
        cast(sum(students) as bigint) as students
    from nights
    group by class_id, band

)

select
    classes.class_id,
    classes.class_name,
    bands.band,
    {{ grade_band_from('bands.band') }} as grade_from,
    {{ grade_band_to('bands.band') }} as grade_to,
    coalesce(counts.grades, 0) as grades,
    coalesce(counts.students, 0) as students,
    {{ rate(
        'coalesce(counts.grades, 0)', 'sum(counts.grades) over (partition by classes.class_id)'
    ) }} as share_of_grades
from classes
cross join bands
left join counts
    on
        classes.class_id = counts.class_id
        and bands.band = counts.band
