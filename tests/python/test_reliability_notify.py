"""`notify` over real HTTP: nobody hears a thing twice or never, whatever happens in between."""

from __future__ import annotations

import json
import random
import signal
import sqlite3
import stat
import subprocess
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from cohort_tracker.config import load_settings
from cohort_tracker.errors import NotifyRunningError
from cohort_tracker.notify.ledger import Ledger, ledger_path
from cohort_tracker.notify.message import Key
from cohort_tracker.notify.run import Notifier
from cohort_tracker.runtime.lock import one_at_a_time
from notify_school import Office, receiving
from support import at_night

THURSDAY = 'name = "thursday"\nclass = "calm"\nnight = "Thursday"'
FRIDAY = 'name = "friday"\nnight = "Friday"'
GROUP = "calm|thursday"


def told(office: Office, column: str = "state") -> list[str]:
    with closing(sqlite3.connect(ledger_path(office.data))) as db:
        return [row[0] for row in db.execute(f"SELECT {column} FROM told ORDER BY key")]


def thursday(office: Office) -> Office:
    """An office whose channel has heard of the group when there was nothing yet."""
    office.channels(THURSDAY)
    office.hears_already("thursday", GROUP)
    return office


def people(text: str) -> int:
    """How many are told one by one."""
    return text.count("• ")


def test_first_run_is_silent_and_the_second_has_nothing_new(office: Office):
    office.channels(THURSDAY)
    for _ in range(2):
        done = office.notify()
        assert done.returncode == 0, done.stderr
        assert office.receiver.requests == []
    assert told(office) == ["sent"] * 5
    assert stat.S_IMODE(ledger_path(office.data).stat().st_mode) == 0o600


def test_news_is_told_once(office: Office):
    thursday(office)
    assert office.notify().returncode == 0
    [text] = office.receiver.texts
    assert people(text) == 5
    assert "Fay L." in text
    assert "(again)" not in text
    assert office.notify().returncode == 0
    assert len(office.receiver.requests) == 1


def test_killed_between_send_and_note_it_is_told_again_and_says_so(office: Office):
    thursday(office).receiver.answers = ["hold"]
    process = office.start()
    assert office.receiver.held.wait(60)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert told(office) == ["pending"] * 5
    office.receiver.release.set()
    assert office.notify().returncode == 0
    first, second = office.receiver.texts
    assert first.count("(again)") == 0
    assert second.count(" (again): ") == people(second) == 5
    assert office.notify().returncode == 0
    assert len(office.receiver.requests) == 2
    assert told(office) == ["sent"] * 5


def test_killed_after_it_was_refused_it_says_so_too(office: Office):
    thursday(office).receiver.answers = ["500", "500", "500", "hold"]
    assert office.notify().returncode == 1
    assert told(office) == ["due"] * 5
    process = office.start()
    assert office.receiver.held.wait(60)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    office.receiver.release.set()
    assert office.notify().returncode == 0
    assert [text.count("(again)") for text in office.receiver.texts] == [0, 0, 0, 0, 5]


def test_killed_at_any_moment_everybody_is_told_and_nothing_twice_without_saying_so(
    office: Office,
):
    office.channels(THURSDAY, FRIDAY, 'name = "all"\ndigest = "week"')
    for channel, group in (("thursday", GROUP), ("friday", "storm|friday")):
        office.hears_already(channel, group)
    office.hears_already("all", "calm|", "storm|", "quiet|")
    chance = random.Random(4)
    for _ in range(8):
        process = office.start()
        time.sleep(0.4 + chance.random())
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert office.notify().returncode == 0
    count = len(office.receiver.requests)
    plain = [text for text in office.receiver.texts if "(again)" not in text]
    assert len(set(plain)) == len(plain)
    for words in ("Thursday: 5 students", "Friday: many changed", "calm: 6 students", "calm, week"):
        assert any(words in text.splitlines()[0] for text in plain), (words, plain)
    assert office.notify().returncode == 0
    assert len(office.receiver.requests) == count


def test_two_at_once_the_second_leaves(office: Office):
    thursday(office).receiver.answers = ["hold"]
    first = office.start()
    assert office.receiver.held.wait(60)
    second = office.notify()
    assert second.returncode == 6
    assert "Another notify is running" in second.stderr
    office.receiver.release.set()
    first.communicate(timeout=60)
    assert first.returncode == 0
    assert len(office.receiver.requests) == 1


