"""What is on the page, for a day or a week, short enough for a phone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from ..reading.briefing import Student
from .audience import Audience
from .harmless import harmless
from .message import Entry, Key, Message

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_TIERS = {"critical": "critical", "high": "high risk", "medium": "medium risk", "low": "low risk"}
_TOP = 8
"""So many of each list are told one by one; the page has the rest."""


def digest_keys(audience: Audience, kind: str, *, is_asked_for: bool = False) -> tuple[Key, ...]:
    """What the ledger knows the digest by that is due: first the one that decides.

    A week's is due on the night's own weekday, where its name is one, else on Monday, and for the
    rest of the week where there was no sync on that day. One that is asked for is due today.
    """
    today = audience.data_on
    due = today if kind == "day" else _last(_weekday(audience), today)
    days = [today, due] if is_asked_for else [due]
    return tuple(
        Key(f"digest|{kind}|{day.isoformat()}|{audience.about}", audience.group.class_id)
        for day in dict.fromkeys(days)
    )


def _weekday(audience: Audience) -> int:
    words = (audience.group.night or "").lower().split()
    day = words[0].rstrip("s,") if words else ""
    return _WEEKDAYS.index(day) if day in _WEEKDAYS else 0


def _last(weekday: int, today: date) -> date:
    return today - timedelta(days=(today.weekday() - weekday) % 7)


def digest(audience: Audience, kind: str, keys: tuple[Key, ...]) -> Message:
    """The digest of a group, in the order of the page."""
    briefing, today = audience.briefing, audience.data_on
    monday = _last(0, today)
    what = f"{today:%A} {today.day} {today:%B}"
    if kind == "week":
        what = f"week of {monday.day} {monday:%B}"
    return Message(
        f"{audience.title}, {what}",
        (Entry(_counts(audience)), *_people(audience), *_group(audience)),
        audience.foot + (" The class pauses." if briefing.paused_since is not None else ""),
        keys,
    )


def _counts(audience: Audience) -> str:
    """The numbers that are not 0."""
    briefing = audience.briefing
    counted = (
        (len(briefing.to_reach), "to reach out to"),
        (sum(student.is_newly_called for student in briefing.to_reach), "new since last week"),
        (len(briefing.recovered), "recovered"),
        (briefing.stuck_students, "stuck"),
        (briefing.overdue_reviews, "reviews wait too long"),
    )
    told = [f"{number} {words}" for number, words in counted if number]
    return " · ".join(told) or "Nobody needs a call. That is what the tables can see."


def _people(audience: Audience) -> Iterator[Entry]:
    briefing = audience.briefing
    quiet = sum(map(audience.is_quiet, briefing.to_reach))
    for heading, students in (
        ("Slipping", briefing.slipping),
        ("Gone quiet", briefing.gone_quiet),
        ("Never started", briefing.never_started),
    ):
        told = [student for student in students if not audience.is_quiet(student)]
        entries = [_person(audience, student) for student in told[:_TOP]]
        if len(told) > _TOP:
            entries.append(Entry(f"• and {len(told) - _TOP} more"))
        yield from _below(heading, entries)
    if quiet:
        word = "was" if quiet == 1 else "were"
        yield Entry(f"{quiet} more {word} reached out to in the last 7 days.")
    yield from _below(
        "Recovered: say so",
        [
            Entry(f"• {audience.name(item.student_id)}", f": {harmless(item.sentence)}.")
            for item in briefing.recovered[:_TOP]
        ],
    )


def _person(audience: Audience, student: Student) -> Entry:
    sentences = [_tier(student)]
    if student.is_newly_called:
        sentences.append("New on the list")
    if student.unsaid_silence is not None:
        sentences.append(f"Silent for {_days(student.unsaid_silence)}")
    sentences += [harmless(reason.sentence) for reason in student.reasons[:2]] or [_why(student)]
    if student.start_name:
        days = f" ({_days(student.start_days)})" if student.start_days else ""
        sentences.append(f"Start here: {harmless(student.start_name)}{days}")
    if student.last_contact is not None:
        on = student.last_contact.on
        sentences.append(f"Last contact {on.day} {on:%B}")
    return Entry(f"• {audience.name(student.student_id)}", f": {'. '.join(sentences)}.")


def _tier(student: Student) -> str:
    """The tier, and what it was before."""
    parts = [_TIERS.get(student.tier, "no verdict")]
    before = student.previous_tier
    if before in _TIERS and (before != student.tier or student.fell_from):
        parts.append(f"was {_word(before)} last week")
        if student.fell_from:
            parts.append(f"{_word(student.fell_from)} the week before")
    return ", ".join(parts).capitalize()


def _word(tier: str) -> str:
    return _TIERS[tier].removesuffix(" risk")


def _why(student: Student) -> str:
    """Why somebody is named of whom no reason stands out."""
    if student.call_list == "slipping" and student.tier in ("medium", "low"):
        return "Got worse within the last two weeks"
    return "No single reason stands out"


def _group(audience: Audience) -> Iterator[Entry]:
    briefing = audience.briefing
    yield from _below(
        "Where the group is stuck",
        [
            Entry(f"• {harmless(place.assignment_name)}: {place.stuck} of {place.reached} stuck")
            for place in briefing.places
            if place.stuck
        ],
    )
    more = briefing.open_reviews - len(briefing.reviews)
    yield from _below(
        "Reviews that wait longest",
        [
            Entry(
                f"• {audience.name(review.student_id)}: {harmless(review.assignment_name)},"
                f" {_days(review.days_waiting)}"
            )
            for review in briefing.reviews
        ]
        + ([Entry(f"• and {more} more")] if more > 0 else []),
    )


def _days(number: int) -> str:
    return f"{number} day{'' if number == 1 else 's'}"


def _below(heading: str, entries: list[Entry]) -> Iterator[Entry]:
    """Entries with the heading in the first, so that no part of a message ends with it."""
    for number, entry in enumerate(entries):
        lead = f"\n{heading}\n{entry.lead}" if number == 0 else entry.lead
        yield Entry(lead, entry.rest, entry.keys)
