"""Records that must not be stored: the good ones load, the bad one is kept with its reason."""

from __future__ import annotations

import json
import math
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cohort_tracker.raw.known import Known
from cohort_tracker.sandbox import BadRecord
from cohort_tracker.sources.api import ClassInfo, Description, Page
from cohort_tracker.sources.extract import Extraction
from cohort_tracker.sources.openclass.envelope import decode
from cohort_tracker.sources.outcome import Observer
from cohort_tracker.sources.records import Rejection, read_record
from support import Bench, Classes, classes, record, record_id, stamp

GOOD = record(7, days_ago=2)


def raw_json(**fields: Any) -> bytes:
    """A good record with some fields replaced, as the API would send it."""
    return json.dumps({**record(5000, days_ago=1), **fields}).encode()


def user(**fields: Any) -> dict[str, Any]:
    return {"user": {**GOOD["user"], **fields}}


def assignment(**fields: Any) -> dict[str, Any]:
    return {"assignment": {**GOOD["assignment"], **fields}}


REJECTED: dict[str, tuple[bytes, str]] = {
    "null user": (raw_json(user=None), "user: missing"),
    "user is a list": (raw_json(user=[1]), "user: a list where an object is expected"),
    "user is text": (raw_json(user="Ada"), "user: text 'Ada'"),
    "user without id": (raw_json(user={"first_name": "Ada"}), "user.id"),
    "empty user id": (raw_json(**user(id="")), "user.id"),
    "user id is an object": (raw_json(**user(id={"a": 1})), "user.id"),
    "no assignment": (raw_json(assignment=None), "assignment: missing"),
    "name is a number": (raw_json(**user(first_name=5)), "user.first_name: a number"),
    "name is nested": (raw_json(**user(last_name={"x": 1})), "user.last_name: an object"),
    "type is a list": (raw_json(**assignment(type=["quiz"])), "assignment.type: a list"),
    "NUL in a name": (raw_json(**user(first_name="A\0da")), "user.first_name"),
    "half a character": (raw_json(**user(last_name="\ud83d")), "user.last_name"),
    "half a character in the id": (raw_json(_id="\udc00"), "_id"),
    "empty time": (raw_json(completed_assignment_at=""), "completed_assignment_at"),
    "no id": (raw_json(_id=None), "_id"),
    "id of blanks": (raw_json(_id="  "), "_id"),
    "id is a list": (raw_json(_id=["x"]), "_id"),
    "a number": (b"42", "record: a number where an object is expected"),
    "text": (b'"record"', "record: text 'record'"),
    "null": (b"null", "record: null"),
    "a list": (b"[[]]", "record: a list"),
    "an empty object": (b"{}", "_id"),
    "month 13": (raw_json(completed_assignment_at="2025-13-01T00:00:00Z"), "is no time"),
}
SET_ASIDE: dict[str, tuple[bytes, str]] = {
    "text grade": (raw_json(grade="0.9"), "grade: text '0.9'"),
    "true grade": (raw_json(grade=True), "grade: true"),
    "grade above 1": (raw_json(grade=90), "grade: 90 is not between"),
    "grade below 0": (raw_json(grade=-0.1), "grade: -0.1 is not between"),
    "NaN grade": (raw_json(grade=math.nan), "grade: nan is not between"),
    "infinite grade": (raw_json(grade=math.inf), "grade: inf is not between"),
    "grade without measure": (
        raw_json(grade="@").replace(b'"@"', b"9" * 5000),
        "grade",
    ),
    "nested grade": (raw_json(grade={"$numberDouble": "1"}), "grade: an object"),
    "30 February": (raw_json(started_assignment_at="2025-02-30T00:00:00Z"), "started_assignment"),
    "date only": (raw_json(reviewed_at="2025-02-01"), "reviewed_at: '2025-02-01' is no time"),
    "words for a time": (raw_json(reviewed_at="yesterday"), "reviewed_at"),
    "number for a time": (raw_json(reviewed_at=1735689600), "reviewed_at: a number"),
    "time beyond time": (raw_json(reviewed_at="9999-12-31T23:59:59-23:00"), "reviewed_at"),
    "extended date without end": (raw_json(reviewed_at={"$date": 10**30}), "reviewed_at"),
    "deep nesting": (
        raw_json(grade="@").replace(b'"@"', b"[" * 900 + b"]" * 900),
        "grade: a list",
    ),
    "deeper nesting": (
        raw_json(grade="@").replace(b'"@"', b"[" * 9000 + b"]" * 9000),
        "grade: a list",
    ),
}
REFUSED = REJECTED | SET_ASIDE
TAKEN: dict[str, dict[str, Any]] = {
    "no names": user(first_name=None, last_name=None, email=None),
    "missing e-mail": {"user": {"id": "u"}},
    "names in any script": user(first_name="李", last_name="Müller-Ωμέγα 🎓", email="ñ@例え.jp"),
    "quotes": user(first_name='O\'Brien "Bob"', last_name="'; DROP TABLE progressions; --"),
    "formula": user(first_name="=cmd|' /C calc'!A0", last_name="@SUM(1)", email="+1"),
    "10 kB name": user(first_name="x" * 10_000, last_name="ß" * 5_000),
    "line ends and tabs": user(first_name="a\r\nb\tc\x1b[31m"),
    "right to left": user(first_name="\u202eabc", last_name="שלום"),
    "unknown type": assignment(type="capstone"),
    "no type": assignment(type=None, name=None),
    "grade 0 and 1": {"grade": 1},
    "smallest grade": {"grade": 5e-324},
    "null grade": {"grade": None},
    "offset time": {"completed_assignment_at": "2025-03-01T12:00:00+05:30"},
    "time without offset": {"reviewed_at": "2025-03-01T12:00:00.123456"},
    "year 1": {"started_assignment_at": "0001-01-01T00:00:00.000Z"},
    "year 9999": {"reviewed_at": "9999-12-31T23:59:59.999Z"},
    "unknown fields": {"badge": {"deep": [1, {"x": None}]}, "zählt": "ja", "n": 10**18},
    "reserved words": {"select": 1, "_dlt_id": "x", "class_id": "other", "version_no": 9},
}


