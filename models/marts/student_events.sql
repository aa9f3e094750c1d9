-- What changed, once per spell: the key names the week in which the spell began, so that it is the same in every
-- later build as long as the spell lasts.
with class_students as (

    select
        class_id,
        student_id,
        student_key,
        class_name,
        first_name,
        last_name,
        email,
        region,
        night,
        mentor,
        is_enrolled,
        counts_from_on,
        as_of_on
    from {{ ref('class_students') }}

),

tiers as (

    select
        student_key,
        week_number,
        is_complete,
        tier,
        previous_tier,
        is_newly_at_risk,
        is_worsened,
        is_recovered
    from {{ ref('health_tiers') }}

),

shares as (

    select
        student_key,
        week_number,
        {{ add_days('week_ends_on', -6) }} as week_starts_on,
        is_finished,
        last_completed_on,
        days_silent,
        excess_silence
    from {{ ref('health_shares') }}

),

signals as (

    select
        class_id,
        student_id,
        signal,
        status,
        reason,
        assignment_id
    from {{ ref('student_signals') }}
    where
        signal in ('stuck', 'never_started')
        and status in ('watch', 'fail')

),

frontiers as (

    select
        student_key,
        waiting_since_on
    from {{ ref('frontiers') }}

),

curriculum as (

    select
        class_id,
        assignment_id,
        assignment_name
    from {{ ref('curriculum') }}

),

weeks as (

    select
        tiers.*,
        shares.week_starts_on,
        shares.last_completed_on,
        shares.is_finished,
        lag(shares.is_finished) over student_weeks as was_finished,
        case
            when lag(tiers.week_number) over student_weeks = tiers.week_number - 1
                then lag(shares.excess_silence) over student_weeks
        end as previous_excess_silence,
        lag(shares.days_silent) over student_weeks as previous_days_silent
    from tiers
    inner join shares
        on
            tiers.student_key = shares.student_key
            and tiers.week_number = shares.week_number
    window student_weeks as (partition by tiers.student_key order by tiers.week_number)

),

-- the running week may still change
happened as (

    {% set no_assignment = 'cast(null as ' ~ dbt.type_string() ~ ')' %}
    {% set change = "concat('Risk is ', tier, case when previous_tier is null or previous_tier = 'n_a' then ''"
        ~ " else concat(', was ', previous_tier) end)" %}
    {% set kinds = [
        ('entered_at_risk', 'is_newly_at_risk', change),
        ('got_worse', 'is_worsened', change),
        ('recovered', 'is_recovered', change),
        (
            'back_after_silence',
            'last_completed_on >= week_starts_on and previous_excess_silence >= ' ~ threshold('inactivity_fail_days'),
            "concat('Completed something again after ', " ~ counted_text('previous_days_silent', 'day') ~ ')'
        ),
        (
            'finished', 'is_finished and not coalesce(was_finished, false)',
            "'Completed everything that is required'"
        ),
    ] %}
    {% for event, condition, sentence in kinds %}
        select
            student_key,
            '{{ event }}' as event,
            week_starts_on,
            week_starts_on as spell_starts_on,
            {{ sentence }} as sentence,
            {{ no_assignment }} as assignment_id
        from weeks
        where
            is_complete
            and {{ condition }}
        union all
    {% endfor %}
    select
        class_students.student_key,
        case when signals.signal = 'stuck' then 'newly_stuck' else 'never_started' end as event,
        {{ week_start('class_students.as_of_on') }} as week_starts_on,
        case
            when signals.signal = 'stuck' then {{ week_start('frontiers.waiting_since_on') }}
            else {{ week_start('class_students.counts_from_on') }}
        end as spell_starts_on,
        signals.reason as sentence,
        signals.assignment_id
    from signals
    inner join class_students
        on
            signals.class_id = class_students.class_id
            and signals.student_id = class_students.student_id
    left join frontiers
        on class_students.student_key = frontiers.student_key

)

select
    class_students.class_id,
    class_students.class_name,
    class_students.student_id,
    class_students.first_name,
    class_students.last_name,
    class_students.email,
    class_students.region,
    class_students.night,
    class_students.mentor,
    class_students.is_enrolled,
    happened.event,
    happened.week_starts_on,
    happened.spell_starts_on,
    concat(
        class_students.class_id, '|', class_students.student_id, '|', happened.event, '|',
        cast(happened.spell_starts_on as {{ dbt.type_string() }})
    ) as event_key,
    happened.spell_starts_on >= {{ add_days(week_start('class_students.as_of_on'), -7) }} as is_recent,
    happened.sentence,
    happened.assignment_id,
    curriculum.assignment_name
from happened
inner join class_students
    on happened.student_key = class_students.student_key
left join curriculum
    on
        class_students.class_id = curriculum.class_id
        and happened.assignment_id = curriculum.assignment_id
