"""`report` at a terminal and for programs: who is told of, in which order, and in which words."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cohort_tracker.config import load_settings
from cohort_tracker.warehouse.fingerprint import note_failed
from pseudo_terminal import at_terminal, lines_of, width
from report_cohorts import MENTORS, NAMES, ReportData, words_of
from support import Bench

PROJECT = Path(__file__).parents[2]
NEVER_SHOWN = ("\x1b", "\x07", "\u202e", "\u2066", "\r")


def told(data: ReportData, *arguments: str, **environment: str) -> str:
    """What the report prints; it must succeed and complain of nothing."""
    done = data.report(*arguments, **environment)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def sections(text: str) -> dict[str, list[str]]:
    """The lines below each title that has a count or a list, by the title's first words."""
    found: dict[str, list[str]] = {}
    for block in text.split("\n\n"):
        title, *lines = block.strip("\n").split("\n")
        found[re.split(r"[,:]", title)[0]] = lines
    return found


def people(lines: list[str]) -> list[str]:
    """The names: what stands two blanks in."""
    names = [line[2:] for line in lines if re.match(r"  [^ ]", line)]
    return [name for name in names if not name.startswith("and ")]


def said_of(name: str, lines: list[str]) -> list[str]:
    """What is said of somebody, below the name."""
    place = next(n for n, line in enumerate(lines) if line.startswith(f"  {name}"))
    said = []
    for line in lines[place + 1 :]:
        if not line.startswith("    "):
            break
        said.append(line.strip())
    return said


def called(data: ReportData, class_id: str, call_list: str) -> list[str]:
    """The last names on a list as the tables rank them."""
    return [
        row[0]
        for row in data.rows(
            f"select last_name from marts.student_health where class_id = '{class_id}'"
            f" and call_list = '{call_list}' order by risk_rank, last_name"
        )
    ]


def test_lists_come_in_the_order_of_use_and_the_worst_first(report_data: ReportData):
    text = told(report_data, "--class", "web-1")
    found = sections(text)
    order = [title for title in found if title in ("Slipping", "Gone quiet", "Never started")]
    assert order == ["Slipping", "Gone quiet", "Never started"]
    slipping = people(found["Slipping"])
    assert slipping == [" ".join(NAMES["wide"]), "Ada Lovelace", "Student falls"]
    quiet = people(found["Gone quiet"])
    assert [name.split()[-1] for name in quiet if "Student" in name] == ["no-night", "monday-quiet"]
    assert quiet[0] == " ".join(NAMES["right"]) and quiet[1].startswith("?[5;41m?Eve?")
    assert len(called(report_data, "web-1", "gone_quiet")) == 5
    assert {*people(found["Never started"])} == {"Pia Paper", "Nils New"}
    assert "10 to reach out to (1 new since last week); 1 recovered; 5 stuck; 18" in text
    assert people(found["Recovered"]) == [
        "Student comeback: completed something again after 19 days"
    ]


def test_of_each_is_said_what_changed_why_and_where_to_start(report_data: ReportData):
    found = sections(told(report_data, "--class", "web-1"))
    assert said_of("Student falls", found["Slipping"]) == [
        "Medium risk, as last week, low the week before. Thursday",
        "Start at: Lesson 19",
    ]
    assert said_of("Ada", found["Slipping"]) == [
        "High risk, as last week. Monday",
        "Mean grade 30%.",
        "Start at: nothing is missing",
    ]
    quiet = said_of("Student monday-quiet", found["Gone quiet"])
    assert quiet == [
        "High risk, as last week. Monday",
        "Nothing completed for 25 days; the class's median is 1.",
        "Waiting at Lesson 13 for 23 days; nobody else is stuck there.",
        "Start at: Lesson 13 (23 days)",
        "Write to: monday-quiet@web-1.example",
    ]
    assert "Critical risk, was high last week. Thursday" in "\n".join(found["Gone quiet"])
    assert said_of("Nils New", found["Never started"])[0] == "New on the list. Monday"
    assert said_of("Pia Paper", found["Never started"])[0] == "Thursday"
    assert "@" not in "".join(found["Slipping"]), "they are met in class"


def test_where_it_is_stuck_and_what_waits(report_data: ReportData):
    found = sections(told(report_data, "--class", "web-1"))
    assert people(found["Where the class is stuck"])[0] == "Lesson 13"
    assert said_of("Lesson 13", found["Where the class is stuck"])[0].startswith(
        "1 of 13 who got there is stuck: Student monday-quiet (23 days). 1 low grade"
    )
    assert "Reviews that wait: 20, 18 overdue, the oldest for 58 days" in told(
        report_data, "--class", "web-1"
    )
    assert found["Reviews that wait"] == [
        *(f"   {days} days  Student s01: Lesson {n}" for n, days in enumerate([58, 55, 52], 1)),
        "   49 days  Student s01: Lesson 4",
        "   46 days  Student s01: Lesson 5",
        "  and 15 more",
    ]