def serve(bench: Bench, *bad: bytes) -> None:
    bench.server.faults.bad_records = [BadRecord(raw) for raw in bad]


def test_every_bad_record_is_kept_aside_with_its_reason_and_costs_no_other(bench: Bench):
    serve(bench, *(raw for raw, _ in REJECTED.values()))
    report = bench.sync(max_rejected_share=1)
    assert report.exit_code == 0
    assert bench.in_force() == bench.expected()
    result = report.classes[0].result
    assert result.verified and (result.rejected, result.set_aside) == (len(REJECTED), 0)
    stored = bench.query("SELECT reason, record_json, field FROM rejected_records ORDER BY rowid")
    assert len(stored) == len(REJECTED)
    for (name, (raw, reason)), (stored_reason, text, field) in zip(
        REJECTED.items(), stored, strict=True
    ):
        assert reason in stored_reason and field is None, name
        assert "\n" not in stored_reason and len(stored_reason) < 200, name
        assert repr(json.loads(text)) == repr(dict_sorted(json.loads(raw))), name


def test_field_that_cannot_be_read_costs_no_other_field_of_its_record(bench: Bench):
    own_id = record_id(record(5000)).encode()
    serve(
        bench,
        *(
            raw.replace(own_id, f"aside {number}".encode())
            for number, (raw, _) in enumerate(SET_ASIDE.values())
        ),
    )
    report = bench.sync(max_rejected_share=1)
    result = report.classes[0].result
    assert report.exit_code == 0 and result.verified
    assert (result.rejected, result.set_aside) == (len(SET_ASIDE), len(SET_ASIDE))
    stored = bench.query("SELECT record_id, reason, field FROM rejected_records ORDER BY rowid")
    good = record(5000, days_ago=1)
    for (number, (name, (_, reason))), (key, stored_reason, field) in zip(
        enumerate(SET_ASIDE.items()), stored, strict=True
    ):
        assert key == f"aside {number}" and reason in stored_reason, name
        assert "\n" not in stored_reason and len(stored_reason) < 200, name
        ((student, first_name, value, fields),) = bench.query(
            f"SELECT user_id, user_first_name, {field}, rejected_fields FROM progressions"
            " WHERE record_id = ?",
            key,
        )
        assert (student, first_name) == (good["user"]["id"], good["user"]["first_name"])
        assert value is None and fields == field
    versions = bench.query("SELECT count(*) FROM progressions")
    assert bench.sync(max_rejected_share=1, full=True).classes[0].result.changed == 0
    assert bench.query("SELECT count(*) FROM progressions") == versions


