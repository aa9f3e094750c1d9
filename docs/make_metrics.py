"""Write docs/metrics.md from the doc blocks of the dbt models: `python docs/make_metrics.py`.

The words live in models/_docs/docs.md, where the descriptions of columns take them too; the
thresholds live in dbt_project.yml. This only puts them in an order that reads well.
"""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "metrics.md"

# section, where it is found, and its metrics: (title, doc block)
SECTIONS: list[tuple[str, str, list[tuple[str, str]]]] = [
    (
        "The moment, the calendar, the students",
        "`core.classes`, `core.class_weeks`, `core.dated_progressions`, `core.enrollments`",
        [
            ("as_of", "as_of"),
            ("is_stale", "is_stale"),
            ("is_retired", "is_retired"),
            ("timezone", "timezone"),
            ("iso_week", "iso_week"),
            ("measured_on", "measured_on"),
            ("is_complete", "is_complete"),
            ("is_followed", "is_followed"),
            ("is_latest", "is_latest"),
            ("is_class_over", "is_class_over"),
            ("begins_on", "begins_on"),
            ("started_at", "started_at_known"),
            ("completed_at", "completed_at_known"),
            ("reviewed_at", "reviewed_at_known"),
            ("enrolled_on", "enrolled_on"),
            ("left_on", "left_on"),
            ("counts_from_on", "counts_from_on"),
            ("is_late_joiner", "is_late_joiner"),
            ("students", "students"),
        ],
    ),
    (
        "The plan: what is worked through, in which order",
        "`core.plans`, `core.curriculum`; the schedule file is that of [schedule.md](schedule.md)",
        [
            ("position", "position"),
            ("is_inferred", "is_inferred"),
            ("is_assigned", "is_assigned"),
            ("is_optional", "is_optional"),
            ("due_on", "due_on"),
            ("group_key", "group_key"),
        ],
    ),
    (
        "The class as a measure: peers and class days",
        "`core.group_days`, `core.group_weeks`, `core.peer_weeks`, `core.health_shares`",
        [
            ("class_day", "class_day"),
            ("is_finished", "is_finished"),
            ("is_peer", "is_peer"),
            ("class_days_silent", "class_days_silent"),
            ("class_silent", "class_silent"),
            ("excess_silence", "excess_silence"),
            ("paused_since_on", "paused_since_on"),
        ],
    ),
    (
        "Completion",
        "`marts.class_summary`, `assignment_completion`, `student_completion`, "
        "`section_completion`, `type_completion`, `night_assignment_completion`",
        [
            ("state", "state"),
            ("first_completed_on", "first_completed_on"),
            ("passed", "is_passed"),
            ("completion_rate", "completion_rate"),
            ("average_grade", "average_grade"),
            ("median_days_to_complete", "median_days_to_complete"),
            ("active_students", "active_students"),
        ],
    ),
    (
        "Blockers",
        "`marts.blockers`, `night_blockers`, `stuck_students`; the waiting of each student in "
        "`core.student_assignments`",
        [
            ("reached", "reached"),
            ("waiting", "waiting"),
            ("waiting_since_on", "waiting_since_on"),
            ("days_waiting", "days_waiting"),
            ("class_days_waiting", "class_days_waiting"),
            ("stuck", "stuck"),
            ("is_stuck_long", "is_stuck_long"),
            ("skipped", "skipped"),
            ("stuck_rate", "stuck_rate"),
            ("low_grade_rate", "low_grade_rate"),
            ("reason_codes", "reason_codes"),
            ("status", "blocker_status"),
            ("blocker_rank", "blocker_rank"),
        ],
    ),
    (
        "Health",
        "`marts.student_health`, `student_health_weekly`, `student_reasons`",
        [
            ("expected_assignments", "expected_assignments"),
            ("completion_share", "completion_share"),
            ("grade_share", "grade_share"),
            ("days_silent", "days_silent"),
            ("recency_share", "recency_share"),
            ("timeliness_share", "timeliness_share"),
            ("score", "score"),
            ("class_score", "class_score"),
            ("tier", "tier"),
            ("n_a_reason", "n_a_reason"),
            ("call_list", "call_list"),
            ("previous_call_list", "previous_call_list"),
            ("is_newly_called", "is_newly_called"),
            ("reasons", "reasons"),
            ("code", "reason_code"),
            ("start_days_waiting", "start_days_waiting"),
            ("days_behind", "days_behind"),
            ("risk_rank", "risk_rank"),
            ("projection", "projection"),
            ("projected_finish_earliest_on, projected_finish_latest_on", "projected_finish"),
            ("previous_tier", "previous_tier"),
            ("movement", "movement"),
            ("is_worsened", "is_worsened"),
            ("is_recovered", "is_recovered"),
        ],
    ),
    (
        "Events",
        "`marts.student_events`",
        [
            ("event", "event"),
            ("spell_starts_on", "spell_starts_on"),
            ("is_recent", "is_recent"),
            ("event_key", "event_key"),
        ],
    ),
    (
        "Contacts",
        "`marts.student_contacts`, `core.contacts`, `core.call_outcomes`",
        [
            ("contacted_on", "contacted_on"),
            ("how", "how"),
            ("noted_at", "noted_at"),
            ("is_recovered_in_two_weeks", "is_recovered_in_two_weeks"),
            ("is_off_list_in_two_weeks", "is_off_list_in_two_weeks"),
        ],
    ),
    (
        "Signals",
        "`marts.student_signals`",
        [
            ("signal", "signal"),
            ("status", "signal_status"),
            ("cohort_value", "cohort_value"),
        ],
    ),
    (
        "Weeks, cohorts, reviews",
        "`marts.progress_over_time`, `night_progress`, `cohort_comparison`, `review_queue`, "
        "`class_summary`, `night_summary`",
        [
            ("completions_per_student", "completions_per_student"),
            ("cumulative_completion_rate", "cumulative_completion_rate"),
            ("week_in_program", "week_in_program"),
            ("completion_rate_difference", "completion_rate_difference"),
            ("days_waiting", "review_days_waiting"),
            ("is_overdue", "is_overdue"),
            ("overdue_reviews", "overdue_reviews"),
            ("night", "night"),
            ("mean_score", "mean_score"),
        ],
    ),
]

