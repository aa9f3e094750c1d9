"""The old part of the log becomes short: what stays, what nobody misses, whatever happens."""

from __future__ import annotations

import random
import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from cohort_tracker.raw.backup import copy_store
from cohort_tracker.raw.compaction import RUNS_PER_STEP, STEPS_PER_SYNC, compact_log
from cohort_tracker.raw.rewrite import rewrite
from cohort_tracker.raw.store import RawStore
from cohort_tracker.sources.outcome import Observer
from cohort_tracker.sync import run_sync
from support import Bench, at_night, processes_about, wait_for
from synthetic_log import (
    SOURCE,
    at_random,
    day,
    every_hour,
    key_of,
    logged,
    stored_log,
    what_stays,
    write_log,
)

END = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAYS = 7
YOUNG_FROM = day(END - timedelta(days=DAYS))


def compact(store: RawStore, now: datetime = END, days: int = DAYS) -> int:
    """Compact until nothing is left to do; returns how many runs were deleted."""
    deleted = 0
    while found := compact_log(store, days=days, now=now):
        deleted += found
    return deleted


def require_whole(path: Path, before: tuple[list[Any], list[Any]], stays: set[Any]) -> None:
    """Nothing is left but what stays, each row under its number and with all its pages."""
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    for now, then in zip(stored_log(path), before, strict=True):
        assert now == [row for row in then if key_of(row) in stays]


@pytest.mark.parametrize("seed", [1, 2, at_night(3), at_night(4), at_night(5), at_night(6)])
def test_what_remains_is_what_the_definition_says(tmp_path: Path, seed: int):
    store = write_log(tmp_path / "raw.db", at_random(seed, END))
    before = stored_log(store.path)
    stays = what_stays(before[0], YOUNG_FROM)
    assert len(before[0]) - len(stays) > RUNS_PER_STEP / 2
    assert compact(store) == len(before[0]) - len(stays)
    require_whole(store.path, before, stays)


@pytest.mark.parametrize("seed", [11, at_night(12), at_night(13)])
def test_nothing_that_is_read_of_the_log_is_another_one_afterwards(tmp_path: Path, seed: int):
    store = write_log(tmp_path / "raw.db", at_random(seed, END))
    with closing(sqlite3.connect(store.path)) as db:
        db.execute(
            "INSERT INTO progressions (source, class_id, record_id, version_no)"
            " SELECT DISTINCT source, class_id, 'r', 1 FROM sync_runs"
        )
        db.commit()

    def is_good(run: dict[str, Any]) -> bool:
        return run["fetched"] > 0 and not run["rejected"]

    def read() -> list[Any]:
        known = store.known(SOURCE)
        ids = sorted(known.recorded)
        # How often it was quick since matters for twenty hours only.
        of_classes = [replace(known.stored_class(name), quick_runs=0) for name in ids]
        recent = store.recent_runs(500, is_good)
        told = {
            key: (runs[:2], next((run["run_id"] for run in runs if is_good(run)), None))
            for key, runs in recent.items()
        }
        facts = (known.described_at, known.synced, known.class_ids)
        return [facts, of_classes, store.last_runs(), told]

    before = read()
    assert compact(store, END + timedelta(days=400)) > 0
    assert read() == before


def test_no_day_that_is_young_is_touched_and_days_are_those_of_utc(tmp_path: Path):
    midnight = datetime(2026, 2, 23, tzinfo=UTC)
    moments = [midnight - timedelta(minutes=m) for m in (90, 60, 30)]
    moments += [midnight + timedelta(minutes=m) for m in (0, 30, 60)]
    rows = [row for n, at in enumerate([*moments, END]) for row in logged("c1", at, n)]
    store = write_log(tmp_path / "raw.db", rows)
    east = END.astimezone(timezone(timedelta(hours=14)))  # where it is tomorrow
    assert compact(store, east, days=7) == 2
    assert [run["finished_at"][:16] for run in stored_log(store.path)[0]][:2] == [
        "2026-02-22 23:30",
        "2026-02-23 00:00",
    ]
    assert compact(store, days=6) == 2


