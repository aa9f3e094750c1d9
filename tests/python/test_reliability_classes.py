"""Classes come and go: retired, no longer listed, under another id, two under one friendly id."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cohort_tracker.raw.class_states import ClassState, is_unlisted_for_long
from support import Bench, Classes, record


class Account(Classes):
    """An account whose list and friendly ids can be other than what it serves."""

    def __init__(self, **classes: list[dict[str, Any]]) -> None:
        super().__init__(**classes)
        self.hidden: set[str] = set()
        self.friendly: dict[str, str] = {}

    def class_list(self, style: Any) -> list[dict[str, Any]]:
        return [item for item in super().class_list(style) if item["_id"] not in self.hidden]

    def class_detail(self, class_id: str, style: Any) -> dict[str, Any]:
        found = super().class_detail(class_id, style)
        return {**found, "friendly_id": self.friendly.get(class_id, found["friendly_id"])}

    def rename(self, old: str, new: str) -> None:
        """The class has another id, and the friendly id that it had."""
        self.friendly[new] = self.friendly.get(old, f"friendly-{old}")
        self.classes[new] = self.classes.pop(old)


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Bench]:
    """Two classes, c1 and c2, of six records each."""
    classes = {name: [record(n, days_ago=n + 1) for n in range(6)] for name in ("c1", "c2")}
    with Bench(tmp_path, Account(**classes)) as bench:
        yield bench


def status(bench: Bench, *arguments: str, **options: Any) -> dict[str, Any]:
    """What `status --json` says of the classes, by id."""
    said = json.loads(bench.command("status", "--json", *arguments, **options).stdout)
    return {item["id"]: item for item in said["classes"]}


def age(bench: Bench, **by: float) -> None:
    """Everything that is stored was stored so much earlier."""
    seconds = timedelta(**by).total_seconds()
    with closing(sqlite3.connect(bench.raw)) as db:
        for table, column in (
            ("class_states", "unlisted_since"),
            ("class_states", "first_seen_at"),
            ("sync_runs", "started_at"),
            ("sync_runs", "finished_at"),
        ):
            db.execute(
                f"UPDATE {table} SET {column} ="
                f" strftime('%Y-%m-%d %H:%M:%f000', {column}, '{-seconds:+f} seconds')"
            )
        db.commit()


def asked(bench: Bench) -> set[str]:
    """The classes whose records were asked for since the last call."""
    return {entry.path.split("/")[3] for entry in bench.pages()}


def notes(done: subprocess.CompletedProcess[str], words: str) -> int:
    assert done.returncode == 0, done.stderr
    return done.stderr.count(words)


# -- retired by the settings --------------------------------------------------------------------


@pytest.mark.parametrize("name", ["c2", "friendly-c2"])
def test_retired_class_keeps_its_rows_and_is_never_asked_for(account: Bench, name: str):
    assert account.command("sync").returncode == 0
    assert asked(account) == {"c1", "c2"}
    age(account, days=3)
    account.source.classes["c1"].append(record(99, days_ago=0))
    done = account.command("sync", retired_classes=name)
    assert done.returncode == 0, done.stderr
    assert asked(account) == {"c1"}
    found = account.core("SELECT id, is_retired, is_stale FROM core.classes ORDER BY id")
    assert found == [("c1", False, False), ("c2", True, False)]
    assert account.core("SELECT count(*) FROM core.progressions WHERE class_id = 'c2'") == [(6,)]
    fresh = account.command("status", "--max-age", "2h", retired_classes=name)
    assert fresh.returncode == 0, fresh.stderr
    assert "Class c2: retired. Nothing is asked of it" in fresh.stdout
    assert status(account, retired_classes=name)["c2"]["is_retired"] is True
    account.command("sync")
    assert asked(account) == {"c1", "c2"}, "and back again"
    assert account.core("SELECT count(*) FROM core.classes WHERE is_retired") == [(0,)]


def test_retired_wins_over_named_with_one_note(account: Bench):
    assert account.command("sync").returncode == 0
    account.pages()
    options = {"class_ids": "c1,c2", "retired_classes": "c2"}
    done = account.command("sync", **options)
    assert notes(done, "friendly-c2 (c2): retired_classes names it, so nothing was asked") == 1
    done = account.command("sync", "--class", "friendly-c2", **options)
    assert notes(done, "friendly-c2 (c2): retired_classes names it, so nothing was asked") == 1
    assert asked(account) == {"c1"}


def test_retired_name_that_is_no_class_is_told(account: Bench):
    done = account.command("sync", "--no-build", retired_classes="c3")
    assert notes(done, "retired_classes: there is no class c3") == 1


# -- no longer listed ---------------------------------------------------------------------------


def test_class_that_is_no_longer_listed_is_told_and_retired_after_30_days(account: Bench):
    assert account.command("sync").returncode == 0
    account.source.hidden.add("c2")
    account.pages()
    told = "friendly-c2 (c2): the account does not list it any more; its tables stay"
    assert [notes(account.command("sync"), told) for _ in range(2)] == [1, 0]
    assert asked(account) == {"c1"}
    since = status(account)["c2"]["unlisted_since"]
    assert since is not None and status(account)["c1"]["unlisted_since"] is None
    (found,) = account.core("SELECT unlisted_since_on FROM core.classes WHERE id = 'c2'")
    assert found[0].isoformat() == since[:10]
    shown = account.command("status").stdout
    assert f"Class c2: the account has not listed it since {since[:10]}" in shown

    age(account, days=30, minutes=-10)
    assert account.command("sync").returncode == 0
    stale = account.command("status", "--max-age", "1h")
    assert stale.returncode == 7
    assert 'retired_classes = ["c2"]' in stale.stderr
    age(account, minutes=10)
    assert account.command("sync").returncode == 0
    assert account.command("status", "--max-age", "1h").returncode == 0
    assert account.core("SELECT is_retired, is_stale FROM core.classes WHERE id = 'c2'") == [
        (True, False)
    ]
    assert account.core("SELECT count(*) FROM core.progressions WHERE class_id = 'c2'") == [(6,)]
    rows = account.query("SELECT count(*) FROM class_states WHERE class_id = 'c2'")
    assert rows == [(3,)], "a row for each change, none for each run"


def test_named_class_is_tried_for_30_days_and_then_left_with_a_note(account: Bench):
    assert account.command("sync", "--no-build", class_ids="c1,c2").returncode == 0
    account.source.hidden.add("c2")
    del account.source.classes["c2"]
    age(account, days=1)
    done = account.command("sync", "--no-build", class_ids="c1,c2")
    assert done.returncode == 4, done.stderr
    age(account, days=30)
    account.pages()
    done = account.command("sync", class_ids="c1,c2")
    assert notes(done, "friendly-c2 (c2): the account has not listed it since") == 1
    assert asked(account) == {"c1"}
    done = account.command("status", "--max-age", "1h", class_ids="c1,c2")
    assert done.returncode == 0, done.stderr


def test_class_that_no_list_ever_had_is_not_retired(account: Bench):
    """The list may be partial: what can be read by its id is read."""
    account.source.hidden.add("c2")
    assert account.sync(class_ids="c1,c2").exit_code == 0
    age(account, days=40)
    account.pages()
    assert account.sync(class_ids="c1,c2").exit_code == 0
    assert asked(account) == {"c1", "c2"}
    assert status(account, class_ids="c1,c2")["c2"]["unlisted_since"] is None


def test_run_of_one_class_takes_no_other_away(account: Bench):
    """The other is named in the settings and in no list."""
    account.source.hidden.add("c2")
    assert account.sync(class_ids="c1,c2").exit_code == 0
    age(account, days=1)
    assert account.sync(class_ids="c1,c2", only=("c1",)).exit_code == 0
    assert account.query("SELECT class_id, is_listed FROM class_states") == [("c1", 1)]


def test_30_days_are_exact():
    since = datetime(2026, 3, 1, 12, tzinfo=UTC)
    state = ClassState(is_listed=False, unlisted_since=since)
    assert is_unlisted_for_long(state, since + timedelta(days=30))
    assert not is_unlisted_for_long(state, since + timedelta(days=30, microseconds=-1))
    assert not is_unlisted_for_long(ClassState(), since)


def test_class_that_the_settings_leave_out_is_told_how_to_retire(built: Bench):
    age(built, days=2)
    fresh = built.command("status", "--max-age", "49h", class_ids="c9")
    assert fresh.returncode == 0, fresh.stderr
    stale = built.command("status", "--max-age", "47h", class_ids="c9")
    assert stale.returncode == 7
    assert "friendly-c1: last good sync 2 days ago" in stale.stderr
    assert 'do not ask for it any more. If it is over, write retired_classes = ["c1"]' in " ".join(
        stale.stderr.split()
    )


def test_class_that_is_listed_again_is_asked_for_again(account: Bench):
    for hidden in ({"c2"}, set()):
        assert account.sync().exit_code == 0
        account.source.hidden = hidden
        assert account.sync().exit_code == 0
        age(account, days=31)
    account.pages()
    assert account.sync().exit_code == 0
    assert asked(account) == {"c1", "c2"}
    assert status(account)["c2"]["unlisted_since"] is None


def test_incomplete_list_takes_no_class_away(account: Bench):
    assert account.sync().exit_code == 0
    account.source.hidden.add("c2")
    account.misbehave("class_total_off=+5")
    report = account.sync()
    assert report.exit_code == 1, report.errors
    assert status(account)["c2"]["unlisted_since"] is None


def test_clock_that_was_wrong_once_does_not_put_retirement_off(account: Bench):
    assert account.sync().exit_code == 0
    account.source.hidden.add("c2")
    assert account.sync().exit_code == 0
    age(account, days=-365)
    assert account.sync().exit_code == 0
    age(account, days=30)
    assert account.sync(build=True).exit_code == 0
    assert account.core("SELECT is_retired FROM core.classes WHERE id = 'c2'") == [(True,)]


def test_account_that_lists_nothing_any_more_fails_until_its_classes_are_retired(account: Bench):
    assert account.sync().exit_code == 0
    account.source.hidden |= {"c1", "c2"}
    assert account.sync().exit_code == 4
    age(account, days=30)
    done = account.command("sync")
    assert notes(done, "All classes are retired, so nothing was asked for") == 1
    assert account.core("SELECT count(*) FROM core.classes WHERE is_retired") == [(2,)]
    assert account.command("status", "--max-age", "1h").returncode == 0


# -- another id, or one friendly id for two -----------------------------------------------------


@pytest.mark.parametrize("is_late", [False, True], ids=["at once", "a day later"])
def test_friendly_id_leads_to_the_class_that_has_it_now(account: Bench, is_late: bool):
    options = {"class_ids": "friendly-c1,c2"}
    assert account.command("sync", **options).returncode == 0
    account.source.rename("c1", "c9")
    if is_late:
        age(account, days=1)
    done = account.command("sync", **options)
    assert notes(done, "friendly-c1 is the class c9 now; what was read of it as c1 stays") == 1
    counted = "SELECT class_id, count(*) FROM core.progressions GROUP BY 1 ORDER BY 1"
    assert account.core(counted) == [("c1", 6), ("c2", 6), ("c9", 6)]
    found = status(account, **options)
    assert [found[key]["unlisted_since"] is None for key in ("c1", "c9")] == [False, True]
    account.pages()
    done = account.command("sync", **options)
    assert notes(done, "is the class") == 0
    assert asked(account) == {"c9", "c2"}


def test_class_named_by_an_id_of_the_past_is_told_which_it_is_now(account: Bench):
    assert account.sync(class_ids="c1").exit_code == 0
    account.source.rename("c1", "c9")
    age(account, days=1)
    done = account.command("sync", "--no-build", class_ids="c1")
    assert done.returncode == 4
    assert "the account lists it as c9 now; put that, or friendly-c1, into class_ids" in done.stderr


@pytest.mark.parametrize("setting", ["class_ids", "retired_classes"])
def test_friendly_id_of_two_classes_is_asked_about(account: Bench, setting: str):
    account.source.friendly = {"c1": "web", "c2": "web"}
    assert account.command("sync", "--no-build").returncode == 0
    account.pages()
    done = account.command("sync", "--no-build", **{setting: "web"})
    assert done.returncode == 2
    assert "2 classes have the friendly id web: c1 (Class c1); c2 (Class c2)" in done.stderr
    assert "Name the one that you mean by its id" in done.stderr
    assert asked(account) == set()
    assert account.command("sync", "--class", "web").returncode == 2
    done = account.command("init", "--class-id", "web")
    assert (done.returncode, "2 classes have the friendly id web" in done.stderr) == (2, True)
    done = account.command("sync", "--no-build", class_ids="web", retired_classes="c1")
    assert done.returncode == 0 and asked(account) == {"c2"}


# -- time zones ---------------------------------------------------------------------------------


def settings_file(bench: Bench, text: str) -> str:
    """A settings file in which the sandbox's account stands, and `text`."""
    path = bench.home / "settings.toml"
    path.write_text(
        f'email = "{bench.server.desk.email}"\npassword = "sandbox-password"\n'
        f'api_base = "{bench.server.url}"\ndata_dir = "{bench.data}"\npage_delay = 0\n{text}'
    )
    path.chmod(0o600)
    return str(path)


