"""The one file that cannot be rebuilt: its backups, its loss, and how it comes back."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cohort_tracker.errors import ForeignStoreError, StoreError
from cohort_tracker.raw.backup import back_up, list_backups
from cohort_tracker.raw.store import RawStore
from cohort_tracker.runtime.lock import sync_lock
from support import DAY, Bench, record, wait_for

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


@pytest.mark.parametrize("backup_count", [1, 7])
def test_backups_of_a_clock_that_ran_ahead_hide_none_of_the_right_one(
    bench: Bench, backup_count: int
):
    bench.sync(backups=0)
    ahead = datetime.now(UTC) + timedelta(days=365)
    for day in range(backup_count):
        add_record(bench, 8000 + day)
        assert backup_of_the_day(bench, ahead + timedelta(days=day))
    for day in range(-2, 1):
        add_record(bench, 8100 + day)
        newest = backup_of_the_day(bench, datetime.now(UTC) + timedelta(days=day))
        assert newest is not None
        assert list_backups(newest.parent)[0] == newest
    assert newest is not None
    kept = list_backups(bench.data / "backups")
    assert len(kept) == min(7, backup_count + 3)
    assert all(content(path) <= content(newest) for path in kept)
    done = bench.command("restore", str(newest.name))
    assert done.returncode == 0 and "holds more" not in done.stdout + done.stderr
    assert newest.name in bench.command("restore").stdout


def test_backup_of_tomorrow_may_be_of_another_clock_that_is_right(bench: Bench):
    bench.sync(backups=0)
    tomorrow = backup_of_the_day(bench, TODAY + timedelta(days=1))
    add_record(bench, 8000)
    today = backup_of_the_day(bench, TODAY)
    assert list_backups(bench.data / "backups", TODAY) == [tomorrow, today]
    second_before = TODAY - timedelta(seconds=1)
    assert list_backups(bench.data / "backups", second_before) == [today, tomorrow]


def test_store_without_a_record_is_not_backed_up(bench: Bench):
    bench.source.classes = {"c1": []}
    bench.sync()
    assert bench.raw.exists() and not (bench.data / "backups").exists()


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


def lose(bench: Bench, how: str) -> None:
    """What people and disks do to raw.db."""
    if how == "deleted":
        bench.raw.unlink()
    elif how == "emptied":
        bench.raw.write_bytes(b"")
    elif how == "tables emptied":
        with closing(sqlite3.connect(bench.raw)) as db:
            db.execute("DELETE FROM progressions")
            db.commit()
    elif how == "an older copy":
        with closing(sqlite3.connect(bench.raw)) as db:
            db.execute("DELETE FROM progressions WHERE rowid > 40")
            db.commit()


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("deleted", "is gone; when the tables were last built it held 45"),
        ("emptied", "is empty; when the tables were last built it held 45"),
        ("tables emptied", "is empty; when the tables were last built it held 45"),
        (
            "an older copy",
            "holds only 40 records (earlier versions counted);"
            " when the tables were last built it held 45",
        ),
    ],
)
def test_store_that_lost_records_is_named_once_and_read_anew(built: Bench, how: str, said: str):
    kept = list_backups(built.data / "backups")
    lose(built, how)
    report = built.sync()
    assert report.exit_code == 1
    (error,) = report.errors
    assert error.message.startswith(f"{built.raw} {said}")
    assert error.hint is not None and "cohort-tracker restore" in error.hint
    assert built.in_force() == built.expected()
    assert list_backups(built.data / "backups") == kept, "what is left is not the newest backup"
    assert built.sync().exit_code == 0, "told once"


def test_loss_is_told_until_a_sync_came_to_its_end(built: Bench):
    built.raw.unlink()
    built.misbehave("hang=20,page=2")
    process = built.start("sync", "--no-build")
    wait_for(lambda: [e for e in built.server.requests if e.query.get("page") == "2"])
    process.send_signal(signal.SIGKILL)
    process.communicate()
    built.misbehave()
    assert built.sync().exit_code == 1
    assert built.sync().exit_code == 0


def test_store_without_a_backup_is_said_to_be_lost(built: Bench):
    for backup in list_backups(built.data / "backups"):
        backup.unlink()
    built.raw.unlink()
    (error,) = built.sync().errors
    assert error.hint is not None and "no backup in" in error.hint
    assert "cohort-tracker restore" not in error.hint


def test_restore_brings_the_history_back(built: Bench):
    changed = built.source.records[0]
    changed["grade"] = 0.123
    assert built.sync(build=True).exit_code == 0
    (old,) = list_backups(built.data / "backups")
    old.unlink()
    assert built.sync().backup is not None
    history = content(built.raw)
    assert len(history) == 46
    built.raw.unlink()
    built.source.records.append(record(8000, days_ago=0.5))
    assert built.command("sync", "--no-build").returncode == 1
    assert len(content(built.raw)) == 46, "as many, but not the same"
    done = built.command("restore")
    assert done.returncode == 0, done.stderr
    assert (
        "46 records, earlier versions counted" in done.stdout
        and "cohort-tracker sync" in done.stdout
    )
    assert content(built.raw) == history
    assert stat.S_IMODE(built.raw.stat().st_mode) == 0o600
    (aside,) = built.data.glob("raw.db.replaced-*")
    assert len(content(aside)) == 46
    report = built.sync(build=True)
    assert report.exit_code == 0, report.errors
    assert report.warehouse is not None and report.warehouse.skipped is None
    assert content(built.raw)[:46] == history and built.in_force() == built.expected()


def test_restore_takes_a_named_backup_and_the_file_it_set_aside(bench: Bench):
    bench.sync(backups=0)
    first = backup_of_the_day(bench, TODAY)
    add_record(bench, 8000)
    second = backup_of_the_day(bench, TODAY + DAY)
    assert first is not None and second is not None
    assert bench.command("restore", first.name).returncode == 0
    assert len(content(bench.raw)) == 45
    (aside,) = bench.data.glob("raw.db.replaced-*")
    assert bench.command("restore", str(aside)).returncode == 0
    assert len(content(bench.raw)) == 46
    first.rename(first.with_name("raw-20260401T000000Z.db"))
    done = bench.command("restore")
    assert "45 records" in done.stdout
    assert f"holds more, 46: cohort-tracker restore {second.name}" in done.stdout


def test_restore_replaces_a_damaged_store_and_what_lies_beside_it(bench: Bench):
    bench.sync()
    whole = content(bench.raw)
    bench.raw.write_text("no database")
    journal = bench.raw.with_name("raw.db-journal")
    journal.write_text("of another file")
    left = bench.raw.with_name("raw.db.restoring-journal")
    left.write_text("of a killed one")
    assert bench.command("restore").returncode == 0
    assert content(bench.raw) == whole and not journal.exists() and not left.exists()
    (aside,) = bench.data.glob("raw.db.replaced-*Z")
    assert aside.read_text() == "no database"


def test_restore_is_not_spoiled_by_the_log_of_a_file_that_is_gone(bench: Bench):
    bench.sync()
    whole = content(bench.raw)
    # a program died before it put its changes into the file, which was then removed
    code = (
        "import os, sqlite3, sys; db = sqlite3.connect(sys.argv[1]);"
        "db.execute('PRAGMA journal_mode = WAL'); db.execute('UPDATE progressions SET grade = 0');"
        "db.commit(); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", code, str(bench.raw)], check=True)
    log = bench.raw.with_name("raw.db-wal")
    assert log.stat().st_size > 0
    bench.raw.unlink()
    assert bench.command("restore").returncode == 0
    assert content(bench.raw) == whole
    (aside,) = bench.data.glob("raw.db.replaced-*-wal")
    assert aside.stat().st_size > 0 and not log.exists()


def browser_history(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 3")
        db.execute("CREATE TABLE urls (id INTEGER PRIMARY KEY, url TEXT)")
        db.execute("CREATE TABLE visits (id INTEGER PRIMARY KEY, url INTEGER)")
        db.execute("INSERT INTO urls (url) VALUES ('https://example.org')")
        db.commit()


def rust_tracker(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE students (id TEXT, class_id TEXT, email TEXT)")
        db.execute("CREATE TABLE assignments (id TEXT, class_id TEXT, name TEXT)")
        db.execute("CREATE TABLE progressions (id TEXT, class_id TEXT, student_id TEXT)")
        db.execute("CREATE TABLE sync_history (id INTEGER, class_id TEXT)")
        db.execute("INSERT INTO progressions VALUES ('a', 'c1', 'b')")
        db.commit()


@pytest.mark.parametrize("name", ["damaged", "foreign", "empty", "absent", "newer"])
def test_backup_that_cannot_be_used_changes_nothing(bench: Bench, name: str):
    bench.sync(backups=0)
    before = bench.raw.read_bytes()
    place = bench.home / name
    if name == "damaged":
        place.write_bytes(before[:20_000])
    elif name == "foreign":
        browser_history(place)
    elif name == "empty":
        place.touch()
    elif name == "newer":
        place.write_bytes(before)
        with closing(sqlite3.connect(place)) as db:
            db.execute("PRAGMA user_version = 99")
    done = bench.command("restore", str(place))
    assert done.returncode == 1 and done.stderr.count("Error: ") == 1 and str(place) in done.stderr
    assert "Traceback" not in done.stderr and done.stdout == ""
    assert bench.raw.read_bytes() == before
    assert {path.name for path in bench.data.iterdir()} == {
        *("last_sync.json", "logs", "raw.db", "sync.lock"),
    }


def test_restore_without_a_backup_and_beside_a_sync_says_so(bench: Bench):
    done = bench.command("restore")
    assert done.returncode == 1 and f"no backup in {bench.data / 'backups'}" in done.stderr
    assert not bench.raw.exists()
    bench.sync()
    with sync_lock(bench.data, "a sync"):
        done = bench.command("restore")
    assert done.returncode == 6 and "sync is running" in done.stderr


@pytest.mark.parametrize(
    ("make", "said", "hint"),
    [
        (browser_history, "another program's database (it has urls, visits)", "another data_dir"),
        (rust_tracker, "the database of the Rust tracker", "brings everything back"),
    ],
)
def test_database_of_another_program_is_named_and_left_alone(bench: Bench, make, said, hint):
    bench.data.mkdir()
    make(bench.raw)
    before = bench.raw.read_bytes()
    for arguments in (("sync",), ("status",)):
        done = bench.command(*arguments)
        assert done.returncode == 1 and said in done.stderr and hint in done.stderr
        assert done.stderr.count("Error: ") == 1
    with pytest.raises(ForeignStoreError):
        RawStore(bench.raw).lay_out()
    backup = bench.home / "backup.db"
    other = Bench(bench.home / "other")
    with other:
        other.home.mkdir()
        other.sync(backups=0)
        shutil.copy(other.raw, backup)
    assert bench.command("restore", str(backup)).returncode == 1
    assert bench.raw.read_bytes() == before
    assert {path.name for path in bench.data.iterdir()} <= {"raw.db", "sync.lock"}


@pytest.mark.parametrize("arguments", [("init", "--no-verify"), ("sync", "--no-build")])
def test_password_in_what_a_killed_init_left_is_cleared(bench: Bench, arguments: tuple[str, ...]):
    config = bench.home / "settings.toml"
    config.write_text('timezone = "UTC"\n')
    config.chmod(0o600)
    code = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from cohort_tracker import config\n"
        "def stop(handle):\n"
        "    print('go', flush=True)\n"
        "    sys.stdin.read()\n"
        "os.fsync = stop\n"
        "config.write_config(Path(sys.argv[1]), {'password': 'secret-of-init'})\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(config)],
        env=bench.process_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == b"go\n"
        (left,) = bench.home.glob(".settings.toml.*")
        assert "secret-of-init" in left.read_text()
        assert bench.command("--config", str(config), *arguments).returncode == 0
        assert left.exists(), "its process lives"
        process.send_signal(signal.SIGKILL)
    precious = bench.home / ".settings.toml.original"
    precious.write_text("do not touch")
    reused = left.with_name(f".settings.toml.{os.getpid()}-abcdefgh.unwritten")
    reused.write_text("of a process long dead, whose number is in use again")
    os.utime(reused, (1e9, 1e9))
    assert left.exists()
    assert bench.command("--config", str(config), *arguments).returncode == 0
    assert not left.exists() and not reused.exists() and precious.exists()


@pytest.mark.parametrize("step", ["copy_store", "_keep", "sync_to_disk", "clear_unfinished"])
def test_killed_restore_leaves_the_old_file_or_the_new_one(bench: Bench, step: str):
    bench.sync(backups=0)
    backup = backup_of_the_day(bench, TODAY)
    assert backup is not None
    old = content(backup)
    add_record(bench, 8000)
    new = content(bench.raw)
    code = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from cohort_tracker.raw import restore as backup\n"
        f"before = backup.{step}\n"
        "def die(*arguments):\n"
        "    before(*arguments)\n"
        "    os.kill(os.getpid(), 9)\n"
        f"backup.{step} = die\n"
        "backup.restore(backup.RawStore(Path(sys.argv[1])), Path(sys.argv[2]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(bench.raw), str(backup)],
        env=bench.process_environment(),
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    assert content(bench.raw) in (old, new)
    assert bench.sync().exit_code == 0
    assert bench.in_force() == bench.expected()
    assert not list(bench.data.glob("raw.db.restoring*"))


def test_loss_that_the_api_cannot_mend_is_told_once_and_not_backed_up(built: Bench):
    (kept,) = list_backups(built.data / "backups")
    kept.rename(kept.with_name("raw-20260101T000000Z.db"))
    built.raw.unlink()
    del built.source.records[20:]
    report = built.sync()
    assert report.exit_code == 1 and report.backup is None
    assert len(content(built.raw)) == 20
    assert built.sync().exit_code == 0, "told once"
