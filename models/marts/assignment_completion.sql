with classes as (

    select
        id as class_id,
        name as class_name,
        as_of
    from {{ ref('classes') }}

),

curriculum as (

    select
        class_id,
        assignment_id,
        assignment_key,
        assignment_name,
        section,
        position,
        is_inferred
    from {{ ref('curriculum') }}

),

assignments as (

    select
        id as assignment_id,
        type as assignment_type
    from {{ ref('assignments') }}

),

night_assignments as (

    select
        assignment_key,
        students,
        assigned_completed,
        completed,
        in_progress,
        not_started,
        passed,
        graded,
        low_grades,
        grade_millionths
    from {{ ref('night_assignments') }}

),

started_work as (

    select
        assignment_key,
        started_at,
        completed_at,
        is_completed
    from {{ ref('student_assignments') }}
    where started_at is not null

),

described as (

    select
        curriculum.class_id,
        classes.class_name,
        classes.as_of,
        curriculum.assignment_id,
        curriculum.assignment_key,
        curriculum.assignment_name,
        assignments.assignment_type,
        curriculum.section,
        curriculum.position,
        curriculum.is_inferred
    from curriculum
    inner join classes
        on curriculum.class_id = classes.class_id
    inner join assignments
        on curriculum.assignment_id = assignments.assignment_id

),

counts as (

    select
        assignment_key,
        cast(sum(students) as bigint) as students,
        cast(sum(assigned_completed) as bigint) as assigned_completed,
        cast(sum(completed) as bigint) as completed,
        cast(sum(in_progress) as bigint) as in_progress,
        cast(sum(not_started) as bigint) as not_started,
        cast(sum(passed) as bigint) as passed,
        cast(sum(graded) as bigint) as graded,
        cast(sum(low_grades) as bigint) as low_grades,
        cast(sum(grade_millionths) as bigint) as grade_millionths
    from night_assignments
    group by assignment_key

),

durations as (

    select
        started_work.assignment_key,
        started_work.is_completed,
        {{ seconds_of_work('started_work', 'described.as_of') }} as seconds
    from started_work
    inner join described
        on started_work.assignment_key = described.assignment_key

),

medians as (

    {{ kaplan_meier_median_days('durations', ['assignment_key']) }}

)

select
    described.class_id,
    described.class_name,
    described.assignment_id,
    described.assignment_name,
    described.assignment_type,
    described.section,
    described.position,
    described.is_inferred,
    coalesce(counts.students, 0) as students,
    coalesce(counts.completed, 0) as completed,
    coalesce(counts.in_progress, 0) as in_progress,
    coalesce(counts.not_started, 0) as not_started,
    coalesce(counts.passed, 0) as passed,
    coalesce(counts.graded, 0) as graded,
    coalesce(counts.low_grades, 0) as low_grades,
    {{ rate('counts.assigned_completed', 'counts.students') }} as completion_rate,
    {{ mean_grade('counts.grade_millionths', 'counts.graded') }} as average_grade,
    medians.median_days as median_days_to_complete
from described
left join counts
    on described.assignment_key = counts.assignment_key
left join medians
    on described.assignment_key = medians.assignment_key
