with class_students as (

    select
        class_id,
        student_id,
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

latest as (

    select
        class_id,
        student_id,
        completion_share,
        grade_share,
        recency_share,
        timeliness_share,
        completed_expected_assignments,
        last_completed_on
    from {{ ref('student_health_weekly') }}
    where
        is_latest
        and tier <> 'n_a'

),

signals as (

    select
        class_id,
        student_id,
        signal,
        status,
        reason,
        max(case when signal = 'inactivity' and status = 'fail' then 1 else 0 end) over student as is_inactive,
        max(case when signal = 'never_started' and part_count = 0 then 1 else 0 end) over student as has_begun_nothing
    from {{ ref('student_signals') }}
    window student as (partition by class_id, student_id)

),

-- what each part of the score costs in points
parts as (

    select
        class_id,
        student_id,
        'progress' as finding,
        {{ threshold('weight_completion') }} * (1 - completion_share) as points_lost
    from latest
    union all
    select
        class_id,
        student_id,
        'mean_grade' as finding,
        {{ threshold('weight_grade') }} * (1 - grade_share) as points_lost
    from latest
    union all
    select
        class_id,
        student_id,
        'inactivity' as finding,
        {{ threshold('weight_recency') }} * (1 - recency_share) as points_lost
    from latest
    union all
    select
        class_id,
        student_id,
        'lateness' as finding,
        case
            when completed_expected_assignments > 0
                then {{ threshold('weight_timeliness') }} * (1 - timeliness_share)
        end as points_lost
    from latest

),

-- a failing signal is a reason whatever it costs; who never started anything has that one reason only
findings as (

    select
        class_id,
        student_id,
        signal as finding,
        reason,
        case
            when has_begun_nothing = 1 then signal = 'never_started'
            when signal = 'momentum' then status = 'fail' and is_inactive = 0
            else status = 'fail'
        end as is_reason,
        has_begun_nothing = 0 as can_cost
    from signals
    union all
    select
        class_id,
        student_id,
        'mean_grade' as finding,
        concat('Mean grade ', {{ percent_text('grade_share') }}, ', missing expected work counted as 0') as reason,
        false as is_reason,
        last_completed_on is not null as can_cost
    from latest
    union all
    select
        class_id,
        student_id,
        'lateness' as finding,
        'Completes work later than most of the class' as reason,
        false as is_reason,
        true as can_cost
    from latest

),

weighed as (

    select
        findings.class_id,
        findings.student_id,
        findings.finding,
        findings.reason,
        coalesce(parts.points_lost, 0) as points_lost,
        case findings.finding
            when 'progress' then 1
            when 'mean_grade' then 2
            when 'inactivity' then 3
            when 'lateness' then 4
            when 'never_started' then 5
            when 'stuck' then 6
            when 'grades' then 7
            when 'quizzes' then 8
            else 9
        end as finding_order
    from findings
    inner join latest
        on
            findings.class_id = latest.class_id
            and findings.student_id = latest.student_id
    left join parts
        on
            findings.class_id = parts.class_id
            and findings.student_id = parts.student_id
            and findings.finding = parts.finding
    where
        findings.is_reason
        or (findings.can_cost and coalesce(parts.points_lost, 0) >= {{ threshold('reason_points') }})

)

select
    weighed.class_id,
    class_students.class_name,
    weighed.student_id,
    class_students.first_name,
    class_students.last_name,
    class_students.email,
    class_students.region,
    class_students.night,
    class_students.mentor,
    class_students.is_enrolled,
    row_number() over (
        partition by weighed.class_id, weighed.student_id
        order by round(weighed.points_lost, 4) desc, weighed.finding_order asc
    ) as reason_rank,
    weighed.finding,
    weighed.points_lost,
    weighed.reason
from weighed
inner join class_students
    on
        weighed.class_id = class_students.class_id
        and weighed.student_id = class_students.student_id
