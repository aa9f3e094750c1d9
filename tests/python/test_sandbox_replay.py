import csv
import gzip
import os
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cohort_tracker.sandbox import SandboxError, SandboxServer, load_data_dir, open_world
from sandbox_client import Client, record_id, unwrap

TABLES = {
    "classes": "class_id,course,term,starts_at,ends_at\n"
    "AAA-1,AAA,1,2020-01-01T00:00:00Z,2020-06-01T00:00:00Z\n"
    "BBB-1,BBB,1,2020-02-01T00:00:00Z,2020-06-01T00:00:00Z\n",
    "assignments": "assignment_id,class_id,name,type,weight,due_at\n"
    "12,AAA-1,Second,quiz,10,2020-03-01T00:00:00Z\n"
    "11,AAA-1,First,lesson,10,2020-02-01T00:00:00Z\n"
    '13,AAA-1,"Last, no due",exam,10,\n'
    "21,BBB-1,Only,lesson,10,2020-03-01T00:00:00Z\n",
    "enrollments": "class_id,student_id,registered_at,unregistered_at,final_result\n"
    "AAA-1,501,2019-12-01T00:00:00Z,,Pass\n"
    "AAA-1,502,2020-01-10T00:00:00Z,2020-02-20T00:00:00Z,Withdrawn\n"
    "AAA-1,503,,,Fail\n"
    "BBB-1,501,2020-01-01T00:00:00Z,,Pass\n",
    "progressions": "progression_id,class_id,student_id,assignment_id,grade,"
    "started_at,completed_at,reviewed_at,is_banked\n"
    "11-501,AAA-1,501,11,0.76,,2020-01-24T07:15:52Z,,0\n"
    "12-501,AAA-1,501,12,,2020-02-01T10:00:00+02:00,2020-02-28T07:15:52.250Z,"
    "2020-03-02T00:00:00Z,0\n"
    "11-502,AAA-1,502,11,1,,2020-01-30T00:00:00Z,,1\n"
    "12-502,AAA-1,502,12,,2020-02-10T00:00:00Z,,,0\n"
    "21-501,BBB-1,501,21,0.5,,2020-02-10T00:00:00Z,,0\n",
}


@pytest.fixture
def folder(tmp_path):
    for name, text in TABLES.items():
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
    return tmp_path


def test_records_arrive_as_they_are(folder):
    with SandboxServer(load_data_dir(folder)) as server:
        client = Client(server)
        rooms = unwrap(client.get("/v1/classes").json())["data"]
        assert [(r["id"], r["friendly_id"], r["name"]) for r in rooms] == [
            ("AAA-1", "aaa-1", "AAA 1"),
            ("BBB-1", "bbb-1", "BBB 1"),
        ]
        detail = unwrap(client.get("/v1/classes/aaa-1").json())["data"][0]
        assert detail["units"] == [{"name": "Coursework", "assignments": ["11", "12", "13"]}]
        assert detail["assignments"] == ["11", "12", "13"]
        records = {record_id(r): r for r in client.everything("aaa-1")}
    assert list(records) == ["12-501", "11-502", "11-501", "12-502"]
    first = records["12-501"]
    assert first["grade"] is None
    assert first["started_assignment_at"] == "2020-02-01T08:00:00.000Z"
    assert first["completed_assignment_at"] == "2020-02-28T07:15:52.250Z"
    assert first["reviewed_at"] == "2020-03-02T00:00:00.000Z"
    assert first["assignment"] == {"id": "12", "name": "Second", "type": "quiz"}
    assert first["user"]["email"] == "student501@example.org"
    assert records["11-501"]["started_assignment_at"] is None
    assert records["11-501"]["grade"] == 0.76
    assert records["12-502"]["completed_assignment_at"] is None


def test_roster_has_everybody_and_who_left(folder, tmp_path):
    world = load_data_dir(folder)
    path = tmp_path / "roster.csv"
    assert world.write_roster(path) == 4
    with path.open(encoding="utf-8", newline="") as file:
        rows = [
            (row["class"], row["email"], row["started_on"], row["left_on"])
            for row in csv.DictReader(file)
        ]
    assert rows == [
        ("aaa-1", "student501@example.org", "2019-12-01", ""),
        ("aaa-1", "student502@example.org", "2020-01-10", "2020-02-20"),
        ("aaa-1", "student503@example.org", "", ""),
        ("bbb-1", "student501@example.org", "2020-01-01", ""),
    ]
    assert not any(r.student_id == "503" for r in world.progressions("aaa-1"))


def test_names_depend_on_the_id_alone(folder):
    whole = load_data_dir(folder).students
    rows = TABLES["enrollments"].splitlines(keepends=True)
    (folder / "enrollments.csv").write_text("".join([rows[0], *reversed(rows[1:])]))
    assert load_data_dir(folder).students == whole


