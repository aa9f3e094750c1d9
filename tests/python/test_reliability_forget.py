"""`forget`: a person goes from raw.db and all its copies, and no sync brings them back."""

from __future__ import annotations

import hashlib
import json
import os
import pty
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from cohort_tracker.errors import ConfigError
from cohort_tracker.notify.ledger import Ledger, ledger_path
from cohort_tracker.notify.message import Key
from cohort_tracker.raw.backup import back_up, list_backups
from cohort_tracker.raw.contacts import add_contact, current_contacts, withdraw
from cohort_tracker.raw.forgotten import name_key
from cohort_tracker.raw.store import RawStore
from cohort_tracker.reading.people import find_student
from cohort_tracker.runtime.lock import sync_lock
from cohort_tracker.runtime.run_note import note_run
from support import Bench, record

FIRST_RELEASE = Path(__file__).parent / "released" / "raw_layout_1.sql"
ID = "zz-9f3e1c77"
NAME = "Zoë van Ödland"
EMAIL = "Zoe.Oedland@Example.org"
USER = {"id": ID, "first_name": "Zoë", "last_name": "van Ödland", "email": EMAIL}
NAMESAKE = {"id": "other-namesake", "first_name": "Kim", "last_name": "Lee", "email": "k1@x.org"}


def traces(path: Path) -> list[bytes]:
    """Which words that name the person stand in the bytes of a file, and of what is beside it."""
    words = {ID, NAME, EMAIL, EMAIL.lower(), "van Ödland", NAME.upper(), "zoe.oedland"}
    words |= {json.dumps(word)[1:-1] for word in words}
    found = []
    for beside in [path, *path.parent.glob(f"{path.name}-*"), *path.parent.glob(f".{path.name}*")]:
        content = beside.read_bytes()
        found += [word.encode() for word in words if word.encode() in content]
    return found


def zoes(numbers: range, **fields: Any) -> list[dict[str, Any]]:
    return [record(number, days_ago=number - 7000 + 1, user=USER, **fields) for number in numbers]


@pytest.fixture
def school(bench: Bench) -> Bench:
    """A class with the person in every place where one can be, and a backup of it."""
    roster, mentors = bench.home / "roster.csv", bench.home / "mentors.csv"
    roster.write_text(
        "class,email,first_name,last_name,night\n"
        f"c1,{EMAIL.upper()},Zoë,van Ödland,Monday\n"
        "friendly-c1,,ZOË,van  Ödland,Monday\n"
        "c1,s1@example.org,Ada,Nr 1,Monday\n"
        f"c1,{EMAIL},Zoë,van Ödland,Monday,one cell too many\n"
    )
    mentors.write_text(f"mentor,night,email\nZoe,Monday,{EMAIL}\nRavi,Monday,ravi@example.org\n")
    bench.options |= {"roster": roster, "mentors": mentors}
    bench.source.records.extend(zoes(range(7000, 7006)))
    bench.source.records.append(record(7100, user=USER, grade="no grade of " + NAME))
    bench.source.records.append(record(7101, user={**USER, "email": 5}))
    bench.source.records.append(record(7102, user=f"see {EMAIL}, a user no more"))
    bench.source.records.append(record(7103, days_ago=2, user={**USER, "first_name": "Zoe"}))
    bench.source.records.append(record(8000, days_ago=3, reviewer={"name": NAME, "mail": EMAIL}))
    bench.source.records.append(record(8001, user={**NAMESAKE, "email": 7}, note=NAME.upper()))
    report = bench.sync(max_rejected_share=0)
    assert [outcome.status for outcome in report.classes] == ["unverified"]
    assert len(traces(bench.raw)) > 4
    bench.options["max_rejected_share"] = 1
    assert bench.sync(full=True).exit_code == 0
    return bench


def of(bench: Bench, sql: str) -> Any:
    [(found,)] = bench.query(sql)
    return found


