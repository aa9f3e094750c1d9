with class_students as (

    select
        class_id,
        student_id,
        student_key,
        class_name,
        first_name,
        last_name,
        email,
        region,
        night,
        mentor,
        is_enrolled
    from {{ ref('class_students') }}

),

curriculum as (

    select
        class_id,
        assignment_key,
        section,
        section_position
    from {{ ref('curriculum') }}
    where is_assigned

),

student_assignments as (

    select
        student_key,
        assignment_key,
        state,
        grade,
        is_passed,
        is_graded
    from {{ ref('student_assignments') }}
    where is_assigned

),

sections as (

    select
        class_id,
        max(section_position) as sections_listed
    from curriculum
    group by class_id

),

-- what the units do not list makes one section more, after all others
placed as (

    select
        curriculum.assignment_key,
        coalesce(curriculum.section_position, sections.sections_listed + 1, 1) as section_position,
        case
            when curriculum.section is not null then curriculum.section
            when curriculum.section_position is not null
                then concat('Section ', cast(curriculum.section_position as {{ dbt.type_string() }}))
            else 'Other'
        end as section
    from curriculum
    inner join sections
        on curriculum.class_id = sections.class_id

),

counts as (

    select
        student_assignments.student_key,
        placed.section_position,
        min(placed.section) as section,
        {{ work_counts() }}
    from student_assignments
    inner join placed
        on student_assignments.assignment_key = placed.assignment_key
    group by student_assignments.student_key, placed.section_position

)

select
    class_students.class_id,
    class_students.class_name,
    class_students.student_id,
    class_students.first_name,
    class_students.last_name,
    class_students.email,
    class_students.region,
    class_students.night,
    class_students.mentor,
    class_students.is_enrolled,
    counts.section_position,
    counts.section,
    counts.assigned_work as assignments,
    counts.completed,
    counts.in_progress,
    counts.not_started,
    counts.passed,
    counts.graded,
    counts.low_grades,
    {{ rate('counts.completed', 'counts.assigned_work') }} as completion_rate,
    counts.average_grade
from counts
inner join class_students
    on counts.student_key = class_students.student_key