def test_time_zone_of_a_class_reaches_its_tables_and_builds_them_anew(account: Bench):
    path = settings_file(account, 'timezone = "Europe/Berlin"\n')
    assert account.command("--config", path, "sync").returncode == 0
    zones = "SELECT id, timezone FROM core.classes ORDER BY id"
    assert account.core(zones) == [("c1", "Europe/Berlin"), ("c2", "Europe/Berlin")]
    own = (
        '[class.c1]\ntimezone = "America/New_York"\n[class.friendly-c2]\ntimezone = "Asia/Tokyo"\n'
    )
    settings_file(account, f'timezone = "Europe/Berlin"\n{own}[class.c3]\ntimezone = "UTC"\n')
    done = account.command("--config", path, "sync")
    assert notes(done, "[class.c3]: there is no class c3") == 1
    assert "Tables rebuilt and checked." in done.stdout
    assert account.core(zones) == [("c1", "America/New_York"), ("c2", "Asia/Tokyo")]


# -- the roster ---------------------------------------------------------------------------------


def test_roster_lines_that_fit_nothing_are_told_by_sync_and_status(account: Bench):
    users = {
        0: {"id": "s0", "first_name": "Zoe\u0308", "last_name": "O\u2019Neil", "email": " "},
        1: {"id": "s1", "first_name": "", "last_name": "\u00a0", "email": None},
        2: {"id": "s2", "first_name": "Ada", "last_name": "Twice", "email": "ada@example.org"},
        3: {"id": "s3", "first_name": "Ada", "last_name": "Twice", "email": "ada@example.org"},
    }
    account.source.friendly = {"c1": "web", "c2": "web"}
    account.source.classes["c1"] = [
        record(n, days_ago=n + 1, user=users[n]) for n in users if n != 3
    ] + [record(3, days_ago=1, user=users[3])]
    account.source.classes["c2"] = [
        record(9, days_ago=1, user={"id": "s9", "first_name": "Bo", "last_name": "Berg"})
    ]
    roster = account.home / "roster.csv"
    roster.write_text(
        "class,email,first_name,last_name,night,role,student_id\n"
        "web,,ZO\u00cb,O'NEIL,Monday,,\n"
        "web,,bo,  BERG,Tuesday,,\n"
        "c1,ada@example.org,,,Friday,,\n"
        "c1,ada@example.org,,,,test,s3\n"
        "web,new@example.org,New,Face,Monday,,\n"
        "web-9,ada@example.org,,,Monday,,\n"
        "c2,typo@example.org,Bo,Borg,Monday,,\n",
        encoding="utf-8",
    )
    told = [
        "roster.csv:6: several classes have this friendly id: write the id of the class",
        "roster.csv:7: no class has this id or friendly id",
    ]
    options = {"roster": str(roster)}
    for arguments in (["sync"], ["sync"], ["status"]):  # the second sync builds nothing
        done = account.command(*arguments, **options)
        assert done.returncode == 0, done.stderr
        assert "Roster: 2 of 7 lines have no effect:" in done.stdout
        assert all(line in done.stdout for line in told)
        assert "Roster: 1 of 7 lines has nobody's work yet:\n  roster.csv:8" in done.stdout
    for command in ("sync", "status"):
        said = json.loads(account.command(command, "--json", **options).stdout)["roster"]
        assert (said["lines"], said["problems"], said["unmatched"]) == (7, 2, 1)
        assert (said["first_problems"], said["first_unmatched"]) == (told, ["roster.csv:8"])
    people = account.core(
        "SELECT split_part(student_id, ':', 1), class_id, student_name, email, night"
        " FROM core.class_students ORDER BY 1, 2"
    )
    assert people == [
        ("roster", "c2", "Bo Borg", "typo@example.org", "Monday"),
        ("s0", "c1", "Zoe\u0308 O\u2019Neil", None, "Monday"),
        ("s1", "c1", "s1", None, None),
        ("s2", "c1", "Ada Twice", "ada@example.org", "Friday"),
        ("s9", "c2", "Bo Berg", None, "Tuesday"),
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('class,email,night\nc1,s1@example.org,"Mon\nc1,s2@example.org,Tue\n', 2),
        ('class,email\nc1,"a@example.org"\nc1,"b@"example.org\n', 3),
        ('class,"email\nc1,a@example.org\n', 1),
    ],
)
def test_quotation_mark_that_would_swallow_lines_is_named(bench: Bench, text: str, line: int):
    roster = bench.home / "roster.csv"
    roster.write_text(text)
    done = bench.command("sync", "--no-build", roster=roster)
    assert done.returncode == 1
    assert f"{roster}: line {line}: a quotation mark is astray" in done.stderr
    assert "No earlier sync could read it" in done.stderr
    assert bench.query("SELECT * FROM roster") == []
    roster.write_text('class,email\nc1,"s1@example.org"\n')
    assert bench.command("sync", "--no-build", roster=roster).returncode == 0
    roster.write_text(text)
    done = bench.command("sync", "--no-build", roster=roster)
    assert done.returncode == 1 and "What the file said at an earlier sync" in done.stderr
    assert bench.query("SELECT email FROM roster") == [("s1@example.org",)]


