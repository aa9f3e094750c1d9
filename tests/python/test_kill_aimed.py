"""SIGKILL at random moments of the steps that touch what cannot be rebuilt.

Each aim is a command whose work is large enough to be hit; another one is another entry of `AIMS`.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from cohort_tracker.raw.backup import list_backups
from support import Bench, processes_about, wait_for
from test_reliability_migrations import FIRST_RELEASE

ROUNDS = 5
AT_NIGHT = 40
Rows = set[tuple[str, str, int, float | None]]


@dataclass(frozen=True)
class Aim:
    """What is killed, and what holds whenever that was.

    Args:
        command: what is typed.
        prepare: makes what stands before it, in the data directory; done once, then copied.
        is_whole: whether `raw.db` may hold what it holds after a kill, by what it held before and
            what the backup holds, if there is one.
    """

    command: tuple[str, ...]
    prepare: Callable[[Bench], None]
    is_whole: Callable[[Rows, Rows, Rows], bool]


def rows(path: Path) -> Rows:
    """The versions of records in a store."""
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        found = db.execute(
            "SELECT class_id, record_id, version_no, grade FROM progressions"
        ).fetchall()
    assert len(found) == len(set(found)), "nothing is stored twice"
    return set(found)


def enlarge(path: Path, megabytes: int) -> None:
    """Let what goes through the whole file take a while."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE ballast (content BLOB)")
        db.executemany("INSERT INTO ballast VALUES (randomblob(?))", [(1 << 20,)] * megabytes)
        db.commit()


def released(bench: Bench) -> None:
    """A store of the first release, of many versions."""
    bench.data.mkdir()
    with closing(sqlite3.connect(bench.raw)) as db:
        db.executescript(FIRST_RELEASE.read_text())
        columns = [row[1] for row in db.execute("PRAGMA table_info(progressions)")]
        for turn in range(9):
            values = ", ".join(
                f"version_no + {1000 << turn}" if name == "version_no" else name for name in columns
            )
            db.execute(f"INSERT INTO progressions SELECT {values} FROM progressions")
        db.commit()


def not_backed_up(bench: Bench) -> None:
    """A synced store without a backup."""
    assert bench.sync(backups=0).exit_code == 0
    enlarge(bench.raw, 30)


def changed_since_the_backup(bench: Bench) -> None:
    """A store and a backup that has less."""
    not_backed_up(bench)
    assert bench.sync().backup is not None
    for grade in (0.111, 0.222):
        bench.source.records[0]["grade"] = grade
        assert bench.sync(full=True).exit_code == 0


def retired(bench: Bench) -> None:
    """A synced store whose class the next sync retires."""
    not_backed_up(bench)
    bench.options["retired_classes"] = ["c1"]


def nothing_is_lost(found: Rows, before: Rows, _backup: Rows) -> bool:
    return found >= before


def one_or_the_other(found: Rows, before: Rows, backup: Rows) -> bool:
    return found in (before, backup)


AIMS = {
    "migration": Aim(("sync", "--no-build"), released, nothing_is_lost),
    "backup": Aim(("sync", "--no-build"), not_backed_up, nothing_is_lost),
    "retire": Aim(("sync", "--no-build"), retired, nothing_is_lost),
    "restore": Aim(("restore",), changed_since_the_backup, one_or_the_other),
}


@pytest.mark.parametrize("rounds", [ROUNDS, pytest.param(AT_NIGHT, marks=pytest.mark.nightly)])
@pytest.mark.parametrize("name", AIMS)
def test_killed_in_what_cannot_be_rebuilt_nothing_is_lost(tmp_path: Path, name: str, rounds: int):
    aim, chance = AIMS[name], random.Random(rounds)
    with Bench(tmp_path) as bench:
        aim.prepare(bench)
        prepared = bench.home / "prepared"
        bench.data.rename(prepared)
        before = rows(prepared / "raw.db")
        backup = next(map(rows, list_backups(prepared / "backups")), before)

        def set_up() -> None:
            shutil.rmtree(bench.data, ignore_errors=True)
            shutil.copytree(prepared, bench.data)

        set_up()
        started = time.monotonic()
        assert bench.command(*aim.command).returncode == 0
        span = time.monotonic() - started
        for number in range(rounds):
            set_up()
            process = bench.start(*aim.command)
            # The last two thirds: before them Python starts.
            time.sleep(span * (1 + 2 * (number + chance.random()) / rounds) / 3)
            process.kill()
            process.communicate()
            wait_for(lambda: processes_about(bench.data) == [], 5)
            assert aim.is_whole(rows(bench.raw), before, backup)
            for kept in list_backups(bench.data / "backups"):
                assert rows(kept) >= backup, "what is named a backup is one"
            done = bench.command(*aim.command)
            assert done.returncode == 0, done.stderr
            assert aim.is_whole(rows(bench.raw), before, backup)
            assert list_backups(bench.data / "backups")
            names = {path.name for path in bench.data.rglob("*")}
            assert not [name for name in names if "unfinished" in name or "restoring" in name]
            assert "load" not in names
