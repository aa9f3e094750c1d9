"""What mentors and operators get, in which order, and what they do not get."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, timedelta

import pytest

from cohort_tracker.notify.ledger import Ledger, ledger_path
from cohort_tracker.raw.contacts import add_contact
from cohort_tracker.runtime.run_note import RunNote, note_run, read_run_note
from notify_school import HOSTILE, Office, mailing
from support import Bench

THURSDAY = 'name = "thursday"\nclass = "calm"\nnight = "Thursday"'
OPERATORS = (
    'name = "ops"\nrules = ["sync_failed_twice", "data_stale", "not_published", "many_refused",'
    ' "backup_failed"]'
)
EVERY_GROUP = ("calm|", "storm|", "quiet|", "calm|thursday", "calm|monday", "storm|friday")


def one_message(office: Office, *tables: str, **settings: object) -> str:
    office.channels(*tables, **settings)
    name = tables[0].split('"')[1]
    office.hears_already(name, *EVERY_GROUP)
    done = office.notify()
    assert done.returncode == 0, done.stderr
    [text] = office.receiver.texts
    return text


def test_alert_says_who_what_changed_and_where_to_start(office: Office):
    text = one_message(office, THURSDAY)
    lines = text.splitlines()
    assert lines[0] == "calm · Thursday: 5 students need a look"
    assert lines[-1] == "Data up to Tuesday 24 March 2026, 17:00."
    assert "• Fay L.: got worse. Risk is medium, was low. Start here: Lesson 14." in lines
    assert "never started. Has not started anything in 46 days; 86% of the class have." in text
    assert "Lou" not in text
    assert lines.index("• Fay L.: got worse. Risk is medium, was low. Start here: Lesson 14.") == 5


def test_who_is_stuck_is_news_though_it_began_long_ago(office: Office):
    text = one_message(office, 'name = "monday"\nclass = "calm"\nnight = "Monday"')
    assert text.splitlines()[0] == "calm · Monday: 1 student needs a look"
    assert "• Lou L.: newly stuck. Waiting at Lesson 10 for 19 days" in text
    assert "Start here" not in text


def test_rules_choose(office: Office):
    text = one_message(office, f'{THURSDAY}\nrules = ["got_worse"]')
    assert text.count("• ") == 1
    assert "Fay L." in text


@pytest.mark.parametrize(
    ("names", "told", "not_told"),
    [
        ("short", ["Fay L."], ["Lowe"]),
        ("full", ["Fay Lowe"], []),
        ("none", [], ["Fay", "Lowe", "everyone", "Click", "channel", "Eve", "calm/fell"]),
    ],
)
def test_names_as_the_channel_wants_them(
    office: Office, names: str, told: list[str], not_told: list[str]
):
    text = one_message(office, f'{THURSDAY}\nnames = "{names}"')
    assert text.count("• ") == 5
    assert all(word in text for word in told)
    assert not any(word in text for word in not_told)
    if names == "none":
        aliases = [line.split(":")[0][2:] for line in text.splitlines() if line.startswith("• ")]
        assert all(len(alias.split()) == 3 for alias in aliases)
        assert len(set(aliases)) == 5


@pytest.mark.parametrize(
    ("names", "alike"),
    [("short", r"Nia1 O\. \(…\w{4,}\)"), ("full", r"Nia1 Okafor \(n[01]…\)")],
)
def test_two_of_one_name_are_told_apart(office: Office, names: str, alike: str):
    text = one_message(office, f'name = "class"\nclass = "storm"\nnames = "{names}"')
    called = {line.split(":")[0][2:] for line in text.splitlines() if line.startswith("• ")}
    assert len(called) == 8
    assert sum(bool(re.fullmatch(alike, name)) for name in called) == 2
    assert sum("(" in name for name in called) == 2


def test_a_quarter_of_a_class_is_told_one_by_one_and_all_of_a_night_as_one_thing(office: Office):
    office.channels('name = "class"\nclass = "storm"', 'name = "night"\nnight = "Friday"')
    for name in ("class", "night"):
        office.hears_already(name, *EVERY_GROUP)
    assert office.notify().returncode == 0
    by_one, as_one = office.receiver.texts
    assert by_one.splitlines()[0] == "storm: 8 students need a look"
    assert by_one.count("• Nia") == 8
    assert as_one.splitlines()[0] == "storm · Friday: many changed at once"
    assert "8 of 8 students: 8 never started." in as_one
    assert "Nia" not in as_one
    assert office.notify().returncode == 0
    assert len(office.receiver.requests) == 2


@pytest.mark.parametrize(("days", "is_told"), [(0, False), (6, False), (7, True)])
def test_who_was_contacted_in_the_last_seven_days_is_left_out(
    office: Office, today: date, days: int, is_told: bool
):
    add_contact(
        office.data / "raw.db",
        student_id="calm/fell",
        contacted_on=today - timedelta(days=days),
        how="call",
        contacted_by="Ravi",
        note=None,
    )
    text = one_message(office, THURSDAY)
    assert ("Fay L." in text) is is_told
    states = Ledger(ledger_path(office.data)).states("thursday")
    assert any("calm/fell" in key for key in states) is is_told


def test_digest_has_what_is_on_the_page_in_its_order(office: Office):
    office.channels(f'{THURSDAY}\nrules = []\ndigest = "week"')
    office.hears_already("thursday", *EVERY_GROUP)
    assert office.notify().returncode == 0
    [text] = office.receiver.texts
    lines = text.splitlines()
    assert lines[0] == "calm · Thursday, week of 23 March"
    assert lines[1].split(" · ")[0].endswith(" to reach out to")
    places = [lines.index(heading) for heading in ("Gone quiet", "Never started")]
    assert places == sorted(places)
    assert any(line.startswith("• Fay L.: Medium risk. ") for line in lines)
    assert "Lou" not in text
    assert office.notify().returncode == 0
    assert len(office.receiver.requests) == 1


def test_digest_of_a_new_channel_waits_for_its_day_unless_it_is_asked_for(office: Office):
    office.channels(f'{THURSDAY}\ndigest = "week"')
    assert office.notify().returncode == 0
    assert office.receiver.requests == []
    for kind, words in (("week", "week of 23 March"), ("day", "Tuesday 24 March")):
        for _ in range(2):
            assert office.notify("--digest", kind).returncode == 0
        assert f"calm · Thursday, {words}" in office.receiver.texts[-1]
    assert len(office.receiver.requests) == 2
    assert office.notify().returncode == 0
    assert len(office.receiver.requests) == 2


def test_digest_of_the_week_in_which_a_channel_is_new_is_not_sent(office: Office):
    office.channels(f'{THURSDAY}\ndigest = "week"')
    for _ in range(2):
        assert office.notify().returncode == 0
        assert office.receiver.requests == []


def test_digest_that_is_asked_for_in_the_first_run_is_sent(office: Office):
    office.channels(f'{THURSDAY}\ndigest = "week"')
    for options in (["--digest", "week"], []):
        assert office.notify(*options).returncode == 0
        [text] = office.receiver.texts
    assert text.startswith("calm · Thursday, week of 23 March")


def test_digest_that_was_asked_for_is_that_of_its_week(office: Office):
    office.channels(f'{THURSDAY}\nrules = []\ndigest = "week"')
    office.hears_already("thursday", *EVERY_GROUP)
    for options in (["--digest", "week"], [], ["--digest", "week"]):
        assert office.notify(*options).returncode == 0
        assert len(office.receiver.requests) == 1


@pytest.mark.parametrize(("names", "is_named"), [("full", True), ("none", False)])
def test_page_goes_with_the_digest_by_mail(office: Office, names: str, is_named: bool):
    with mailing() as (box, url):
        office.environment["CT_HOOK"] = url
        options = f'rules = []\ndigest = "week"\nnames = "{names}"\npage = true'
        office.channels(f"{THURSDAY}\n{options}")
        office.hears_already("thursday", *EVERY_GROUP)
        done = office.notify()
        assert done.returncode == 0, done.stderr
    [mail] = box.messages
    assert mail["Subject"] == "calm · Thursday, week of 23 March"
    [page] = list(mail.iter_attachments())
    assert page.get_filename() == "calm-thursday.html"
    content = page.get_content()
    text = content if isinstance(content, str) else content.decode()
    assert text.lower().startswith("<!doctype html>")
    assert ("Fay" in text) is is_named
    assert "Lou" not in text
    assert not (office.data / "notify-pages").exists()


def test_page_goes_with_mail_only(office: Office):
    office.channels(f'{THURSDAY}\ndigest = "week"\nnames = "full"\npage = true')
    office.hears_already("thursday", *EVERY_GROUP)
    done = office.notify()
    assert done.returncode == 2
    assert "channel thursday: a page goes with mail only" in done.stderr
    assert office.receiver.requests == []


def test_dry_run_tells_and_notes_nothing(office: Office):
    office.channels(THURSDAY, OPERATORS)
    assert "would get" not in office.notify("--dry-run").stdout
    assert not ledger_path(office.data).exists()
    office.hears_already("thursday", "calm|thursday")
    before = ledger_path(office.data).read_bytes()
    done = office.notify("--dry-run")
    assert done.returncode == 0
    assert "thursday (JSON): would get" in done.stdout
    assert "calm · Thursday: 5 students need a look" in done.stdout
    assert "Fay L.: got worse" in done.stdout
    found = json.loads(office.notify("--dry-run", "--json").stdout)
    assert found["dry_run"] is True
    assert found["channels"][0]["would_send"][0]["title"].startswith("calm · Thursday: 5")
    assert office.receiver.requests == []
    assert ledger_path(office.data).read_bytes() == before


def test_test_sends_one_line_to_each(office: Office):
    office.channels(THURSDAY, OPERATORS)
    done = office.notify("--test")
    assert done.returncode == 0
    assert [text.splitlines()[1] for text in office.receiver.texts] == [
        f"Cohort Tracker: this is a test. Messages of the channel {name} come here."
        for name in ("thursday", "ops")
    ]
    assert not ledger_path(office.data).exists()
    assert office.notify("--test", "--dry-run").returncode == 2


def test_stale_data_is_told_to_operators_only(office: Office):
    office.channels(f'{THURSDAY}\ndigest = "week"', OPERATORS)
    office.hears_already("thursday", "calm|thursday")
    text = office.config.read_text().replace("stale_after_hours = 87600", "stale_after_hours = 48")
    office.config.write_text(text)
    done = office.notify()
    assert done.returncode == 0
    assert "Nothing of calm · Thursday: its data are stale." in done.stdout
    [told] = office.receiver.texts
    assert told.splitlines()[0] == "Cohort Tracker: 3 troubles"
    assert told.count("Data are stale: ") == 3
    assert "last good sync 2026-03-24 17:00 UTC" in told
    assert office.notify().returncode == 0
    assert len(office.receiver.requests) == 1


def runs(office: Office, *rows: tuple[str, int, int], class_id: str = "calm") -> None:
    """Append runs of a class to the log: status, records read, of which refused."""
    with closing(sqlite3.connect(office.data / "raw.db")) as db:
        [columns] = [[row[1] for row in db.execute("PRAGMA table_info(sync_runs)")]]
        last = db.execute("SELECT * FROM sync_runs WHERE class_id = ?", [class_id]).fetchone()
        for status, fetched, rejected in rows:
            number = db.execute("SELECT count(*) FROM sync_runs").fetchone()[0]
            row = dict(zip(columns, last, strict=True)) | {
                "status": status,
                "fetched": fetched,
                "rejected": rejected,
                "run_id": f"run-{number}",
                "error": None if status == "ok" else "API down <!channel>",
            }
            marks = ", ".join("?" * len(columns))
            db.execute(f"INSERT INTO sync_runs VALUES ({marks})", [row[c] for c in columns])
        db.commit()


def test_second_failure_in_a_row_is_told_once(office: Office):
    office.channels(OPERATORS)
    for status, count in (("failed", 0), ("failed", 1), ("failed", 1), ("ok", 1), ("failed", 1)):
        runs(office, (status, 0, 0))
        assert office.notify().returncode == 0
        assert len(office.receiver.requests) == count
    [text] = office.receiver.texts
    assert "Sync failed twice: calm: API down ‹!channel›." in text


def test_class_whose_last_sync_failed_is_silent(office: Office):
    office.channels(THURSDAY)
    office.hears_already("thursday", "calm|thursday")
    runs(office, ("failed", 0, 0))
    done = office.notify()
    assert "Nothing of calm · Thursday: its last sync failed." in done.stdout
    assert office.receiver.requests == []
    runs(office, ("ok", 10, 0))
    office.notify()
    assert len(office.receiver.requests) == 1


def test_more_than_one_percent_refused_is_told_once_a_spell(office: Office):
    office.channels(OPERATORS)
    for row, count in (
        (("ok", 100, 1), 0),
        (("ok", 100, 2), 1),
        (("ok", 100, 3), 1),
        (("ok", 0, 0), 1),
        (("ok", 100, 4), 1),
        (("ok", 100, 0), 1),
        (("ok", 100, 9), 2),
    ):
        runs(office, row)
        assert office.notify().returncode == 0
        assert len(office.receiver.requests) == count, row
    assert "Many records refused: calm: 2 of 100 records read." in office.receiver.texts[0]


def test_sync_notes_how_it_ended(bench: Bench):
    for failures in (1, 2):
        assert bench.command("sync", "--no-build", password="wrong").returncode == 3
        note = read_run_note(bench.data)
        assert note.failures == failures
        assert note.error is not None and "401" in note.error
        assert note.read_nothing
    since = note.failed_since
    place = bench.home / "no folder"
    place.touch()
    assert bench.command("sync", "--no-build", backup_dir=place).returncode == 0
    note = read_run_note(bench.data)
    assert (note.failures, note.failed_since, note.error) == (0, None, None)
    assert note.backup_failed_since is not None and note.backup_failed_since > (since or "")
    assert note.backup_error is not None
    assert bench.command("sync", "--no-build").returncode == 0
    assert read_run_note(bench.data) == RunNote()


def test_refused_login_and_failed_backup_are_told(office: Office):
    office.channels(OPERATORS)
    for count, backup_error in ((0, None), (1, None), (2, "disk full"), (2, "disk full")):
        note_run(office.data, datetime.now(UTC), error="login refused", backup_error=backup_error)
        assert office.notify().returncode == 0
        assert len(office.receiver.requests) == count
    first, second = office.receiver.texts
    assert "Sync failed twice: 2 times in a row, last: login refused." in first
    assert "Backup failed: disk full." in second
    assert "Sync failed" not in second
    note_run(office.data, datetime.now(UTC), error=None, backup_error=None)
    assert office.notify().returncode == 0
    assert len(office.receiver.requests) == 2


def test_sync_that_came_to_no_class_keeps_mentors_silent_until_the_next(office: Office):
    office.channels(THURSDAY)
    office.hears_already("thursday", "calm|thursday")
    for error, read_nothing, count in (
        ("refused", True, 0),
        ("b failed", False, 1),
        (None, True, 1),
    ):
        note_run(
            office.data,
            datetime.now(UTC),
            error=error,
            backup_error=None,
            read_nothing=read_nothing,
        )
        done = office.notify()
        assert done.returncode == 0
        why = "Nothing of calm · Thursday: the last sync failed before it came to a class."
        assert (why in done.stdout) is (error == "refused")
        assert len(office.receiver.requests) == count


def test_build_that_failed_is_told_to_operators_and_mentors_hear_nothing(office: Office):
    office.channels(OPERATORS, THURSDAY)
    office.hears_already("thursday", "calm|thursday")
    now = datetime.now(UTC).isoformat()
    note = {"since": now, "last_at": now, "reason": "a test failed"}
    (office.data / "failed_build.json").write_text(json.dumps(note))
    done = office.notify()
    assert "its tables could not be rebuilt" in done.stdout
    [text] = office.receiver.texts
    assert "Tables not published: the tables of the last good build stay. a test failed." in text


def test_without_tables_operators_are_told_all_the_same(office: Office):
    office.channels(OPERATORS, THURSDAY)
    (office.data / "warehouse.duckdb").unlink()
    runs(office, ("failed", 0, 0), ("failed", 0, 0))
    done = office.notify()
    assert done.returncode == 0, done.stderr
    assert "there are no tables yet" in done.stdout
    assert len(office.receiver.requests) == 1


@pytest.mark.parametrize(
    ("table", "code", "told"),
    [
        ('name = "a"\nclass = "nowhere"', 4, "channel a: No class 'nowhere'"),
        ('name = "a"\nnight = "Someday"', 2, "channel a: Nobody meets on 'Someday'"),
        ('name = "a"\nurl_env = "CT_UNSET"', 2, "channel a: the environment variable CT_UNSET"),
    ],
)
def test_channel_that_leads_nowhere_is_named_and_the_others_work(
    office: Office, table: str, code: int, told: str
):
    office.channels(table, THURSDAY)
    office.hears_already("thursday", "calm|thursday")
    done = office.notify()
    assert done.returncode == code
    assert told in done.stderr
    assert len(office.receiver.requests) == 1


def test_without_a_channel_it_says_what_to_write(office: Office):
    office.channels()
    done = office.notify()
    assert done.returncode == 2
    assert "[[notify.channels]]" in done.stderr


def test_hostile_names_arrive_harmless(office: Office):
    text = one_message(office, f'{THURSDAY}\nnames = "full"')
    for first, _ in HOSTILE.values():
        assert first not in text
    for shown in ("‹!channel›", "＠everyone", "[Click］(https∶//evil․example/a)", "Eve Bcc: all＠"):
        assert shown in text