def test_of_a_long_list_eight_are_told_unless_all_are_asked_for(report_data: ReportData):
    ranked = [f"Student {name}" for name in called(report_data, "many-1", "gone_quiet")]
    assert len(ranked) == 12
    eight = sections(told(report_data, "--class", "many-1"))["Gone quiet"]
    assert people(eight) == ranked[:8]
    assert eight[-1] == "  and 4 more; --all shows everybody"
    everybody = sections(told(report_data, "--class", "many-1", "--all"))["Gone quiet"]
    assert people(everybody) == ranked and "more" not in everybody[-1]


def test_of_several_classes_each_is_told_shortly(report_data: ReportData):
    text = told(report_data)
    shown = re.findall(r"^The class (\S+)$", text, re.MULTILINE)
    assert shown == ["fresh-1", "many-1", "one-1", "paused-1", "three-1", "web-1"], "none is over"
    quiet = text.split("The class many-1")[1].split("The class one-1")[0]
    found = sections(quiet)
    assert people(found["Gone quiet"]) == [f"Student quiet0{n}" for n in range(3)]
    assert found["Gone quiet"][-1] == "  and 9 more"
    assert len(said_of("Student quiet00", found["Gone quiet"])) == 3, "one reason, no address"
    assert found["Reviews that wait"] == []
    for class_id in shown:
        assert f"  cohort-tracker report --class {class_id}\n" in text


@pytest.mark.parametrize(
    ("class_id", "words"),
    [
        ("over-1", "This class is over: nobody is working in it any more, so nobody is judged."),
        ("fresh-1", "No verdict on anybody so far: in the first days."),
        ("one-1", "Nobody needs a call: the one student with a verdict is on no list."),
        ("three-1", "Nobody needs a call: none of the 3 with a verdict is slipping, silent"),
        ("paused-1", "The class pauses: nobody has completed anything since 14 March."),
    ],
)
def test_a_class_without_anybody_on_a_list_has_plain_words(
    report_data: ReportData, class_id: str, words: str
):
    text = " ".join(told(report_data, "--class", class_id).split())
    assert words in text
    assert ("How far to trust this" in text) == (class_id not in ("over-1", "fresh-1"))
    assert ("In a small class" in text) == (class_id in ("one-1", "three-1", "paused-1"))
    assert ("No nights are known" in text) == (class_id != "over-1")
    assert "to reach out to" not in text and "Gone quiet" not in text


def test_nothing_is_running_on_a_night_of_a_class_that_is_over(report_data: ReportData):
    text = told(report_data, "--night", "Friday")
    assert text.startswith("Nobody is in these nights") and "--class over-1" in text
    assert "3 students" in told(report_data, "--night", "friday", "--class", "over-1")


def test_a_mentor_reads_of_the_own_night_only(report_data: ReportData):
    for arguments in (["--mentor", "MEI@example.org"], ["--night", "thursday"]):
        text = told(report_data, *arguments, "--all")
        assert "web-1, Thursday with Mei Tan: 11 students" in text
        assert "Pia Paper" in text and "Where the group is stuck" in text
        whole = text + told(report_data, *arguments, "--json")
        for night in ("Monday", None):  # None: on no night
            others = words_of(report_data, night)
            assert others and not [word for word in others if word in whole]
        assert "many-1" not in whole


def test_hidden_names_are_in_nothing_that_is_printed(report_data: ReportData):
    people_of = report_data.rows("select id, email, first_name from core.students")
    words = {str(value) for row in people_of for value in row if value} - {"Student"}
    words |= {word for names in NAMES.values() for word in names}
    words |= {word for mentor in MENTORS.values() for word in mentor} | {"quiet00", "Pia", "Paper"}
    text = told(report_data, "--hide-names", "--all")
    found = json.loads(told(report_data, "--hide-names", "--json"))
    for whole in (text, json.dumps(found, ensure_ascii=False)):
        assert not [word for word in words if word in whole]
    [web] = [g for g in found["groups"] if g["group"]["friendly_id"] == "web-1"]
    aliases = [student["name"] for student in web["slipping"]]
    assert len({*aliases}) == 3 and all(alias in text for alias in aliases)
    assert found["names_hidden"] and "Names are hidden." in text