def test_lock_of_a_dead_one_is_free(tmp_path: Path):
    path, running = tmp_path / "notify.lock", NotifyRunningError("running")
    with one_at_a_time(path, running):
        pass
    with one_at_a_time(path, running):
        assert stat.S_IMODE((tmp_path / "notify.lock").stat().st_mode) == 0o600


@pytest.mark.parametrize("answer", ["500", at_night("404")])
def test_what_was_refused_is_tried_again_in_the_same_words(office: Office, answer: str):
    thursday(office).receiver.answers = [answer]
    done = office.notify()
    assert done.returncode == 0, done.stderr
    first, second = office.receiver.requests
    assert first.text == second.text
    assert second.at - first.at > 1.5


@pytest.mark.parametrize("is_date", [False, at_night(True)])
def test_when_there_were_too_many_it_waits_as_long_as_services_ask_for(
    office: Office, is_date: bool
):
    """What `Retry-After` says is not known: 30 seconds are waited whatever it is."""
    until = datetime.now(UTC) + timedelta(seconds=25)
    after = format_datetime(until, usegmt=True) if is_date else "29"
    thursday(office).receiver.answers = [f"429 {after}"]
    done = office.notify()
    assert done.returncode == 0, done.stderr
    first, second = office.receiver.requests
    assert first.text == second.text
    assert second.at - first.at > 29


@pytest.mark.parametrize("answer", ["hang", "cut"])
def test_without_an_answer_it_is_told_again_and_says_so(office: Office, answer: str):
    thursday(office).receiver.answers = [answer]
    assert office.notify().returncode == 0
    first, second = office.receiver.texts
    assert "(again)" not in first
    assert second.count("(again)") == 5


def test_what_may_have_arrived_stays_so_though_it_is_refused_afterwards(office: Office):
    thursday(office).receiver.answers = ["cut", "500", "500"]
    assert office.notify().returncode == 1
    assert told(office) == ["pending"] * 5
    assert office.notify().returncode == 0
    assert [text.count("(again)") for text in office.receiver.texts] == [0, 5, 5, 5]


