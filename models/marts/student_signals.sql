-- One CTE per signal; each says what was measured, whether that is a warning, and says it in words.
with class_students as (

    select
        student_key,
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

measures as (

    select * from {{ ref('student_measures') }}

),

progress as (

    select
        *,
        'progress' as signal,
        'share' as unit,
        completion_share as measured_value,
        completed_expected_assignments as part_count,
        expected_assignments as whole_count,
        cohort_completion_share as cohort_value,
        {{ threshold('progress_watch_share') }} as watch_threshold,
        {{ threshold('progress_fail_share') }} as fail_threshold,
        case when expected_assignments = 0 then 'nothing is expected yet' end as own_n_a_reason,
        {{ is_at_least_share(
            'completed_expected_assignments', 'expected_assignments', 'progress_fail_share'
        ) }} = false as is_fail,
        {{ is_at_least_share(
            'completed_expected_assignments', 'expected_assignments', 'progress_watch_share'
        ) }} = false as is_watch,
        concat(
            cast(completed_expected_assignments as {{ dbt.type_string() }}), ' of ',
            {{ counted_text('expected_assignments', 'expected assignment') }}, ' completed (',
            {{ percent_text('completion_share') }}, '); the class''s median is ',
            {{ percent_text('cohort_completion_share') }}
        ) as sentence
    from measures

),

-- judged by the days beyond the silence of the class; told in calendar days
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
        case
            when
                paused_since_on is not null
                and coalesce(is_finished or excess_silence < {{ threshold('inactivity_watch_days') }}, true)
                then concat('the class pauses since ', {{ day_text('paused_since_on') }})
        end as own_n_a_reason,
        not is_finished and excess_silence >= {{ threshold('inactivity_fail_days') }} as is_fail,
        not is_finished and excess_silence >= {{ threshold('inactivity_watch_days') }} as is_watch,
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
    from measures

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
        graded >= {{ threshold('min_graded_fail') }}
        and {{ is_at_least_share('low_grades', 'graded', 'low_grade_fail_share') }} as is_fail,
        graded >= {{ threshold('min_graded_watch') }}
        and {{ is_at_least_share('low_grades', 'graded', 'low_grade_watch_share') }} as is_watch,
        concat(
            cast(low_grades as {{ dbt.type_string() }}), ' of ', {{ counted_text('graded', 'grade') }},
            ' below {{ (threshold("passing_grade") | float * 100) | round | int }}% (',
            {{ percent_text('low_grade_share') }}, '); the class''s median is ',
            {{ percent_text('cohort_low_grade_share') }}
        ) as sentence
    from measures

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
    from measures

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
        case when not has_begun then 'has not begun' end as own_n_a_reason,
        is_stuck_long as is_fail,
        is_stuck as is_watch,
        case
            when is_finished then 'Everything is completed'
            when frontier_assignment_id is null then 'Not waiting at any assignment'
            when days_waiting is null then concat('Working on ', frontier_assignment_name, ', since when is not known')
            else concat(
                'Waiting at ', frontier_assignment_name, ' for ', {{ counted_text('days_waiting', 'day') }},
                case
                    when is_stuck and stuck_students = 1 then '; nobody else is stuck there'
                    when is_stuck
                        then concat('; ', {{ counted_text('stuck_students', 'student') }}, ' are stuck there')
                    else ''
                end
            )
        end as sentence
    from measures

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
        graded_quizzes >= {{ threshold('min_graded_fail') }}
        and failed_quizzes >= {{ threshold('failed_quizzes_fail') }} as is_fail,
        graded_quizzes >= {{ threshold('min_graded_watch') }}
        and failed_quizzes >= {{ threshold('failed_quizzes_watch') }} as is_watch,
        concat(
            cast(failed_quizzes as {{ dbt.type_string() }}), ' of ',
            cast(graded_quizzes as {{ dbt.type_string() }}),
            case when graded_quizzes = 1 then ' quiz' else ' quizzes' end,
            ' failed; the class''s median is ', {{ number_text('cohort_failed_quizzes') }}
        ) as sentence
    from measures

),

never_started as (

    select
        *,
        'never_started' as signal,
        'days' as unit,
        cast(case when has_begun then 0 else days_silent end as double) as measured_value,
        begun as part_count,
        assignments as whole_count,
        cohort_begun_share as cohort_value,
        {{ threshold('inactivity_watch_days') }} as watch_threshold,
        {{ threshold('inactivity_fail_days') }} as fail_threshold,
        case when assignments = 0 then 'the class has no assignments' end as own_n_a_reason,
        not has_begun and class_days_silent >= {{ threshold('inactivity_fail_days') }} as is_fail,
        not has_begun and class_days_silent >= {{ threshold('inactivity_watch_days') }} as is_watch,
        case
            when has_begun
                then concat(
                    'Has started ', cast(begun as {{ dbt.type_string() }}), ' of ',
                    {{ counted_text('assignments', 'assignment') }}
                )
            else concat(
                'Has not started anything in ', {{ counted_text('days_silent', 'day') }}, '; ',
                {{ percent_text('cohort_begun_share') }}, ' of the class have'
            )
        end as sentence
    from measures

),

{% set columns = [
    'class_id', 'student_id', 'student_key', 'measured_on', 'signal', 'unit', 'measured_value', 'part_count',
    'whole_count', 'cohort_value', 'watch_threshold', 'fail_threshold', 'is_fail', 'is_watch', 'sentence',
    'frontier_assignment_id',
] %}
signals as (

    {% for signal in ['progress', 'inactivity', 'grades', 'momentum', 'stuck', 'quiz_failures', 'never_started'] %}
        select
            {{ columns | join(',\n            ') }},
            coalesce(n_a_reason, own_n_a_reason) as n_a_reason
        from {{ signal }}
        {{ 'union all' if not loop.last }}
    {% endfor %}

)

select
    signals.class_id,
    class_students.class_name,
    signals.student_id,
    class_students.first_name,
    class_students.last_name,
    class_students.email,
    class_students.region,
    class_students.night,
    class_students.mentor,
    class_students.is_enrolled,
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
    case when signals.signal = 'stuck' then signals.frontier_assignment_id end as assignment_id
from signals
inner join class_students
    on signals.student_key = class_students.student_key
