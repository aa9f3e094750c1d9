"""Classes come and go: retired, no longer listed, under another id, two under one friendly id."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

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
    assert account.command("sync").returncode == 0
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
