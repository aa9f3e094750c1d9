with sections as (

    select
        class_id,
        assignment_id,
        section,
        section_position,
        max(section_position) over (partition by class_id) as sections_listed
    from {{ ref('curriculum') }}

),

-- what the units do not list makes one section more, after all others
placed as (

    select
        class_id,
        assignment_id,
        coalesce(section_position, sections_listed + 1, 1) as section_position,
        case
            when section is not null then section
            when section_position is not null
                then concat('Section ', cast(section_position as {{ dbt.type_string() }}))
            else 'Other'
        end as section
    from sections

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