def test_old_data_is_told_and_only_of_who_is_running(report_data: ReportData):
    default = {"COHORT_TRACKER_STALE_AFTER_HOURS": "48"}
    assert "Old data" in told(report_data, "--class", "web-1", **default)
    assert "Old data" not in told(report_data, "--class", "over-1", **default)
    retired = {**default, "COHORT_TRACKER_RETIRED_CLASSES": "web-1"}
    assert "Old data" not in told(report_data, "--class", "web-1", **retired)
    assert "Old data" not in told(report_data, "--class", "web-1")


def later_run(data: ReportData, status: str, error: str | None) -> datetime:
    """Add a run of `web-1` an hour from now."""
    at = datetime.now(UTC) + timedelta(hours=1)
    with closing(sqlite3.connect(data.data / "raw.db")) as db:
        names = [row[1] for row in db.execute("PRAGMA table_info(sync_runs)")]
        [row] = db.execute("SELECT * FROM sync_runs WHERE class_id = 'web-1'").fetchall()
        stamp = at.replace(tzinfo=None).isoformat(" ")
        new = dict(zip(names, row, strict=True)) | {"run_id": "later", "status": status}
        new |= {"error": error, "started_at": stamp, "finished_at": stamp}
        marks = ", ".join("?" * len(names))
        db.execute(f"INSERT INTO sync_runs VALUES ({marks})", [new[name] for name in names])
        db.commit()
    return at


def test_a_failed_sync_is_told_and_the_data_is_of_the_good_one(
    report_data: ReportData, tmp_path: Path
):
    data = report_data.copied_to(tmp_path)
    later_run(data, "failed", "the API said 503")
    text = told(data, "--class", "web-1")
    assert "The last sync of this class failed: the API said 503" in text
    assert "Data up to Tuesday 24 March 2026, 17:00 (UTC)" in text
    assert "sync of this class" not in told(data, "--class", "three-1")


def test_what_a_sync_brought_and_no_table_has_is_told(report_data: ReportData, tmp_path: Path):
    data = report_data.copied_to(tmp_path)
    later_run(data, "ok", None)
    text = told(data, "--class", "web-1")
    assert "A later sync is stored, but not in these tables" in text
    assert "Data up to Tuesday 24 March 2026, 17:00 (UTC)" in text


def test_a_failed_build_is_told(report_data: ReportData, tmp_path: Path):
    data = report_data.copied_to(tmp_path)
    settings = load_settings(environ=data.environment(), no_file=True)
    note_failed(settings, "a test found a hole", datetime.now(UTC))
    assert "The tables could not be rebuilt since: a test found a hole" in told(
        data, "--class", "web-1"
    )


def test_a_contact_is_told_at_once(report_data: ReportData, tmp_path: Path):
    data = report_data.copied_to(tmp_path)
    words = ["contact", "add", "monday-quiet@web-1.example", "--how", "mail", "--by", "Ole"]
    done = subprocess.run(
        [sys.executable, "-m", "cohort_tracker", *words, "--note", "new job", "--on", "2026-03-23"],
        env=data.process_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    quiet = sections(told(data, "--class", "web-1"))["Gone quiet"]
    line = "Last contact: written to by mail on 23 March by Ole: new job"
    assert line in said_of("Student monday-quiet", quiet)
    hidden = told(data, "--class", "web-1", "--hide-names")
    assert "Last contact: written to by mail on 23 March\n" in hidden and "new job" not in hidden


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ("--class nope", 4, "There are: fresh-1, many-1"),
        ("--night Sunday", 2, "Friday, Monday, Thursday"),
        ("--mentor nobody@example.org", 2, "docs/roster.md"),
        ("--night Monday --mentor mei@example.org", 2, "Leave one out"),
        ("--max-age soon", 2, "Write it like 90m"),
        ("--class web-1 --max-age 1d", 7, "web-1: synced 2026-03-24 17:00 UTC"),
        ("--no-such-option", 2, "No such option"),
        ("--html p.html", 2, "Add --class, which is one of fresh-1, many-1"),
        ("--mentor mei@example.org --each-night p --open", 2, "Leave one out"),
    ],
)
def test_what_cannot_be_told_is_an_error_with_its_code_and_one_object(
    report_data: ReportData, arguments: str, code: int, words: str
):
    plain = report_data.report(*arguments.split())
    assert (plain.returncode, words in plain.stderr) == (code, True), plain.stderr
    done = report_data.report(*arguments.split(), "--json")
    assert done.returncode == code and done.stdout.isascii()
    found = json.loads(done.stdout)
    assert found["status"] == "failed" and found["error"]


