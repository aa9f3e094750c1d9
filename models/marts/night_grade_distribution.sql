with class_students as (

    select
        class_id,
        class_name,
        student_key,
        {{ night_key('night') }} as night_key,
        {{ night_label('night') }} as night,
        mentor
    from {{ ref('class_students') }}

),

-- in whole millionths, so that no grade falls on the wrong side of a limit
graded as (

    select
        student_key,
        cast(round(grade * 1000000) as bigint) as grade_millionths
    from {{ ref('student_assignments') }}
    where
        is_assigned
        and is_graded

),

nights as (

    select
        class_id,
        night_key,
        min(class_name) as class_name,
        min(night) as night,
        min(mentor) as mentor
    from class_students
    group by class_id, night_key

),

bands as (

    {{ grade_bands() }}

),

placed as (

    select
        class_students.class_id,
        class_students.night_key,
        graded.student_key,
        {{ grade_band('graded.grade_millionths') }} as band
    from graded
    inner join class_students
        on graded.student_key = class_students.student_key

),

counts as (

    select
        class_id,
        night_key,
        band,
        count(*) as grades,
        count(distinct student_key) as students
    from placed
    group by class_id, night_key, band

)

select
    nights.class_id,
    nights.class_name,
    nights.night,
    nights.mentor,
    bands.band,
    {{ grade_band_from('bands.band') }} as grade_from,
    {{ grade_band_to('bands.band') }} as grade_to,
    coalesce(counts.grades, 0) as grades,
    coalesce(counts.students, 0) as students,
    {{ rate(
        'coalesce(counts.grades, 0)', 'sum(counts.grades) over (partition by nights.class_id, nights.night_key)'
    ) }} as share_of_grades
from nights
cross join bands
left join counts
    on
        nights.class_id = counts.class_id
        and nights.night_key = counts.night_key
        and bands.band = counts.band