def dict_sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: dict_sorted(value[key]) for key in sorted(value)}
    return [dict_sorted(item) for item in value] if isinstance(value, list) else value


def test_bad_record_is_stored_once_and_goes_when_it_is_mended(bench: Bench):
    serve(bench, REFUSED["empty time"][0], REFUSED["null user"][0])
    assert bench.sync().classes[0].result.rejected == 2
    bench.pages()
    second = bench.sync()
    assert (second.exit_code, second.classes[0].result.rejected) == (0, 2)
    assert second.classes[0].result.mode == "incremental"
    assert bench.query("SELECT count(*) FROM rejected_records") == [(2,)]
    bench.server.faults.bad_records = []
    bench.source.records.append(record(5000, days_ago=1, grade=0.9))
    assert bench.sync().exit_code == 0
    assert bench.in_force() == bench.expected()


TABLE = (
    "SELECT id, grade, has_rejected_change FROM core.progressions WHERE class_id = 'c1' ORDER BY id"
)


def test_record_that_turns_bad_stays_as_it_was_read_last_and_core_says_so(bench: Bench):
    bench.sync(build=True)
    before = bench.core(TABLE)
    assert len(before) == 45 and not any(changed for *_, changed in before)
    whole, part = bench.source.records[2], bench.source.records[3]
    names = {record_id(whole), record_id(part)}
    grades = {key: grade for key, grade, _ in before}
    person = whole["user"]
    for full in (False, True):
        whole["user"] = None
        part["grade"] = "A"
        for _ in range(2):
            report = bench.sync(build=True, full=full)
            result = report.classes[0].result
            assert (report.exit_code, result.rejected, result.set_aside) == (0, 2, 1)
            assert (result.removed, result.stored_total) == (0, 45)
            found = bench.core(TABLE)
            assert {key: grade for key, grade, _ in found} == grades
            assert {key for key, _, changed in found if changed} == names
        listed = bench.core(
            "SELECT record_id, field, reason, record_json FROM core.rejected_records"
            " WHERE NOT is_accepted_since ORDER BY reason"
        )
        assert [row[:3] for row in listed] == [
            (record_id(part), "grade", "grade: text 'A' where a number is expected"),
            (record_id(whole), None, "user: missing"),
        ]
        assert listed[0][3] == '"A"' and json.loads(listed[1][3])["user"] is None
        whole["user"] = person
        part["grade"] = grades[record_id(part)]
        assert bench.sync(build=True, full=full).classes[0].result.rejected == 0
        assert bench.core(TABLE) == before
        assert bench.core(
            "SELECT count(*) FROM core.rejected_records WHERE NOT is_accepted_since"
        ) == [(0,)]
    assert bench.core("SELECT count(*) FROM core.progression_changes") == [(0,)]


