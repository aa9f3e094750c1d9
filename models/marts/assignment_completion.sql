with counts as (

    select
        class_id,
        assignment_id,
        {{ work_counts() }}
    from {{ ref('student_assignments') }}
    group by class_id, assignment_id

),

assignments as (

    {{ numbered_assignments() }}

),

-- days from start to completion; work still open has lasted until as_of at least (censored)
durations as (

    select
        assignments.assignment_number,
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
    inner join assignments
        on
            student_assignments.class_id = assignments.class_id
            and student_assignments.assignment_id = assignments.assignment_id
    where student_assignments.started_at is not null

),

-- how many were still working just before each moment; who completed then comes before who is still open
at_risk as (

    select
        assignment_number,
        is_completed,
        seconds,
        row_number() over (
            partition by assignment_number order by seconds desc, is_completed asc
        ) as still_open
    from durations

),

-- Kaplan-Meier: the share still working after each moment is the product of what remained at each
surviving as (

    select
        assignment_number,
        seconds,
        is_completed and still_open = 1 as is_exhausted,
        sum(case when is_completed and still_open > 1 then ln(1 - 1 / cast(still_open as double)) else 0 end) over (
            partition by assignment_number order by still_open desc
            rows between unbounded preceding and current row
        ) as log_share
    from at_risk

),

-- the first moment at which at most half are still working; the margin is for rounding in the product
medians as (

    select
        assignment_number,
        cast(min(seconds) as double) / 86400 as median_days_to_complete
    from surviving
    where
        is_exhausted
        or log_share <= ln(0.5) + 0.000000001
    group by assignment_number

)

select
    curriculum.class_id,
    classes.name as class_name,
    curriculum.assignment_id,
    described.name as assignment_name,
    described.type as assignment_type,
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
inner join assignments
    on
        curriculum.class_id = assignments.class_id
        and curriculum.assignment_id = assignments.assignment_id
inner join {{ ref('assignments') }} as described
    on curriculum.assignment_id = described.id
left join counts
    on
        curriculum.class_id = counts.class_id
        and curriculum.assignment_id = counts.assignment_id
left join medians
    on assignments.assignment_number = medians.assignment_number
