-- Who joined late is expected to do things as many days after the first day as the class was: an assignment
-- counts from the week on in which the student has been there as long as the class had when it became expected.
-- A date of the schedule is not shifted: such work counts from the student's first week on.
with late_joiners as (

    select
        student_key,
        group_key,
        begins_on,
        counts_from_on
    from {{ ref('enrollments') }}
    where is_late_joiner

),

group_weeks as (

    select
        group_key,
        week_number,
        week_starts_on,
        measured_on
    from {{ ref('group_weeks') }}

),

expected as (

    select distinct
        group_key,
        plan_key,
        has_due_date,
        expected_from_week
    from {{ ref('expected_assignments') }}
    where expected_from_week is not null

),

spans as (

    select
        group_key,
        min(week_starts_on) as first_week_starts_on,
        max(measured_on) as as_of_on
    from group_weeks
    group by group_key

),

due as (

    select
        late_joiners.student_key,
        late_joiners.group_key,
        expected.plan_key,
        case
            when expected.has_due_date then late_joiners.counts_from_on
            else
                {{ add_days(
                    'late_joiners.counts_from_on',
                    'greatest(' ~ days_between('late_joiners.begins_on', 'group_weeks.week_starts_on') ~ ', 0)'
                ) }}
        end as counts_on
    from late_joiners
    inner join expected
        on late_joiners.group_key = expected.group_key
    inner join group_weeks
        on
            expected.group_key = group_weeks.group_key
            and expected.expected_from_week = group_weeks.week_number

)

select
    due.student_key,
    due.plan_key,
    case
        when due.counts_on <= spans.as_of_on
            then cast(
                floor(cast({{ days_between('spans.first_week_starts_on', 'due.counts_on') }} as double) / 7) as bigint
            ) + 1
    end as counts_from_week
from due
inner join spans
    on due.group_key = spans.group_key
