with assignment_completion as (

    select
        class_id,
        class_name,
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
    from {{ ref('assignment_completion') }}
    where position is not null

),

curriculum as (

    select
        class_id,
        assignment_id,
        assignment_key
    from {{ ref('curriculum') }}

),

student_assignments as (

    select
        assignment_key,
        is_reached,
        is_waiting,
        is_stuck,
        is_skipped,
        days_waiting
    from {{ ref('student_assignments') }}

),

counts as (

    select
        assignment_key,
        count(case when is_reached then 1 end) as reached,
        count(case when is_waiting then 1 end) as waiting,
        count(case when is_stuck then 1 end) as stuck,
        count(case when is_skipped then 1 end) as skipped,
        {{ median('case when is_waiting then days_waiting end') }} as median_days_waiting
    from student_assignments
    group by assignment_key

),

measured as (

    select
        assignment_completion.class_id,
        assignment_completion.class_name,
        assignment_completion.assignment_id,
        assignment_completion.assignment_name,
        assignment_completion.assignment_type,
        assignment_completion.section,
        assignment_completion.position,
        assignment_completion.is_inferred,
        assignment_completion.median_days_to_complete,
        coalesce(counts.reached, 0) as reached,
        assignment_completion.completed,
        assignment_completion.graded,
        assignment_completion.low_grades,
        coalesce(counts.waiting, 0) as waiting,
        coalesce(counts.stuck, 0) as stuck,
        coalesce(counts.skipped, 0) as skipped,
        counts.median_days_waiting
    from assignment_completion
    inner join curriculum
        on
            assignment_completion.class_id = curriculum.class_id
            and assignment_completion.assignment_id = curriculum.assignment_id
    left join counts
        on curriculum.assignment_key = counts.assignment_key

),

rated as (

    select
        *,
        {{ rate('stuck', 'reached') }} as stuck_rate,
        {{ rate('low_grades', 'graded') }} as low_grade_rate,
        reached >= {{ threshold('min_reached') }} as is_judged,
        trim(
            concat(
                {% for code, part, whole in [
                    ('stuck', 'stuck', 'reached'),
                    ('skipped', 'skipped', 'reached'),
                    ('low_grade', 'low_grades', 'graded'),
                ] %}
                    case
                        when
                            {{ part }} > 0
                            and {{ is_at_least_share(part, whole, 'blocker_' ~ code ~ '_share') }}
                            then '{{ code }} '
                        else ''
                    end{{ ',' if not loop.last }}
                {% endfor %}
            )
        ) as codes
    from measured

),

-- an assignment of which nothing is to be said is no blocker
judged as (

    select
        *,
        is_judged and (stuck > 0 or codes <> '') as is_ranked
    from rated

)

select
    class_id,
    class_name,
    assignment_id,
    assignment_name,
    assignment_type,
    section,
    position,
    is_inferred,
    case
        when is_ranked then 'ranked'
        when is_judged then 'clear'
        else 'n_a'
    end as status,
    case
        when is_ranked
            then row_number() over (
                partition by class_id
                order by is_ranked desc, stuck_rate desc, stuck desc, low_grade_rate desc nulls last, position asc
            )
    end as blocker_rank,
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
    case when is_ranked then nullif(codes, '') end as reason_codes
from judged
