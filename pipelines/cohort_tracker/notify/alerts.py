"""What is news of the students of a group: one message, in the order of the page."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping

from ..channels import MENTOR_RULES
from ..reading.briefing import Student
from ..reading.reader import Row
from ..reading.scope import key_of
from .audience import Audience
from .harmless import harmless
from .message import Entry, Key, Message

MANY = 5
MANY_PERCENT = 25
"""More people than both of these at once are told as one thing: it is not about them."""

_WORDS = {
    "entered_at_risk": "newly at risk",
    "got_worse": "got worse",
    "newly_stuck": "newly stuck",
    "never_started": "never started",
}


def news_keys(audience: Audience) -> list[Key]:
    """Whatever could be told of a group now, by any rule."""
    return [_key(row) for row in _events(audience, MENTOR_RULES)]


def alert(audience: Audience, rules: tuple[str, ...], states: Mapping[str, str]) -> Message | None:
    """What was not told yet; None where there is nothing. `states` is what the ledger has."""
    order = {student.student_id: student for student in audience.briefing.everyone}
    events: dict[str, list[Row]] = defaultdict(list)
    for row in _events(audience, rules):
        student = order.get(row["student_id"])
        if student is None or audience.is_quiet(student):
            continue
        if states.get(row["event_key"]) != "sent":
            events[row["student_id"]].append(row)
    people = [student for id_, student in order.items() if id_ in events]
    if not people:
        return None
    if len(people) > MANY and 100 * len(people) > MANY_PERCENT * audience.briefing.students:
        return _many(audience, [events[student.student_id] for student in people])
    count = len(people)
    return Message(
        f"{audience.title}: {count} student{'s need' if count > 1 else ' needs'} a look",
        tuple(_entry(audience, student, events[student.student_id]) for student in people),
        audience.foot,
    )


def _events(audience: Audience, rules: tuple[str, ...]) -> list[Row]:
    """Events that are news: of this week or the last, or of who is stuck or absent now."""
    condition = "class_id = ? AND is_enrolled AND event IN (SELECT unnest(?))"
    parameters: list[object] = [audience.group.class_id, list(rules)]
    if audience.group.night is not None:
        condition += " AND lower(night) = ?"
        parameters.append(key_of(audience.group.night))
    return audience.reader.rows(
        "marts.student_events",
        ("class_id", "student_id", "event", "sentence", "event_key"),
        where=f"{condition} AND (is_recent OR event IN ('newly_stuck', 'never_started'))",
        parameters=parameters,
        order="student_id, event_key",
    )


def _key(row: Row) -> Key:
    return Key(row["event_key"], row["class_id"], row["student_id"])


def _entry(audience: Audience, student: Student, events: list[Row]) -> Entry:
    rank = list(_WORDS)
    events = sorted(events, key=lambda row: rank.index(row["event"]))
    kinds = dict.fromkeys(row["event"] for row in events)
    if "entered_at_risk" in kinds:
        kinds.pop("got_worse", None)  # it says the same
    what = ", ".join(_WORDS[kind] for kind in kinds)
    sentences = dict.fromkeys(harmless(row["sentence"]) for row in events)
    start = ""
    if student.start_name and all(row["event"] != "newly_stuck" for row in events):
        start = f" Start here: {harmless(student.start_name)}."
    return Entry(
        f"• {audience.name(student.student_id)}",
        f": {what}. {'. '.join(sentences)}.{start}",
        tuple(_key(row) for row in events),
    )


def _many(audience: Audience, events: list[list[Row]]) -> Message:
    """What is true of so many says something about the class, the data or a threshold."""
    count = Counter(row["event"] for rows in events for row in rows)
    kinds = ", ".join(f"{count[event]} {words}" for event, words in _WORDS.items() if count[event])
    return Message(
        f"{audience.title}: many changed at once",
        (
            Entry(
                f"{len(events)} of {audience.briefing.students} students: {kinds}.",
                " So many at once say something about the class (a break, a due date, a new"
                " setting) rather than about each of them. Look at the class first; they are not"
                " named one by one.",
            ),
        ),
        audience.foot,
        tuple(_key(row) for rows in events for row in rows),
    )
