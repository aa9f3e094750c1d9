"""What strangers wrote is harmless in each service, names are short, messages fit."""

from __future__ import annotations

import logging
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import apprise
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cohort_tracker.errors import ConfigError
from cohort_tracker.notify import delivery
from cohort_tracker.notify.delivery import Outcome
from cohort_tracker.notify.harmless import harmless
from cohort_tracker.notify.message import Entry, Key, Message, split
from cohort_tracker.notify.names import short_names, told_apart
from notify_school import HOSTILE, Receiver, mailing, receiving

SLACK = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7/"
DISCORD = "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js/"
TEAMS = "workflows://127.0.0.1/workflow/signature"
TELEGRAM = "tgram://123456789:AAabcdefghijklmnopqrstuvwxyzABCDEFG/123"
BAD = (
    *("<!channel>", "<!here|x>", "<@U1>", "<#C1>", "<https://evil.example|click>", "&lt;!channel>"),
    *("@everyone", "@here", "<@1>", "<@&1>", "<#1>", "<:x:1>", "</ban:1>", "<t:1:R>", ":bomb:"),
    *("**b**", "__u__", "_i_", "~~s~~", "||spoiler||", "`c`", "```c```", "# h", "> q", "\\"),
    *("[a](https://evil.example)", "[a][1]", "https://evil.example/x", "www.evil.example"),
    *("evil.example", "mailto:a@evil.example", "javascript:alert(1)", "a@evil.example"),
    *("A\r\nBcc: b@evil.example", "\u202edrow", "\u2066x\u2069", "\u200bz", "\x1b[31m", "\x00"),
)
LIVE = (
    re.compile(r"<[!@#:/th]"),
    re.compile(r"@(everyone|here|\w)"),
    re.compile(r"\*\*|__|~~|\|\||`|(?<!\w)_|_(?!\w)"),
    re.compile(r"\]\(|\]\["),
    re.compile(r"\w://|www\.\w|\w\.example|(?i:mailto|javascript):"),
    re.compile(r":\w+:"),
    re.compile(r"^[#>]", re.MULTILINE),
)


def is_live(text: str) -> list[str]:
    """What in a text a service would act on."""
    steering = [c for c in text if unicodedata.category(c) in ("Cc", "Cf") and c not in "\r\n"]
    return [pattern.pattern for pattern in LIVE if pattern.search(text)] + steering


@pytest.mark.parametrize("text", BAD)
def test_nothing_in_it_works_and_little_is_lost(text: str):
    shown = harmless(f"Ada {text} B")
    assert is_live(shown) == []
    assert "\n" not in shown
    assert shown.startswith("Ada ")
    assert shown.endswith(" B")
    letters = re.sub(r"[^a-z0-9]", "", text.lower().replace("\x1b[31m", "[31m"))
    assert re.sub(r"[^a-z0-9]", "", shown[4:-2].lower()) == letters
    assert is_live(harmless(text)) == []


@given(st.text(st.sampled_from("<>!@&#:/_*~|`[]().\\ abh\n\t\u202e\u200b\u0301é李1"), max_size=30))
def test_nothing_in_any_text_works(text: str):
    assert is_live(harmless(text)) == []


@pytest.mark.parametrize(
    "text",
    [
        *("Functions & Scope", "Node.js", "C#", "snake_case", "1.5 h", "What? (again)"),
        *("Zoë O'Neil-Müller", "李", "محمد علی", "مى\u200cخواهم", "Unit 3: Loops", "5 > 3"[:1]),
    ],
)
def test_what_is_harmless_stays_as_it_is(text: str):
    assert harmless(text).replace("․", ".") == text


def test_what_is_long_is_cut():
    assert harmless("a" * 200) == "a" * 200
    assert harmless("a" * 201) == "a" * 199 + "…"
    assert harmless(None) == ""


def service_at(receiver: Receiver, url: str, **places: str) -> apprise.NotifyBase:
    """apprise's own service with its address changed to the receiver's: a setting of its class."""
    manager = apprise.NotificationManager()
    kind = manager[url.partition(":")[0]]
    base = f"http://127.0.0.1:{receiver.server.server_port}"
    there = type(kind.__name__, (kind,), {name: base + path for name, path in places.items()})
    asset = delivery.open_service("json://127.0.0.1/x").asset
    return there(**kind.parse_url(delivery._with_options(url)), asset=asset)


def sent_to(receiver: Receiver, service: apprise.NotifyBase, text: str) -> Any:
    delivery.try_once(
        service, f"Class · {harmless(text)}: 1 student", f"• {harmless(text)}: stuck."
    )
    return receiver.requests[-1].body


