with night_assignment_completion as (

    select
        class_id,
        class_name,
        night,
        mentor,
        {{ night_key('night') }} as night_key,
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
    from {{ ref('night_assignment_completion') }}
    where position is not null

),

night_assignments as (

    select
        class_id,
        night_key,
        assignment_key,
        reached,
        waiting,
        stuck,
        skipped
    from {{ ref('night_assignments') }}

),

curriculum as (

    select
        class_id,
        assignment_id,
        assignment_key
    from {{ ref('curriculum') }}

),

class_students as (

    select
        student_key,
        {{ night_key('night') }} as night_key
    from {{ ref('class_students') }}

),

waiting_work as (

    select
        student_key,
        assignment_key,
        days_waiting
    from {{ ref('student_assignments') }}
    where is_waiting

),

waits as (

    select
        class_students.night_key,
        waiting_work.assignment_key,
        {{ median('waiting_work.days_waiting') }} as median_days_waiting
    from waiting_work
    inner join class_students
        on waiting_work.student_key = class_students.student_key
    group by class_students.night_key, waiting_work.assignment_key

),

measured as (

    select
        night_assignment_completion.*,
        night_assignments.reached,
        night_assignments.waiting,
        night_assignments.stuck,
        night_assignments.skipped,
        waits.median_days_waiting
    from night_assignment_completion
    inner join curriculum
        on
            night_assignment_completion.class_id = curriculum.class_id
            and night_assignment_completion.assignment_id = curriculum.assignment_id
    inner join night_assignments
        on
            curriculum.assignment_key = night_assignments.assignment_key
            and night_assignment_completion.night_key = night_assignments.night_key
    left join waits
        on
            night_assignments.night_key = waits.night_key
            and night_assignments.assignment_key = waits.assignment_key

),

judged as (

    {{ judged_blockers('measured', ['class_id', 'night_key']) }}

)

select
    class_id,
    class_name,
    night,
    mentor,
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
