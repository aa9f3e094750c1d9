with sections as (

    select
        class_id,
        max(section_position) as sections_listed
    from {{ ref('curriculum') }}
    group by class_id

),

-- what the units do not list makes one section more, after all others
placed as (

    select
        curriculum.class_id,
        curriculum.assignment_id,
        coalesce(curriculum.section_position, sections.sections_listed + 1, 1) as section_position,
        case
            when curriculum.section is not null then curriculum.section
            when curriculum.section_position is not null
                then concat('Section ', cast(curriculum.section_position as {{ dbt.type_string() }}))
            else 'Other'
        end as section
    from {{ ref('curriculum') }} as curriculum
    inner join sections
        on curriculum.class_id = sections.class_id

),

counts as (

    select
        student_assignments.class_id,
        student_assignments.student_id,
        placed.section_position,
        min(placed.section) as section,
        {{ work_counts() }}
    from {{ ref('student_assignments') }} as student_assignments
    inner join placed
        on
            student_assignments.class_id = placed.class_id
            and student_assignments.assignment_id = placed.assignment_id
    group by student_assignments.class_id, student_assignments.student_id, placed.section_position

)

select
    counts.class_id,
    classes.name as class_name,
    counts.student_id,
    students.first_name,
    students.last_name,
    enrollments.night,
    enrollments.mentor,
    enrollments.is_enrolled,
    counts.section_position,
    counts.section,
    counts.expected_work as assignments,
    counts.completed,
    counts.in_progress,
    counts.not_started,
    counts.passed,
    counts.graded,
    counts.low_grades,
    {{ rate('counts.completed', 'counts.expected_work') }} as completion_rate,
    counts.average_grade
from counts
inner join {{ ref('enrollments') }} as enrollments
    on
        counts.class_id = enrollments.class_id
        and counts.student_id = enrollments.student_id
inner join {{ ref('classes') }} as classes
    on counts.class_id = classes.id
inner join {{ ref('students') }} as students
    on counts.student_id = students.id
