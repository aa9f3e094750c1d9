-- One CTE per signal; each says what was measured, whether that is a warning, and says it in words.
with latest as (

    select * from {{ ref('student_health_weekly') }}
    where is_latest

),

-- the students against whom others are measured
peers as (

    select
        class_id,
        student_id,
        is_active
    from {{ ref('student_weeks') }}
    where is_last_followed

),

recent as (

    select
        completions.class_id,
        completions.student_id,
        count(*) as completions
    from {{ ref('completions') }} as completions
    inner join {{ ref('class_weeks') }} as class_weeks
        on
            completions.class_id = class_weeks.class_id
            and class_weeks.is_last_followed
    where
        completions.attempt_number = 1
        and {{ days_between('completions.completed_on', 'class_weeks.measured_on') }} < {{ threshold('momentum_days') }}
    group by completions.class_id, completions.student_id

),

quizzes as (

    select
        class_id,
        student_id,
        cast(sum(graded) as bigint) as graded,
        cast(sum(low_grades) as bigint) as failed
    from {{ ref('type_completion') }}
    where lower(assignment_type) = 'quiz'
    group by class_id, student_id

),

-- where the student has waited longest
frontier as (

    select
        class_id,
        student_id,
        assignment_id,
        waiting_since_date,
        is_stuck,
        row_number() over (
            partition by class_id, student_id order by days_waiting desc nulls last, position asc
        ) as choice
    from {{ ref('student_assignments') }}
    where is_waiting

),

measured as (

    select
        latest.class_id,
        latest.class_name,
        latest.student_id,
        latest.first_name,
        latest.last_name,
        latest.measured_on,
        case when latest.n_a_reason <> 'nothing is expected yet' then latest.n_a_reason end as n_a_reason,
        latest.expected_assignments,
        latest.completed_expected_assignments,
        latest.completion_share,
        latest.last_completed_on,
        latest.days_silent,
        latest.days_enrolled,
        coalesce(peers.is_active, false) as is_peer,
        coalesce(student_completion.assignments, 0) as assignments,
        coalesce(student_completion.completed, 0) as completed,
        coalesce(student_completion.completed + student_completion.in_progress, 0) as begun,
        coalesce(student_completion.completed = student_completion.assignments, false) as is_finished,
        coalesce(student_completion.graded, 0) as graded,
        coalesce(student_completion.low_grades, 0) as low_grades,
        {{ rate('student_completion.low_grades', 'student_completion.graded') }} as low_grade_share,
        coalesce(recent.completions, 0) as recent_completions,
        coalesce(quizzes.graded, 0) as graded_quizzes,
        coalesce(quizzes.failed, 0) as failed_quizzes,
        frontier.assignment_id,
        coalesce(assignments.name, frontier.assignment_id) as assignment_name,
        coalesce(frontier.is_stuck, false) as is_stuck,
        {{ days_between('frontier.waiting_since_date', 'latest.measured_on') }} as days_waiting,
        blockers.stuck as stuck_students
    from latest
    left join peers
        on
            latest.class_id = peers.class_id
            and latest.student_id = peers.student_id
    left join {{ ref('student_completion') }} as student_completion
        on
            latest.class_id = student_completion.class_id
            and latest.student_id = student_completion.student_id
    left join recent
        on
            latest.class_id = recent.class_id
            and latest.student_id = recent.student_id
    left join quizzes
        on
            latest.class_id = quizzes.class_id
            and latest.student_id = quizzes.student_id
    left join frontier
        on
            latest.class_id = frontier.class_id
            and latest.student_id = frontier.student_id
            and frontier.choice = 1
    left join {{ ref('assignments') }} as assignments
        on frontier.assignment_id = assignments.id
    left join {{ ref('blockers') }} as blockers
        on
            frontier.class_id = blockers.class_id
            and frontier.assignment_id = blockers.assignment_id

),

cohorts as (

    select
        class_id,
        {{ median('case when is_peer then completion_share end') }} as completion_share,
        {{ median('case when is_peer then days_silent end') }} as days_silent,
        {{ median('case when is_peer then low_grade_share end') }} as low_grade_share,
        {{ median('case when is_peer then recent_completions end') }} as recent_completions,
        {{ median('case when is_peer and graded_quizzes > 0 then failed_quizzes end') }} as failed_quizzes,
        {{ rate('count(case when begun > 0 then 1 end)', 'count(case when assignments > 0 then 1 end)') }}
            as begun_share
    from measured
    group by class_id

),

compared as (

    select
        measured.*,
        cohorts.completion_share as cohort_completion_share,
        cohorts.days_silent as cohort_days_silent,
        cohorts.low_grade_share as cohort_low_grade_share,
        cohorts.recent_completions as cohort_recent_completions,
        cohorts.failed_quizzes as cohort_failed_quizzes,
        cohorts.begun_share as cohort_begun_share
    from measured
    inner join cohorts
        on measured.class_id = cohorts.class_id

),

