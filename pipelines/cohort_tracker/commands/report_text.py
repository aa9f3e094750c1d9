"""`report` at a terminal: what there is to say about a group, to be read in two minutes.

A name from outside ends a line or stands before plain words, never between columns: so no script
that is written from the right, and no character of doubtful width, moves anything else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from ..reading.briefing import Briefing, Recovery, StuckPlace, Student
from ..reading.contacts import Contact
from ..reading.freshness import Freshness
from ..reading.trust import FAILED_OR_LEFT
from ..runtime.printing import ago, say

SMALL_CLASS = 10
"""Below so many students with a verdict one of them moves the median that all are compared with."""


@dataclass(frozen=True)
class Extent:
    """How much of a group is told.

    Args:
        people: how many of each list; None: all.
        reasons: how many sentences for each of them.
        places: how many of the places where the group is stuck.
        reviews: how many of the reviews that wait.
        addresses: whether to tell those of who must be written to.
    """

    people: int | None = 8
    reasons: int = 2
    places: int = 3
    reviews: int = 5
    addresses: bool = True


ONE = Extent()
"""What is told of a group."""

OF_MANY = Extent(people=3, reasons=1, places=1, reviews=0, addresses=False)
"""What is told of each of several classes."""


def say_report(briefing: Briefing, freshness: Freshness, extent: Extent, now: datetime) -> None:
    """Print a group: of when it is, whom to reach out to, where it is stuck, what waits."""
    today = now.astimezone(ZoneInfo(briefing.timezone)).date()
    _say_heading(briefing, freshness, now)
    if briefing.to_reach:
        _say_counts(briefing)
    else:
        _line(_why_nobody(briefing), indent=0)
    lists = (
        ("Slipping, can be reached in class", briefing.slipping),
        ("Gone quiet, must be written to", briefing.gone_quiet),
        ("Never started", briefing.never_started),
    )
    for title, people in lists:
        _say_people(title, people, briefing, extent, today)
    _say_recovered(briefing.recovered, extent)
    _say_places(briefing, extent)
    _say_reviews(briefing, extent)
    _say_others(briefing, extent)


def say_trust(briefings: Sequence[Briefing]) -> None:
    """Print in one thought how far the lists can be trusted; nothing where nobody is judged."""
    judged = [briefing for briefing in briefings if briefing.judged]
    if not judged:
        return
    say()
    worst, best = (round(100 * FAILED_OR_LEFT[tier]) for tier in ("critical", "low"))
    text = (
        f"How far to trust this: of 100 learners at critical risk {worst} failed or left in the"
        f" end, at low risk still {best}."
    )
    if any(briefing.group.night is None and briefing.judged < SMALL_CLASS for briefing in judged):
        text += " In a small class a single student moves what all are compared with."
    _line(text, indent=0)


def _say_heading(briefing: Briefing, freshness: Freshness, now: datetime) -> None:
    group = briefing.group
    say(group.name, style="bold")
    where = ", ".join(filter(None, (group.shown, group.night)))
    who = f" with {briefing.mentors}" if briefing.mentors else ""
    _line(f"{where}{who}: {_number(briefing.students, 'student')}", indent=0)
    at = freshness.data_at
    if at is None:
        _line("No sync has read this class to its end so far.", indent=0, style="red")
    else:
        local = at.astimezone(ZoneInfo(briefing.timezone))
        when = f"{local:%A} {local.day} {local:%B %Y, %H:%M}"
        _line(f"Data up to {when} ({briefing.timezone}), {ago(at, now)}", indent=0)
    for warning in warnings(briefing, freshness):
        _line(warning, indent=0, style="red")


def warnings(briefing: Briefing, freshness: Freshness) -> list[str]:
    """What is wrong with the data, in words."""
    found = []
    if freshness.is_stale:
        found.append("Old data: what happened since is not in it. Run `cohort-tracker sync`.")
    if freshness.failed_sync:
        found.append(f"The last sync of this class failed: {freshness.failed_sync}")
    if freshness.failed_build:
        found.append(f"The tables could not be rebuilt since: {freshness.failed_build.reason}")
    elif freshness.is_unpublished:
        found.append("A later sync is stored, but not in these tables: run `cohort-tracker sync`.")
    if briefing.is_stale and not freshness.is_stale:
        found.append("When the tables were built the data was too old for verdicts.")
    return found


def _say_counts(briefing: Briefing) -> None:
    new = sum(student.is_newly_called for student in briefing.to_reach)
    parts = [
        f"{len(briefing.to_reach)} to reach out to" + (f" ({new} new since last week)" * (new > 0)),
        f"{len(briefing.recovered)} recovered" * bool(briefing.recovered),
        f"{briefing.stuck_students} stuck" * bool(briefing.stuck_students),
        f"{_number(briefing.overdue_reviews, 'review')} overdue" * bool(briefing.overdue_reviews),
    ]
    _line("; ".join(filter(None, parts)) + ".", indent=0)
    if briefing.paused_since:
        _line(_pause(briefing), indent=0)


def _why_nobody(briefing: Briefing) -> str:
    """Why nobody stands on a list, in words."""
    whose = "group" if briefing.group.night else "class"
    if briefing.group.is_over:
        return "This class is over: nobody is working in it any more, so nobody is judged."
    if briefing.students == 0:
        return f"Nobody is in this {whose} yet."
    if briefing.judged == 0:
        [(reason, _)] = _no_verdict(briefing).most_common(1)
        return f"No verdict on anybody so far: {reason}."
    pause = f" {_pause(briefing)}" if briefing.paused_since else ""
    if briefing.judged == 1:
        return f"Nobody needs a call: the one student with a verdict is on no list.{pause}"
    return (
        f"Nobody needs a call: none of the {briefing.judged} with a verdict is slipping, silent"
        f" or yet to start.{pause}"
    )


def _pause(briefing: Briefing) -> str:
    assert briefing.paused_since is not None
    return (
        f"The class pauses: nobody has completed anything since {_day(briefing.paused_since)}."
        " Silence like everybody's is no reason for a call."
    )


def _say_people(
    title: str, people: Sequence[Student], briefing: Briefing, extent: Extent, today: date
) -> None:
    if not people:
        return
    say()
    say(f"{title}: {len(people)}", style="bold")
    for student in people[: extent.people]:
        _line(student.name)
        if status := ". ".join(_status(student, briefing)):
            _line(status, indent=4, hang=2)
        for reason in student.reasons[: extent.reasons]:
            _line(f"{reason.sentence}.", indent=4, hang=2)
        if student.call_list != "never_started":
            days = f" ({_number(student.start_days, 'day')})" if student.start_days else ""
            start = f"{student.start_name}{days}" if student.start_name else "nothing is missing"
            _line(f"Start at: {start}", indent=4, hang=2)
        if student.last_contact:
            _line(f"Last contact: {_contact(student.last_contact, today)}", indent=4, hang=2)
        if extent.addresses and student.email and student.call_list != "slipping":
            _line(f"Write to: {student.email}", indent=4, hang=2)
    _say_rest(len(people), extent)


def _status(student: Student, briefing: Briefing) -> Iterable[str]:
    """The tier and what changed, whether that is new, and the night for a lead."""
    if student.call_list != "never_started":
        yield f"{student.tier.capitalize()} risk{_change(student)}"
    if student.unsaid_silence is not None:
        yield f"Silent for {_number(student.unsaid_silence, 'day')}"
    if student.is_newly_called:
        yield "New on the list"
    if briefing.group.night is None and student.night:
        yield student.night


def _change(student: Student) -> str:
    """What the tier was, in words."""
    before = student.previous_tier
    if before is None:
        return ""
    if before == "n_a":
        return ", no verdict last week"
    change = ", as last week" if before == student.tier else f", was {before} last week"
    return change + (f", {student.fell_from} the week before" if student.fell_from else "")


def _contact(contact: Contact, today: date) -> str:
    how = {
        "call": "called",
        "mail": "written to by mail",
        "chat": "written to in a chat",
        "meeting": "met",
    }.get(contact.how, contact.how)
    by = f" by {contact.by}" if contact.by else ""
    year = f" {contact.on.year}" if contact.on.year != today.year else ""
    note = f": {contact.note}" if contact.note else ""
    return f"{how} on {_day(contact.on)}{year}{by}{note}"


def _say_recovered(recovered: Sequence[Recovery], extent: Extent) -> None:
    if not recovered:
        return
    say()
    say(f"Recovered, say so: {len(recovered)}", style="bold")
    for who in recovered[: extent.people]:
        _line(f"{who.name}: {_lower_first(who.sentence)}", hang=2)
    _say_rest(len(recovered), extent)


def _say_places(briefing: Briefing, extent: Extent) -> None:
    if not briefing.places:
        return
    say()
    say(f"Where the {'group' if briefing.group.night else 'class'} is stuck", style="bold")
    for place in briefing.places[: extent.places]:
        _line(place.assignment_name)
        _line(". ".join(_trouble(place, extent)) + ".", indent=4, hang=2)


def _trouble(place: StuckPlace, extent: Extent) -> Iterable[str]:
    """What makes it a place where the group is stuck, and who stands there."""
    if place.stuck:
        shown = [f"{one.name} ({_number(one.days, 'day')})" for one in place.who[: extent.people]]
        rest = len(place.who) - len(shown)
        who = ", ".join(shown) + (f" and {rest} more" if rest else "")
        is_are = "is" if place.stuck == 1 else "are"
        yield f"{place.stuck} of {place.reached} who got there {is_are} stuck" + (
            f": {who}" if who else ""
        )
    if place.low_grades:
        yield f"{_number(place.low_grades, 'low grade')} of {place.graded}"
    if place.skipped:
        yield f"{place.skipped} went on without it"


def _say_reviews(briefing: Briefing, extent: Extent) -> None:
    number = briefing.open_reviews
    if not number:
        return
    overdue = f", {briefing.overdue_reviews} overdue" if briefing.overdue_reviews else ""
    oldest = _number(briefing.reviews[0].days_waiting, "day")
    say()
    say(f"Reviews that wait: {number}{overdue}, the oldest for {oldest}", style="bold")
    shown = briefing.reviews[: extent.reviews]
    for review in shown:
        days = _number(review.days_waiting, "day")
        _line(f"{days:>8}  {review.name}: {review.assignment_name}", hang=10)
    if shown and number > len(shown):
        _line(f"and {number - len(shown)} more")


def _say_others(briefing: Briefing, extent: Extent) -> None:
    """Print who has no verdict, and what is not known of the nights."""
    lines = []
    reasons = _no_verdict(briefing)
    if briefing.judged and reasons:
        why = ", ".join(f"{reason} ({count})" for reason, count in reasons.most_common())
        lines.append(f"No verdict for {reasons.total()} of {briefing.students}: {why}.")
    if briefing.without_night:
        lines.append(f"On no night: {len(briefing.without_night)} of {briefing.students}.")
    if extent.addresses and briefing.group.night is None and not briefing.has_nights:
        lines.append("No nights are known: a roster and a mentors file bring them in.")
    if lines:
        say()
    for line in lines:
        _line(line, indent=0)


def _no_verdict(briefing: Briefing) -> Counter[str]:
    return Counter(
        student.n_a_reason or "no reason is known" for student in briefing.without_verdict
    )


def _say_rest(number: int, extent: Extent) -> None:
    if extent.people is not None and number > extent.people:
        how = "; --all shows everybody" if extent == ONE else ""
        _line(f"and {number - extent.people} more{how}")


def _line(text: str, *, style: str = "", indent: int = 2, hang: int = 0) -> None:
    say(text, style=style, indent=indent, hang=hang, fit=True)


def _number(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' if number != 1 else ''}"


def _day(on: date) -> str:
    return f"{on.day} {on:%B}"


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]