def test_without_tables_the_sync_is_named(tmp_path: Path):
    data = ReportData(tmp_path)
    done = data.report("--json")
    assert done.returncode == 2 and "`cohort-tracker sync`" in done.stderr
    assert json.loads(done.stdout)["groups"] == []
    assert data.report("--max-age", "1d").returncode == 7


def test_age_is_complained_of_after_all_is_told_and_never_of_what_is_over(report_data: ReportData):
    done = report_data.report("--class", "web-1", "--max-age", "1d")
    assert done.returncode == 7 and "Pia Paper" in done.stdout
    assert report_data.report("--class", "web-1", "--max-age", "9999d").returncode == 0
    assert report_data.report("--class", "over-1", "--max-age", "9999d").returncode == 0
    assert report_data.report("--class", "over-1", "--max-age", "1d").returncode == 0


def keys(value: Any) -> set[str]:
    """All keys of an object, at any depth."""
    if isinstance(value, dict):
        return {*value} | {key for item in value.values() for key in keys(item)}
    return {key for item in value for key in keys(item)} if isinstance(value, list) else set()


def test_json_has_all_that_is_known_and_each_key_is_described(report_data: ReportData):
    found = json.loads(told(report_data, "--class", "web-1", "--json"))
    [web] = found["groups"]
    assert len(web["everyone"]) == 19 and web["open_reviews"] == 20 and len(web["nights"]) == 3
    quiet = [student["email"] for student in web["gone_quiet"]]
    assert quiet[-1] == "monday-quiet@web-1.example"
    assert web["as_of"] == "2026-03-24T17:00:00Z" and web["timezone"] == "UTC"
    assert found["build"]["id"] and found["error"] is None
    described = {*re.findall(r"`([a-z_]+)`", (PROJECT / "docs" / "report.md").read_text())}
    assert keys(found) - described == set()


@pytest.mark.parametrize("columns", [120, 80, 60])
def test_fits_the_terminal_in_every_script(report_data: ReportData, columns: int):
    shown = at_terminal(report_data, "report", "--class", "web-1", "--all", columns=columns)
    assert max(map(width, lines_of(shown))) <= min(columns, 100)
    joined = " ".join(" ".join(lines_of(shown)).split())
    for name in ("wide", "right", "marks"):
        assert " ".join(" ".join(NAMES[name]).split()) in joined
    text = told(report_data, "--class", "web-1", "--all")
    assert max(map(width, text.splitlines())) <= 80
    assert not [character for character in NEVER_SHOWN if character in text]


def test_colour_only_at_a_terminal_and_red_where_the_data_is_old(report_data: ReportData):
    old = ReportData(report_data.home, {"COHORT_TRACKER_STALE_AFTER_HOURS": "48"})
    assert "\x1b[31mOld data" in at_terminal(old, "report", "--class", "web-1")
    plain = at_terminal(old, "report", "--class", "web-1", NO_COLOR="1")
    assert "\x1b" not in plain and "Old data" in plain
    assert "\x1b[31m" not in at_terminal(report_data, "report", "--class", "web-1")


def test_poor_encoding_costs_characters_only(report_data: ReportData):
    text = told(report_data, "--class", "web-1", PYTHONIOENCODING="ascii", LC_ALL="C")
    assert "Zoe? Cafe?" in text and "Gone quiet" in text


def test_report_waits_for_nothing_that_only_a_sync_needs(report_data: ReportData):
    script = (
        "import sys\n"
        "from cohort_tracker.cli import main\n"
        "try: main(['report'])\n"
        "except SystemExit as end: assert not end.code\n"
        "print(*{name.split('.')[0] for name in sys.modules}, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=report_data.process_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {*done.stderr.split()}
    assert "duckdb" in loaded
    assert not loaded & {"dlt", "dbt", "jinja2", "rich", "pyarrow", "pandas", "requests", "orjson"}


def test_sync_at_a_terminal_ends_with_the_way_to_the_report(built: Bench):
    shown = at_terminal(built, "sync", NO_COLOR="1")
    last = [line.strip() for line in lines_of(shown) if line.strip()][-2:]
    assert re.fullmatch(
        r"\d+ slipping, \d+ gone quiet, \d+ never started\. Who, why, and where to start:", last[0]
    )
    assert last[1] == "cohort-tracker report"
    for arguments in (["sync", "--no-build"], ["sync", "--json"]):
        assert "slipping" not in at_terminal(built, *arguments)
    assert "slipping" not in built.command("sync").stdout