pace as (

    select
        *,
        'pace' as signal,
        'share' as unit,
        completion_share as measured_value,
        completed_expected_assignments as part_count,
        expected_assignments as whole_count,
        cohort_completion_share as cohort_value,
        {{ threshold('pace_watch_share') }} as watch_threshold,
        {{ threshold('pace_fail_share') }} as fail_threshold,
        case when expected_assignments = 0 then 'nothing is expected yet' end as own_n_a_reason,
        {{ is_at_least_share('completed_expected_assignments', 'expected_assignments', 'pace_fail_share') }} = false
            as is_fail,
        {{ is_at_least_share('completed_expected_assignments', 'expected_assignments', 'pace_watch_share') }} = false
            as is_watch,
        concat(
            cast(completed_expected_assignments as {{ dbt.type_string() }}), ' of ',
            {{ counted_text('expected_assignments', 'expected assignment') }}, ' completed (',
            {{ percent_text('completion_share') }}, '); the class''s median is ',
            {{ percent_text('cohort_completion_share') }}
        ) as sentence
    from compared

),

inactivity as (

    select
        *,
        'inactivity' as signal,
        'days' as unit,
        cast(days_silent as double) as measured_value,
        cast(null as bigint) as part_count,
        cast(null as bigint) as whole_count,
        cohort_days_silent as cohort_value,
        {{ threshold('inactivity_watch_days') }} as watch_threshold,
        {{ threshold('inactivity_fail_days') }} as fail_threshold,
        cast(null as {{ dbt.type_string() }}) as own_n_a_reason,
        not is_finished and days_silent >= {{ threshold('inactivity_fail_days') }} as is_fail,
        not is_finished and days_silent >= {{ threshold('inactivity_watch_days') }} as is_watch,
        concat(
            case
                when is_finished then 'Everything is completed, the last of it '
                when last_completed_on is null then 'Never completed anything in '
                else 'Nothing completed for '
            end,
            {{ counted_text('days_silent', 'day') }},
            case when is_finished then ' ago' else '' end,
            '; the class''s median is ', {{ number_text('cohort_days_silent') }}
        ) as sentence
    from compared

),

grades as (

    select
        *,
        'grades' as signal,
        'share' as unit,
        low_grade_share as measured_value,
        low_grades as part_count,
        graded as whole_count,
        cohort_low_grade_share as cohort_value,
        {{ threshold('low_grade_watch_share') }} as watch_threshold,
        {{ threshold('low_grade_fail_share') }} as fail_threshold,
        case when graded = 0 then 'nothing is graded yet' end as own_n_a_reason,
        {{ is_at_least_share('low_grades', 'graded', 'low_grade_fail_share') }} as is_fail,
        {{ is_at_least_share('low_grades', 'graded', 'low_grade_watch_share') }} as is_watch,
        concat(
            cast(low_grades as {{ dbt.type_string() }}), ' of ', {{ counted_text('graded', 'grade') }},
            ' below {{ (threshold("passing_grade") | float * 100) | round | int }}% (',
            {{ percent_text('low_grade_share') }}, '); the class''s median is ',
            {{ percent_text('cohort_low_grade_share') }}
        ) as sentence
    from compared

),

momentum as (

    select
        *,
        'momentum' as signal,
        'completions' as unit,
        cast(recent_completions as double) as measured_value,
        cast(null as bigint) as part_count,
        cast(null as bigint) as whole_count,
        cohort_recent_completions as cohort_value,
        {{ threshold('momentum_watch_share') }} * cohort_recent_completions as watch_threshold,
        {{ threshold('momentum_fail_share') }} * cohort_recent_completions as fail_threshold,
        case
            when days_enrolled < {{ threshold('momentum_days') }}
                then 'less than {{ threshold("momentum_days") }} days in the class'
            when cohort_recent_completions < 1
                then 'the class completed too little in the last {{ threshold("momentum_days") }} days'
        end as own_n_a_reason,
        not is_finished
        and not {{ is_at_least_share('recent_completions', 'cohort_recent_completions', 'momentum_fail_share') }}
            as is_fail,
        not is_finished
        and not {{ is_at_least_share('recent_completions', 'cohort_recent_completions', 'momentum_watch_share') }}
            as is_watch,
        concat(
            {{ counted_text('recent_completions', 'assignment') }},
            ' completed in the last {{ threshold("momentum_days") }} days; the class''s median is ',
            {{ number_text('cohort_recent_completions') }}
        ) as sentence
    from compared

),

