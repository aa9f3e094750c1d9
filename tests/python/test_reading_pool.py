"""The published file open for many: replaced under fire, too many, too slow, never leaked."""

from __future__ import annotations

import csv
import io
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from api_server import CLASS, ApiServer, problem_of, publish_another, settings_of
from cohort_tracker.errors import ConfigError, StoreError
from cohort_tracker.reading.pool import BusyError, Pool, TooSlowError
from cohort_tracker.reading.viewer import Viewer
from page_cohort import Cohort

LEAD = Viewer()
ENDLESS = "SELECT count(*) FROM range(10000000) AS a, range(10000000) AS b WHERE a.range = -b.range"


@pytest.fixture
def data(tmp_path: Path, cohort: Cohort) -> Path:
    """A published file of its own, to be replaced."""
    there = tmp_path / "data"
    there.mkdir()
    for name in ("warehouse.duckdb", "raw.db"):
        shutil.copy(cohort.settings.data_dir / name, there / name)
    return there


@pytest.fixture
def pool(data: Path) -> Iterator[Pool]:
    settings = settings_of(data)
    made = Pool(settings.warehouse_path, settings.raw_path, wait_seconds=0.2, query_seconds=0.5)
    yield made
    made.close()
    assert handles(data) == []


def handles(data: Path) -> list[str]:
    """The files of the directory that this process has open, those without a name too."""
    found = []
    for handle in Path("/proc/self/fd").iterdir():
        try:
            target = str(handle.readlink())
        except OSError:
            continue
        if target.startswith(str(data)) and "duckdb" in target:
            found.append(target)
    return found


def build_of(pool: Pool) -> str:
    with pool.file() as file, pool.reading(file, LEAD) as reader:
        [row] = reader.rows("core.build")
        assert row["id"] == file.build_id
        return file.build_id


def test_next_request_sees_the_file_that_replaced_the_old_one(pool: Pool, data: Path):
    before = build_of(pool)
    publish_another(data, "another")
    assert before != build_of(pool) == "another"


def test_request_under_way_ends_on_the_file_it_began_with(pool: Pool, data: Path):
    before = build_of(pool)
    with pool.file() as file:
        publish_another(data, "another")
        assert build_of(pool) == "another"
        assert len(handles(data)) == 2
        with pool.reading(file, LEAD) as reader:
            assert reader.rows("core.build")[0]["id"] == before
    assert len(handles(data)) == 1


def test_fifty_files_leave_one_handle_and_no_thread(pool: Pool, data: Path):
    build_of(pool)
    threads = threading.active_count()
    for number in range(50):
        publish_another(data, f"number-{number}")
        assert build_of(pool) == f"number-{number}"
        assert len(handles(data)) == 1
    until = time.monotonic() + 5
    while threading.active_count() > threads and time.monotonic() < until:
        time.sleep(0.01)  # a clock that was stopped ends a moment later
    assert threading.active_count() <= threads


def test_viewers_do_not_get_each_others_rows(pool: Pool):
    """A connection that knows one viewer's rights is never given to another."""
    with pool.file() as file:
        with pool.reading(file, LEAD) as reader:
            nights = {
                (row["class_id"], row["night"].lower())
                for row in reader.rows("marts.night_summary")
                if row["night"] != "(no night)"
            }
        for night in sorted(nights):
            viewer = Viewer("mentor", None, frozenset([night]))
            with pool.reading(file, viewer) as reader:
                found = reader.rows("core.class_students")
            assert {(row["class_id"], row["night"].lower()) for row in found} == {night}


def test_no_more_read_at_once_than_is_allowed(data: Path):
    settings = settings_of(data)
    pool = Pool(settings.warehouse_path, settings.raw_path, queries_at_once=2, wait_seconds=0.1)
    with pool.file() as file, pool.reading(file, LEAD), pool.reading(file, LEAD):
        began = time.monotonic()
        with pytest.raises(BusyError), pool.reading(file, LEAD):
            pass
        assert time.monotonic() - began >= 0.1
    with pool.file() as file, pool.reading(file, LEAD), pool.reading(file, LEAD):
        pass
    pool.close()


def test_question_without_end_is_ended(pool: Pool):
    with pool.file() as file:
        began = time.monotonic()
        with (
            pytest.raises(TooSlowError),
            pool.reading(file, LEAD) as reader,
            reader.answer(ENDLESS) as found,
        ):
            found.fetchall()
        assert 0.5 <= time.monotonic() - began < 5
        with pool.reading(file, LEAD) as reader:
            assert reader.rows("core.build")


def test_nothing_published_is_said(tmp_path: Path):
    settings = settings_of(tmp_path)
    pool = Pool(settings.warehouse_path, settings.raw_path)
    with pytest.raises(ConfigError), pool.file():
        pass


def test_damaged_file_is_said_until_a_good_one_is_there(pool: Pool, data: Path):
    build_of(pool)
    whole = settings_of(data).warehouse_path
    kept = data / "kept.duckdb"
    whole.rename(kept)
    whole.write_bytes(b"no database" * 1000)
    with pytest.raises(StoreError):
        build_of(pool)
    kept.replace(whole)
    assert build_of(pool)


# Over HTTP.


