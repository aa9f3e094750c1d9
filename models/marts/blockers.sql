with assignment_completion as (

    select
        class_id,
        class_name,
        assignment_id,
        assignment_name,
        assignment_type,
        section,
        position,
        is_inferred,
        median_days_to_complete,
        completed,
        graded,
        low_grades
    from {{ ref('assignment_completion') }}
    where position is not null

),

curriculum as (

    select
        class_id,
        assignment_id,
        assignment_key
    from {{ ref('curriculum') }}

),

night_assignments as (

    select
        assignment_key,
        reached,
        waiting,
        stuck,
        skipped
    from {{ ref('night_assignments') }}

),

waiting_work as (

    select
        assignment_key,
        days_waiting
    from {{ ref('student_assignments') }}
    where is_waiting

),

counts as (

    select
        assignment_key,
        cast(sum(reached) as bigint) as reached,
        cast(sum(waiting) as bigint) as waiting,
        cast(sum(stuck) as bigint) as stuck,
        cast(sum(skipped) as bigint) as skipped
    from night_assignments
    group by assignment_key

),

waits as (

    select
        assignment_key,
        {{ median('days_waiting') }} as median_days_waiting
    from waiting_work
    group by assignment_key

),

measured as (

    select
        assignment_completion.class_id,
        assignment_completion.class_name,
        assignment_completion.assignment_id,
        assignment_completion.assignment_name,
        assignment_completion.assignment_type,
        assignment_completion.section,
        assignment_completion.position,
        assignment_completion.is_inferred,
        assignment_completion.median_days_to_complete,
        coalesce(counts.reached, 0) as reached,
        assignment_completion.completed,
        assignment_completion.graded,
        assignment_completion.low_grades,
        coalesce(counts.waiting, 0) as waiting,
        coalesce(counts.stuck, 0) as stuck,
        coalesce(counts.skipped, 0) as skipped,
        waits.median_days_waiting
    from assignment_completion
    inner join curriculum
        on
            assignment_completion.class_id = curriculum.class_id
            and assignment_completion.assignment_id = curriculum.assignment_id
    left join counts
        on curriculum.assignment_key = counts.assignment_key
    left join waits
        on curriculum.assignment_key = waits.assignment_key

),

judged as (

    {{ judged_blockers('measured', ['class_id']) }}

)

select
    class_id,
    class_name,
    assignment_id,
    assignment_name,
    assignment_type,
    section,
    position,
    is_inferred,
    status,
    blocker_rank,
    reached,
    completed,
    waiting,
    stuck,
    skipped,
    graded,
    low_grades,
    stuck_rate,
    low_grade_rate,
    median_days_to_complete,
    median_days_waiting,
    reason_codes
from judged
