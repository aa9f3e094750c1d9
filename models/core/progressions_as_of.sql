-- One rule for all that follows: what happened after the class's as_of is not known yet.
with progressions as (

    select
        class_id,
        progression_id,
        student_id,
        assignment_id,
        grade,
        started_at,
        completed_at,
        reviewed_at
    from {{ ref('dated_progressions') }}

),

classes as (

    select
        id as class_id,
        timezone,
        as_of
    from {{ ref('classes') }}

),

enrollments as (

    select
        class_id,
        student_id,
        student_key
    from {{ ref('enrollments') }}

),

masked as (

    select
        progressions.class_id,
        progressions.student_id,
        enrollments.student_key,
        progressions.assignment_id,
        progressions.progression_id,
        progressions.grade,
        classes.timezone,
        progressions.started_at is null and progressions.completed_at is null as is_undated,
        case when progressions.started_at <= classes.as_of then progressions.started_at end as started_at,
        case when progressions.completed_at <= classes.as_of then progressions.completed_at end as completed_at,
        case when progressions.reviewed_at <= classes.as_of then progressions.reviewed_at end as reviewed_at
    from progressions
    inner join classes
        on progressions.class_id = classes.class_id
    inner join enrollments
        on
            progressions.class_id = enrollments.class_id
            and progressions.student_id = enrollments.student_id

)

select
    class_id,
    student_id,
    student_key,
    assignment_id,
    progression_id,
    case when completed_at is not null then grade end as grade,
    started_at,
    completed_at,
    reviewed_at,
    {{ local_date('started_at', 'timezone') }} as started_on,
    {{ local_date('completed_at', 'timezone') }} as completed_on
from masked
where
    is_undated
    or started_at is not null
    or completed_at is not null
