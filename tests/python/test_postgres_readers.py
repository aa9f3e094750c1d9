"""Who reads the tables in PostgreSQL while they are replaced, and what others built on them."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path

import pytest

from cohort_tracker.config import Settings
from cohort_tracker.errors import PublishError
from cohort_tracker.runtime.background import Background
from cohort_tracker.warehouse.postgres.run import Publication, publish
from postgres_server import Database
from published_tables import settings_for, write_tables
from support import Bench, wait_for

PEOPLE = 20_000
STUDENTS = (
    "CREATE TABLE core.students AS SELECT i::VARCHAR AS id, 'Ada' AS first_name"
    " FROM range({}) AS r (i)"
)
HEALTH = (
    "CREATE TABLE marts.student_health AS SELECT i::VARCHAR AS student_id, 'c' AS class_id,"
    " {} AS score FROM range({}) AS r (i)"
)


def write_school(data: Path, build_id: str, people: int = PEOPLE) -> None:
    """Two tables of so many people, of which each row tells how many there are."""
    write_tables(data, build_id, STUDENTS.format(people), HEALTH.format(people, people))


def published(database: Database, home: Path, people: int = PEOPLE) -> Settings:
    """The settings of a school whose tables were published."""
    settings = settings_for(home / "data", database.url())
    write_school(home / "data", f"build {people}", people)
    publish(settings)
    return settings


def test_reader_sees_one_build_whole_and_never_waits(database: Database, tmp_path: Path):
    settings = published(database, tmp_path)
    question = (
        "select (select id from core.build), (select count(*) from core.students),"
        " (select count(*) from marts.student_health),"
        " (select min(score) from marts.student_health)"
    )
    seen: list[tuple[str | None, ...]] = []
    slowest = 0.0
    stop = threading.Event()

    def read() -> None:
        nonlocal slowest
        while not stop.is_set():
            started = time.monotonic()
            seen.extend(map(tuple, database.rows(question)))
            slowest = max(slowest, time.monotonic() - started)

    reader = Background(lambda: read(), "reader")
    taken = 0.0
    for number in range(1, 5):
        write_school(settings.data_dir, f"build {PEOPLE + number}", PEOPLE + number)
        started = time.monotonic()
        publish(settings)
        taken = max(taken, time.monotonic() - started)
    wait_for(lambda: seen and seen[-1][0] == f"build {PEOPLE + 4}")
    stop.set()
    reader.result()
    builds = [PEOPLE + number for number in range(5)]
    whole = {(f"build {n}", *[str(n)] * 3) for n in builds}
    assert set(seen) <= whole
    assert len(seen) > 10
    assert len(set(seen)) > 2
    assert seen == sorted(seen)
    assert slowest < 5


def test_reader_who_stays_keeps_the_old_tables_and_holds_up_nobody(
    database: Database, tmp_path: Path
):
    settings = published(database, tmp_path, 10)
    # A view of all that is older than the publish, of tables looked at before and after it.
    begin = "begin isolation level repeatable read"
    health, students = (
        "select count(*) from marts.student_health",
        "select count(*) from core.students",
    )
    with database.session(begin, health) as ask:
        write_school(settings.data_dir, "build 7", 7)
        started = time.monotonic()
        assert publish(settings).is_new
        assert time.monotonic() - started < 10
        assert (ask(students), ask(health)) == (["10"], ["10"])
    assert database.sql(students) == "7"


def test_who_holds_a_table_makes_the_sync_give_up(database: Database, tmp_path: Path):
    settings = published(database, tmp_path, 10)
    write_school(settings.data_dir, "build 7", 7)
    with database.session("begin", "lock table marts.student_health in exclusive mode"):
        started = time.monotonic()
        with pytest.raises(PublishError, match="somebody holds one of the tables") as raised:
            publish(settings)
        assert 9 < time.monotonic() - started < 40
    assert "pg_stat_activity" in (raised.value.hint or "")
    assert database.sql("select count(*) from core.students") == "10"
    assert publish(settings).is_new
    assert database.sql("select count(*) from core.students") == "7"


def test_second_publish_waits_for_the_first(database: Database, tmp_path: Path):
    settings = published(database, tmp_path, 10)
    write_school(settings.data_dir, "build 7", 7)
    again = settings_for(tmp_path / "again", database.url())
    write_school(again.data_dir, "build 7", 7)

    def waiting(kind: str) -> bool:
        found = database.sql(
            "select count(*) from pg_locks where not granted"
            f" and locktype = '{kind}' and database = (select oid from pg_database"
            f" where datname = '{database.name}')"
        )
        return found == "1"

    with database.session("begin", "lock table core.students in exclusive mode"):
        first: Background[Publication] = Background(lambda: publish(settings), "first")
        wait_for(lambda: waiting("relation"))
        second: Background[Publication] = Background(lambda: publish(again), "second")
        wait_for(lambda: waiting("advisory"))
    assert first.result().is_new
    assert not second.result().is_new
    assert database.sql("select count(*) from core.students") == "7"


def test_killed_sync_leaves_the_tables_of_before(built: Bench, database: Database, tmp_path: Path):
    address = database.url()
    assert built.command("sync", publish=address).returncode == 0
    before = database.sql("select id from core.build")
    built.source.shift("c1", 3)
    with database.session("begin", "lock table marts.student_health in exclusive mode"):
        sync = built.start("sync", publish=address)
        ours = "select count(*) from pg_stat_activity where application_name = 'cohort-tracker'"
        at_work = f"{ours} and wait_event_type = 'Lock' and datname = '{database.name}'"
        wait_for(lambda: database.sql(at_work) == "1")
        sync.send_signal(signal.SIGKILL)
        sync.communicate()
    wait_for(lambda: database.sql(f"{ours} and datname = '{database.name}'") == "0")
    assert database.sql("select id, (select count(*) from core.progressions) from core.build") == (
        f"{before},45"
    )
    done = built.command("sync", publish=address)
    assert done.returncode == 0, done.stderr
    assert database.sql("select count(*) from core.progressions") == "48"
    assert not (built.data / "publish").exists()


def test_grants_views_and_policies_of_others_stay(database: Database, tmp_path: Path):
    settings = published(database, tmp_path, 10)
    database.add_user("visitor")
    database.sql(
        "grant usage on schema core, marts to visitor",
        "grant select on core.students, marts.student_health to visitor",
        "create view public.names as select id, first_name from core.students",
        "alter table marts.student_health enable row level security",
        "create policy one on marts.student_health for select using (student_id = '3')",
    )
    write_school(settings.data_dir, "build 7", 7)
    publish(settings)
    assert database.sql("select count(*) from core.students", user="visitor") == "7"
    assert database.sql("select student_id from marts.student_health", user="visitor") == "3"
    assert database.sql("select count(*) from public.names") == "7"


def test_policy_that_binds_the_owner_too_is_told_and_hides_no_row_from_us(
    database: Database, tmp_path: Path
):
    settings = published(database, tmp_path, 10)
    database.sql(
        "alter table core.students enable row level security",
        "alter table core.students force row level security",
        "create policy one on core.students using (id = '3')",
    )
    write_school(settings.data_dir, "build 7", 7)
    with pytest.raises(PublishError, match="would be affected by row-level") as raised:
        publish(settings)
    assert "FORCE ROW LEVEL SECURITY" in (raised.value.hint or "")
    assert database.sql("select count(*) from core.students") == "10"


def test_other_columns_come_into_the_tables_that_are_there(database: Database, tmp_path: Path):
    settings = settings_for(tmp_path / "data", database.url())
    said = "COMMENT ON COLUMN core.students.id IS 'who'"
    write_tables(settings.data_dir, "first", STUDENTS.format(10), HEALTH.format(1, 10), said)
    publish(settings)
    database.add_user("guest")
    database.sql(
        "grant usage on schema core to guest",
        "grant select on core.students to guest",
        "create view public.ids as select id from core.students",
    )
    write_tables(
        settings.data_dir,
        "other",
        "CREATE TABLE core.students AS SELECT i AS id, 'Mei' AS nickname FROM range(4) AS r (i)",
        "COMMENT ON COLUMN core.students.nickname IS 'as friends say'",
        said,
    )
    # The view needs the old column: nothing is changed, and the view is named.
    with pytest.raises(PublishError, match=r"cannot drop column id .*view public.ids"):
        publish(settings)
    assert database.sql("select count(*) from core.students") == "10"
    database.sql("drop view public.ids")
    found = publish(settings)
    assert found.altered == [
        "core.students: -id -first_name +id +nickname",
        "marts.student_health is gone",
    ]
    assert database.rows("select id, nickname from core.students order by 1", user="guest") == [
        [str(number), "Mei"] for number in range(4)
    ]
    comments = database.rows(
        "select attname, col_description(attrelid, attnum) from pg_attribute where attnum > 0"
        " and not attisdropped and attrelid = 'core.students'::regclass"
    )
    assert comments == [["id", "who"], ["nickname", "as friends say"]]
    key = database.sql(
        "select pg_get_constraintdef(oid) from pg_constraint where contype = 'p'"
        " and conrelid = 'core.students'::regclass"
    )
    assert key == "PRIMARY KEY (id)"
    assert database.rows("select to_regclass('marts.student_health')") == [[None]]
    assert not publish(settings).is_new


def test_table_of_somebody_else_is_left_alone(database: Database, tmp_path: Path):
    database.sql(
        "create schema core authorization school",
        "create table core.students (id text)",
        "insert into core.students values ('mine')",
        "alter table core.students owner to school",
    )
    with pytest.raises(PublishError, match=r"core\.students is there and was not made by"):
        published(database, tmp_path, 10)
    assert database.sql("select id from core.students") == "mine"


def test_table_that_somebody_dropped_comes_back(database: Database, tmp_path: Path):
    settings = published(database, tmp_path, 10)
    database.sql("drop table core.students")
    assert publish(settings).is_new
    assert database.sql("select count(*) from core.students") == "10"