@pytest.mark.parametrize("share", [0.5, 1])
def test_class_that_turns_to_percent_keeps_its_grades_and_is_told_of_the_setting(
    bench: Bench, share: float
):
    for number, raw in enumerate(bench.source.records):
        raw["grade"] = number % 2 if number % 3 else 0.75
    bench.sync()
    before = bench.in_force()
    for raw in bench.source.records[: round(45 * share)]:
        raw["grade"] *= 100
    turned = sum(raw["grade"] > 1 for raw in bench.source.records)
    report = bench.sync(full=True)
    outcome = report.classes[0]
    assert report.exit_code == 1 and outcome.status == "unverified"
    assert outcome.result.verified and outcome.result.removed == 0
    assert outcome.error is not None and outcome.error.hint is not None
    said = outcome.error.message
    assert f"{turned} of 45 records could not be read" in said
    assert f"in {turned} it is grade, the first: grade: " in said and "look like percent" in said
    assert ("grade_scale = 100" in outcome.error.hint) == (share == 1)
    assert bench.in_force().keys() == before.keys()
    if share == 1:
        report = bench.sync(grade_scale=100)
        assert report.exit_code == 0 and report.classes[0].result.rejected == 0
        assert report.classes[0].result.mode == "full"
        assert bench.in_force() == before


def test_first_sync_of_a_class_that_cannot_be_read_says_what_the_records_share(bench: Bench):
    for raw in bench.source.records:
        raw["user"] = {"id": raw["user"]["id"], "first_name": 5}
    done = bench.command("sync", "--no-build")
    assert done.returncode == 1
    assert "45 of 45 records" in done.stderr and "user.first_name" in done.stderr
    assert "--full" not in done.stdout + done.stderr


def test_share_of_rejected_records_is_compared_with_the_setting(bench: Bench):
    for raw in bench.source.records[:9]:
        raw["user"] = None
    for share, exit_code in ((0.2, 0), (0.19, 1), (0.2, 0), (0, 1)):
        assert bench.sync(max_rejected_share=share, full=True).exit_code == exit_code


class OnePage:
    """A source of one class, all on one page, whatever it was asked for."""

    name = "openclass"

    def __init__(self, records: list[Any], total: int | None) -> None:
        self.answer = Page(0, records, total, len(records), False)

    def log_in(self) -> None: ...

    def classes(self) -> list[ClassInfo]:
        return [ClassInfo("c1")]

    def describe(self, class_id: str) -> Description:
        return Description(ClassInfo(class_id), [])

    def page(self, class_id: str, number: int) -> Page:
        return self.answer if number == 0 else Page(number, [], self.answer.total, 1, False)


@pytest.mark.parametrize(
    ("records", "total", "is_page"),
    [
        ([7] * 60_000, 60_000, False),
        ([7] * 60_000, 400, False),
        ([None] * 21, 21, False),
        ([record(number, days_ago=1) for number in range(2001)], 400, False),
        ([record(number, days_ago=1) for number in range(2001)], None, False),
        ([record(number, days_ago=1) for number in range(2001)], 2001, True),
        ([record(number, days_ago=1) for number in range(300)], 400, True),
        ([7] * 9 + [record(1, days_ago=1)], 10, True),
    ],
    ids=lambda value: str(value)[:12],
)
def test_answer_that_is_no_page_of_records_is_refused(
    bench: Bench, records: list[Any], total: int | None, is_page: bool
):
    extraction = Extraction(
        OnePage(records, total),
        Known(),
        bench.settings(max_rejected_share=1),
        run_id="r",
        full=True,
        observer=Observer(),
    )
    tables = {table for table, _ in extraction.rows([ClassInfo("c1")])}
    error = extraction.outcomes[0].error
    if is_page:
        assert error is None or "could not be proven" in error.message
        assert "progressions" in tables
    else:
        assert error is not None and error.exit_code == 5
        assert f"{len(records):,} things" in error.message
        assert tables == {"sync_runs"}


def test_of_very_many_rejected_records_a_sample_is_kept(bench: Bench):
    serve(bench, *[f'{{"n": {number}}}'.encode() for number in range(900)])
    report = bench.sync(max_rejected_share=1)
    assert report.classes[0].result.rejected == 900 and report.exit_code == 0
    assert bench.query("SELECT count(*) FROM rejected_records") == [(200,)]
    assert bench.query("SELECT rejected FROM sync_runs") == [(900,)]
    assert bench.in_force() == bench.expected()