@pytest.mark.parametrize("text", [*BAD, *map(" ".join, HOSTILE.values()), "R&D"])
def test_slack_gets_no_mention_link_or_picture(text: str):
    with receiving() as receiver:
        service = service_at(receiver, SLACK, webhook_url="/services")
        service.request_rate_per_sec = 0
        payload = sent_to(receiver, service, text)
    [attachment] = payload["attachments"]
    assert payload["mrkdwn"] is False
    assert payload.keys() == {"mrkdwn", "attachments"}
    assert attachment.keys() == {"title", "text", "color"}
    for told in (attachment["title"], attachment["text"]):
        assert not re.search(r"[<>]|&(?!amp;|lt;|gt;)", told)
        assert is_live(told) == []
    assert text != "R&D" or "R&amp;D" in attachment["text"]


@pytest.mark.parametrize("text", [*BAD, *map(" ".join, HOSTILE.values())])
def test_discord_gets_no_mention_link_markup_or_picture(text: str):
    with receiving() as receiver:
        service = service_at(receiver, DISCORD, notify_url="/api/webhooks")
        payload = sent_to(receiver, service, text)
    assert payload.keys() == {"tts", "wait", "content"}
    assert is_live(payload["content"]) == []


@pytest.fixture
def teams(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A receiver for Teams, whose service speaks TLS only."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with receiving(certificate) as receiver:
        yield receiver


def teams_at(receiver: Receiver) -> apprise.NotifyBase:
    service = delivery.open_service(
        f"workflows://127.0.0.1:{receiver.server.server_port}/workflow/signature"
    )
    service.request_rate_per_sec = 0
    return service


@pytest.mark.parametrize("text", [*BAD, *map(" ".join, HOSTILE.values()), "<at>Ada</at>", "a-b"])
def test_teams_gets_no_mention_link_markup_or_picture(teams: Receiver, text: str):
    payload = sent_to(teams, teams_at(teams), text)
    [attachment] = payload["attachments"]
    card = attachment["content"]
    assert card["msteams"] == {"width": "full"}
    assert [block["type"] for block in card["body"]] == ["TextBlock", "TextBlock"]
    title, body = (block["text"] for block in card["body"])
    assert is_live(title) == []
    assert is_live(re.sub(r"\\([!-/:-@[-`{-~])", r"\1", body)) == []
    assert not re.search(r"(?<!\\)[*_`<\[\]]", body)
    assert title.startswith("Class · ") and title.endswith(": 1 student")


def test_teams_takes_parts_of_a_message_as_they_are_each_line_a_line(teams: Receiver):
    service = teams_at(teams)
    assert delivery.limit_of(service) == 950
    parts = split(hyphenated(), delivery.limit_of(service), partial(delivery.room_of, service))
    for part in parts:
        answer = delivery.try_once(service, part.title_text(()), part.body(()))
        assert answer.outcome is Outcome.ARRIVED
    told = [request.body["attachments"][0]["content"]["body"] for request in teams.requests]
    assert [title["text"] for title, _ in told] == [part.title for part in parts]
    assert len(parts) > 2
    for _, body in told:
        lines = body["text"].split("\n\n")
        assert all("\n" not in line for line in lines)
        assert [line[:9] for line in lines[:-1]] == ["• Person "] * (len(lines) - 1)
        assert lines[-1] == "Data up to now\\."


def hyphenated() -> Message:
    """A message of which much is escaped in Markdown."""
    entries = tuple(Entry(f"• Person {n}", ": " + "a-b (c). " * 12) for n in range(20))
    return Message("Class · Night: many", entries, "Data up to now.")


def test_telegram_takes_the_parts_of_a_message_as_they_are():
    with receiving() as receiver:
        service = service_at(receiver, TELEGRAM, notify_url="/bot")
        parts = split(hyphenated(), delivery.limit_of(service), partial(delivery.room_of, service))
        for part in parts:
            answer = delivery.try_once(service, part.title_text(()), part.body(()))
            assert answer.outcome is Outcome.ARRIVED
        told = [request.body["text"] for request in receiver.requests]
    assert [text.splitlines()[0] for text in told] == [f"<b>{part.title}</b>" for part in parts]
    assert "".join(told).count("• Person ") == 20


@pytest.mark.parametrize(
    ("url", "text", "room"),
    [
        (TEAMS, "a-b\nc", 7),
        (SLACK, "a-b\nc", 5),
        (TELEGRAM, "a-b <'c'>\nd", 36),
    ],
)
def test_what_is_escaped_takes_its_room(url: str, text: str, room: int):
    assert delivery.room_of(delivery.open_service(url), text) == room


def test_limits_are_those_of_a_phone():
    found = {url: delivery.limit_of(delivery.open_service(url)) for url in (SLACK, DISCORD)}
    assert found == {SLACK: 3_800, DISCORD: 1_900}
    assert delivery.limit_of(delivery.open_service("mailto://u:p@h.example")) == 28_500


def test_mail_has_one_subject_and_no_header_of_a_name():
    with mailing() as (box, url):
        service = delivery.open_service(url)
        service.request_rate_per_sec = 0
        first = f"Class · {harmless(HOSTILE['x4'][0])}"
        answer = delivery.try_once(service, first, f"• {harmless(HOSTILE['x4'][0])}: Zoë.\nEnd")
        assert answer.outcome is Outcome.ARRIVED
    [mail] = box.messages
    assert mail["Bcc"] is None
    assert mail["To"] == "c@d.example"
    assert mail["Subject"] == "Class · Eve Bcc: all＠evil․example"
    assert mail.get_content_type() == "text/plain"
    assert mail.get_content().splitlines() == ["• Eve Bcc: all＠evil․example: Zoë.", "End"]


def test_short_names_tell_apart_whom_they_can():
    names: dict[str, tuple[str | None, str | None]] = {
        "1": ("Ana", "Rossi"),
        "2": ("Ana", "Ruiz"),
        "3": ("Ana", "Silva"),
        "4": ("Ben", "Li"),
        "5": ("Ben", "Li"),
        "6": ("Cher", None),
        "7": (None, "Kuzmina"),
        "8": (None, None),
        "9": ("Dee", "X"),
    }
    assert short_names(names) == {
        "1": "Ana Ro.",
        "2": "Ana Ru.",
        "3": "Ana S.",
        "4": "Ben L.",
        "5": "Ben L.",
        "6": "Cher",
        "7": "Kuzmina",
        "8": "",
        "9": "Dee X",
    }


ANAS = {"id-1a2b": "Ana Li", "id-1c2b": "ana li", "other": "Ben Li"}


@pytest.mark.parametrize(
    ("emails", "marks"),
    [
        (("ana@x.org", "a.li@x.org", "ben@x.org"), ("an…", "a.…")),
        (("ana@x.org", "li@x.org", None), ("a…", "l…")),
        (("Ana@x.org", "ana@y.org", None), ("Ana＠x…", "ana＠y…")),
        (("a@x.org", "a@x.or", None), ("a＠x․org…", "a＠x․or…")),
        (("ana@x.org", " ANA@x.org", None), ("…1a2b", "…1c2b")),
        (("ana@x.org", "", None), ("…1a2b", "…1c2b")),
    ],
)
def test_who_is_called_alike_gets_as_much_more_as_tells_them_apart(
    emails: tuple[str | None, ...], marks: tuple[str, str]
):
    found = told_apart(ANAS, dict(zip(ANAS, (email or "" for email in emails), strict=True)))
    assert found == dict(zip(ANAS, marks, strict=False))


@pytest.mark.parametrize(
    ("ids", "marks"),
    [
        (("a-7b2b", "b-7b2b"), ("…a-7b2b", "…b-7b2b")),
        (("xa7b2b", "xb7b2b"), ("…a7b2b", "…b7b2b")),
        (("1", "21"), ("…1", "…21")),
        (("1<2b2", "1>2b2"), ("…‹2b2", "…›2b2")),
    ],
)
def test_without_e_mails_the_ends_of_ids_tell_apart(ids: tuple[str, str], marks: tuple[str, str]):
    assert told_apart(dict.fromkeys(ids, "Ana"), {}) == dict(zip(ids, marks, strict=True))


def message(count: int, words: int = 12) -> Message:
    entries = tuple(
        Entry(f"• Person {n}", ": " + "word " * words, (Key(f"k{n}"),)) for n in range(count)
    )
    return Message("Class · Night: many", entries, "Data up to now.", (Key("whole"),))


@pytest.mark.parametrize("limit", [300, 950, 1_900, 3_800])
@pytest.mark.parametrize("count", [1, 5, 40])
def test_parts_fit_and_hold_whole_people_once(count: int, limit: int):
    whole = message(count)
    parts = split(whole, limit)
    assert all(part.size() <= limit for part in parts)
    assert [entry for part in parts for entry in part.entries] == list(whole.entries)
    assert all(part.entries and part.foot == whole.foot for part in parts)
    if len(parts) == 1:
        assert parts == [whole]
    else:
        assert parts[1].title == f"Class · Night: many (2/{len(parts)})"
        assert [len(part.keys) for part in parts] == [1] * (len(parts) - 1) + [2]
        assert len({key for part in parts for key in part.keys}) == len(parts) + 1
        assert whole.keys[0] in parts[-1].keys


def test_message_that_just_fits_stays_whole():
    whole = message(9)
    assert split(whole, whole.size()) == [whole]
    assert len(split(whole, whole.size() - 1)) == 2


def test_part_is_filled_to_the_last_character():
    whole = message(4)
    around = replace(whole, entries=()).size() + len(" (99/99)")
    two = 2 * (len(whole.entries[0].text(again=True)) + 1)
    assert [len(part.entries) for part in split(whole, around + two)] == [2, 2]
    assert [len(part.entries) for part in split(whole, around + two - 1)] == [1, 1, 1, 1]


def test_entry_that_is_longer_than_a_message_is_cut():
    whole = message(3, words=500)
    parts = split(whole, 500)
    assert len(parts) == 3
    assert all(part.size() <= 500 for part in parts)
    assert parts[0].entries[0].rest.endswith("…")


def test_again_stands_behind_whom_it_is_about():
    whole = replace(message(2, words=1), keys=())
    assert whole.body({"k1"}).splitlines()[:2] == [
        "• Person 0: word ",
        "• Person 1 (again): word ",
    ]
    assert message(1).title_text({"whole"}) == "Class · Night: many (again)"
    assert message(1).title_text(set()) == "Class · Night: many"


def test_discord_takes_the_parts_of_a_long_message_as_they_are():
    with receiving() as receiver:
        service = service_at(receiver, DISCORD, notify_url="/api/webhooks")
        parts = split(message(60), delivery.limit_of(service))
        for part in parts:
            answer = delivery.try_once(service, part.title_text(()), part.body(()))
            assert answer.outcome is Outcome.ARRIVED
        told = [request.body["content"] for request in receiver.requests]
    assert len(told) == len(parts) > 2
    assert all(len(text) <= 2_000 for text in told)
    assert "".join(told).count("• Person ") == 60


@pytest.mark.parametrize(
    ("answer", "outcome", "status"),
    [
        ("200", Outcome.ARRIVED, None),
        ("204", Outcome.ARRIVED, None),
        ("10kB", Outcome.ARRIVED, None),
        ("400", Outcome.REFUSED, 400),
        ("429 3", Outcome.REFUSED, 429),
        ("500", Outcome.REFUSED, 500),
        ("502", Outcome.UNKNOWN, 502),
        ("504", Outcome.UNKNOWN, 504),
        ("cut", Outcome.UNKNOWN, None),
    ],
)
def test_answers_are_told_apart(answer: str, outcome: Outcome, status: int | None):
    with receiving() as receiver:
        receiver.answers = [answer]
        found = delivery.try_once(delivery.open_service(receiver.url), "title", "text")
    assert (found.outcome, found.status) == (outcome, status)


def test_pauses_grow_and_are_longest_when_there_were_too_many():
    refused = [delivery.Answer(Outcome.REFUSED, status) for status in (500, 429)]
    pauses = [[delivery.pause_after(answer, tries) for tries in (1, 2)] for answer in refused]
    assert pauses == [[2, 8], [30, 60]]


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("json://h", "json://h?"),
        ("json://h?image=yes", "image=yes&"),
        ("json://h/a?RTO=3", "RTO=3&"),
    ],
)
def test_options_of_the_url_stay_as_they_are(url: str, told: str):
    found = delivery._with_options(url)
    assert found.startswith(url) and told in found
    assert found.lower().count("rto=") == found.lower().count("image=") == 1


class Kept(logging.Handler):
    """Keeps what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture
def log() -> Iterator[Kept]:
    """What reaches the root's handlers, whatever logging is set to: pytest's own sees more."""
    root, kept = logging.getLogger(), Kept()
    level = root.level
    root.addHandler(kept)
    root.setLevel(logging.DEBUG)
    yield kept
    root.setLevel(level)
    root.removeHandler(kept)


def test_nothing_of_a_url_is_logged(log: Kept):
    with pytest.raises(ConfigError) as raised:
        delivery.open_service("slack://T0K3N/s3cret")
    with receiving() as receiver:
        receiver.answers = ["500", "cut"]
        for _ in range(3):
            delivery.try_once(delivery.open_service(receiver.url), "title", "text")
    logging.getLogger().warning("this arrives")
    told = " ".join(record.getMessage() for record in log.records)
    assert "this arrives" in told
    assert not [record for record in log.records if record.name.startswith("apprise")]
    assert "T0K3N" not in str(raised.value) + told