def test_what_stored_something_stays_also_where_its_counts_are_none(tmp_path: Path):
    at = END - timedelta(days=20)
    numbers = range(8)
    rows = [row for n in numbers for row in logged("c1", at + timedelta(minutes=n), n)]
    rows += [row for n in (1, 2) for row in logged("c2", at + timedelta(minutes=n), n)]
    store = write_log(tmp_path / "raw.db", [*rows, *logged("c1", END, 9), *logged("c2", END, 9)])
    runs = stored_log(store.path)[0]
    ids = [run["run_id"] for run in runs if run["class_id"] == "c1"]
    with closing(sqlite3.connect(store.path)) as db:
        for table, run_id in (("classes", ids[1]), ("class_states", ids[3])):
            db.execute(
                f"INSERT INTO {table} (source, class_id, run_id) VALUES (?, 'c1', ?)",
                (SOURCE, run_id),
            )
        # A record that was rejected, and came again as it was before.
        db.execute(
            "INSERT INTO rejected_records (source, class_id, record_id) VALUES (?, 'c1', 'r')",
            (SOURCE,),
        )
        db.execute(
            "INSERT INTO progressions (source, class_id, record_id, run_id)"
            " VALUES (?, 'c1', 'r', ?)",
            (SOURCE, ids[5]),
        )
        db.commit()
    assert compact(store) == 5
    left = [run for run in stored_log(store.path)[0] if run["class_id"] == "c1"]
    assert [run["run_id"] for run in left] == [ids[n] for n in (1, 3, 5, 7, 8)]


def test_again_or_from_the_beginning_changes_nothing_more(tmp_path: Path):
    store = write_log(tmp_path / "raw.db", at_random(21, END))
    assert compact(store) > 0
    before = stored_log(store.path)
    assert compact(store) == 0
    with closing(sqlite3.connect(store.path)) as db:
        db.execute("DELETE FROM raw_compacted")
        db.commit()
    assert compact(store) == 0
    assert stored_log(store.path) == before


def test_each_sync_does_a_bounded_bit(tmp_path: Path):
    store = write_log(tmp_path / "raw.db", every_hour(map(str, range(50)), END, 400))
    most = RUNS_PER_STEP * STEPS_PER_SYNC
    assert 0.9 * most < compact_log(store, days=DAYS, now=END) < most
    first, rest = min(run["rowid"] for run in stored_log(store.path)[0]), most + 1
    assert {run["rowid"] for run in stored_log(store.path)[0]} >= {first, *range(rest, 20_001)}


def test_no_number_of_a_row_is_changed_or_given_again(tmp_path: Path):
    # The newest page is that of an old run: the last syncs did not get as far as a page.
    old = [row for n in range(6) for row in logged("c1", END - timedelta(days=20 - n / 9), n)]
    failed = {"status": "failed", "pages": 0, "fetched": 0}
    late = [
        row for n in range(9) for row in logged("c1", END - timedelta(days=n), 90 - n, **failed)
    ]
    store = write_log(tmp_path / "raw.db", [*old, *late])
    before = stored_log(store.path)
    assert compact(store) == 4
    require_whole(store.path, before, what_stays(before[0], YOUNG_FROM))
    newest = [rows[-1]["rowid"] for rows in before]
    store.append_log(logged("c1", END, 99))
    assert [rows[-1]["rowid"] for rows in stored_log(store.path)] == [n + 1 for n in newest]
    # Nor by what packs the file.
    log = stored_log(store.path)
    rewrite(store.path, lambda db: None)
    assert stored_log(store.path) == log


def test_room_of_what_was_deleted_is_used_again(tmp_path: Path):
    names = [f"c{n}" for n in range(30)]
    store = write_log(tmp_path / "raw.db", every_hour(names, END, 240))
    size = store.path.stat().st_size
    for week in range(1, 5):
        deleted = compact(store, END + timedelta(days=3 * week))
        assert deleted > 1_500
        now = END + timedelta(days=3 * week)
        store.append_log([*every_hour(names, now, 72)])
    assert store.path.stat().st_size < 1.1 * size


def test_runs_of_a_clock_that_ran_ahead_stay_and_stop_nothing(tmp_path: Path):
    ahead = END + timedelta(days=4_000)
    moments = [END - timedelta(days=30, minutes=-n) for n in range(5)]
    moments += [ahead + timedelta(minutes=n) for n in range(5)]
    moments += [END - timedelta(days=20, minutes=-n) for n in range(5)]
    moments += [END - timedelta(minutes=9 - n) for n in range(5)]
    rows = [row for n, at in enumerate(moments) for row in logged("c1", at, n)]
    store = write_log(tmp_path / "raw.db", rows)
    assert compact(store) == 8
    left = [run["rowid"] for run in stored_log(store.path)[0]]
    assert left == [5, *range(6, 11), 15, *range(16, 21)]


def test_a_clock_that_is_far_behind_makes_nothing_old_and_spoils_nothing(tmp_path: Path):
    store = write_log(tmp_path / "raw.db", every_hour(["c1"], END, 400))
    long_ago = datetime(1970, 1, 1, tzinfo=UTC)
    assert compact(store, long_ago) == 0
    store.append_log(logged("c1", long_ago, 999))
    assert compact(store, long_ago) == 0
    assert compact(store) > 100


