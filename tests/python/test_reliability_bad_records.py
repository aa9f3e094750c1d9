"""Records that must not be stored: the good ones load, the bad one is kept with its reason."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cohort_tracker.sandbox import BadRecord
from cohort_tracker.sources.openclass.envelope import decode
from cohort_tracker.sources.records import Rejection, read_record
from support import NOW, Bench, Classes, classes, record, record_id, stamp

GOOD = record(7, days_ago=2)


def raw_json(**fields: Any) -> bytes:
    """A good record with some fields replaced, as the API would send it."""
    return json.dumps({**record(5000, days_ago=1), **fields}).encode()


def user(**fields: Any) -> dict[str, Any]:
    return {"user": {**GOOD["user"], **fields}}


def assignment(**fields: Any) -> dict[str, Any]:
    return {"assignment": {**GOOD["assignment"], **fields}}


REFUSED: dict[str, tuple[bytes, str]] = {
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
    "text grade": (raw_json(grade="0.9"), "grade: text '0.9'"),
    "true grade": (raw_json(grade=True), "grade: true"),
    "grade above 1": (raw_json(grade=90), "grade: 90 is not between"),
    "grade below 0": (raw_json(grade=-0.1), "grade: -0.1 is not between"),
    "NaN grade": (raw_json(grade=math.nan), "grade: nan is not between"),
    "infinite grade": (raw_json(grade=math.inf), "grade: inf is not between"),
    "grade without measure": (
        raw_json(_id="large", grade="@").replace(b'"@"', b"9" * 5000),
        "grade",
    ),
    "nested grade": (raw_json(grade={"$numberDouble": "1"}), "grade: an object"),
    "month 13": (raw_json(completed_assignment_at="2025-13-01T00:00:00Z"), "is no time"),
    "30 February": (raw_json(started_assignment_at="2025-02-30T00:00:00Z"), "started_assignment"),
    "date only": (raw_json(reviewed_at="2025-02-01"), "reviewed_at: '2025-02-01' is no time"),
    "words for a time": (raw_json(reviewed_at="yesterday"), "reviewed_at"),
    "number for a time": (raw_json(reviewed_at=1735689600), "reviewed_at: a number"),
    "time beyond time": (raw_json(reviewed_at="9999-12-31T23:59:59-23:00"), "reviewed_at"),
    "extended date without end": (raw_json(reviewed_at={"$date": 10**30}), "reviewed_at"),
    "empty time": (raw_json(completed_assignment_at=""), "completed_assignment_at"),
    "no id": (raw_json(_id=None), "_id"),
    "id of blanks": (raw_json(_id="  "), "_id"),
    "id is a list": (raw_json(_id=["x"]), "_id"),
    "a number": (b"42", "record: a number where an object is expected"),
    "text": (b'"record"', "record: text 'record'"),
    "null": (b"null", "record: null"),
    "a list": (b"[[]]", "record: a list"),
    "an empty object": (b"{}", "_id"),
    "deep nesting": (
        raw_json(grade="@").replace(b'"@"', b"[" * 900 + b"]" * 900),
        "grade: a list",
    ),
    "deeper nesting": (
        raw_json(grade="@").replace(b'"@"', b"[" * 9000 + b"]" * 9000),
        "grade: a list",
    ),
}
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
    serve(bench, *(raw for raw, _ in REFUSED.values()))
    report = bench.sync()
    assert report.exit_code == 0
    assert bench.in_force() == bench.expected()
    result = report.classes[0].result
    assert result.verified and result.rejected == len(REFUSED)
    stored = bench.query("SELECT reason, record_json FROM rejected_records ORDER BY rowid")
    assert len(stored) == len(REFUSED)
    for (name, (raw, reason)), (stored_reason, text) in zip(REFUSED.items(), stored, strict=True):
        assert reason in stored_reason, name
        assert "\n" not in stored_reason and len(stored_reason) < 200, name
        if "deep" not in name and "without measure" not in name:
            assert repr(json.loads(text)) == repr(dict_sorted(json.loads(raw))), name
        else:
            assert len(text) > 300, name


def dict_sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: dict_sorted(value[key]) for key in sorted(value)}
    return [dict_sorted(item) for item in value] if isinstance(value, list) else value


def test_bad_record_is_stored_once_and_goes_when_it_is_mended(bench: Bench):
    serve(bench, REFUSED["text grade"][0], REFUSED["null user"][0])
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


def test_record_that_turns_bad_keeps_its_last_good_version(bench: Bench):
    bench.sync()
    bench.source.records[3]["grade"] = "0.9"
    report = bench.sync()
    result = report.classes[0].result
    assert result.rejected == 1 and report.exit_code == 0
    key = record_id(bench.source.records[3])
    assert bench.query("SELECT record_id FROM rejected_records") == [(key,)]


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
    assert re.search(r"\b2 (records )?rejected\b.*rejected_records", done.stdout)
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
                "started": st.none() | st.datetimes(min_value=NOW.replace(tzinfo=None, year=1990)),
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