def test_message_that_broke_off_goes_on_where_it_did(
    office: Office, certificate: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with receiving(certificate) as teams:
        port = teams.server.server_port
        office.environment["CT_HOOK"] = f"workflows://127.0.0.1:{port}/workflow/signature"
        teams.answers = ["200", "400", "400", "400"]
        office.channels('name = "storm"\nclass = "storm"\nrules = []\ndigest = "week"')
        office.hears_already("storm", "storm|")
        assert office.notify().returncode == 1
        sent = len(teams.requests)
        for _ in range(2):
            assert office.notify().returncode == 0
        cards = [request.body["attachments"][0]["content"]["body"] for request in teams.requests]
    titles = [title["text"].partition(", week of 23 March ")[2] for title, _ in cards]
    parts = len(set(titles))
    assert parts > 1
    assert titles[:2] == [f"(1/{parts})", f"(2/{parts})"]
    assert titles[sent:] == [f"({n}/{parts})" for n in range(2, parts + 1)]
    assert "(again)" not in str(cards)


def test_long_answer_is_an_answer(office: Office):
    thursday(office).receiver.answers = ["10kB"]
    assert office.notify().returncode == 0
    assert told(office) == ["sent"] * 5


def test_service_that_fails_keeps_nothing_from_the_others_and_is_tried_in_the_next_run(
    office: Office,
):
    with receiving() as broken:
        office.environment["CT_BROKEN"] = broken.url
        broken.answers = ["500"] * 4
        office.channels(
            THURSDAY.replace("thursday", "broken") + '\nurl_env = "CT_BROKEN"\ndigest = "week"',
            THURSDAY,
        )
        office.hears_already("broken", GROUP)
        office.hears_already("thursday", GROUP)
        done = office.notify("--json")
        assert done.returncode == 1
        assert len(broken.requests) == 3 + 1, "the second message is tried once"
        assert len(office.receiver.requests) == 1
        report = json.loads(done.stdout)
        assert report["status"] == "failed"
        assert [(c["name"], c["sent"], c["unsent"]) for c in report["channels"]] == [
            ("broken", 0, 2),
            ("thursday", 1, 0),
        ]
        assert "channel broken" in done.stderr
        assert "status 500" in done.stderr
        assert office.notify().returncode == 0
        assert [("(again)" in text) for text in broken.texts] == [False] * 6
        assert len(office.receiver.requests) == 1


def test_no_secret_is_anywhere(office: Office):
    thursday(office).receiver.answers = ["hold", "500", "cut", "500"]
    call = office._call(["notify"])
    call["args"].insert(3, "--debug")
    process = subprocess.Popen(**call, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert office.receiver.held.wait(60)
    words = Path(f"/proc/{process.pid}/cmdline").read_bytes()
    office.receiver.answers.clear()
    office.receiver.answers.extend(["500", "cut"])
    office.receiver.server.shutdown()
    office.receiver.server.server_close()
    office.receiver.release.set()
    out, err = process.communicate(timeout=120)
    for text in (words.decode(), out, err, ledger_path(office.data).read_bytes().decode("latin-1")):
        assert "s3cret" not in text
        assert str(office.receiver.server.server_port) not in text


def test_url_that_is_none_is_not_shown(office: Office):
    office.environment["CT_HOOK"] = "slack://T0K3N/s3cret"
    thursday(office)
    for options in ([], ["--json"], ["--test"], ["--dry-run"]):
        done = office.command("--debug", "notify", *options)
        assert done.returncode == 2
        assert "channel thursday" in done.stderr
        assert "T0K3N" not in done.stdout + done.stderr
        assert "s3cret" not in done.stdout + done.stderr


def test_clock_that_jumps_sends_nothing_twice_and_nothing_never(office: Office):
    office.channels(f'{THURSDAY}\ndigest = "week"')
    office.hears_already("thursday", GROUP)
    settings = load_settings(office.config)
    environment = {"CT_HOOK": office.receiver.url}

    def run_at(days: float) -> None:
        now = datetime.now(UTC) + timedelta(days=days)
        [report] = Notifier(settings, environ=environment, now=now).run()
        assert report.error is None

    run_at(-400)
    assert len(office.receiver.requests) == 2  # the digest, and who is news
    for days in (0, 400, -30, 7, 0.5, -7, 20_000, 0):
        run_at(days)
    assert len(office.receiver.requests) == 2
    Ledger(ledger_path(office.data)).forget(["calm/fell"])
    run_at(0)
    assert "Fay L." in office.receiver.texts[-1]
    assert people(office.receiver.texts[-1]) == 1


def test_ledger_of_long_ago_is_cleared_but_not_of_what_lasts(tmp_path: Path):
    ledger = Ledger(tmp_path / "notify.db")
    ledger.seed("a", "c|", [Key("old", "c"), Key("lasts", "c"), Key("other", "d")])
    ledger.seed("b", "c|", [Key("old", "c")])
    ledger.tidy("a", "c", ["lasts"], "2000-01-01")
    assert ledger.states("a").keys() == {"old", "lasts", "other"}
    ledger.tidy("a", "c", ["lasts"], "2999-01-01")
    assert ledger.states("a").keys() == {"lasts", "other"}
    assert ledger.states("b").keys() == {"old"}


def test_ledger_that_is_none_is_one_line(office: Office):
    office.channels(THURSDAY)
    ledger_path(office.data).write_bytes(b"no database, but long enough to look like one" * 99)
    done = office.notify()
    assert done.returncode == 1
    assert "notify.db" in done.stderr
    assert "Traceback" not in done.stderr
    assert office.receiver.requests == []


def test_ledger_behind_a_link_is_not_followed(office: Office):
    office.channels(THURSDAY)
    target = office.home / "elsewhere"
    target.write_bytes(b"")
    ledger_path(office.data).symlink_to(target)
    assert office.notify().returncode == 1
    assert target.read_bytes() == b""


def test_forgotten_students_are_in_no_byte_of_the_ledger(tmp_path: Path):
    path = tmp_path / "notify.db"
    ledger = Ledger(path)
    students = ["zz-9f3e1c77", "other", "roster-only"]
    ledger.seed("a", "c|", [Key(f"c|{id_}|never_started", "c", id_) for id_ in students])
    ledger.seed("a", "d|", [Key("digest|week", "d")])
    assert ledger.forget(["zz-9f3e1c77"]) == 1
    assert b"zz-9f3e1c77" not in path.read_bytes()
    assert ledger.states("a").keys() == {
        "c|other|never_started",
        "c|roster-only|never_started",
        "digest|week",
    }
    assert ledger.forget_all_but(["other"]) == 1
    assert ledger.states("a").keys() == {"c|other|never_started", "digest|week"}
    assert b"roster-only" not in path.read_bytes()
    assert list(tmp_path.glob("notify.db*")) == [path]
