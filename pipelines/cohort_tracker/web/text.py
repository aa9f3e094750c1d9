"""How texts, days and numbers are written on a page."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from markupsafe import Markup

from ..reading.briefing import Student
from ..reading.contacts import Contact
from ..reading.details import Signal
from ..runtime.printing import printable

NAME_LENGTH = 60
SENTENCE_LENGTH = 240
_MONTHS = "January February March April May June July August September October November December"
_DAYS = "Mon Tue Wed Thu Fri Sat Sun"
TIERS = {
    "critical": "critical risk",
    "high": "high risk",
    "medium": "medium risk",
    "low": "low risk",
    "n_a": "no verdict",
}
SIGNALS = {
    "progress": "Progress",
    "inactivity": "Silence",
    "grades": "Low grades",
    "momentum": "Lately",
    "stuck": "Stuck",
    "quizzes": "Failed quizzes",
    "never_started": "Never started",
}
_BELOW = ("progress", "momentum")
_HOW = {
    "call": "Called",
    "mail": "Written to",
    "chat": "Written to in the chat",
    "meeting": "Met",
}


def shown(value: Any) -> Any:
    """What a template puts out: no character in it steers the page."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return printable(value, "")
    return value


def cut(text: str, length: int = SENTENCE_LENGTH) -> str:
    """A text of at most `length` characters; the end of a longer one is an ellipsis."""
    clean = printable(text, "").strip()
    return clean if len(clean) <= length else clean[: length - 1].rstrip() + "…"


def name(text: str) -> str:
    """A name, cut where it is too long to be one. Who has none to be seen is said so."""
    return cut(text, NAME_LENGTH) or "(without a name)"


def is_cut(text: str) -> bool:
    """Whether `name` leaves something out."""
    return len(printable(text, "").strip()) > NAME_LENGTH


def day(value: date) -> str:
    """A day as people write it: `9 November`."""
    return f"{value.day} {_MONTHS.split()[value.month - 1]}"


def short_day(value: date) -> str:
    """A day where there is little room: `9 Nov`."""
    return f"{value.day} {_MONTHS.split()[value.month - 1][:3]}"


def moment(value: datetime, timezone: str) -> str:
    """An aware time in the time zone: `Sat 28 November 2026, 18:06`."""
    local = value.astimezone(ZoneInfo(timezone))
    return f"{_DAYS.split()[local.weekday()]} {day(local)} {local.year}, {local:%H:%M}"


def percent(share: float) -> str:
    """A share in whole percent; no share that is neither reads as all or nothing."""
    whole = round(100 * share)
    if (share > 0 and whole == 0) or (share < 1 and whole == 100):
        whole = 1 if whole == 0 else 99
    return f"{whole}%"


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """A number of things: `1 student`, `2 students`."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def number(value: float) -> str:
    """A number with one decimal at most."""
    return f"{round(value, 1):,g}" if abs(value) < 1e6 else f"{value:,.0f}"


def limit(signal: Signal) -> str:
    """From where on a signal that warns does so: `warning from 14 days`."""
    value = signal.fail if signal.status == "fail" else signal.watch
    if value is None:
        return ""
    words = {"share": percent(value), "days": counted(round(value), "day")}
    how = "warning" if signal.status == "fail" else "worth a look"
    below = "below" if signal.signal in _BELOW else "from"
    return f"{how} {below} {words.get(signal.unit, number(value))}"


def mail_link(address: str) -> str | None:
    """The link that writes to an address; None where it cannot be one."""
    if address.count("@") != 1 or not address.isprintable() or " " in address:
        return None
    return "mailto:" + quote(address, safe="@")


def contacted(contact: Contact) -> str:
    """What was done last, as a sentence without a full stop."""
    by = f" by {cut(contact.by, NAME_LENGTH)}" if contact.by else ""
    note = f": {cut(contact.note)}" if contact.note else ""
    return f"{_HOW.get(contact.how, 'Reached out to')} on {day(contact.on)}{by}{note}"


def by_reason(students: Iterable[Student]) -> dict[str, list[Student]]:
    """Students without a verdict by the reason, the most frequent one first."""
    found: dict[str, list[Student]] = defaultdict(list)
    for student in students:
        reason = cut(student.n_a_reason or "not known")
        found[reason[:1].upper() + reason[1:]].append(student)
    return dict(sorted(found.items(), key=lambda item: (-len(item[1]), item[0])))
