"""What people type in cannot be read again: it is stored in whole or not at all, and not lost."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from cohort_tracker.errors import ConfigError, ForeignStoreError, StoreError
from cohort_tracker.raw import store as store_module
from cohort_tracker.raw.backup import back_up, list_backups
from cohort_tracker.raw.contacts import Contact, add_contact, current_contacts, withdraw
from cohort_tracker.raw.rewrite import rewrite
from cohort_tracker.raw.store import RawStore
from cohort_tracker.runtime.lock import sync_lock
from support import DAY, Bench, holding, processes_about, wait_for
from test_reliability_migrations import dump, released

ON = date(2026, 3, 5)
TODAY = datetime(2026, 3, 2, 12, tzinfo=UTC)


def add(path: Path, student: str = "student-3", note: str | None = None) -> Contact:
    return add_contact(path, student, contacted_on=ON, how="call", note=note)


def notes(path: Path) -> list[str | None]:
    """The notes of all rows, in the order of storing."""
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return [row[0] for row in db.execute("SELECT note FROM contacts ORDER BY rowid")]


# What SQLite is told by `contact add`, and where the process dies of it: before or after.
DIE = """
import os, sqlite3, sys
from cohort_tracker.cli import main
connect = sqlite3.connect
def die(word, when):
    class Dying(sqlite3.Connection):
        def execute(self, statement, *arguments):
            if word in statement and when == "before":
                os.kill(os.getpid(), 9)
            found = super().execute(statement, *arguments)
            if word in statement:
                os.kill(os.getpid(), 9)
            return found
    sqlite3.connect = lambda *given, **options: connect(*given, **{**options, "factory": Dying})
