"""The one file that cannot be rebuilt: its backups, its loss, and how it comes back."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cohort_tracker.errors import StoreError
from cohort_tracker.raw.backup import back_up, list_backups
from cohort_tracker.raw.store import RawStore
from support import DAY, Bench, record

TODAY = datetime(2026, 3, 2, 23, 50, tzinfo=UTC)


def content(path: Path) -> list[tuple[object, ...]]:
    """All progressions of a raw store."""
    with closing(sqlite3.connect(path)) as db:
        return db.execute("SELECT * FROM progressions ORDER BY rowid").fetchall()


def add_record(bench: Bench, number: int) -> None:
    bench.source.records.append(record(number, days_ago=0.5))
    assert bench.sync(backups=0).exit_code == 0


def backup_of_the_day(bench: Bench, moment: datetime, keep: int = 7) -> Path | None:
    return back_up(RawStore(bench.raw), bench.data / "backups", keep=keep, now=moment)


def test_sync_backs_up_what_it_brought_once_a_day(bench: Bench):
    first = bench.sync()
    (backup,) = (bench.data / "backups").iterdir()
    assert first.exit_code == 0 and first.backup == backup
    assert content(backup) == content(bench.raw) != []
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert stat.S_IMODE(backup.parent.stat().st_mode) == 0o700
    bench.source.records.append(record(8000, days_ago=0.5))
    second = bench.sync()
    assert second.classes[0].result.new == 1 and second.backup is None
    assert list(backup.parent.iterdir()) == [backup]


def test_backup_is_due_on_another_day_and_when_something_is_new(bench: Bench):
    bench.sync(backups=0)
    assert not (bench.data / "backups").exists(), "0 is none"
    assert backup_of_the_day(bench, TODAY) is not None
    assert backup_of_the_day(bench, TODAY + timedelta(minutes=20)) is None, "nothing new"
    add_record(bench, 8000)
    assert backup_of_the_day(bench, TODAY + timedelta(minutes=5)) is None, "the same day"
    newest = backup_of_the_day(bench, TODAY + timedelta(minutes=20))
    assert newest == list_backups(bench.data / "backups")[0]
    assert content(newest) == content(bench.raw)


def test_oldest_backups_go_and_nothing_that_is_none(bench: Bench):
    bench.sync(backups=0)
    folder = bench.data / "backups"
    folder.mkdir()
    others = {"raw-2025.db", "raw-20250101T000000Z.db.mine", "raw-99999999T000000Z.db", "thesis"}
    for name in others:
        (folder / name).write_text("keep")
    for day in range(5):
        add_record(bench, 8000 + day)
        assert backup_of_the_day(bench, TODAY + day * DAY, keep=3) is not None
    left = {path.name for path in folder.iterdir()}
    assert left - others == {f"raw-2026030{day}T235000Z.db" for day in (4, 5, 6)}
    assert left >= others


def test_backup_that_holds_more_than_all_newer_ones_outlasts_them(bench: Bench):
    for number in range(9):
        add_record(bench, 8000 + number)
    richest = backup_of_the_day(bench, TODAY)
    assert richest is not None
    whole = content(richest)
    bench.raw.unlink()
    del bench.source.records[5:]
    for day in range(1, 5):
        add_record(bench, 8100 + day)
        assert backup_of_the_day(bench, TODAY + day * DAY, keep=2) is not None
    assert len(list_backups(richest.parent)) == 3
    assert content(richest) == whole


def test_killed_backup_leaves_no_backup_and_the_next_one_clears_it(bench: Bench):
    bench.sync(backups=0)
    folder = bench.data / "backups"
    code = (
        "import os, sys\n"
        "from datetime import UTC, datetime\n"
        "from pathlib import Path\n"
        "from cohort_tracker.raw import backup\n"
        "def stop(path):\n"
        "    print('go', flush=True)\n"
        "    sys.stdin.read()\n"
        "backup.sync_to_disk = stop\n"
        "backup.back_up(backup.RawStore(Path(sys.argv[1])), Path(sys.argv[2]), keep=7,"
        " now=datetime.now(UTC))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(bench.raw), str(folder)],
        env=bench.process_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == b"go\n"
        process.send_signal(signal.SIGKILL)
    (left,) = folder.iterdir()
    assert list_backups(folder) == []
    report = bench.sync()
    assert report.exit_code == 0
    assert not left.exists() and list(folder.iterdir()) == [report.backup]


def test_backup_that_fails_is_one_line_and_the_sync_stays_good(bench: Bench):
    place = bench.home / "no folder"
    place.write_text("a file")
    done = bench.command("sync", "--no-build", "--json", backup_dir=place)
    assert done.returncode == 0
    shown = json.loads(done.stdout)
    assert shown["status"] == "ok" and shown["backup"]["path"] is None
    assert "was not backed up" in shown["backup"]["error"] and str(place) in done.stderr
    assert done.stderr.count("was not backed up") == 1
    elsewhere = bench.home / "other disk" / "of mine"
    done = bench.command("sync", "--no-build", "--json", backup_dir=elsewhere)
    (backup,) = elsewhere.iterdir()
    assert json.loads(done.stdout)["backup"] == {"path": str(backup), "error": None}


def test_damaged_store_never_becomes_a_backup(bench: Bench):
    bench.sync(backups=0)
    size = bench.raw.stat().st_size
    with bench.raw.open("r+b") as stream:
        stream.seek(4096 * 2)
        stream.write(os.urandom(size - 12_000))
    with pytest.raises(StoreError, match="was not backed up"):
        backup_of_the_day(bench, TODAY)
    assert list((bench.data / "backups").iterdir()) == []