def test_same_id_with_other_content_is_kept_aside(bench: Bench):
    twin = json.dumps({**bench.source.records[0], "grade": 0.123}).encode()
    serve(bench, twin)
    report = bench.sync()
    assert report.classes[0].result.rejected == 1
    assert len(bench.in_force()) == 45
    assert "the same id stands twice" in bench.query("SELECT reason FROM rejected_records")[0][0]
    versions = bench.query("SELECT count(*) FROM progressions")
    assert bench.sync(full=True).exit_code == 0
    assert bench.query("SELECT count(*) FROM progressions") == versions


def test_sync_and_status_say_how_many_were_rejected(bench: Bench):
    serve(bench, REFUSED["text grade"][0], REFUSED["a number"][0])
    done = bench.command("sync", "--no-build")
    assert done.returncode == 0, done.stderr
    said = " ".join(done.stdout.split())
    assert re.search(r"\b2 records rejected\b.*grade: text '0.9'.* stays.*rejected_records", said)
    shown = bench.command("status")
    assert "2 records rejected" in shown.stdout
    assert json.loads(bench.command("status", "--json").stdout)["classes"][0]["rejected"] == 2


def test_what_is_odd_but_right_arrives_unchanged_in_raw_and_core(tmp_path: Path):
    records = [
        {**record(number, days_ago=1 + number / 9, **fields), "_id": f"odd {number} '\"ü;--"}
        for number, fields in enumerate(TAKEN.values())
    ]
    for number, raw in enumerate(records):
        raw["user"] = {**raw["user"], "id": f"student {number}"}
        raw["assignment"] = {**raw["assignment"], "id": f"task {number}"}
    with Bench(tmp_path, Classes(c1=records), server_options={"envelope": "real"}) as bench:
        report = bench.sync(build=True)
        assert report.exit_code == 0, report.errors
        assert report.classes[0].result.rejected == 0
        assert bench.in_force() == bench.expected()
        extra = dict(bench.query("SELECT record_id, extra FROM progressions"))
        number = list(TAKEN).index("unknown fields")
        assert json.loads(extra[records[number]["_id"]]) == TAKEN["unknown fields"]
        people = {
            row[0]: row[1:]
            for row in bench.core("SELECT id, first_name, last_name, email FROM core.students")
        }
        work = {
            row[0]: row[1:]
            for row in bench.core(
                "SELECT id, grade, strftime(started_at, '%Y-%m-%d %H:%M:%S.%f'),"
                " strftime(completed_at, '%Y-%m-%d %H:%M:%S.%f'),"
                " strftime(reviewed_at, '%Y-%m-%d %H:%M:%S.%f') FROM core.progressions"
            )
        }
        for raw in records:
            row = bench.expected()[raw["_id"]]
            assert people[raw["user"]["id"]] == row[1:4]
            grade, *times = work[raw["_id"]]
            assert grade == row[7]
            assert [t and t.lstrip("0") for t in times] == [t and t.lstrip("0") for t in row[8:]]


def test_year_one_does_not_stop_the_next_sync(bench: Bench):
    bench.source.classes["c1"] = [
        record(1, completed_assignment_at="0001-01-01T00:00:00.000Z"),
        record(2, completed_assignment_at="0001-01-01T00:00:01.000Z"),
    ]
    for _ in range(3):
        assert bench.sync().exit_code == 0
        assert bench.in_force() == bench.expected()