def test_replaced_under_fire(data: Path):
    """Six clients ask while two dozen files are published: each answer is right, and of one."""
    wrong: list[object] = []
    seen: set[str] = set()
    is_over = threading.Event()

    def ask(server: ApiServer, path: str) -> None:
        last = -1
        while not is_over.is_set():
            answer = server.ask(path)
            if answer.status_code != 200:
                wrong.append(answer.text)
                continue
            told = answer.json()
            number = int(told["build"]["id"])
            rows = told["data"] if isinstance(told["data"], list) else [told["data"]]
            if {row["class_name"] for row in rows} != {f"Class {number}"} or number < last:
                wrong.append((last, told["build"], rows[0]["class_name"]))
            last = number
            seen.add(told["build"]["id"])

    changes = [
        "UPDATE marts.{} SET class_name = 'Class {}'".format(table, "{}")
        for table in ("class_summary", "student_health")
    ]

    def publish(number: int) -> None:
        publish_another(data, str(number), *(change.format(number) for change in changes))

    publish(0)
    with ApiServer(data) as server:
        paths = ["/classes", f"/classes/{CLASS}", f"/classes/{CLASS}/metrics/student-health"] * 2
        clients = [threading.Thread(target=ask, args=(server, path)) for path in paths]
        for client in clients:
            client.start()
        for number in range(1, 26):
            publish(number)
        last = server.ask("/classes").json()["build"]["id"]
        is_over.set()
        for client in clients:
            client.join()
        assert len(handles(data)) == 1
    assert wrong == []
    assert last == "25"
    assert len(seen) > 10, "the clients asked all the time"


def test_cursor_and_tag_end_with_their_build(data: Path):
    path = f"/classes/{CLASS}/metrics/student-health"
    with ApiServer(data) as server:
        first = server.ask(path, params={"limit": "5"})
        cursor = first.json()["page"]["next"]
        assert server.ask(path, params={"limit": "5", "cursor": cursor}).status_code == 200
        publish_another(data, "another")
        answer = server.ask(path, params={"limit": "5", "cursor": cursor})
        assert answer.status_code == 422
        assert answer.json()["errors"] == [
            {
                "parameter": "cursor",
                "detail": "The tables were built anew since: start again, without `cursor`.",
            }
        ]
        known = {"If-None-Match": first.headers["ETag"]}
        again = server.ask(path, params={"limit": "5"}, headers=known)
        assert (again.status_code, again.json()["build"]["id"]) == (200, "another")


def test_no_tables_are_said_without_where_they_would_be(data: Path):
    with ApiServer(data) as server:
        settings_of(data).warehouse_path.unlink()
        answer = server.ask("/classes")
        assert answer.status_code == 503
        assert answer.headers["Retry-After"]
        assert str(data) not in answer.text
        health = server.ask("/health", who=None)
        assert (health.status_code, health.json()) == (503, {"status": "no tables"})


def test_formula_in_a_name_is_text_in_a_csv(data: Path):
    name = '=HYPERLINK("http://evil.example";"x")'
    publish_another(data, "another", f"UPDATE core.class_students SET last_name = '{name}'")
    with ApiServer(data) as server:
        answer = server.ask(f"/classes/{CLASS}/students", headers={"Accept": "text/csv"})
    told = csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline=""))
    assert {row["last_name"] for row in told} == {f"'{name}"}


def test_class_without_a_good_sync_for_long_is_stale(data: Path):
    old = "UPDATE marts.class_summary SET last_synced_at = TIMESTAMP '1990-01-01'"
    publish_another(data, "another", old)
    with ApiServer(data) as server:
        assert server.ask(f"/classes/{CLASS}").json()["build"]["is_stale"] is False, "raw.db knows"
    (data / "raw.db").unlink()
    with ApiServer(data) as server:
        assert server.ask(f"/classes/{CLASS}").json()["build"]["is_stale"] is True
        assert server.ask("/classes").json()["build"]["is_stale"] is True
    over = "UPDATE marts.class_summary SET is_class_over = true"
    publish_another(data, "over", over)
    with ApiServer(data) as server:
        assert server.ask(f"/classes/{CLASS}").json()["build"]["is_stale"] is False


def test_error_of_nobodys_making_tells_nothing(data: Path):
    """A table that lost its key is a bug: the answer says so, and names nothing of it."""
    change = "CREATE OR REPLACE TABLE marts.activity_pattern AS SELECT class_id FROM core.classes"
    change = change.replace("SELECT class_id", "SELECT id AS class_id")
    publish_another(data, "another", change)
    with ApiServer(data) as server:
        answer = server.ask(f"/classes/{CLASS}/metrics/activity")
        assert answer.status_code == 500
        told = problem_of(answer)
        assert told.keys() == {"type", "title", "status", "detail"}
        assert not {"SELECT", "activity_pattern", "Binder"} & {*answer.text.split()}
        assert server.ask("/classes").status_code == 200


def test_file_can_be_written_by_nobody(pool: Pool):
    with (
        pool.file() as file,
        pool.reading(file, LEAD) as reader,
        pytest.raises(duckdb.Error),
        reader.answer("DELETE FROM warehouse.core.build"),
    ):
        pass
