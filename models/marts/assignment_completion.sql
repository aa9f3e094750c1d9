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

student_assignments as (

    select
        assignment_key,
        is_assigned,
        state,
        grade,
        is_passed,
        is_graded
    from {{ ref('student_assignments') }}

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
        count(case when is_assigned then 1 end) as students,
        count(case when is_assigned and state = 'completed' then 1 end) as assigned_completed,
        {{ work_counts() }}
    from student_assignments
    group by assignment_key

),

-- days from start to completion; work still open has lasted until as_of at least (censored)
durations as (

    select
        started_work.assignment_key,
        started_work.is_completed,
        greatest(
            {{ dbt.datediff(
                'started_work.started_at',
                'coalesce(started_work.completed_at, described.as_of)',
                'second'
            ) }},
            0
        ) as seconds
    from started_work
    inner join described
        on started_work.assignment_key = described.assignment_key

),

-- how many were still working just before each moment; who completed then comes before who is still open
at_risk as (

    select
        assignment_key,
        is_completed,
        seconds,
        row_number() over (
            partition by assignment_key order by seconds desc, is_completed asc
        ) as still_open
    from durations

),

-- Kaplan-Meier: the share still working after each moment is the product of what remained at each
surviving as (

    select
        assignment_key,
        seconds,
        is_completed and still_open = 1 as is_exhausted,
        sum(case when is_completed and still_open > 1 then ln(1 - 1 / cast(still_open as double)) else 0 end) over (
            partition by assignment_key order by still_open desc
            rows between unbounded preceding and current row
        ) as log_share
    from at_risk

),

-- the first moment at which at most half are still working; the margin is for rounding in the product
medians as (

    select
        assignment_key,
        cast(min(seconds) as double) / 86400 as median_days_to_complete
    from surviving
    where
        is_exhausted
        or log_share <= ln(0.5) + 0.000000001
    group by assignment_key

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
    counts.average_grade,
    medians.median_days_to_complete
from described
left join counts
    on described.assignment_key = counts.assignment_key
left join medians
    on described.assignment_key = medians.assignment_key
