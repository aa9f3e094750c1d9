-- One rule for all that asks when something happened: a time that cannot be one is none. What the API said
-- stays in core.progressions.
with progressions as (

    select
        class_id,
        id as progression_id,
        student_id,
        assignment_id,
        grade,
        started_at,
        completed_at,
        reviewed_at
    from {{ ref('progressions') }}

),

versions as (

    select
        class_id,
        record_id as progression_id,
        completed_at,
        first_seen_at
    from {{ ref('stg_raw__progression_versions') }}

),

-- tables of an earlier moment judge by the newest read: what happened after that moment did happen
classes as (

    select
        id as class_id,
        greatest(as_of, read_at) as known_until
    from {{ ref('classes') }}

),

judged as (

    select
        progressions.class_id,
        progressions.progression_id,
        progressions.student_id,
        progressions.assignment_id,
        progressions.grade,
        progressions.completed_at is not null as is_completed,
        {{ time_or_null('progressions.started_at', 'classes.known_until') }} as started_at,
        {{ time_or_null('progressions.completed_at', 'classes.known_until') }} as completed_at,
        {{ time_or_null('progressions.reviewed_at', 'classes.known_until') }} as reviewed_at
    from progressions
    inner join classes
        on progressions.class_id = classes.class_id

),

-- a completion stays one: hardly any need the day on which it was first seen
undated_completions as (

    select
        class_id,
        progression_id
    from judged
    where
        is_completed
        and completed_at is null
        and started_at is null

),

first_seen as (

    select
        versions.class_id,
        versions.progression_id,
        min(versions.first_seen_at) as first_seen_at
    from versions
    inner join undated_completions
        on
            versions.class_id = undated_completions.class_id
            and versions.progression_id = undated_completions.progression_id
    where versions.completed_at is not null
    group by versions.class_id, versions.progression_id

)

select
    judged.class_id,
    judged.progression_id,
    judged.student_id,
    judged.assignment_id,
    judged.grade,
    judged.started_at,
    case
        when judged.is_completed
            then coalesce(judged.completed_at, judged.started_at, first_seen.first_seen_at)
    end as completed_at,
    judged.reviewed_at
from judged
left join first_seen
    on
        judged.class_id = first_seen.class_id
        and judged.progression_id = first_seen.progression_id
