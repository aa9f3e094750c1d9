"""What strangers wrote is harmless in each service, names are short, messages fit."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

import apprise
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cohort_tracker.notify import delivery
from cohort_tracker.notify.harmless import harmless
from notify_school import HOSTILE, Receiver, receiving

SLACK = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7/"
DISCORD = "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js/"
TEAMS = "workflows://127.0.0.1/workflow/signature"
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


def test_teams_gets_messages_that_fit():
    """Its service speaks https only, so nothing is sent here; apprise escapes its markup, too."""
    service = delivery.open_service(TEAMS)
    assert delivery.limit_of(service) == 950
    assert delivery.name_of(service).startswith("Power Automate")
