-- Who completes lessons but leaves the quizzes?
select
    lessons.class_name,
    lessons.night,
    lessons.first_name,
    lessons.last_name,
    lessons.completed as lessons_completed,
    lessons.assignments as lessons,
    quizzes.completed as quizzes_completed,
    quizzes.assignments as quizzes
from {{ ref('type_completion') }} as lessons
inner join {{ ref('type_completion') }} as quizzes
    on
        lessons.class_id = quizzes.class_id
        and lessons.student_id = quizzes.student_id
        and quizzes.assignment_type = 'quiz'
where
    lessons.assignment_type = 'lesson'
    and lessons.is_enrolled
    and lessons.completion_rate - quizzes.completion_rate >= 0.25
order by lessons.completion_rate - quizzes.completion_rate desc, lessons.class_name asc, lessons.last_name asc
