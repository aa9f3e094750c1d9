-- Who of a night needs a call first, and why, and where to start?
with students as (

    select
        class_id,
        class_name,
        student_id,
        concat_ws(' ', first_name, last_name) as student,
        night,
        call_list,
        risk_rank,
        tier,
        days_silent,
        expected_assignments,
        completed_expected_assignments,
        grade_share,
        start_assignment_name
    from {{ ref('student_health') }}
    where call_list is not null

),

-- the first reason; that somebody joined late is none for a call
reasons as (

    select
        class_id,
        student_id,
        code,
        row_number() over (partition by class_id, student_id order by reason_rank) as place
    from {{ ref('student_reasons') }}
    where code <> 'joined_late'

),

stuck as (

    select
        class_id,
        student_id,
        max(days_waiting) as days_waiting
    from {{ ref('stuck_students') }}
    group by class_id, student_id

)

select
    students.student,
    students.night,
    -- short, so that nothing is cut off; the sentences are in student_health.reasons
    case
        when reasons.code = 'never_started' then 'never started'
        when reasons.code = 'silent' then concat('silent ', students.days_silent, ' days')
        when reasons.code = 'stuck' then concat('stuck ', stuck.days_waiting, ' days')
        when reasons.code = 'missing_work'
            then concat(students.completed_expected_assignments, ' of ', students.expected_assignments, ' done')
        when reasons.code = 'slipping' then 'falling back'
        when reasons.code = 'grades' then concat('grades ', cast(round(100 * students.grade_share) as bigint), '%')
        when reasons.code = 'quizzes' then 'fails quizzes'
        when reasons.code = 'timeliness' then 'works late'
        when students.tier in ('critical', 'high') then concat(students.tier, ' risk')
        else 'got worse lately'
    end as reason,
    coalesce(students.start_assignment_name, 'nothing is missing') as start_at
from students
left join reasons
    on
        students.class_id = reasons.class_id
        and students.student_id = reasons.student_id
        and reasons.place = 1
left join stuck
    on
        students.class_id = stuck.class_id
        and students.student_id = stuck.student_id
-- who slips can be reached in class tonight, the others must be written to
order by
    students.night,
    case students.call_list when 'slipping' then 1 when 'gone_quiet' then 2 else 3 end,
    students.class_name,
    students.risk_rank,
    students.student
