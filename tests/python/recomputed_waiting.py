"""Where each student stands in the plan: reached, skipped, waiting, stuck."""

from datetime import date
from typing import Any

from recomputed import Group
from recomputed_calendar import monday_of
from recomputed_health import Health

STUCK_DAYS = 7
STUCK_FAIL_DAYS = 14
NOWHERE = {
    "is_reached": False,
    "is_skipped": False,
    "is_waiting": False,
    "waiting_since": None,
    "days_waiting": None,
    "class_days_waiting": None,
    "is_stuck": False,
    "is_stuck_long": False,
}


class Waiting:
    """The state of every student at every assignment of the plan, as of now."""

    def __init__(self, health: Health) -> None:
        self.health, self.core, self.calendar = health, health.core, health.calendar
        self.places = {key: self._place(*key) for key in self.core.pairs}

    def _is_done(self, class_id: str, student: str, assignment: str) -> bool:
        return self.core.pairs[class_id, student, assignment]["state"] == "completed"

    def _place(self, class_id: str, student: str, assignment: str) -> dict[str, Any]:
        group = self.core.group_of(class_id, student)
        chain = self.core.required(group)
        if assignment not in chain:
            return NOWHERE
        index = chain.index(assignment)
        before = chain[index - 1] if index else None
        is_done = self._is_done(class_id, student, assignment)
        is_later_done = any(self._is_done(class_id, student, a) for a in chain[index + 1 :])
        is_begun = self.core.pairs[class_id, student, assignment]["state"] != "not_started"
        is_next = before is not None and self._is_done(class_id, student, before)
        is_open = any(r["assignment_id"] == assignment for r in self.core.known[class_id])
        is_reached = is_begun or is_later_done or (is_next and is_open)
        place = {
            **NOWHERE,
            "is_reached": is_reached,
            "is_skipped": not is_done and is_later_done,
            "is_waiting": is_reached
            and not is_done
            and not is_later_done
            and self.core.enrollments[class_id, student]["is_enrolled"],
        }
        if place["is_waiting"]:
            place |= self._wait(group, student, assignment, before)
        return place

    def _wait(
        self, group: Group, student: str, assignment: str, before: str | None
    ) -> dict[str, Any]:
        class_id, _ = group
        since = self.since(class_id, student, assignment, before)
        if since is None:
            return {}
        today = self.core.today(class_id)
        waited = self.calendar.class_days_between(group, since, today)
        silent = self.health.now(class_id, student).class_silent
        return {
            "waiting_since": since,
            "days_waiting": (today - since).days,
            "class_days_waiting": waited,
            "is_stuck": silent is not None and waited - silent >= STUCK_DAYS,
            "is_stuck_long": silent is not None and waited - silent >= STUCK_FAIL_DAYS,
        }

    def since(
        self, class_id: str, student: str, assignment: str, before: str | None
    ) -> date | None:
        """Return the day from which on the student waits; unknown if nothing here has a day."""
        here = [r for r in self.core.known[class_id] if r["assignment_id"] == assignment]
        moments = [m for r in here for m in (r["started_at"], r["completed_at"]) if m]
        bases = [self.core.day(class_id, m) for m in moments]
        bases = [min(bases)] if bases else []
        if before is not None:
            bases += self.core.completed_days(class_id).get((student, before), [])[:1]
        base = max(bases, default=None)
        starts = [
            self.core.day(class_id, r["started_at"])
            for r in here
            if r["user_id"] == student and r["started_at"]
        ]
        opened = min((d for d in starts if base is None or d >= base), default=base)
        if opened is None:
            return None
        enrolled = self.core.enrollments[class_id, student]["enrolled_on"]
        return max(opened, enrolled, self.core.begin[class_id] or date.min)

    def longest(self, class_id: str, student: str) -> tuple[str, dict[str, Any]] | None:
        """Return the assignment at which the student has waited longest, the first of equals."""
        waits = [
            (assignment, place)
            for assignment in self.core.curriculum[class_id]
            if (place := self.places.get((class_id, student, assignment))) and place["is_waiting"]
        ]
        unknown = -1
        return max(
            waits,
            key=lambda w: unknown if w[1]["days_waiting"] is None else w[1]["days_waiting"],
            default=None,
        )

    def start(self, class_id: str, student: str) -> dict[str, Any]:
        """Return where to start: where stuck, else the first missing, else the longest wait."""
        now = self.health.now(class_id, student)
        longest = self.longest(class_id, student)
        missing = [
            a
            for a in self.health.expected_of(now, student)
            if (class_id, student, a) in self.core.pairs and not self._is_done(class_id, student, a)
        ]
        start = longest[0] if longest else None
        if missing and not (longest and longest[1]["is_stuck"]):
            start = min(missing, key=now.required.index)
        place = self.places.get((class_id, student, start), NOWHERE) if start else NOWHERE
        return {
            "start_assignment_id": start,
            "start_days_waiting": place["days_waiting"] if place["is_waiting"] else None,
        }

    def stuck_at(self, class_id: str, assignment: str) -> list[str]:
        """Return who is stuck at an assignment."""
        return [
            s
            for (c, s, a), place in self.places.items()
            if (c, a) == (class_id, assignment) and place["is_stuck"]
        ]

    def stuck_students(self) -> dict[Any, dict[str, Any]]:
        """Class x assignment x student, those who are stuck."""
        return {
            (class_id, assignment, student): {
                "waiting_since_on": place["waiting_since"],
                "days_waiting": place["days_waiting"],
                "is_stuck_long": place["is_stuck_long"],
            }
            for (class_id, student, assignment), place in self.places.items()
            if place["is_stuck"]
        }

    def stuck_since_week(self, class_id: str, student: str) -> date | None:
        """Return the Monday of the week since which the student is stuck."""
        longest = self.longest(class_id, student)
        if longest is None or not longest[1]["is_stuck"]:
            return None
        return monday_of(longest[1]["waiting_since"])