@pytest.mark.parametrize("student", [ID, EMAIL.swapcase(), "  zoë  VAN ödland "])
def test_forgotten_person_is_in_no_byte_and_no_sync_brings_them_back(school: Bench, student: str):
    school.source.records[-1]["grade"] = 0.5
    shutil.copy(school.raw, school.raw.with_name("raw.db.replaced-20260101T000000Z"))
    shutil.copy(school.raw, school.raw.with_name("raw.db.fresh"))
    kept = school.home / "my own copy.db"
    shutil.copy(school.raw, kept)
    others = {key: row for key, row in school.in_force().items() if row[0] != ID}
    done = school.command("forget", student, "--yes", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["record_versions"] == 8 and told["rejected_records"] == 4
    assert told["status"] == "ok" and told["error"] is None
    assert told["file_lines"] == 3
    stores = [school.raw, *map(Path, told["rewritten"])]
    assert len(stores) == 4
    for path in stores:
        assert traces(path) == [], path
    assert school.in_force() == others
    assert of(school, "SELECT count(*) FROM progressions WHERE extra LIKE '%[forgotten]%'") == 1
    assert of(school, "SELECT count(*) FROM rejected_records WHERE record_json LIKE '%namesake%'")
    reviewer = next(raw for raw in school.source.records if "reviewer" in raw)
    del reviewer["reviewer"], school.source.records[-1]["note"]
    for full in (False, True, False):
        report = school.sync(full=full)
        assert report.exit_code == 0, report.errors
        assert school.in_force() == others
        assert traces(school.raw) == []
        if full:
            assert report.classes[0].result.pages == -(-len(school.source.records) // 10)
    assert report.classes[0].result.mode == "incremental", "the missing records need no full read"
    assert report.classes[0].result.reported_total == len(school.source.records)
    assert school.command("restore", str(kept)).returncode == 0
    assert traces(school.raw) == [], "a copy that nobody rewrote is cleaned as it comes back"
    assert school.sync(full=True).exit_code == 0 and traces(school.raw) == []
    assert school.in_force() == others


def test_tables_are_rebuilt_and_no_loss_is_told(built: Bench):
    dev = built.data / "dev.duckdb"
    dev.write_bytes(b"somebody's own tables")
    (built.data / "load").mkdir(exist_ok=True)
    (built.data / "load" / "rows.parquet").write_text("s3@example.org")
    (built.data / "logs" / "build.log").write_text("s3@example.org")
    (built.data / "reports").mkdir()
    (built.data / "reports" / "c1.html").write_text("s3@example.org")
    before = built.core("SELECT id FROM core.students ORDER BY id")
    done = built.command("forget", "s3@example.org", "--yes")
    assert done.returncode == 0, done.stderr
    assert "Tables rebuilt and checked." in done.stdout
    assert f"{dev} may still hold the person" in done.stdout
    after = built.core("SELECT id FROM core.students ORDER BY id")
    assert set(before) - set(after) == {("student-3",)}
    holding = [
        path
        for path in built.data.rglob("*")
        if path.is_file() and b"s3@example.org" in path.read_bytes()
    ]
    assert holding == []
    for full in (True, False):
        report = built.sync(build=True, full=full)
        assert report.exit_code == 0, report.errors
    assert built.core("SELECT id FROM core.students ORDER BY id") == after


def test_nobody_is_said_to_be_in_the_tables_where_nobody_was_found(built: Bench):
    for options in ((), ("--yes",)):
        done = built.command("forget", "nobody@example.org", *options)
        assert done.returncode == 2 and done.stdout == "", done.stdout


def test_whoever_is_not_one_person_is_not_forgotten(bench: Bench):
    twin = {"id": "student-22", "first_name": "ADA", "last_name": "Nr 3", "email": "t@example.org"}
    bench.source.records.append(record(7000, days_ago=1, user=twin))
    bench.sync()
    before = bench.raw.read_bytes()
    done = bench.command("forget", "Ada Nr 3", "--yes", "--json")
    assert done.returncode == 2
    told = json.loads(done.stdout)
    assert "2 people" in told["error"] and told["status"] == "failed"
    assert [text.split(",")[0] for text in told["candidates"]] == ["student-22", "student-3"]
    done = bench.command("forget", "Ada Nr 3", "--yes")
    assert done.returncode == 2 and done.stdout == ""
    assert "student-3, Ada Nr 3, s3@example.org" in done.stderr
    for nobody in ("Ada", "s3@example", "Nr 3", ""):
        done = bench.command("forget", nobody, "--yes")
        assert done.returncode == 2 and "Nobody is stored as" in done.stderr, nobody
    assert bench.raw.read_bytes() == before
    done = bench.command("forget", "student-3", "--yes")
    assert "Others bear Ada Nr 3, too" in done.stdout
    users = {row[0] for row in bench.in_force().values()}
    assert "student-22" in users and "student-3" not in users
    bench.sync(full=True)
    assert {row[0] for row in bench.in_force().values()} == users


def test_address_of_two_accounts_is_kept_for_the_other(bench: Bench):
    roster = bench.home / "roster.csv"
    roster.write_text("class,email\nc1,shared@example.org\n")
    bench.options["roster"] = roster
    for number, user_id in enumerate(("first-account", "second-account")):
        user = {"id": user_id, "first_name": user_id, "email": "Shared@example.org"}
        bench.source.records.append(record(7000 + number, days_ago=1, user=user))
    bench.sync()
    assert bench.command("forget", "shared@example.org", "--yes").returncode == 2
    assert bench.command("forget", "first-account", "--yes").returncode == 0
    assert bench.sync(full=True).exit_code == 0
    assert of(bench, "SELECT count(*) FROM progressions WHERE user_id = 'second-account'") == 1
    assert of(bench, "SELECT count(*) FROM roster") == 1
    assert bench.command("forget", "shared@example.org", "--yes").returncode == 0
    assert bench.sync(full=True).exit_code == 0
    assert b"hared@example.org" not in bench.raw.read_bytes()


def test_what_mentors_were_told_of_the_person_is_erased(school: Bench):
    ledger = Ledger(ledger_path(school.data))
    ids = [ID, "student-1", roster_id_of(school, EMAIL.lower()), "roster:somebody else"]
    ledger.seed("a", "c1|", [Key(f"c1|{id_}|newly_stuck", "c1", id_) for id_ in ids])
    note_run(school.data, datetime.now(UTC), error=f"no grade of {NAME}", backup_error=None)
    assert traces(ledger.path) and traces(school.data / "last_sync.json")
    assert school.command("forget", ID, "--yes").returncode == 0
    assert traces(ledger.path) == []
    assert not (school.data / "last_sync.json").exists()
    kept = {f"c1|{ids[1]}|newly_stuck", f"c1|{ids[3]}|newly_stuck"}
    assert ledger.states("a").keys() == kept, "there are no tables that know others"


def test_what_mentors_were_told_of_nobody_in_the_tables_is_erased(built: Bench):
    ledger = Ledger(ledger_path(built.data))
    ids = ["student-1", "student-2", "student-none"]
    ledger.seed("a", "c1|", [Key(id_, "c1", id_) for id_ in ids])
    ledger.seed("a", "c1|", [Key("digest", "c1")])
    assert built.command("forget", "student-1", "--yes").returncode == 0
    assert ledger.states("a").keys() == {"student-2", "digest"}


def roster_id_of(bench: Bench, email: str) -> str:
    """The id that the tables give to who is on the roster only."""
    keyed = f"{of(bench, 'SELECT secret FROM raw_secret')}:{email}".encode()
    return f"roster:{hashlib.md5(keyed, usedforsecurity=False).hexdigest()}"


def test_who_is_on_the_roster_only_is_forgotten_too(bench: Bench):
    roster = bench.home / "roster.csv"
    text = "class,email,first_name,last_name\nc1,,Only,Name\nc1,lone@example.org,,\n"
    roster.write_text(text)
    bench.options["roster"] = roster
    bench.sync()
    assert bench.command("forget", "LONE@example.org", "--yes").returncode == 0
    assert of(bench, "SELECT count(*) FROM roster") == 1
    done = bench.command("forget", "only name", "--yes")
    assert done.returncode == 0 and f"{roster}: line 2 names the person" in done.stdout
    roster.write_text(text + "c1,new@example.org,,\nc2,,Only,Name\n")
    done = bench.command("sync", "--no-build")
    assert "line 2 left out: it names somebody who was forgotten" in done.stderr
    assert "line 3 left out" in done.stderr and "Only" not in done.stderr
    assert bench.query("SELECT class, email FROM roster ORDER BY line") == [
        ("c1", "new@example.org"),
        ("c2", None),
    ], "of another class it may be somebody else"


@pytest.mark.parametrize(
    ("stored", "listed", "typed"),
    [
        ("Íñigo|O’Connor", "i\u0301n\u0303igo|O'CONNOR", "ÍÑIGO o`connor"),
        ("Ａda|Smith-Jones", "ada|Smith\u2011Jones", " ada\u00a0SMITH\u2013jones"),
        ("Ayşe|IŞIK", "AYŞE|Işık", "ayşe ışık"),
        ("İnci\u200b|Groß", "inci|GROSS", "İNCİ gross"),
    ],
)
def test_whoever_is_one_person_in_the_tables_is_forgotten_in_every_spelling(
    bench: Bench, stored: str, listed: str, typed: str
):
    first, last = stored.split("|")
    user = {"id": ID, "first_name": first, "last_name": last, "email": None}
    bench.source.records.append(record(7000, days_ago=1, user=user))
    roster = bench.home / "roster.csv"
    roster.write_text("class,first_name,last_name\nc1," + listed.replace("|", ",") + "\n")
    bench.options["roster"] = roster
    bench.sync(build=True)
    assert bench.core("select matched_by from core.roster_matches") == [("name",)]
    done = bench.command("forget", typed, "--yes")
    assert done.returncode == 0 and "line 2 names the person" in done.stdout, done.stderr
    assert bench.query("SELECT * FROM progressions WHERE user_id = ?", ID) == []
    assert bench.query("SELECT * FROM roster") == []
    bench.sync(full=True)
    assert bench.query("SELECT * FROM progressions WHERE user_id = ?", ID) == []
    assert of(bench, "SELECT count(class) FROM roster") == 0


def test_what_looks_alike_in_the_tables_looks_alike_to_forget():
    macros = (Path(__file__).parents[2] / "macros" / "text.sql").read_text()
    found = {}
    for name in ("apostrophes", "hyphens"):
        found[name] = json.loads(macros.split(f"set {name} = ")[1].split(" -%}")[0])
    found["invisibles"] = json.loads(
        macros.split("macro invisibles")[1].split("{{ ")[1].split(" }}")[0]
    )
    signs = {"apostrophes": "'", "hyphens": "-", "invisibles": ""}
    for name, sign in signs.items():
        assert len(found[name]) > 10
        assert {name_key(f"A{character}B") for character in found[name]} == {f"a{sign}b"}


@pytest.mark.parametrize("typed", [ID, "account name", EMAIL])
def test_line_of_the_roster_by_account_id_goes_with_the_account(bench: Bench, typed: str):
    user = {"id": ID, "first_name": "Account", "last_name": "Name", "email": EMAIL}
    bench.source.records.append(record(7000, days_ago=1, user=user))
    roster = bench.home / "roster.csv"
    roster.write_text(
        "class,student_id,email,first_name,last_name\n"
        f"c1,{ID},second@example.org,Zoë,van Ödland\n"
        f"c1,{ID},,,\n"
        "c1,unknown-id,,Never,Started\n"
    )
    bench.options["roster"] = roster
    bench.sync()
    done = bench.command("forget", typed, "--yes")
    assert done.returncode == 0, done.stderr
    assert "line 2 names the person" in done.stdout and "line 3 names" in done.stdout
    assert not traces(bench.raw)
    bench.sync(full=True)
    assert not traces(bench.raw)
    assert bench.query("SELECT student_id FROM roster") == [("unknown-id",)]
    assert bench.command("forget", "unknown-id", "--yes").returncode == 0
    bench.sync()
    assert of(bench, "SELECT count(student_id) FROM roster") == 0


def test_older_file_does_not_come_back_where_nothing_is_left_of_the_newest(bench: Bench):
    roster = bench.home / "roster.csv"
    bench.options["roster"] = roster
    for line in ("c1,old@example.org", "c1,lone@example.org"):
        roster.write_text(f"class,email\n{line}\n")
        bench.sync()
    assert bench.command("forget", "lone@example.org", "--yes").returncode == 0
    assert of(bench, "SELECT count(*) FROM roster") == 0


DIE = (
    "import os, sys\n"
    "from cohort_tracker.raw import rewrite\n"
    "before = rewrite.{step}\n"
    "left = {number}\n"
    "def die(*arguments):\n"
    "    global left\n"
    "    found = before(*arguments)\n"
    "    left -= 1\n"
    "    if left < 0:\n"
    "        os.kill(os.getpid(), 9)\n"
    "    return found\n"
    "rewrite.{step} = die\n"
    "from cohort_tracker.cli import main\n"
    "main(['forget', '{student}', '--yes'])\n"
)


@pytest.mark.parametrize("repeat", [True, False])
@pytest.mark.parametrize(
    ("step", "number"),
    [
        *(("clear_rewrites", 0), ("copy_store", 0), ("sync_to_disk", 0), ("sync_to_disk", 1)),
        *(("clear_rewrites", 2), ("copy_store", 1), ("sync_to_disk", 2), ("sync_to_disk", 3)),
    ],
)
def test_killed_at_any_step_the_files_are_whole_and_a_repeat_finishes(
    built: Bench, step: str, number: int, repeat: bool
):
    code = DIE.format(step=step, number=number, student="student-3")
    killed = subprocess.run(
        [sys.executable, "-c", code],
        env=built.process_environment(),
        check=False,
        capture_output=True,
    )
    assert killed.returncode == -signal.SIGKILL
    if repeat:
        done = built.command("forget", "student-3", "--yes")
        assert done.returncode == 0, done.stderr
        assert not list(built.data.rglob(".*unfinished*"))
        for path in built.data.rglob("*"):
            assert path.is_dir() or b"s3@example.org" not in path.read_bytes(), path
    else:
        report = built.sync(full=True)
        assert report.exit_code == 0, report.errors
        assert not list(built.data.glob(".*unfinished*"))
        users = {row[0] for row in built.in_force().values()}
        assert ("student-3" in users) is (number == 0)


def test_new_store_after_a_loss_knows_who_was_forgotten(built: Bench):
    assert built.command("forget", "student-3", "--yes").returncode == 0
    secret = of(built, "SELECT secret FROM raw_secret")
    for damage in (None, b"no database at all"):
        built.raw.unlink()
        if damage:
            built.raw.write_bytes(damage)
        assert built.sync().exit_code == 1
        users = {row[0] for row in built.in_force().values()}
        assert len(users) == 10 and "student-3" not in users
        assert of(built, "SELECT secret FROM raw_secret") == secret


HOLD = (
    "import sqlite3, sys, time\n"
    "db = sqlite3.connect(sys.argv[1])\n"
    "db.execute('SELECT * FROM sync_runs').fetchall()\n"
    "print('go', flush=True)\n"
    "time.sleep(60)\n"
)


def test_store_with_a_log_beside_it_is_cleaned_with_it(bench: Bench):
    bench.sync()
    with closing(sqlite3.connect(bench.raw)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE dropped AS SELECT 'in a free page: s3@example.org' AS text")
        db.execute("DROP TABLE dropped")
        db.execute("UPDATE sync_runs SET error = 'of s3@example.org, as3@example.org'")
        db.commit()
        holder = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(bench.raw)], stdout=subprocess.PIPE
        )
        assert holder.stdout is not None and holder.stdout.readline() == b"go\n"
    done = bench.command("forget", "student-3", "--yes")
    assert done.returncode == 1 and "in use by another program" in done.stderr
    holder.kill()
    holder.communicate()
    assert bench.raw.with_name("raw.db-wal").stat().st_size > 0
    assert bench.command("forget", "student-3", "--yes").returncode == 0
    assert not bench.raw.with_name("raw.db-wal").exists()
    assert b" s3@example.org" not in bench.raw.read_bytes()
    assert bench.query("SELECT error FROM sync_runs") == [("of [forgotten], as3@example.org",)]


def test_what_cannot_be_opened_is_named_and_the_rest_is_done(bench: Bench):
    bench.sync()
    damaged = bench.raw.with_name("raw.db.damaged-20260101T000000Z")
    damaged.write_bytes(b"s3@example.org in no database")
    (backup,) = list_backups(bench.data / "backups")
    done = bench.command("forget", "student-3", "--yes")
    assert done.returncode == 1
    assert done.stderr.count("Error: ") == 1 and str(damaged) in done.stderr
    for path in (bench.raw, backup):
        assert b"s3@example.org" not in path.read_bytes()
    damaged.unlink()
    done = bench.command("forget", "s3@example.org", "--yes")
    assert done.returncode == 0 and "they were forgotten before" in done.stdout


def test_nothing_stored_beside_a_sync_or_nobody_to_ask_is_one_line(bench: Bench):
    done = bench.command("forget", "student-3", "--yes")
    assert done.returncode == 2 and "Nothing is stored yet" in done.stderr
    bench.sync()
    before = bench.raw.read_bytes()
    for options in ((), ("--json",)):
        done = bench.command("forget", "student-3", *options)
        assert done.returncode == 2 and "--yes" in done.stderr
    with sync_lock(bench.data, "a sync"):
        done = bench.command("forget", "student-3", "--yes")
    assert done.returncode == 6 and "sync is running" in done.stderr
    assert bench.raw.read_bytes() == before


@pytest.mark.parametrize("answer", ["no", "yes"])
def test_whoever_sits_at_a_terminal_is_asked(bench: Bench, answer: str):
    bench.sync()
    control, terminal = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "cohort_tracker", "forget", "student-3"],
        env=bench.process_environment(),
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        os.write(control, f"{answer}\n".encode())
        out, _ = process.communicate(timeout=60)
    os.close(control)
    os.close(terminal)
    assert "Found: student-3, Ada Nr 3, s3@example.org" in out
    assert process.returncode == (0 if answer == "yes" else 1)
    users = {row[0] for row in bench.in_force().values()}
    assert ("student-3" in users) is (answer == "no")


