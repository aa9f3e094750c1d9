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
        is_late_joiner
    from {{ ref('class_students') }}

),

health as (

    select
        class_id,
        student_id,
        tier,
        previous_tier,
        is_worsened,
        completion_share,
        grade_share,
        recency_share,
        timeliness_share,
        expected_assignments,
        completed_expected_assignments,
        days_enrolled
    from {{ ref('student_health_weekly') }}
    where is_latest

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

),

starting_points as (

    select
        student_key,
        assignment_id,
        assignment_name
    from {{ ref('starting_points') }}

),

-- who has a verdict now: while a class is over its signals have none
judged as (

    select
        class_students.student_key,
        class_students.is_late_joiner,
        health.*,
        health.expected_assignments - health.completed_expected_assignments as missing_assignments
    from health
    inner join class_students
        on
            health.class_id = class_students.class_id
            and health.student_id = class_students.student_id
    inner join signals
        on
            health.class_id = signals.class_id
            and health.student_id = signals.student_id
    where
        health.tier <> 'n_a'
        and signals.signal = 'progress'
        and signals.status <> 'n_a'

),

failing as (

    select
        class_id,
        student_id,
        max(case when signal = 'never_started' and status in ('watch', 'fail') then reason end) as never_started,
        max(case when signal = 'inactivity' and status = 'fail' then reason end) as silent,
        max(case when signal = 'stuck' and status = 'fail' then reason end) as stuck,
        max(case when signal = 'stuck' then assignment_id end) as stuck_assignment_id,
        max(case when signal = 'progress' and status = 'fail' then reason end) as progress,
        max(case when signal = 'progress' then reason end) as progress_sentence,
        max(case when signal = 'momentum' and status = 'fail' then reason end) as momentum,
        max(case when signal = 'grades' and status = 'fail' then reason end) as grades,
        max(case when signal = 'quizzes' and status = 'fail' then reason end) as quizzes
    from signals
    group by class_id, student_id

),

-- what each part of the score costs in points
weighed as (

    select
        judged.*,
        failing.never_started,
        failing.silent,
        failing.stuck,
        failing.stuck_assignment_id,
        failing.progress,
        failing.progress_sentence,
        failing.momentum,
        failing.grades,
        failing.quizzes,
        {{ threshold('weight_completion') }} * (1 - judged.completion_share) as missing_points,
        {{ threshold('weight_grade') }} * (1 - judged.grade_share) as grade_points,
        {{ threshold('weight_recency') }} * (1 - judged.recency_share) as silent_points,
        {{ threshold('weight_timeliness') }} * (1 - judged.timeliness_share) as timeliness_points
    from judged
    inner join failing
        on
            judged.class_id = failing.class_id
            and judged.student_id = failing.student_id

),

-- Who never started anything has that one reason only. "Later than most" is below one half: what
-- "most" means, not a threshold.
reasons as (

    {% set points = threshold('reason_points') %}
    {% set rows = [
        ('never_started', 1, 'never_started', 'never_started is not null', '0'),
        ('silent', 2, 'silent', 'never_started is null and silent is not null', 'silent_points'),
        ('stuck', 3, 'stuck', 'never_started is null and stuck is not null', '0'),
        (
            'missing_work', 4, 'progress_sentence',
            'never_started is null and (progress is not null or missing_points >= ' ~ points ~ ')', 'missing_points'
        ),
        (
            'slipping', 5,
            "case when is_worsened then concat('Fell from ', previous_tier, ' to ', tier, ' risk within a week')"
            ~ ' else momentum end',
            'never_started is null and (is_worsened or (momentum is not null and silent is null))', '0'
        ),
        (
            'grades', 6,
            "case when grade_points >= " ~ points ~ " and grade_share < " ~ threshold('passing_grade')
            ~ " then concat('Mean grade ', " ~ percent_text('grade_share')
            ~ ", case when missing_assignments > 0 then ', counting missing work as 0' else '' end) else grades end",
            'never_started is null and (grades is not null or (grade_points >= ' ~ points
            ~ ' and grade_share < ' ~ threshold('passing_grade') ~ '))',
            'grade_points'
        ),
        ('quizzes', 7, 'quizzes', 'never_started is null and quizzes is not null', '0'),
        (
            'timeliness', 8, "'Completes work later than most of the class'",
            'never_started is null and not is_late_joiner and timeliness_share < 0.5'
            ~ ' and completed_expected_assignments >= ' ~ threshold('min_timeliness_work'),
            'timeliness_points'
        ),
    ] %}
    {% for code, place, sentence, condition, cost in rows %}
        select
            class_id,
            student_id,
            student_key,
            is_late_joiner,
            days_enrolled,
            '{{ code }}' as code,
            {{ place }} as place,
            {{ sentence }} as sentence,
            {{ cost }} as points,
            {{ 'stuck_assignment_id' if code == 'stuck' else 'cast(null as ' ~ dbt.type_string() ~ ')' }} as stuck_at
        from weighed
        where {{ condition }}
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

-- of who joined late that is said before anything else
told as (

    select
        class_id,
        student_id,
        student_key,
        code,
        place,
        sentence,
        points,
        stuck_at
    from reasons
    union all
    select distinct
        class_id,
        student_id,
        student_key,
        'joined_late' as code,
        0 as place,
        concat('Joined ', {{ counted_text('days_enrolled', 'day') }}, ' ago') as sentence,
        0 as points,
        cast(null as {{ dbt.type_string() }}) as stuck_at
    from reasons
    where is_late_joiner

)

select
    told.class_id,
    class_students.class_name,
    told.student_id,
    class_students.first_name,
    class_students.last_name,
    class_students.email,
    class_students.region,
    class_students.night,
    class_students.mentor,
    class_students.is_enrolled,
    cast(
        row_number() over (partition by told.class_id, told.student_id order by told.place) as bigint
    ) as reason_rank,
    told.code,
    told.sentence,
    cast(coalesce(told.points, 0) as double) as points,
    case
        when told.code = 'stuck' then told.stuck_at
        when told.code in ('never_started', 'silent', 'missing_work') then starting_points.assignment_id
    end as assignment_id,
    case
        when told.code in ('never_started', 'silent', 'stuck', 'missing_work') then starting_points.assignment_name
    end as assignment_name
from told
inner join class_students
    on told.student_key = class_students.student_key
left join starting_points
    on told.student_key = starting_points.student_key
