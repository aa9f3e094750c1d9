with latest as (

    select * from {{ ref('student_health_weekly') }}
    where is_latest

),

-- the day on which each expected assignment became expected, among who is active now
active_now as (

    select
        class_id,
        student_id
    from {{ ref('student_weeks') }}
    where
        is_last_followed
        and is_active

),

expected_now as (

    select
        class_id,
        assignment_id,
        active_students
    from {{ ref('expected_assignments') }}
    where
        is_last_followed
        and is_expected

),

completion_order as (

    select
        expected_now.class_id,
        expected_now.assignment_id,
        expected_now.active_students,
        completions.completed_on,
        row_number() over (
            partition by expected_now.class_id, expected_now.assignment_id order by completions.completed_on
        ) as completed
    from expected_now
    inner join {{ ref('completions') }} as completions
        on
            expected_now.class_id = completions.class_id
            and expected_now.assignment_id = completions.assignment_id
            and completions.attempt_number = 1
    inner join active_now
        on
            completions.class_id = active_now.class_id
            and completions.student_id = active_now.student_id

),

expected_since as (

    select
        class_id,
        assignment_id,
        min(completed_on) as expected_since_date
    from completion_order
    where {{ is_at_least_share('completed', 'active_students', 'expected_share') }}
    group by class_id, assignment_id

),

missing as (

    select
        student_assignments.class_id,
        student_assignments.student_id,
        min(expected_since.expected_since_date) as missing_since_date
    from {{ ref('student_assignments') }} as student_assignments
    inner join expected_since
        on
            student_assignments.class_id = expected_since.class_id
            and student_assignments.assignment_id = expected_since.assignment_id
    where not student_assignments.is_completed
    group by student_assignments.class_id, student_assignments.student_id

),

-- what each part costs in points of the score, and the sentence that says so
parts as (

    select
        class_id,
        student_id,
        1 as part,
        {{ threshold('weight_completion') }} * (1 - completion_share) as points_lost,
        concat(
            cast(expected_assignments - completed_expected_assignments as {{ dbt.type_string() }}), ' of ',
            cast(expected_assignments as {{ dbt.type_string() }}), ' expected assignments not completed'
        ) as reason
    from latest
    where tier <> 'n_a'
    union all
    select
        class_id,
        student_id,
        2 as part,
        {{ threshold('weight_grade') }} * (1 - grade_share) as points_lost,
        concat(
            'mean grade ', cast(cast(round(grade_share * 100) as integer) as {{ dbt.type_string() }}),
            '% over the expected work, missing work counted as 0'
        ) as reason
    from latest
    where tier <> 'n_a'
    union all
    select
        class_id,
        student_id,
        3 as part,
        {{ threshold('weight_recency') }} * (1 - recency_share) as points_lost,
        concat(
            case when last_completed_on is null then 'never completed anything, ' else 'nothing completed for ' end,
            cast(days_silent as {{ dbt.type_string() }}),
            case when days_silent = 1 then ' day' else ' days' end,
            case when last_completed_on is null then ' enrolled' else '' end
        ) as reason
    from latest
    where tier <> 'n_a'
    union all
    select
        class_id,
        student_id,
        4 as part,
        {{ threshold('weight_pace') }} * (1 - pace_share) as points_lost,
        'completes work later than most of the class' as reason
    from latest
    where
        tier <> 'n_a'
        and completed_expected_assignments > 0

),

costs as (

    select
        *,
        points_lost * 10000 - part as sort_key
    from parts
    where points_lost >= {{ threshold('reason_points') }}

),

reasons as (

    select
        class_id,
        student_id,
        {{ dbt.listagg('reason', "'; '", 'order by sort_key desc') }} as reasons
    from costs
    group by class_id, student_id

),

ranked as (

    select
        class_id,
        student_id,
        rank() over (partition by class_id order by score) as risk_rank,
        count(*) over (partition by class_id) as peers
    from latest
    where tier <> 'n_a'

)

select
    latest.class_id,
    latest.class_name,
    latest.student_id,
    latest.first_name,
    latest.last_name,
    students.email,
    enrollments.region,
    enrollments.night,
    enrollments.mentor,
    latest.measured_on,
    latest.score,
    latest.tier,
    coalesce(reasons.reasons, latest.n_a_reason) as reasons,
    ranked.risk_rank,
    ranked.peers,
    latest.completion_share,
    latest.grade_share,
    latest.recency_share,
    latest.pace_share,
    latest.expected_assignments,
    latest.completed_expected_assignments,
    latest.last_completed_on,
    latest.days_silent,
    case
        when latest.tier <> 'n_a'
            then coalesce({{ days_between('missing.missing_since_date', 'latest.measured_on') }}, 0)
    end as days_behind
from latest
inner join {{ ref('enrollments') }} as enrollments
    on
        latest.class_id = enrollments.class_id
        and latest.student_id = enrollments.student_id
inner join {{ ref('students') }} as students
    on latest.student_id = students.id
left join missing
    on
        latest.class_id = missing.class_id
        and latest.student_id = missing.student_id
left join reasons
    on
        latest.class_id = reasons.class_id
        and latest.student_id = reasons.student_id
left join ranked
    on
        latest.class_id = ranked.class_id
        and latest.student_id = ranked.student_id