def test_class_and_curriculum_of_odd_types_cost_nothing(tmp_path: Path):
    source = classes()
    source.units = [
        {"name": 5, "assignments": [{"id": "task-1"}, {"$oid": "task-2"}, None, 7, [], "task-1"]},
        None,
        "unit",
        {"assignments": "task-3"},
        {"name": "\0x", "assignments": ["\0", "task-4"]},
    ]
    with Bench(tmp_path, source) as bench:
        for _ in range(2):
            assert bench.sync().exit_code == 0
        rows = bench.query("SELECT section_name, assignment_id FROM class_units ORDER BY position")
        assert [row[1] for row in rows] == ["task-1", "task-2", "7", "task-4"]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text()
    | st.text(st.characters(categories=["Cs", "Cc", "Lu"]))
    | st.sampled_from(["2025-01-01T00:00:00Z", "0.5", "", " ", "\0", "\ud800"])
    | st.datetimes().map(lambda moment: moment.isoformat() + "Z"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
FIELDS = {
    "_id": JSON | st.just("x") | st.just({"$oid": "x"}),
    "user": JSON
    | st.fixed_dictionaries(
        {"id": JSON | st.just("u")},
        optional={key: JSON | st.text() for key in ("first_name", "last_name", "email", "other")},
    ),
    "assignment": JSON
    | st.fixed_dictionaries(
        {"id": JSON | st.just("a")}, optional={key: JSON | st.text() for key in ("name", "type")}
    ),
    "grade": JSON | st.floats(0, 1),
    "started_assignment_at": JSON,
    "completed_assignment_at": JSON,
    "reviewed_at": JSON,
    "else": JSON,
}


@given(JSON | st.fixed_dictionaries({}, optional=FIELDS) | st.fixed_dictionaries(FIELDS))
@example({**GOOD, "user": {"id": 10**400}})
@example({**GOOD, "extra": 10**400})
@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_json_makes_the_reader_stumble_and_nothing_is_coerced(value: Any):
    value = json.loads(json.dumps(value))  # as JSON can say it
    found = read_record(value)
    if isinstance(found, Rejection):
        assert found.reason and "\n" not in found.reason
        assert repr(json.loads(found.record_json)) == repr(dict_sorted(value))
        found.reason.encode()
        return
    person, task = value["user"], value["assignment"]
    assert (found.user_first_name, found.user_last_name, found.user_email) == (
        person.get("first_name"),
        person.get("last_name"),
        person.get("email"),
    )
    assert (found.assignment_name, found.assignment_type) == (task.get("name"), task.get("type"))
    aside = {fault.field for fault in found.set_aside}
    assert aside <= {"grade", "started_at", "reviewed_at"}
    assert all(getattr(found, str(field)) is None for field in aside)
    if "grade" not in aside:
        assert found.grade == value.get("grade") and not isinstance(value.get("grade"), bool)
    for text in found._asdict().values():
        if isinstance(text, str):
            text.encode()
            assert "\0" not in text


@given(st.binary(max_size=300) | JSON.map(lambda value: json.dumps(value).encode()))
@settings(max_examples=300, deadline=None)
def test_no_body_makes_the_decoder_stumble(body: bytes):
    try:
        decode(body)
    except ValueError as error:
        assert str(error).startswith("the answer is")


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "first": st.none() | st.text(max_size=20),
                "grade": st.none() | st.floats(0, 1) | st.integers(0, 1),
                "started": st.none() | st.datetimes(min_value=datetime(1990, 1, 1)),
                "days_ago": st.none() | st.floats(0, 300),
            }
        ),
        max_size=25,
    )
)
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_is_accepted_is_stored_as_it_was(tmp_path_factory: Any, rows: list[Any]):
    records = [
        record(
            number,
            days_ago=row["days_ago"],
            grade=row["grade"],
            started_assignment_at=stamp(row["started"]),
            user={"id": f"u{number}", "first_name": row["first"]},
        )
        for number, row in enumerate(rows)
    ]
    good = [raw for raw in records if "\0" not in (raw["user"]["first_name"] or "")]
    with Bench(tmp_path_factory.mktemp("any"), Classes(c1=records)) as bench:
        report = bench.sync()
        assert report.classes[0].result.rejected == len(records) - len(good)
        bench.source.classes["c1"] = good
        assert bench.in_force() == bench.expected()