def test_sync_compacts_unless_the_settings_say_that_all_stays(bench: Bench):
    now = datetime.now(UTC)
    logged_before(bench, 24 * 12)
    before = bench.query("SELECT count(*) FROM sync_runs")
    assert bench.sync(log_days=0).exit_code == 0
    assert bench.query("SELECT count(*) - 1 FROM sync_runs") == before
    assert bench.sync().exit_code == 0
    per_day = dict(
        bench.query("SELECT substr(finished_at, 1, 10), count(*) FROM sync_runs GROUP BY 1")
    )
    assert per_day[day(now - timedelta(days=9))] == 1
    assert per_day[day(now - timedelta(days=7))] == 24
    pages = bench.query("SELECT count(*) FROM sync_pages")
    assert pages == bench.query("SELECT sum(pages) FROM sync_runs")


def test_log_that_cannot_be_compacted_is_a_note_and_the_sync_stays_good(bench: Bench):
    class Notes(Observer):
        def __init__(self) -> None:
            self.told: list[str] = []

        def note(self, message: str) -> None:
            self.told.append(message)

    logged_before(bench, 24 * 12)
    with closing(sqlite3.connect(bench.raw)) as db:
        db.execute(
            "CREATE TRIGGER no BEFORE DELETE ON sync_runs BEGIN SELECT RAISE(ABORT, 'never'); END"
        )
        db.commit()
    before = stored_log(bench.raw)
    notes = Notes()
    assert run_sync(bench.settings(), build=False, observer=notes).exit_code == 0
    assert any("not compacted" in line and "never" in line for line in notes.told)
    after = stored_log(bench.raw)
    for now, then in zip(after, before, strict=True):
        assert now[: len(then)] == then


@pytest.mark.parametrize("rounds", [3, at_night(25)])
def test_killed_at_any_step_the_rest_is_as_it_was_and_the_next_sync_goes_on(
    tmp_path: Path, rounds: int
):
    chance = random.Random(rounds)
    with Bench(tmp_path) as bench:
        logged_before(bench, 480, classes=30)
        prepared = tmp_path / "prepared.db"
        copy_store(bench.raw, prepared)
        young_from = day(datetime.now(UTC) - timedelta(days=DAYS))
        for number in range(rounds):
            bench.raw.unlink()
            copy_store(prepared, bench.raw)
            before = stored_log(bench.raw)
            process = bench.start("sync", "--no-build")
            least = number % 4 * RUNS_PER_STEP
            wait_for(partial(has_come_to, bench.raw, least))
            time.sleep(chance.random() * (2.0 if number % 4 == 0 else 0.1))
            process.kill()
            process.communicate()
            wait_for(lambda: processes_about(bench.data) == [], 5)
            stays = what_stays(before[0], young_from)
            runs, pages = without_later(bench.raw, before)
            done = up_to(bench.raw)
            stays_now = stays | {key_of(run) for run in before[0] if run["rowid"] > done}
            assert runs == [run for run in before[0] if key_of(run) in stays_now]
            assert pages == [page for page in before[1] if key_of(page) in stays_now]
            for _ in range(2):  # bounded bits
                done_again = bench.command("sync", "--no-build")
                assert done_again.returncode == 0, done_again.stderr
            runs, pages = without_later(bench.raw, before)
            assert {key_of(run) for run in runs} == stays
            assert pages == [page for page in before[1] if key_of(page) in stays]
            assert is_ok_known(bench)


def logged_before(bench: Bench, runs: int, classes: int = 1) -> None:
    """Let the store begin with a log of so many runs of each class, one an hour until now."""
    bench.data.mkdir(mode=0o700)
    names = [f"c{number}" for number in range(1, classes + 1)]
    write_log(bench.raw, every_hour(names, datetime.now(UTC), runs))


def up_to(path: Path) -> int:
    """The number of the run up to which the log was compacted."""
    with closing(sqlite3.connect(path, timeout=30)) as db:
        found: int = db.execute("SELECT coalesce(max(up_to), 0) FROM raw_compacted").fetchone()[0]
    return found


def has_come_to(path: Path, run: int) -> bool:
    """Whether the log was compacted up to that run."""
    return up_to(path) >= run


def without_later(path: Path, before: tuple[list[Any], list[Any]]) -> tuple[list[Any], list[Any]]:
    """The log without what later syncs added."""
    runs, pages = stored_log(path)
    last = [rows[-1]["rowid"] for rows in before]
    return (
        [row for row in runs if row["rowid"] <= last[0]],
        [row for row in pages if row["rowid"] <= last[1]],
    )


def is_ok_known(bench: Bench) -> bool:
    """Whether the class's proof is known: it need not be read in full."""
    stored = RawStore(bench.raw).known(SOURCE).stored_class("c1")
    return stored.last_full_at is not None and bool(stored.records)
