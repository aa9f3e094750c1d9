"""Handing a message to a service, by apprise: whether it arrived, was refused, or nobody knows.

apprise is told a URL, which is a secret: nothing that it says is printed or kept. It reports no
more than success; the HTTP status is read from the log of the attempt, as its results give it.
It shows no header of an answer in any documented way, so what `Retry-After` says is not known:
after a refusal for too many messages the pauses are as long as services commonly ask for.
"""

from __future__ import annotations

import logging
import re
import string
import time
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ConfigError

if TYPE_CHECKING:
    from apprise import NotifyBase

TRIES = 3
PAUSES = (2.0, 8.0)
PAUSES_WHEN_TOO_MANY = (30.0, 60.0)
"""Seconds after the first and the second try; the second kind after status 429."""

_SECONDS_TO_ANSWER = 10
_TOO_MANY = 429
# What stands between here and the service lost sight of it: it may have arrived.
_WITH_A_PROXY = (502, 504)
_STATUS = re.compile(r"\berror=(\d{3})\b")
_CHAT_LIMIT = 4_000
_MAIL_LIMIT = 30_000
_TITLE_LIMIT = 250
# What apprise makes of a character: `\-` in Markdown, `&apos;` in HTML.
_ESCAPED = {
    "markdown": dict.fromkeys(string.punctuation, 2) | {"\n": 2},
    "html": {"&": 5, "<": 4, ">": 4, "'": 6, '"': 6, " ": 6, "\n": 5},
}
# What a service adds of itself: pictures, footers. And how long it may take to answer.
_OPTIONS = {
    "avatar": "no",
    "image": "no",
    "footer": "no",
    "overflow": "split",
    "rto": str(_SECONDS_TO_ANSWER),
    "cto": str(_SECONDS_TO_ANSWER),
}


class Outcome(Enum):
    """What became of a message."""

    ARRIVED = "arrived"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Answer:
    """What a service said to one try; `status` is that of HTTP, where there was one."""

    outcome: Outcome
    status: int | None = None

    @property
    def words(self) -> str:
        """Why it failed, without anything secret."""
        if self.status == _TOO_MANY:
            return "status 429: too many messages at once"
        if self.status is not None:
            return f"status {self.status}"
        return "no answer, or a broken one"


def open_service(url: str) -> NotifyBase:
    """The service behind a URL. Raises ConfigError, which does not show it."""
    try:
        import apprise
    except ImportError:
        raise ConfigError(
            "Messages need apprise, which is not installed",
            "Run `pipx inject cohort-tracker apprise`, or `pip install 'cohort-tracker[notify]'`.",
        ) from None

    _keep_quiet()
    asset = apprise.AppriseAsset(
        app_id="Cohort Tracker",
        app_desc="Cohort Tracker",
        app_url="",
        image_url_mask="",
        image_url_logo="",
        async_mode=False,
        storage_mode="memory",
    )
    try:
        service = apprise.Apprise.instantiate(_with_options(url), asset=asset)
    except Exception:  # whatever it says may show the URL
        service = None
    if service is None:
        raise ConfigError(
            "the URL is none that apprise knows",
            "docs/notify.md shows how URLs of Slack, Discord and mail are written.",
        )
    return service


def _keep_quiet() -> None:
    """Let apprise print nothing, whatever logging is set to: its messages show parts of URLs."""
    logger = logging.getLogger("apprise")
    logger.setLevel(logging.WARNING)
    logger.propagate = False


def _with_options(url: str) -> str:
    """The URL with the options that it does not set itself."""
    base, mark, query = url.partition("?")
    given = {part.partition("=")[0].lower() for part in query.split("&")}
    added = [f"{key}={value}" for key, value in _OPTIONS.items() if key not in given]
    return base + "?" + "&".join([*([query] if mark and query else []), *added])


def name_of(service: NotifyBase) -> str:
    """What the service is called, like `Slack`."""
    return str(service.service_name)


def limit_of(service: NotifyBase) -> int:
    """How many characters a message to the service may have, its title included."""
    longest = min(int(service.body_maxlen), _MAIL_LIMIT if is_mail(service) else _CHAT_LIMIT)
    return longest - longest // 20  # what a service adds takes room, too


def room_of(service: NotifyBase, text: str) -> int:
    """How many characters a text has there, with what is escaped."""
    escaped = _ESCAPED.get(_drawn_as(service), {})
    return sum(escaped.get(character, 1) for character in text)


def _drawn_as(service: NotifyBase) -> str:
    """How the service draws what it is given as text: `text`, `markdown` or `html`."""
    return str(service.resolve_format("text").value)


def is_mail(service: NotifyBase) -> bool:
    """Whether the service is mail."""
    return name_of(service) == "E-Mail"


def try_once(service: NotifyBase, title: str, body: str, file: Path | None = None) -> Answer:
    """Send a message once, with a file if there is one."""
    import apprise

    sender = apprise.Apprise(asset=service.asset)
    sender.add(service)
    if _drawn_as(service) == "markdown":
        body = re.sub(r"\n+", "\n\n", body)  # one alone is a blank there, in Teams for one
    try:
        result = sender.notify(
            body=body,
            title=title[:_TITLE_LIMIT],
            body_format="text",
            attach=None if file is None else str(file),
        )
    except Exception:  # whatever it says may show the URL
        return Answer(Outcome.UNKNOWN)
    if bool(result):
        return Answer(Outcome.ARRIVED)
    found = [_STATUS.search(entry.message) for entry in result.logs()]
    status = next((int(match[1]) for match in reversed(found) if match), None)
    is_sure = status is not None and status >= 300 and status not in _WITH_A_PROXY
    return Answer(Outcome.REFUSED if is_sure else Outcome.UNKNOWN, status)


def pause_after(answer: Answer, tries: int) -> float:
    """How many seconds to wait after a try that failed, the first being number one."""
    pauses = PAUSES_WHEN_TOO_MANY if answer.status == _TOO_MANY else PAUSES
    return pauses[tries - 1]


def wait(seconds: float) -> None:
    """Wait."""
    time.sleep(seconds)