stuck as (

    select
        *,
        'stuck' as signal,
        'days' as unit,
        cast(days_waiting as double) as measured_value,
        cast(null as bigint) as part_count,
        cast(null as bigint) as whole_count,
        cast(stuck_students as double) as cohort_value,
        {{ threshold('stuck_days') }} as watch_threshold,
        {{ threshold('stuck_fail_days') }} as fail_threshold,
        case when begun = 0 then 'has not begun' end as own_n_a_reason,
        is_stuck and days_waiting >= {{ threshold('stuck_fail_days') }} as is_fail,
        is_stuck as is_watch,
        case
            when is_finished then 'Everything is completed'
            when assignment_id is null then 'Not waiting at any assignment'
            when days_waiting is null then concat('Working on ', assignment_name, ', since when is not known')
            else concat(
                'Waiting at ', assignment_name, ' for ', {{ counted_text('days_waiting', 'day') }},
                case
                    when is_stuck and stuck_students = 1 then '; nobody else is stuck there'
                    when is_stuck
                        then concat('; ', {{ counted_text('stuck_students', 'student') }}, ' are stuck there')
                    else ''
                end
            )
        end as sentence
    from compared

),

quiz_failures as (

    select
        *,
        'quizzes' as signal,
        'quizzes' as unit,
        cast(failed_quizzes as double) as measured_value,
        failed_quizzes as part_count,
        graded_quizzes as whole_count,
        cohort_failed_quizzes as cohort_value,
        {{ threshold('failed_quizzes_watch') }} as watch_threshold,
        {{ threshold('failed_quizzes_fail') }} as fail_threshold,
        case when graded_quizzes = 0 then 'no quiz is graded yet' end as own_n_a_reason,
        failed_quizzes >= {{ threshold('failed_quizzes_fail') }} as is_fail,
        failed_quizzes >= {{ threshold('failed_quizzes_watch') }} as is_watch,
        concat(
            cast(failed_quizzes as {{ dbt.type_string() }}), ' of ',
            cast(graded_quizzes as {{ dbt.type_string() }}),
            case when graded_quizzes = 1 then ' quiz' else ' quizzes' end,
            ' failed; the class''s median is ', {{ number_text('cohort_failed_quizzes') }}
        ) as sentence
    from compared

),

never_started as (

    select
        *,
        'never_started' as signal,
        'days' as unit,
        cast(case when begun = 0 then days_silent else 0 end as double) as measured_value,
        begun as part_count,
        assignments as whole_count,
        cohort_begun_share as cohort_value,
        {{ threshold('inactivity_watch_days') }} as watch_threshold,
        {{ threshold('inactivity_fail_days') }} as fail_threshold,
        case when assignments = 0 then 'the class has no assignments' end as own_n_a_reason,
        begun = 0 and days_silent >= {{ threshold('inactivity_fail_days') }} as is_fail,
        begun = 0 and days_silent >= {{ threshold('inactivity_watch_days') }} as is_watch,
        case
            when begun > 0
                then concat(
                    'Has started ', cast(begun as {{ dbt.type_string() }}), ' of ',
                    {{ counted_text('assignments', 'assignment') }}
                )
            else concat(
                'Has not started anything in ', {{ counted_text('days_silent', 'day') }}, '; ',
                {{ percent_text('cohort_begun_share') }}, ' of the class have'
            )
        end as sentence
    from compared

),

{% set columns = [
    'class_id', 'class_name', 'student_id', 'first_name', 'last_name', 'measured_on', 'signal', 'unit',
    'measured_value', 'part_count', 'whole_count', 'cohort_value', 'watch_threshold', 'fail_threshold',
    'is_fail', 'is_watch', 'sentence', 'assignment_id',
] %}
signals as (

    {% for signal in ['pace', 'inactivity', 'grades', 'momentum', 'stuck', 'quiz_failures', 'never_started'] %}
        select
            {{ columns | join(',\n            ') }},
            coalesce(n_a_reason, own_n_a_reason) as n_a_reason
        from {{ signal }}
        {{ 'union all' if not loop.last }}
    {% endfor %}

)

select
    signals.class_id,
    signals.class_name,
    signals.student_id,
    signals.first_name,
    signals.last_name,
    students.email,
    enrollments.region,
    enrollments.night,
    enrollments.mentor,
    signals.measured_on,
    signals.signal,
    case
        when signals.n_a_reason is not null then 'n_a'
        when signals.is_fail then 'fail'
        when signals.is_watch then 'watch'
        else 'pass'
    end as status,
    coalesce(signals.n_a_reason, signals.sentence) as reason,
    signals.unit,
    signals.measured_value,
    signals.part_count,
    signals.whole_count,
    signals.cohort_value,
    cast(signals.watch_threshold as double) as watch_threshold,
    cast(signals.fail_threshold as double) as fail_threshold,
    case when signals.signal = 'stuck' then signals.assignment_id end as assignment_id
from signals
inner join {{ ref('enrollments') }} as enrollments
    on
        signals.class_id = enrollments.class_id
        and signals.student_id = enrollments.student_id
inner join {{ ref('students') }} as students
    on signals.student_id = students.id
