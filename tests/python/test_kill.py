"""SIGKILL at random moments: what is published stays whole, and the next sync needs no hand."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from cohort_tracker.warehouse.dbt_worker import is_damaged
from cohort_tracker.warehouse.status import read_status
from support import Bench, classes, processes_about, record, wait_for
from tables import tables_of

LASTING = {
    "backups",
    "dbt",
    "failed_build.json",
    "last_sync.json",
    "last_sync.json.new",
    "logs",
    "published.json",
    "published.json.new",
    "raw.db",
    "raw.db-journal",
    "sync.lock",
    "warehouse.duckdb",
}
WORKING = {"build", "load"}


def live_on(bench: Bench, chance: random.Random, number: int) -> None:
    """Something happens in the class, of all that can."""
    records = bench.source.records
    records.append(record(20_000 + number, days_ago=0.05))
    records.append(record(30_000 + number))
    chance.choice(records[-20:])["grade"] = chance.random()
    records.remove(chance.choice(records[:60]))


def kill_in_turn(bench: Bench, rounds: int, seed: int) -> None:
    chance = random.Random(seed)
    bench.misbehave("delay=0.1")
    started = time.monotonic()
    whole = bench.command("sync")
    assert whole.returncode == 0, whole.stderr
    span = time.monotonic() - started
    for number in range(rounds):
        live_on(bench, chance, number)
        if number % 10 == 9:
            bench.warehouse.unlink(missing_ok=True)
        process = bench.start("sync", *(["--full"] if number % 3 == 1 else []))
        # Spread over the whole run, with one moment in each stretch of it.
        time.sleep(span * ((number % 10) + chance.random()) / 10)
        process.kill()
        process.communicate()
        wait_for(lambda: processes_about(bench.data) == [], 5)
        if bench.data.exists():
            read_status(bench.settings())
            assert bench.query("PRAGMA integrity_check") == [("ok",)]
            assert {path.name for path in bench.data.iterdir()} <= LASTING | WORKING
        if bench.warehouse.exists():
            assert not is_damaged(bench.warehouse)
            assert len(tables_of(bench, "core")["core.progressions"]) >= 90
    done = bench.command("sync")
    assert done.returncode == 0, done.stderr
    assert {path.name for path in bench.data.iterdir()} <= LASTING
    assert bench.in_force() == bench.expected()
    with Bench(bench.home / "clean", bench.source, options=bench.options) as clean:
        clean.home.mkdir()
        assert clean.sync(build=True).exit_code == 0
        assert tables_of(bench, "core") == tables_of(clean, "core")
        assert len(tables_of(clean, "core")["core.progressions"]) == len(bench.source.records)


@pytest.mark.parametrize("rounds", [10, pytest.param(120, marks=pytest.mark.nightly)])
def test_killed_at_any_moment_the_next_sync_ends_in_the_same_tables(tmp_path: Path, rounds: int):
    with Bench(tmp_path, classes(90, still_open=12)) as bench:
        kill_in_turn(bench, rounds, seed=rounds)