def test_who_is_only_in_a_backup_of_an_older_release_is_erased_there(bench: Bench):
    bench.sync()
    backup = bench.data / "backups" / "raw-20250101T000000Z.db"
    with closing(sqlite3.connect(backup)) as db:
        db.executescript(FIRST_RELEASE.read_text())
        theirs = "SELECT record_id FROM progressions WHERE user_id = 'user-bo'"
        [(others,)] = db.execute(
            f"SELECT count(*) FROM progressions WHERE record_id NOT IN ({theirs})"
        )
    assert others > 0
    assert b"bo@example.org" in backup.read_bytes()
    done = bench.command("forget", "bo@example.org", "--yes")
    assert done.returncode == 0, done.stderr
    assert b"bo@example.org" not in backup.read_bytes() and b"user-bo" not in backup.read_bytes()
    with closing(sqlite3.connect(backup)) as db:
        found = db.execute("SELECT secret, (SELECT count(*) FROM progressions) FROM raw_secret")
        assert found.fetchone() == (of(bench, "SELECT secret FROM raw_secret"), others)
    assert bench.command("restore", str(backup)).returncode == 0


ROSTER_ONLY = {"Lone@Example.org": ("Lone", "Ranger"), "": ("Péter", "O’Neil")}


def test_contacts_with_the_person_go_and_what_others_say_of_them_is_blanked(bench: Bench):
    """With an account, and from when only the roster knew them, by address or by name."""
    bench.options["roster"] = bench.home / "roster.csv"
    lines = [f"friendly-c1,{email},{a},{b}" for email, (a, b) in ROSTER_ONLY.items()]
    bench.options["roster"].write_text("\n".join(["class,email,first_name,last_name", *lines, ""]))
    bench.source.records.extend(zoes(range(7000, 7003)))
    assert bench.sync(build=True).exit_code == 0
    people = [NAME, *(" ".join(names) for names in ROSTER_ONLY.values())]
    ids = [find_student(bench.warehouse, name).student_id for name in people]
    assert [key.startswith("roster:") for key in ids] == [False, True, True]
    on: dict[str, Any] = {"contacted_on": date(2026, 3, 5), "how": "call"}
    for key in (*ids, ids[0]):
        gone = add_contact(bench.raw, key, **on, note="will come")
    withdraw(bench.raw, gone.contact_id)
    said = f"sits beside {NAME} and Péter O'Neil; asked lone@example.org"
    kept = add_contact(bench.raw, "student-3", **on, note=said, contacted_by="Lone Ranger")
    backup = back_up(RawStore(bench.raw), bench.data / "backups", keep=7, now=datetime.now(UTC))
    assert backup is not None
    numbers = [2, 1, 1]
    for name, number in zip((ID, "lone@example.org", "péter o'neil"), numbers, strict=True):
        done = bench.command("forget", name, "--yes", "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["contacts"] == number
    for path in (bench.raw, backup):
        with closing(sqlite3.connect(path)) as db:
            rows = db.execute("SELECT contact_id, contacted_by, note FROM contacts").fetchall()
        (only,) = rows
        assert only[:2] == (kept.contact_id, "[forgotten]")
        assert only[2].startswith("sits beside [forgotten] and ")
        assert only[2].endswith("asked [forgotten]")
        assert not traces(path)
        for key in ids:
            assert key.encode() not in path.read_bytes()
    for key in ids:
        with pytest.raises(ConfigError, match="was forgotten"):
            add_contact(bench.raw, key, **on)
    assert bench.command("restore").returncode == 0
    assert [c.contact_id for c in current_contacts(bench.raw)] == [kept.contact_id]
    assert bench.sync().exit_code == 0


def test_restore_of_a_copy_from_before_brings_no_contact_of_the_person_back(bench: Bench):
    assert bench.sync().exit_code == 0
    on: dict[str, Any] = {"contacted_on": date(2026, 3, 5), "how": "call"}
    kept = add_contact(bench.raw, "student-4", **on)
    add_contact(bench.raw, "student-3", **on)
    elsewhere = bench.home / "my own copy.db"
    shutil.copy(bench.raw, elsewhere)
    assert bench.command("forget", "student-3", "--yes").returncode == 0
    for copied in (elsewhere, bench.home / "again.db"):
        assert bench.command("restore", str(elsewhere)).returncode == 0
        assert [c.contact_id for c in current_contacts(bench.raw)] == [kept.contact_id]
        shutil.copy(bench.raw, copied)
