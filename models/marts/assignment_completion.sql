with counts as (

    select
        class_id,
        assignment_id,
        {{ work_counts() }}
    from {{ ref('student_assignments') }}
    group by class_id, assignment_id

),

-- days from start to completion; work still open has lasted until as_of at least (censored)
durations as (

    select
        student_assignments.class_id,
        student_assignments.assignment_id,
        student_assignments.is_completed,
        greatest(
            {{ dbt.datediff(
                'student_assignments.started_at',
                'coalesce(student_assignments.completed_at, classes.as_of)',
                'second'
            ) }},
            0
        ) as seconds
    from {{ ref('student_assignments') }} as student_assignments
    inner join {{ ref('classes') }} as classes
        on student_assignments.class_id = classes.id
    where student_assignments.started_at is not null

),

moments as (

    select
        class_id,
        assignment_id,
        seconds,
        count(*) as ended,
        count(case when is_completed then 1 end) as completed
    from durations
    group by class_id, assignment_id, seconds

),

at_risk as (

    select
        *,
        sum(ended) over (
            partition by class_id, assignment_id order by seconds desc
            rows between unbounded preceding and current row
        ) as still_open
    from moments

),

-- Kaplan-Meier: the share still working after each moment is the product of what remained at each
surviving as (

    select
        class_id,
        assignment_id,
        seconds,
        max(case when completed = still_open then 1 else 0 end) over moments_so_far as is_exhausted,
        sum(case when completed < still_open then ln(1 - cast(completed as double) / still_open) else 0 end)
            over moments_so_far as log_share
    from at_risk
    window moments_so_far as (
        partition by class_id, assignment_id order by seconds
        rows between unbounded preceding and current row
    )

),

-- the first moment at which at most half are still working; the margin is for rounding in the product
medians as (

    select
        class_id,
        assignment_id,
        cast(min(seconds) as double) / 86400 as median_days_to_complete
    from surviving
    where
        is_exhausted = 1
        or log_share <= ln(0.5) + 0.000000001
    group by class_id, assignment_id

)

select
    curriculum.class_id,
    classes.name as class_name,
    curriculum.assignment_id,
    assignments.name as assignment_name,
    assignments.type as assignment_type,
    curriculum.section,
    curriculum.position,
    curriculum.is_inferred,
    coalesce(counts.expected_work, 0) as students,
    coalesce(counts.completed, 0) as completed,
    coalesce(counts.in_progress, 0) as in_progress,
    coalesce(counts.not_started, 0) as not_started,
    coalesce(counts.passed, 0) as passed,
    coalesce(counts.graded, 0) as graded,
    coalesce(counts.low_grades, 0) as low_grades,
    {{ rate('counts.completed', 'counts.expected_work') }} as completion_rate,
    counts.average_grade,
    medians.median_days_to_complete
from {{ ref('curriculum') }} as curriculum
inner join {{ ref('classes') }} as classes
    on curriculum.class_id = classes.id
inner join {{ ref('assignments') }} as assignments
    on curriculum.assignment_id = assignments.id
left join counts
    on
        curriculum.class_id = counts.class_id
        and curriculum.assignment_id = counts.assignment_id
left join medians
    on
        curriculum.class_id = medians.class_id
        and curriculum.assignment_id = medians.assignment_id
