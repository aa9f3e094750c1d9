"""`contact`: whom a mentor reached out to, as it is typed, shown, taken back, and in the tables."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cohort_tracker.raw.contacts import NAME_LENGTH, NOTE_LENGTH, add_contact, current_contacts
from cohort_tracker.reading.contacts import contacts_now
from cohort_tracker.reading.people import find_student
from support import NOW, Bench, record

DAY = date(2026, 3, 5)


def told(bench: Bench, *arguments: str, code: int = 0) -> dict[str, Any]:
    """What a command says in its one object."""
    done = bench.command("contact", *arguments, "--json")
    assert done.returncode == code, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert (found["error"] is None) == (code == 0) == (found["status"] == "ok")
    return found


def test_contact_is_noted_listed_and_taken_back(built: Bench, today: date):
    words = ("--how", "call", "--by", " Ravi ", "--note", "will come\n\ton Monday")
    done = built.command("contact", "add", "student-3", *words)
    assert done.returncode == 0, done.stderr
    (first,) = current_contacts(built.raw)
    assert (first.student_id, first.how, first.contacted_on) == ("student-3", "call", today)
    assert (first.contacted_by, first.note) == ("Ravi", "will come on Monday")
    assert datetime.now(UTC) - first.noted_at < timedelta(minutes=1)
    assert done.stdout.splitlines() == [
        f"Noted: Ada Nr 3, call on {today}, as {first.contact_id}."
        f" To take it back: cohort-tracker contact withdraw {first.contact_id}"
    ]
    assert len(first.contact_id) == 8 and not set(first.contact_id) & set("01ilo")
    second = told(built, "add", "S4@Example.org", "--how", "mail", "--on", "yesterday")["contact"]
    assert second["name"] == "Ada Nr 4" and second["student_id"] == "student-4"
    assert second["contacted_on"] == str(today - timedelta(days=1))
    assert second["noted_at"].endswith("Z")
    shown = told(built, "list")["contacts"]
    assert [item["contact_id"] for item in shown] == [first.contact_id, second["contact_id"]]
    assert told(built, "list", "--student", "ada  NR 4")["contacts"] == [second]
    printed = built.command("contact", "list").stdout
    assert "Ada Nr 3 (by Ravi): will come on Monday" in printed and second["contact_id"] in printed
    taken = told(built, "withdraw", f" {first.contact_id.upper()} ")["contact"]
    assert taken["contact_id"] == first.contact_id
    assert told(built, "list")["contacts"] == [second]
    for unknown, said in ((first.contact_id, "taken back before"), ("zzzzzzzz", "no contact")):
        assert said in told(built, "withdraw", unknown, code=2)["error"]
    rows = built.query("SELECT contact_id, is_withdrawn, note FROM contacts ORDER BY rowid")
    assert rows == [
        (first.contact_id, 0, "will come on Monday"),
        (second["contact_id"], 0, None),
        (first.contact_id, 1, None),
    ]


def test_whoever_is_not_one_student_is_nobody(built: Bench):
    for number, email in ((7000, "twin1@example.org"), (7001, "twin2@example.org")):
        user = {"id": f"twin-{number}", "first_name": "Ada", "last_name": "Nr  3", "email": email}
        built.source.records.append(record(number, days_ago=1, user=user))
    assert built.sync(build=True).exit_code == 0
    found = told(built, "add", "ada nr 3", "--how", "call", code=2)
    assert [item["student_id"] for item in found["candidates"]] == [
        *("student-3", "twin-7000", "twin-7001")
    ]
    assert found["contact"] is None
    assert found["candidates"][0]["classes"] == [
        {"class_id": "c1", "class_name": "Class c1", "night": None}
    ]
    done = built.command("contact", "add", "ada nr 3", "--how", "call")
    assert done.returncode == 2 and "  twin-7000, Ada Nr  3; Class c1\n" in done.stderr
    done = built.command("contact", "add", "nobody", "--how", "call")
    assert done.returncode == 2 and "No student is called 'nobody'" in done.stderr
    assert find_student(built.warehouse, "twin2@example.org").student_id == "twin-7001"
    assert current_contacts(built.raw) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--on", "tomorrow"), "is no day"),
        (("--on", "2026-02-30"), "is no day"),
        (("--on", str(NOW.date() + timedelta(days=2))), "is still to come"),
        (("--on", str(NOW.date() - timedelta(days=3 * 365))), "more than two years ago"),
        (("--note", "x" * (NOTE_LENGTH + 1)), "The note has 1,001 characters"),
        (("--by", "x" * (NAME_LENGTH + 1)), "has 101 characters"),
    ],
)
def test_what_cannot_be_is_not_noted(built: Bench, words: tuple[str, str], said: str):
    found = told(built, "add", "student-3", "--how", "call", *words, code=2)
    assert said in found["error"]
    assert current_contacts(built.raw) == []


def test_longest_texts_are_kept_whole(built: Bench):
    note, name = "ß" * NOTE_LENGTH, "李" * NAME_LENGTH
    made = add_contact(
        built.raw, "student-3", contacted_on=DAY, how="chat", contacted_by=name, note=note
    )
    assert current_contacts(built.raw) == [made]
    assert (made.contacted_by, made.note) == (name, note)
    assert add_contact(built.raw, "s", contacted_on=DAY, how="chat", note=" \0 ").note is None


def test_today_is_that_of_the_class(bench: Bench, today: date):
    # Where it is tomorrow from 10:00 UTC on, and where it is yesterday until noon.
    zone = "Pacific/Kiritimati" if datetime.now(UTC).hour >= 11 else "Etc/GMT+12"
    assert bench.sync(build=True, timezone=zone).exit_code == 0
    there = datetime.now(ZoneInfo(zone)).date()
    assert there != today
    found = told(bench, "add", "student-3", "--how", "call")["contact"]
    assert found["contacted_on"] == str(there)
    assert told(bench, "add", "student-3", "--how", "call", "--on", str(there))["contact"]


def test_before_the_first_sync_it_says_what_to_do(bench: Bench):
    for words in (("add", "student-3", "--how", "call"), ("list",)):
        assert told(bench, *words, code=2)["error"] == "There are no tables yet"
    assert current_contacts(bench.raw) == [] == contacts_now(bench.raw, bench.warehouse)
    assert not bench.data.exists()


def test_contact_is_in_the_tables_after_the_next_sync_and_gone_when_taken_back(
    built: Bench, today: date
):
    asked = "SELECT contact_id, student_id, class_id, how, note, days_since, is_latest"
    asked += " FROM marts.student_contacts"
    skipped = "nothing new since the last build"
    assert built.sync(build=True).exit_code == 0
    report = built.sync(build=True)
    assert report.warehouse is not None and report.warehouse.skipped == skipped
    made = add_contact(built.raw, "student-3", contacted_on=today, how="call", note="will come")
    report = built.sync(build=True)
    assert report.exit_code == 0 and report.warehouse is not None
    assert report.warehouse.skipped is None
    assert built.core(asked) == [(made.contact_id, "student-3", "c1", "call", "will come", 0, True)]
    assert told(built, "withdraw", made.contact_id)
    assert built.sync(build=True).exit_code == 0
    assert built.core(asked) == []


def test_who_gets_an_account_keeps_the_contacts_from_before(bench: Bench):
    bench.options["roster"] = bench.home / "roster.csv"
    bench.options["roster"].write_text(
        "class,email,first_name,last_name\n"
        "c1,New@example.org,New,Comer\nc1,,Only,Name\nc1,s1@example.org,Ada,Nr 1\n"
    )
    assert bench.sync(build=True).exit_code == 0
    made = [
        told(bench, "add", student, "--how", "mail")["contact"]
        for student in ("new@example.org", "Only Name")
    ]
    assert all(item["student_id"].startswith("roster:") for item in made)
    users = {"account-1": ("New", "new@example.org"), "account-2": ("Only", "n@example.org")}
    for number, (user_id, (first, email)) in enumerate(users.items(), start=7000):
        last = "Comer" if first == "New" else "Name"
        user = {"id": user_id, "first_name": first, "last_name": last, "email": email}
        bench.source.records.append(record(number, days_ago=1, user=user))
    assert bench.sync(build=True).exit_code == 0
    ids = [item["contact_id"] for item in made]
    found = dict(bench.core("SELECT contact_id, student_id FROM marts.student_contacts"))
    assert found == dict(zip(ids, users, strict=True))
    for user_id, contact_id in zip(users, ids, strict=True):
        (shown,) = told(bench, "list", "--student", user_id)["contacts"]
        assert (shown["contact_id"], shown["student_id"]) == (contact_id, user_id)


def test_tables_of_an_older_version_do(built: Bench):
    made = add_contact(built.raw, "student-3", contacted_on=DAY, how="call")
    import duckdb

    with duckdb.connect(str(built.warehouse)) as tables:
        tables.execute("DROP TABLE core.contacts")
    assert contacts_now(built.raw, built.warehouse) == [made]
    with closing(sqlite3.connect(built.raw)) as db:
        db.execute("DROP TABLE contacts")
    assert contacts_now(built.raw, built.warehouse) == []
    assert add_contact(built.raw, "student-3", contacted_on=DAY, how="call")
    assert Path(built.raw).exists() and len(current_contacts(built.raw)) == 1
