-- Weekly sums are running sums of these changes in whole numbers: exact, and linear in the data.
with class_students as (

    select
        class_id,
        student_id,
        student_key,
        is_late_joiner
    from {{ ref('class_students') }}

),

expected_assignments as (

    select
        plan_key,
        week_number,
        is_graded,
        is_expected
    from {{ ref('expected_assignments') }}

),

completions as (

    select
        student_key,
        plan_key,
        from_week,
        until_week,
        grade_millionths,
        timeliness_millionths
    from {{ ref('completions') }}
    where is_required

),

late_expectations as (

    select
        student_key,
        plan_key,
        counts_from_week
    from {{ ref('late_expectations') }}

),

expected_spells as (

    {{ spells('expected_assignments', ['plan_key', 'is_graded'], 'is_expected') }}

),

-- for late joiners, what is expected of them is summed up; for all others it is what the group expects
late_spells as (

    select
        late_expectations.student_key,
        late_expectations.plan_key,
        expected_spells.is_graded,
        greatest(expected_spells.from_week, late_expectations.counts_from_week) as from_week,
        expected_spells.until_week
    from late_expectations
    inner join expected_spells
        on
            late_expectations.plan_key = expected_spells.plan_key
            and late_expectations.counts_from_week < expected_spells.until_week

),

overlapping as (

    select
        completions.student_key,
        completions.plan_key,
        completions.grade_millionths,
        completions.timeliness_millionths,
        expected_spells.is_graded,
        greatest(completions.from_week, expected_spells.from_week) as from_week,
        least(coalesce(completions.until_week, expected_spells.until_week), expected_spells.until_week)
            as until_week
    from completions
    inner join expected_spells
        on
            completions.plan_key = expected_spells.plan_key
            and completions.from_week < expected_spells.until_week
            and (completions.until_week is null or completions.until_week > expected_spells.from_week)

),

-- how long each completion counted as expected work done
counted as (

    select
        overlapping.student_key,
        case
            when class_students.is_late_joiner
                then greatest(
                    overlapping.from_week, coalesce(late_expectations.counts_from_week, overlapping.until_week)
                )
            else overlapping.from_week
        end as from_week,
        overlapping.until_week,
        -- a grade counts by itself; expected work without one is no longer missing
        case when overlapping.grade_millionths is not null or overlapping.is_graded then 1 else 0 end as grades,
        overlapping.timeliness_millionths
    from overlapping
    inner join class_students
        on overlapping.student_key = class_students.student_key
    left join late_expectations
        on
            overlapping.student_key = late_expectations.student_key
            and overlapping.plan_key = late_expectations.plan_key

),

-- a grade counts from its completion on, whether or not the work is expected yet; `grades` are those that
-- count beside one for each expected graded assignment, less those that expected work was completed without
changes as (

    {% set graded = 'grade_millionths is not null' %}
    {% set ended = graded ~ ' and until_week is not null' %}
    {% set lasting = 'from_week < until_week' %}
    {% set one_if_graded = 'case when is_graded then 1 else 0 end' %}
    {% set kinds = [
        ('completions', 'from_week', graded, {'grade_millionths': 'grade_millionths', 'grades': '1'}),
        ('completions', 'until_week', ended, {'grade_millionths': '-grade_millionths', 'grades': '-1'}),
        (
            'counted', 'from_week', lasting,
            {'completed': '1', 'grades': '-grades', 'timeliness_millionths': 'timeliness_millionths'}
        ),
        (
            'counted', 'until_week', lasting,
            {'completed': '-1', 'grades': 'grades', 'timeliness_millionths': '-timeliness_millionths'}
        ),
        ('late_spells', 'from_week', lasting, {'expected': '1', 'expected_graded': one_if_graded}),
        ('late_spells', 'until_week', lasting, {'expected': '-1', 'expected_graded': '-' ~ one_if_graded}),
    ] %}
    {% for relation, week, condition, values in kinds %}
        select
            student_key,
            {{ week }} as week_number,
            {{ values.get('completed', '0') }} as completed,
            {{ values.get('grade_millionths', '0') }} as grade_millionths,
            {{ values.get('grades', '0') }} as grades,
            {{ values.get('timeliness_millionths', '0') }} as timeliness_millionths,
            {{ values.get('expected', '0') }} as expected,
            {{ values.get('expected_graded', '0') }} as expected_graded
        from {{ relation }}
        where {{ condition }}
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

net_changes as (

    select
        student_key,
        week_number,
        cast(sum(completed) as bigint) as completed_change,
        cast(sum(grade_millionths) as bigint) as grade_millionths_change,
        cast(sum(grades) as bigint) as grades_change,
        cast(sum(timeliness_millionths) as bigint) as timeliness_millionths_change,
        cast(sum(expected) as bigint) as expected_change,
        cast(sum(expected_graded) as bigint) as expected_graded_change
    from changes
    group by student_key, week_number

)

select
    class_students.class_id,
    class_students.student_id,
    net_changes.student_key,
    net_changes.week_number,
    net_changes.completed_change,
    net_changes.grade_millionths_change,
    net_changes.grades_change,
    net_changes.timeliness_millionths_change,
    net_changes.expected_change,
    net_changes.expected_graded_change
from net_changes
inner join class_students
    on net_changes.student_key = class_students.student_key
