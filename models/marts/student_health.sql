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
        measured_on,
        score,
        tier,
        n_a_reason,
        completion_share,
        grade_share,
        recency_share,
        timeliness_share,
        expected_assignments,
        completed_expected_assignments,
        last_completed_on,
        days_silent
    from {{ ref('student_health_weekly') }}
    where is_latest

),

reasons as (

    select
        class_id,
        student_id,
        {{ dbt.listagg('reason', "'. '", 'order by reason_rank') }} as reasons
    from {{ ref('health_reasons') }}
    group by class_id, student_id

),

days_behind as (

    select
        class_id,
        student_id,
        days_behind
    from {{ ref('days_behind') }}

),

projections as (

    select
        class_id,
        student_id,
        remaining_assignments,
        projection,
        projected_finish_earliest_on,
        projected_finish_latest_on
    from {{ ref('projections') }}

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
    class_students.class_name,
    latest.student_id,
    class_students.first_name,
    class_students.last_name,
    class_students.email,
    class_students.region,
    class_students.night,
    class_students.mentor,
    class_students.is_enrolled,
    latest.measured_on,
    latest.score,
    latest.tier,
    coalesce(latest.n_a_reason, reasons.reasons) as reasons,
    ranked.risk_rank,
    ranked.peers,
    latest.completion_share,
    latest.grade_share,
    latest.recency_share,
    latest.timeliness_share,
    latest.expected_assignments,
    latest.completed_expected_assignments,
    latest.last_completed_on,
    latest.days_silent,
    case when latest.tier <> 'n_a' then days_behind.days_behind end as days_behind,
    projections.remaining_assignments,
    case when latest.tier <> 'n_a' then projections.projection else 'n_a' end as projection,
    case when latest.tier <> 'n_a' then projections.projected_finish_earliest_on end as projected_finish_earliest_on,
    case when latest.tier <> 'n_a' then projections.projected_finish_latest_on end as projected_finish_latest_on
from latest
inner join class_students
    on
        latest.class_id = class_students.class_id
        and latest.student_id = class_students.student_id
inner join days_behind
    on
        latest.class_id = days_behind.class_id
        and latest.student_id = days_behind.student_id
inner join projections
    on
        latest.class_id = projections.class_id
        and latest.student_id = projections.student_id
left join reasons
    on
        latest.class_id = reasons.class_id
        and latest.student_id = reasons.student_id
left join ranked
    on
        latest.class_id = ranked.class_id
        and latest.student_id = ranked.student_id
