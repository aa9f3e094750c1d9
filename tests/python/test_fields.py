"""The list of a progression's fields: what another entry does, and above all what it does not."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from cohort_tracker.raw.fields import PROGRESSION_FIELDS, TYPES, Field
from cohort_tracker.raw.schema import RAW_TABLES
from cohort_tracker.sources.records import Rejection, read_record, record_reader
from cohort_tracker.sources.values import READERS
from support import SOURCE_ROOT, Bench, record

# Records with the hashes that the first release stored for them.
STORED = [
    (
        {
            "_id": {"$oid": "a1"},
            "user": {"id": 7, "first_name": "Ada", "last_name": "Löve", "email": None},
            "assignment": {"_id": {"$oid": "t1"}, "name": "T", "type": "quiz"},
            "grade": 1,
            "started_assignment_at": "2026-01-01T10:00:00.5Z",
            "completed_assignment_at": {"$date": 1767348000123},
            "reviewed_at": None,
        },
        "79b3dd81ef015e023b9ace6dc40cd37a",
    ),
    (
        {"_id": "b", "user": {"id": "u"}, "assignment": {"id": "t"}},
        "d6a044e891e623ef9a02e27fef3ffef4",
    ),
    (
        {
            "_id": "b",
            "user": {"id": "u"},
            "assignment": {"id": "t"},
            "grade": 2,
            "completed_assignment_at": "soon",
        },
        "91e31947e431477b2805f0abc541ba8a",
    ),
]
ATTEMPTS = Field("attempts", "count", "attempts")


def with_fields(*added: Field) -> Any:
    return record_reader([*PROGRESSION_FIELDS, *added])


@pytest.mark.parametrize(("raw", "stored_hash"), STORED)
def test_hashes_that_were_stored_stay_valid_also_with_a_new_field_that_is_empty(
    raw: dict[str, Any], stored_hash: str
):
    assert read_record(raw).record_hash == stored_hash
    read = with_fields(ATTEMPTS, Field("cohort_night", "text", "cohort.night"))
    assert read(raw).record_hash == stored_hash
    if raw.get("grade") != 2:
        assert read({**raw, "attempts": None, "cohort": None}).record_hash == stored_hash


def test_new_field_with_a_value_is_a_change_told_by_its_name():
    raw = record(1, days_ago=1, attempts=2)
    found = with_fields(ATTEMPTS)(raw)
    assert found.attempts == 2 and found.extra is None
    before = read_record(raw)
    assert not isinstance(before, Rejection) and before.extra is not None
    assert json.loads(before.extra) == {"attempts": 2}
    assert found.record_hash != read_record(raw).record_hash
    other = with_fields(replace(ATTEMPTS, name="tries"))(raw)
    assert other.record_hash != found.record_hash
    # Another new field beside it, and another order of the new ones, change nothing.
    more = Field("mood", "text", "mood")
    assert with_fields(more, ATTEMPTS)(raw).record_hash == found.record_hash


def test_field_that_makes_no_version_is_read_and_changes_no_hash():
    seen = Field("last_seen_at", "time", "user.last_seen_at", makes_version=False)
    raw = record(1, days_ago=1)
    raw["user"]["last_seen_at"] = "2026-03-01T10:00:00Z"
    found = with_fields(seen)(raw)
    assert found.last_seen_at.isoformat() == "2026-03-01T10:00:00+00:00"
    assert found.record_hash == read_record(raw).record_hash


@pytest.mark.parametrize(
    ("read", "good", "stored", "bad"),
    [
        ("id", {"$oid": "x"}, "x", ""),
        ("text", "x", "x", 1),
        ("grade", 1, 1.0, 1.5),
        ("number", -3, -3.0, "3"),
        ("number", 2.5, 2.5, 10**400),
        ("count", 3, 3, 2.5),
        ("count", -3, -3, 2**63),
        ("truth", False, False, 0),
        ("time", "2026-03-01T10:00:00Z", None, "soon"),
    ],
)
def test_every_way_of_reading_takes_its_own_and_null_and_refuses_the_rest(
    read: str, good: Any, stored: Any, bad: Any
):
    field = Field("news", read, "box.news", or_at="old")
    reader = with_fields(field)
    for box in ({"news": good}, {"old": good}, {"news": good, "old": bad}):
        found = reader(record(1, box=box))
        assert not isinstance(found, Rejection) and found.extra is None
        assert found.news == stored or read == "time"
    without: list[dict[str, Any]] = [{"box": {}}, {"box": None}, {}]
    for nothing in (*without, {"box": {"news": None, "old": good}}):
        assert reader(record(1, **nothing)).news is None
    aside = with_fields(replace(field, set_aside=True))(record(1, box={"news": bad}))
    assert not isinstance(aside, Rejection) and aside.news is None
    assert [(fault.field, fault.record_id) for fault in aside.set_aside] == [
        ("news", aside.record_id)
    ]
    assert aside.set_aside[0].reason.startswith("box.news: ")
    assert json.loads(aside.set_aside[0].record_json) == bad
    refused = reader(record(1, box={"news": bad}))
    assert isinstance(refused, Rejection) and refused.reason.startswith("box.news: ")
    assert reader(record(1, box=[1])).reason.startswith("box: a list")
    needed = with_fields(replace(field, required=True))
    assert needed(record(1, box={"old": good})).record_id
    assert needed(record(1, box={})).reason == "box.news: missing"
    assert needed(record(1)).reason == "box: missing"


def test_only_grade_start_and_review_can_be_set_aside():
    names = [field.name for field in PROGRESSION_FIELDS if field.set_aside]
    assert names == ["grade", "started_at", "reviewed_at"]
    staging = SOURCE_ROOT.parent / "models" / "staging" / "stg_raw__progression_versions.sql"
    assert f"set set_aside = {names}" in staging.read_text()


def test_field_set_aside_makes_a_version_of_its_own_as_long_as_it_stays_so():
    good = record(1, days_ago=1, grade=None)
    found: list[Any] = [
        read_record({**good, "grade": grade}) for grade in (None, "A", "A", "B", None)
    ]
    hashes = [one.record_hash for one in found]
    assert hashes[1] == hashes[2] and hashes[0] == hashes[4] and len(set(hashes)) == 3
    two: Any = read_record({**good, "grade": "A", "reviewed_at": "A"})
    assert [fault.field for fault in two.set_aside] == ["grade", "reviewed_at"]
    assert two.record_hash not in hashes
    other: Any = read_record({**record(2, days_ago=1), "grade": "A"})
    assert other.set_aside[0].record_hash != found[1].set_aside[0].record_hash


def test_grades_on_a_scale_are_stored_from_0_to_1_with_the_same_hash():
    in_percent: Any = record_reader(PROGRESSION_FIELDS, 100)
    for percent, grade in ((90, 0.9), (100, 1), (0, 0), (87.5, 0.875), (None, None)):
        scaled = in_percent(record(1, days_ago=1, grade=percent))
        assert scaled.grade == grade and not scaled.set_aside
        assert scaled.record_hash == read_record(record(1, days_ago=1, grade=grade)).record_hash
    for bad, reason in ((101, "101 is not between 0 and 100"), ("A", "text 'A'"), (True, "true")):
        assert reason in in_percent(record(1, grade=bad)).set_aside[0].reason


@pytest.mark.parametrize(
    "value",
    [
        "2026-01-02T10:00:00.123Z",
        {"$date": "2026-01-02T10:00:00.123Z"},
        {"$date": 1767348000123},
        {"$date": {"$numberLong": "1767348000123"}},
    ],
    ids=str,
)
def test_times_in_every_shape_of_extended_json(value: Any):
    found: Any = read_record(record(1, completed_assignment_at=value))
    assert found.completed_at.isoformat() == "2026-01-02T10:00:00.123000+00:00"


@pytest.mark.parametrize("value", [5, "x", "", None, "9" * 30, {"$numberLong": "1"}, ["1"]])
def test_long_number_that_is_none_is_no_time(value: Any):
    found = read_record(record(1, completed_assignment_at={"$date": {"$numberLong": value}}))
    assert isinstance(found, Rejection)


def test_other_key_counts_at_the_top_too():
    read = with_fields(Field("attempts", "count", "attempts", or_at="tries"))
    assert read(record(1, tries=2)).attempts == 2
    assert read(record(1, tries=2, attempts=1)).attempts == 1


def test_field_that_stands_too_deep_is_refused_at_once():
    for place in ("a.b.c", "a.", ""):
        with pytest.raises(ValueError, match="neither"):
            with_fields(Field("deep", "text", place))


def test_the_list_is_what_the_raw_table_has_and_can_be_read():
    columns = {column.name: column.type for column in RAW_TABLES["progressions"]}
    for field in PROGRESSION_FIELDS:
        assert columns[field.name] == field.type
    assert READERS.keys() == TYPES.keys()


def test_one_entry_brings_a_field_into_an_old_store_and_stores_nothing_again(
    bench: Bench, tmp_path: Path
):
    """The package with one more line, on a store that was written without it."""
    assert bench.sync().exit_code == 0
    copied = tmp_path / "changed"
    copytree(SOURCE_ROOT / "cohort_tracker", copied / "cohort_tracker")
    fields = copied / "cohort_tracker" / "raw" / "fields.py"
    entry = '    Field("attempts", "count", "attempts"),\n)\n'
    fields.write_text(fields.read_text().removesuffix(")\n") + entry)

    def sync() -> dict[str, Any]:
        done = subprocess.run(
            [sys.executable, "-m", "cohort_tracker", "sync", "--no-build", "--full", "--json"],
            env={**bench.process_environment(), "PYTHONPATH": str(copied)},
            cwd=bench.home,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)["classes"][0]

    said = sync()
    assert (said["mode"], said["new"], said["changed"]) == ("full", 0, 0)
    bench.source.records[0]["attempts"] = 3
    said = sync()
    assert (said["new"], said["changed"]) == (0, 1)
    assert bench.query("SELECT attempts FROM progressions WHERE attempts IS NOT NULL") == [(3,)]
    assert bench.expected() == bench.in_force()