def test_roster_without_a_fault_is_not_spoken_of(account: Bench):
    roster = account.home / "roster.csv"
    roster.write_text("class,email\nc1,s1@example.org\n")
    done = account.command("sync", roster=str(roster))
    assert done.returncode == 0 and "Roster" not in done.stdout


# -- what status says ---------------------------------------------------------------------------


def test_status_tells_the_newest_backup(account: Bench):
    assert account.sync().exit_code == 0
    (backup,) = (account.data / "backups").iterdir()
    said = json.loads(account.command("status", "--json").stdout)["backups"]
    assert (said["count"], said["newest"]) == (1, str(backup))
    assert said["taken_at"].replace("-", "").replace(":", "") in backup.name
    shown = account.command("status").stdout
    assert "Backups:        1, the newest of " in shown and "(just now)" in shown
    assert f"Newest backup:  ~/{backup.relative_to(account.home)}" in shown
    backup.unlink()
    assert "Backups:        none" in account.command("status").stdout


@pytest.mark.parametrize(
    ("arguments", "options", "code", "words"),
    [
        ([], {"page_size": "many"}, 2, "COHORT_TRACKER_PAGE_SIZE: must be a whole number"),
        (["--max-age", "soon"], {}, 2, "--max-age 'soon' is no age"),
        (["--max-age", "1h"], {}, 7, "Nothing was synced yet"),
    ],
)
def test_status_as_json_is_one_object_on_errors_too(
    account: Bench, arguments: list[str], options: dict[str, str], code: int, words: str
):
    done = account.command("status", "--json", *arguments, **options)
    assert done.returncode == code
    assert words in json.loads(done.stdout)["error"]
    assert words in done.stderr
    assert done.stdout.isascii()


def test_status_as_json_of_a_damaged_store_is_one_object(account: Bench):
    account.data.mkdir()
    account.raw.write_bytes(b"n\xc3\xb6t a database" * 100)
    done = account.command("status", "--json")
    assert done.returncode == 1
    said = json.loads(done.stdout)
    assert "raw.db is damaged" in said["error"] and said["students"] is None


def test_classes_of_two_sources_with_one_id_are_told_apart(account: Bench):
    assert account.sync(class_ids="c1").exit_code == 0
    with closing(sqlite3.connect(account.raw)) as db:
        db.execute("CREATE TABLE other AS SELECT * FROM sync_runs")
        db.execute("UPDATE other SET source = 'other', status = 'failed', error = 'elsewhere'")
        db.execute("INSERT INTO sync_runs SELECT * FROM other")
        db.execute("DROP TABLE other")
        db.commit()
    found = status(account)
    assert (found["c1"]["source"], found["c1"]["last_status"]) == ("openclass", "ok")
