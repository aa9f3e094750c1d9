"""Of whom each table speaks, and which of its columns name somebody: nothing is shown by chance."""

from __future__ import annotations

import pytest

from cohort_tracker.reading.masking import masked_columns
from cohort_tracker.reading.published import opened
from cohort_tracker.reading.reader import NotAllowedError
from cohort_tracker.reading.rights import may_read
from cohort_tracker.reading.tables import Column, Table, catalog
from cohort_tracker.reading.viewer import Viewer
from support import Bench

# Whoever adds a table says here whom it speaks of: it is the lead's until then.
KINDS = {
    "person": """
        core.call_lists core.call_outcomes core.class_students core.completions
        core.dated_progressions core.days_behind core.enrollments core.frontiers
        core.health_events core.health_shares core.health_tiers core.progression_changes
        core.progressions core.progressions_as_of core.projections core.starting_points
        core.student_assignments core.student_measures core.student_weeks core.student_work
        core.students marts.review_queue marts.section_completion marts.stuck_students
        marts.student_completion marts.student_contacts marts.student_events
        marts.student_health marts.student_health_weekly marts.student_reasons
        marts.student_signals marts.type_completion
    """,
    "night": """
        core.night_assignments core.night_weeks marts.night_assignment_completion
        marts.night_blockers marts.night_grade_distribution marts.night_progress
        marts.night_summary
    """,
    "class": """
        core.class_weeks core.classes core.curriculum core.expected_assignments core.group_days
        core.group_weeks core.peer_weeks core.plans core.sync_history marts.activity_pattern
        marts.assignment_completion marts.blockers marts.class_summary marts.cohort_comparison
        marts.grade_distribution marts.progress_over_time
    """,
    "shared": "core.assignments core.build",
    "lead": """
        core.class_names core.contacts core.file_problems core.late_expectations core.mentors
        core.rejected_records core.roster_candidates core.roster_lines core.roster_matches
        core.schedule_lines core.schedule_matches core.sync_runs
    """,
}

# And of each text of a table that more than the lead may read whether it can name somebody. Of the
# students' own columns below an alias takes the place.
NAMING = {"email", "event_key", "last_name", "mentor", "progression_id", "region", "role"}
NAMING |= {"contact_id", "contacted_by", "note", "value_from", "value_to"}
NUMBERS_OF_PEOPLE = {"student_key", "version_no"}
ALIASED = {"first_name", "student_id", "student_name"}
HARMLESS = """
    assignment_id assignment_name assignment_type call_list class_id class_name code event field
    friendly_id frontier_assignment_id frontier_assignment_name group_night_key how iso_week
    last_run_status movement n_a_reason night night_key previous_call_list previous_tier projection
    reason reason_codes reasons run_id school section sentence signal source start_assignment_id
    start_assignment_name state status thresholds tier timezone type unit version weekday_name
"""
WITH_PLAIN_NAMES = {"core.assignments", "core.build", "core.classes", "core.sync_history"}

TEXT = "VARCHAR"


@pytest.fixture(scope="module")
def tables(built_data) -> dict[str, Table]:
    """The tables of a warehouse that the project built."""
    with opened(built_data / "warehouse.duckdb") as connection:
        return catalog(connection)


def test_every_table_has_the_kind_that_somebody_gave_it(tables):
    assert {name: table.kind for name, table in tables.items()} == {
        name: kind for kind, names in KINDS.items() for name in names.split()
    }


def test_every_text_is_known_to_name_nobody_or_is_dropped(tables):
    shown: set[str] = set()
    dropped: set[str] = set()
    for table in tables.values():
        if table.kind == "lead" or table.name == "core.students":
            continue
        kept = masked_columns(table)
        for column in table.columns:
            if column.type == TEXT and not (
                table.name in WITH_PLAIN_NAMES and column.name in ("id", "name")
            ):
                (shown if column.name in kept else dropped).add(column.name)
    assert dropped == NAMING | {"id"}, "the id of a progression"
    assert shown == {*HARMLESS.split(), *ALIASED}


def test_of_students_nothing_is_left_but_the_alias(tables):
    students = tables["core.students"]
    assert masked_columns(students) == ("id", "first_name", "name", "has_progressions")


def test_numbers_that_stand_for_people_are_dropped_and_no_others(tables):
    dropped = {
        column.name
        for table in tables.values()
        if table.kind != "lead"
        for column in table.columns
        if column.type != TEXT and column.name not in masked_columns(table)
    }
    assert dropped == NUMBERS_OF_PEOPLE


def table_of(name: str, *columns: str, type_: str = TEXT) -> Table:
    return Table(name, None, tuple(Column(column, type_, None) for column in columns))


@pytest.mark.parametrize(
    "table",
    [
        table_of("marts.new", "class_id", "note"),
        table_of("marts.night_new", "class_id", "night", "students"),
        table_of("marts.new", "student_id"),
        table_of("core.blockers", "class_id"),
        table_of("marts.students", "id", "name"),
    ],
)
def test_new_table_is_the_leads(table: Table):
    for viewer in (
        Viewer("program"),
        Viewer("mentor", None, frozenset({("c", "monday")})),
        Viewer(nights=frozenset()),
        Viewer(hide_names=True),
    ):
        assert not may_read(table, viewer)
    assert may_read(table, Viewer())
    assert may_read(table, Viewer(classes=frozenset())) == ("class_id" in table.column_names)


@pytest.mark.parametrize(
    "type_",
    [TEXT, "VARCHAR[]", "BIGINT[]", "STRUCT(name VARCHAR)", "JSON", "BLOB", "UUID", "MAP()"],
)
def test_new_column_that_can_hold_a_name_is_dropped(type_: str):
    person = table_of("marts.new", "class_id", "student_id")
    known = () if type_ == TEXT else ("sentence",)
    for name in ("nickname", "name", "id", *known):
        column = Column(name, type_, None)
        assert masked_columns(Table("marts.new", None, (*person.columns, column))) == (
            "class_id",
            "student_id",
        )


def test_name_in_a_table_that_speaks_of_no_student_is_dropped():
    table = table_of("marts.blockers", "class_id", "assignment_id", "first_name", "student_id")
    assert "first_name" in masked_columns(table), "with the student's id it is an alias"
    table = table_of("marts.blockers", "class_id", "assignment_id", "first_name", "student_name")
    assert masked_columns(table) == ("class_id", "assignment_id")


@pytest.mark.parametrize(
    "name", ["core.mentors", "marts.nothing", "staging.stg_raw__students", "x"]
)
def test_table_that_is_not_the_viewers_cannot_be_told_from_none(built: Bench, name: str):
    from cohort_tracker.reading.reader import reader_of

    viewer = Viewer("mentor", None, frozenset())
    with reader_of(built.warehouse, built.raw, viewer) as reader:
        for read in (reader.rows, reader.relation, reader.query, reader.table):
            with pytest.raises(NotAllowedError) as refused:
                read(name)
            assert refused.value.message == f"There is no table {name}, or not for you"
            assert refused.value.exit_code == 2
