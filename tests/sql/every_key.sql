-- What is this: keys that are broken: a primary or unique key that is null or met twice, or a foreign key that names
-- nothing. It asks of all tables what the test `keys` of each asks, and dbt tells when a table is missing here.
-- When does it matter: a join by a broken key repeats or loses students.
-- How to resolve: look for a join in that table's model that drops or repeats rows; its test `keys` shows which rows.
{%- for table in [
    'activity_pattern', 'assignment_completion', 'assignments', 'blockers', 'build', 'call_lists', 'call_outcomes',
    'class_names', 'class_students', 'class_summary', 'class_weeks', 'classes', 'cohort_comparison', 'completions',
    'contacts', 'curriculum', 'dated_progressions', 'days_behind', 'enrollments', 'expected_assignments',
    'file_problems', 'frontiers', 'grade_distribution', 'group_days', 'group_weeks', 'health_events', 'health_shares',
    'health_tiers', 'late_expectations', 'mentors', 'night_assignment_completion', 'night_assignments',
    'night_blockers', 'night_grade_distribution', 'night_progress', 'night_summary', 'night_weeks', 'peer_weeks',
    'plans', 'progress_over_time', 'progression_changes', 'progressions', 'progressions_as_of', 'projections',
    'rejected_records', 'review_queue', 'roster_candidates', 'roster_lines', 'roster_matches', 'schedule_lines',
    'schedule_matches', 'section_completion', 'starting_points', 'stuck_students', 'student_assignments',
    'student_completion', 'student_contacts', 'student_events', 'student_health', 'student_health_weekly',
    'student_measures', 'student_reasons', 'student_signals', 'student_weeks', 'student_work', 'students',
    'sync_history', 'sync_runs', 'type_completion',
] %}
    {%- do ref(table) %}
{%- endfor %}
{{ all_broken_keys() if execute }}
