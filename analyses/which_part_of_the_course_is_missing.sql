-- Which section of the course is each class missing most?
select
    class_name,
    section_position,
    section,
    count(*) as students,
    round(100.0 * sum(completed) / sum(assignments), 1) as completed_percent,
    count(case when completed = assignments then 1 end) as students_done,
    count(case when completed = 0 then 1 end) as students_without_any
from {{ ref('section_completion') }}
where is_enrolled
group by class_name, section_position, section
order by class_name, section_position