die(sys.argv[1], sys.argv[2])
main(["contact", "add", "student-3", "--how", "call", "--note", "new"])
"""


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    "word",
    ["BEGIN IMMEDIATE", "CREATE TABLE IF NOT EXISTS", "INSERT INTO contacts", "COMMIT"],
)
def test_killed_at_any_step_the_contact_is_there_or_nothing_is(built: Bench, word: str, when: str):
    add(built.raw, note="old")
    before = dump(built.raw)
    killed = subprocess.run(
        [sys.executable, "-c", DIE, word, when],
        env=built.process_environment(),
        capture_output=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    is_done = (word, when) == ("COMMIT", "after")
    assert notes(built.raw) == (["old", "new"] if is_done else ["old"])
    assert is_done or dump(built.raw) == before
    assert built.sync().exit_code == 0
    add(built.raw, note="next")
    assert notes(built.raw)[-1] == "next"


def test_sync_and_contacts_go_on_beside_each_other(built: Bench):
    built.misbehave("delay=0.05")
    sync = built.start("sync", "--full")
    wait_for(lambda: (built.data / "build").exists())
    written: list[Contact] = []
    while sync.poll() is None:
        written.append(add(built.raw, note=f"note {len(written)}"))
        if len(written) == 3:
            withdraw(built.raw, written[0].contact_id)
        time.sleep(0.1)  # without any pause others would never get the file
    out, err = sync.communicate()
    assert sync.returncode == 0, out + err
    assert len(written) > 10
    assert {c.contact_id for c in current_contacts(built.raw)} == {
        c.contact_id for c in written[1:]
    }
    report = built.sync(build=True)
    assert report.exit_code == 0
    found = built.core("SELECT count(*) FROM marts.student_contacts")
    assert found == [(len(written) - 1,)]


def test_contact_needs_no_lock_of_the_sync(built: Bench):
    with sync_lock(built.data, "a sync"):
        done = built.command("contact", "add", "student-3", "--how", "call")
    assert done.returncode == 0, done.stderr
    assert len(current_contacts(built.raw)) == 1


@pytest.mark.parametrize("statement", ["BEGIN EXCLUSIVE", "SELECT * FROM progressions"])
def test_store_in_use_is_waited_for(built: Bench, statement: str, monkeypatch: pytest.MonkeyPatch):
    with holding(built.raw, statement) as holder:
        written: list[Contact] = []
        waiting = threading.Thread(target=lambda: written.append(add(built.raw)))
        waiting.start()
        waiting.join(1.5)
        assert waiting.is_alive()
        # Whoever reads is not locked out meanwhile.
        if "SELECT" in statement:
            assert len(built.query("SELECT * FROM sync_runs")) == 1
        holder.kill()
        waiting.join(10)
        assert len(written) == 1
    monkeypatch.setattr(store_module, "BUSY_SECONDS", 0.5)
    with (
        holding(built.raw, statement),
        pytest.raises(StoreError, match="in use by another"),
    ):
        add(built.raw)
    assert len(current_contacts(built.raw)) == 1


def test_store_that_cannot_be_used_is_left_as_it_is(bench: Bench, tmp_path: Path):
    with pytest.raises(StoreError, match="Nothing is stored"):
        add(bench.raw)
    assert not bench.raw.exists()
    old = released(tmp_path / "old.db")
    other = tmp_path / "other.db"
    with closing(sqlite3.connect(other)) as db:
        db.execute("CREATE TABLE contacts (name TEXT)")
    bench.sync(backups=0)
    newer = Path(shutil.copy(bench.raw, tmp_path / "newer.db"))
    with closing(sqlite3.connect(newer)) as db:
        db.execute("INSERT INTO raw_migrations VALUES ('9999_later', datetime('now'))")
        db.commit()
    damaged = Path(shutil.copy(bench.raw, tmp_path / "damaged.db"))
    with damaged.open("r+b") as stream:
        stream.seek(4096 * 2)
        stream.write(os.urandom(damaged.stat().st_size - 12_000))
    for path, said in (
        (old, "of an older version"),
        (other, "another program's database"),
        (newer, "written by a newer version"),
        (damaged, "is damaged"),
    ):
        before = path.read_bytes()
        with pytest.raises(StoreError, match=said):
            add(path)
        with pytest.raises(StoreError, match=said):
            withdraw(path, "abcdefgh")
        assert path.read_bytes() == before, said
    assert current_contacts(old) == []
    with pytest.raises(ForeignStoreError):
        RawStore(other).check()


def test_store_without_the_table_gets_it_with_the_first_contact(bench: Bench):
    bench.sync(backups=0)
    with closing(sqlite3.connect(bench.raw)) as db:
        db.execute("DROP TABLE contacts")
        db.execute("ALTER TABLE roster DROP COLUMN night")
    assert current_contacts(bench.raw) == []
    with pytest.raises(ConfigError, match="There is no contact"):
        withdraw(bench.raw, "abcdefgh")
    assert RawStore(bench.raw).pending_migrations() == ["add contacts", "add roster.night"]
    made = add(bench.raw)
    assert current_contacts(bench.raw) == [made]
    assert RawStore(bench.raw).pending_migrations() == ["add roster.night"]
    assert bench.sync(full=True).exit_code == 0
    assert RawStore(bench.raw).pending_migrations() == []
    assert current_contacts(bench.raw) == [made]


def test_contact_makes_a_backup_due_also_of_a_day_that_has_one(bench: Bench):
    bench.sync(backups=0)
    folder = bench.data / "backups"

    def taken(hours: float, keep: int = 2) -> list[Path]:
        back_up(RawStore(bench.raw), folder, keep=keep, now=TODAY + timedelta(hours=hours))
        return list_backups(folder, TODAY + 9 * DAY)

    (first,) = taken(-24)
    assert taken(0) == [first], "nothing is new"
    made = add(bench.raw)
    [noon, yesterday] = taken(2)
    assert yesterday == first and current_contacts(noon) == [made]
    assert taken(3) == [noon, first], "nothing is new"
    withdraw(bench.raw, made.contact_id)
    [later, yesterday] = taken(4)
    assert yesterday == first and current_contacts(later) == [] and not noon.exists()
    assert notes(later) == [None, None]


def test_restore_keeps_contacts_that_the_backup_does_not_know(built: Bench):
    known = add(built.raw, note="known")
    gone = add(built.raw, note="gone")
    (built.data / "backups").mkdir(exist_ok=True)
    for path in list_backups(built.data / "backups"):
        path.unlink()
    assert built.sync().backup is not None
    withdraw(built.raw, gone.contact_id)
    new = add(built.raw, note="new")
    done = built.command("restore")
    assert done.returncode == 0, done.stderr
    assert "Contacts noted since were kept: 2." in done.stdout
    assert {c.contact_id for c in current_contacts(built.raw)} == {
        known.contact_id,
        new.contact_id,
    }
    assert notes(built.raw) == ["known", "gone", None, "new"]
    assert built.sync().exit_code == 0, "nothing was lost"
    built.raw.write_bytes(b"damaged")
    assert built.command("restore").returncode == 0
    assert [c.note for c in current_contacts(built.raw)] == ["new", "known"]


def test_contacts_that_were_lost_are_told_once(built: Bench):
    add(built.raw)
    assert built.sync(build=True).exit_code == 0
    with closing(sqlite3.connect(built.raw)) as db:
        db.execute("DELETE FROM contacts")
        db.commit()
    report = built.sync()
    assert report.exit_code == 1 and report.backup is None
    (error,) = report.errors
    assert error.message.endswith(
        "holds only 45 records (earlier versions counted) and 0 rows of contacts;"
        " when the tables were last built it held 45 and 1"
    )
    assert error.hint is not None and "whom you contacted" in error.hint
    assert built.sync().exit_code == 0
    assert built.command("restore").returncode == 0


@pytest.mark.parametrize("command", ["forget", "restore"])
def test_contact_noted_while_another_file_takes_the_place_is_in_that_file(
    built: Bench, command: str
):
    """`rewrite` and `restore` hold off the write until the new file is there."""
    reached, go_on = threading.Event(), threading.Event()

    def change(_db: sqlite3.Connection) -> None:
        reached.set()
        assert go_on.wait(30)

    if command == "restore":
        with RawStore(built.raw).holding_off_writers():
            writing = threading.Thread(target=add, args=(built.raw,))
            writing.start()
            writing.join(1)
            assert writing.is_alive()
            fresh = built.raw.with_name("fresh.db")
            shutil.copy(list_backups(built.data / "backups")[0], fresh)
            fresh.replace(built.raw)
    else:
        rewriting = threading.Thread(target=rewrite, args=(built.raw, change))
        rewriting.start()
        assert reached.wait(30)
        writing = threading.Thread(target=add, args=(built.raw,))
        writing.start()
        writing.join(1)
        assert writing.is_alive()
        go_on.set()
        rewriting.join(30)
    writing.join(30)
    assert len(current_contacts(built.raw)) == 1


def test_many_at_once_are_all_stored_under_ids_of_their_own(built: Bench):
    processes = [
        built.start("contact", "add", f"student-{number}", "--how", "chat", "--json")
        for number in range(4)
    ]
    ids = {json.loads(process.communicate()[0])["contact"]["contact_id"] for process in processes}
    assert len(ids) == 4
    assert {c.contact_id for c in current_contacts(built.raw)} == ids
    assert processes_about(built.data) == []