HEAD = """\
# Metrics

What the words in the tables mean. This page is made from the descriptions that the tables
themselves carry (`python docs/make_metrics.py`); every column of every table is described in the
dbt docs (`make docs`) and as a comment in the warehouse. How well the health score tells who will
fail is measured in [health-validation.md](health-validation.md).
"""

THRESHOLDS = """\
Variables of the dbt project (`dbt_project.yml`). The numbers and lists can be set in the settings
file under `[thresholds]`, see [configuration.md](configuration.md#thresholds-of-the-tables);
`core.build.thresholds` has those that the tables were built with."""


def page() -> str:
    """Return the page as it should be."""
    blocks = doc_blocks()
    parts = [HEAD]
    for title, places, metrics in SECTIONS:
        parts.append(f"\n## {title}\n\nIn {places}.\n")
        for name, block in metrics:
            text = blocks[block].replace(" Example: ", "\n\n*Example:* ")
            parts.append(f"\n**`{name}`** {text}\n")
    parts.append(f"\n## Thresholds\n\n{THRESHOLDS}\n")
    parts.append("\n| variable | default | what for |\n|---|---|---|\n")
    parts += [f"| `{name}` | {value} | {words} |\n" for name, value, words in thresholds()]
    return "".join(parts)


def doc_blocks() -> dict[str, str]:
    """Return the text of each doc block by name."""
    source = (ROOT / "models" / "_docs" / "docs.md").read_text(encoding="utf-8")
    found = re.findall(r"{% docs (\w+) %}\n(.*?)\n{% enddocs %}", source, re.DOTALL)
    return {name: " ".join(text.split()) for name, text in found}


def thresholds() -> list[tuple[str, str, str]]:
    """Return each variable with its default and the comment above it (or above its group)."""
    lines = (ROOT / "dbt_project.yml").read_text(encoding="utf-8").splitlines()
    found = []
    comment: list[str] = []
    is_new = True
    for line in lines[lines.index("vars: &vars") + 1 :]:
        if line and not line.startswith("  "):
            break
        if note := re.match(r"  # (.*)", line):
            comment = [note[1]] if is_new else [*comment, note[1]]
            is_new = False
        elif entry := re.match(r"  (\w+): (.*)", line):
            is_new = True
            value = entry[2].strip('"') or "(empty)"
            found.append((entry[1], value, " ".join(comment)))
    return found


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