def test_gzip_byte_order_mark_and_column_order(folder):
    rows = [line.split(",") for line in TABLES["classes"].splitlines()]
    text = "".join(",".join(reversed(row)) + "\r\n" for row in rows)
    (folder / "classes.csv").unlink()
    (folder / "classes.csv.gz").write_bytes(gzip.compress(text.encode()))
    enrolled = folder / "enrollments.csv"
    enrolled.write_text("\ufeff" + enrolled.read_text(), encoding="utf-8")
    assert [room.id for room in load_data_dir(folder).classes] == ["AAA-1", "BBB-1"]


def test_as_of_hides_the_future_until_time_moves(folder, tmp_path):
    world = load_data_dir(folder, as_of=datetime(2020, 2, 5, tzinfo=UTC))
    assert [r.id for r in world.progressions("aaa-1")] == ["11-502", "11-501"]
    world.write_roster(tmp_path / "roster.csv")
    assert "2020-02-20" not in (tmp_path / "roster.csv").read_text()
    assert world.grow(10).added == 2
    assert world.grow(365).added == 1
    everything = load_data_dir(folder)
    for key in ("aaa-1", "bbb-1"):
        assert world.progressions(key) == everything.progressions(key)
    assert everything.now == datetime(2020, 3, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("table", "old", "new", "message"),
    [
        ("classes", "class_id,", "klass,", "classes.csv, line 1: no column class_id"),
        ("classes", "BBB-1,", "AAA-1,", "classes.csv, line 3: class 'AAA-1' stands there twice"),
        ("classes", "2020-01-01T00:00:00Z", "soon", "classes.csv, line 2: starts_at 'soon'"),
        ("assignments", "12,AAA-1", "12,CCC-1", "assignments.csv, line 2: class_id 'CCC-1'"),
        ("assignments", "12,AAA-1", "11,AAA-1", "assignments.csv, line 3: assignment '11'"),
        ("enrollments", "AAA-1,503", "AAA-1,", "enrollments.csv, line 4: student_id is empty"),
        ("progressions", "0.76", "good", "progressions.csv, line 2: grade 'good'"),
        ("progressions", "0.76", "nan", "progressions.csv, line 2: grade 'nan'"),
        ("progressions", "502,11", "502,99", "progressions.csv, line 4: assignment_id '99'"),
        ("progressions", "11-502", "11-501", "progressions.csv, line 4: progression '11-501'"),
        ("progressions", ",0\n", "\n", "progressions.csv, line 2: 8 cells, the header has 9"),
        ("progressions", "11-502", '"11-502', "progressions.csv, after line 3"),
        ("progressions", "2020-01-30T", "2020-13-30T", "progressions.csv, line 4: completed_at"),
    ],
)
def test_bad_files_are_named_with_their_line(folder, table, old, new, message):
    path = folder / f"{table}.csv"
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(SandboxError) as error:
        load_data_dir(folder)
    assert str(error.value).startswith(message)


def test_files_that_cannot_be_read(folder):
    with pytest.raises(SandboxError, match="not a folder"):
        load_data_dir(folder / "other")
    (folder / "enrollments.csv").write_bytes(b"class_id,student_id\nAAA-1,\xff\xfe\n")
    with pytest.raises(SandboxError, match=r"enrollments\.csv, after line"):
        load_data_dir(folder)
    (folder / "enrollments.csv").unlink()
    with pytest.raises(SandboxError, match=r"neither enrollments\.csv nor enrollments\.csv\.gz"):
        load_data_dir(folder)
    (folder / "enrollments.csv.gz").write_bytes(b"no gzip at all")
    with pytest.raises(SandboxError, match=r"enrollments\.csv\.gz"):
        load_data_dir(folder)
    (folder / "enrollments.csv.gz").write_bytes(gzip.compress(b"class_id,student_id\n" * 99)[:20])
    with pytest.raises(SandboxError, match=r"enrollments\.csv\.gz"):
        load_data_dir(folder)


def test_open_world_takes_either(folder):
    assert open_world(data=folder).classes[0].id == "AAA-1"
    assert open_world(seed=2, classes=1, students=3).classes[0].friendly_id == "data-m1"


@pytest.mark.skipif("OULAD_DIR" not in os.environ, reason="OULAD_DIR names no data folder")
def test_real_learners():
    began = time.monotonic()
    world = load_data_dir(Path(os.environ["OULAD_DIR"]))
    assert sum(len(room.progressions) for room in world.classes) == 82_842
    assert len(world.roster) == 13_529
    with SandboxServer(world) as server:
        client = Client(server)
        met = sum(len(client.everything(room.id, 200)) for room in world.classes)
    assert met == 82_842
    assert time.monotonic() - began < 30
