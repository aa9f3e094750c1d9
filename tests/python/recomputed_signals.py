"""The signals per student, and what changed: the events."""

from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from recomputed_calendar import WEEK, monday_of
from recomputed_health import FAIL_DAYS, RISK, WATCH_DAYS, Health, Rows
from recomputed_moment import Moment, middle
from recomputed_waiting import Waiting

SIGNALS = ("progress", "inactivity", "grades", "momentum", "stuck", "quizzes", "never_started")
MOMENTUM_DAYS = 14
PAUSE_DAYS = 7
OF_EXPECTED_WORK = ("nothing is expected yet", "nothing is expected of this student yet")


class Signals:
    """Every signal of every student."""

    def __init__(
        self, health: Health, waiting: Waiting, types: dict[str, str], names: dict[str, str]
    ) -> None:
        self.health, self.core, self.calendar = health, health.core, health.calendar
        self.waiting, self.types, self.names = waiting, types, names

    def is_paused(self, now: Moment) -> bool:
        """Return whether nobody of the group has completed anything for over a week."""
        last = now.latest
        return last is not None and (self.core.today(now.class_id) - last).days > PAUSE_DAYS

    def student_signals(self) -> Rows:
        """Class x student x signal."""
        found: Rows = {}
        rows = self.health.latest()
        facts = {key: self.facts(*key) for key in rows}
        for (class_id, student), row in rows.items():
            now = self.health.now(class_id, student)
            reason = row["n_a_reason"]
            has_none = bool(reason and reason not in OF_EXPECTED_WORK)
            has_none = has_none or self.calendar.is_over(class_id)
            mine = facts[class_id, student]
            group = {s: facts[class_id, s] for s in now.students if (class_id, s) in facts}
            cohort = self._cohort(now, group)
            for signal in SIGNALS:
                value = mine[signal]
                if signal == "quizzes":
                    value = value or 0
                found[class_id, student, signal] = {
                    "status": "n_a" if has_none else self._status(signal, mine, cohort, now),
                    "measured_value": value,
                    "cohort_value": mine["stuck_there"] if signal == "stuck" else cohort[signal],
                }
            if now.enrollments[student]["enrolled_on"] > now.day:
                # nothing is expected of who is not here yet: any number will do
                del found[class_id, student, "progress"]["measured_value"]
        return found

    def facts(self, class_id: str, student: str) -> dict[str, Any]:
        """Return what is measured of a student."""
        now = self.health.now(class_id, student)
        pairs = {
            a: pair
            for a in self.core.curriculum[class_id]
            if (pair := self.core.pairs.get((class_id, student, a)))
        }
        grades = [p["grade"] for p in pairs.values() if p["grade"] is not None]
        quizzes = [
            p["grade"]
            for a, p in pairs.items()
            if p["grade"] is not None and self.types.get(a, "").lower() == "quiz"
        ]
        expected, done = self.health.expected_of(now, student), self.health.done_of(now, student)
        longest = self.waiting.longest(class_id, student)
        has_begun = any(r["user_id"] == student for r in self.core.known[class_id])
        low, low_quizzes = sum(g < 0.7 for g in grades), sum(g < 0.7 for g in quizzes)
        return {
            "progress": Fraction(len(done), len(expected)) if expected else None,
            "inactivity": now.days_silent(student),
            "excess": now.excess(student),
            "is_finished": student in now.finished,
            "grades": Fraction(low, len(grades)) if grades else None,
            "graded": len(grades),
            "momentum": self.recent(now, student),
            "days_enrolled": now.days_enrolled(student),
            "stuck": longest[1]["days_waiting"] if longest else None,
            "place": longest[1] if longest else None,
            "stuck_there": len(self.waiting.stuck_at(class_id, longest[0])) if longest else None,
            "quizzes": low_quizzes if quizzes else None,
            "graded_quizzes": len(quizzes),
            "never_started": 0 if has_begun else now.days_silent(student),
            "class_days_silent": now.silence(student),
            "has_begun": has_begun,
            "assignments": len(pairs),
        }

    def recent(self, now: Moment, student: str) -> int:
        """Return how much planned work the student first completed lately."""
        order = self.core.curriculum[now.class_id]
        return sum(
            s == student and a in order and (now.day - day).days < MOMENTUM_DAYS
            for (s, a), day in now.first_done.items()
        )

    def _cohort(self, now: Moment, group: dict[str, dict[str, Any]]) -> dict[str, Any]:
        """Return what the peers' median is of each signal."""
        found: dict[str, Any] = {
            name: middle([v for s in now.peers if (v := group[s][name]) is not None])
            for name in ("progress", "grades", "momentum", "quizzes")
        }
        with_work = [facts for facts in group.values() if facts["assignments"]]
        begun = sum(facts["has_begun"] for facts in with_work)
        return found | {
            "inactivity": now.class_calendar_silent,
            "never_started": Fraction(begun, len(with_work)) if with_work else None,
        }

    def _status(self, signal: str, mine: Any, cohort: Any, now: Moment) -> str:
        value = mine[signal]
        if signal == "progress":
            if value is None:
                return "n_a"
            return grade_of(value < Fraction(1, 2), value < Fraction(3, 4))
        if signal == "inactivity":
            excess = 0 if mine["is_finished"] else mine["excess"] or 0
            if excess < WATCH_DAYS and self.is_paused(now):
                return "n_a"
            return grade_of(excess >= FAIL_DAYS, excess >= WATCH_DAYS)
        if signal == "grades":
            if value is None:
                return "n_a"
            is_fail = value >= Fraction(1, 2) and mine["graded"] >= 3
            return grade_of(is_fail, value >= Fraction(1, 4) and mine["graded"] >= 2)
        if signal == "momentum":
            usual = cohort["momentum"]
            if mine["days_enrolled"] < MOMENTUM_DAYS or (usual is not None and usual < 1):
                return "n_a"
            if mine["is_finished"] or usual is None:
                return "pass"
            return grade_of(value * 4 < usual, value * 2 < usual)
        if signal == "stuck":
            if not mine["has_begun"]:
                return "n_a"
            place = mine["place"]
            return grade_of(place and place["is_stuck_long"], place and place["is_stuck"])
        if signal == "quizzes":
            if value is None:
                return "n_a"
            return grade_of(
                value >= 3 and mine["graded_quizzes"] >= 3,
                value >= 1 and mine["graded_quizzes"] >= 2,
            )
        if not mine["assignments"]:
            return "n_a"
        silent = 0 if mine["has_begun"] else mine["class_days_silent"]
        return grade_of(silent >= FAIL_DAYS, silent >= WATCH_DAYS)

    # What changed.

    def student_events(self) -> Rows:
        """One row per event; the key tells the same one from build to build."""
        found: Rows = {}
        for (class_id, student, sunday), row in self.health.weekly.items():
            monday = sunday - timedelta(days=6)
            if self.calendar.is_complete(class_id, monday):
                before = self.health.weekly.get((class_id, student, sunday - WEEK))
                for event in self._of_week(class_id, student, monday, row, before):
                    self._add(found, class_id, student, event, monday, monday)
        signals = self.student_signals()
        for class_id, student in self.health.latest():
            this_week = monday_of(self.core.today(class_id))
            stuck_since = self.waiting.stuck_since_week(class_id, student)
            if stuck_since and signals[class_id, student, "stuck"]["status"] in ("watch", "fail"):
                row = self._add(found, class_id, student, "newly_stuck", this_week, stuck_since)
                if longest := self.waiting.longest(class_id, student):
                    row |= {"assignment_id": longest[0], "assignment_name": self.names[longest[0]]}
            if signals[class_id, student, "never_started"]["status"] in ("watch", "fail"):
                enrolled = self.core.enrollments[class_id, student]["enrolled_on"]
                spell = monday_of(max(enrolled, self.core.begin[class_id] or date.min))
                self._add(found, class_id, student, "never_started", this_week, spell)
        return found

    def _add(
        self, found: Rows, class_id: str, student: str, event: str, week: date, spell: date
    ) -> dict[str, Any]:
        this_week = monday_of(self.core.today(class_id))
        row = found["|".join([class_id, student, event, spell.isoformat()])] = {
            "class_id": class_id,
            "student_id": student,
            "event": event,
            "week_starts_on": week,
            "spell_starts_on": spell,
            "is_recent": spell in (this_week, this_week - WEEK),
            "assignment_id": None,
            "assignment_name": None,
        }
        return row

    def _of_week(
        self,
        class_id: str,
        student: str,
        monday: date,
        row: dict[str, Any],
        before: dict[str, Any] | None,
    ) -> list[str]:
        risk, risk_before = RISK.get(row["tier"]), RISK.get(before["tier"]) if before else None
        events = []
        if (risk or 0) >= 3 and (risk_before or 0) < 3:
            events.append("entered_at_risk")
        if risk and risk_before and risk > risk_before:
            events.append("got_worse")
        if risk and risk_before and risk_before >= 3 > risk:
            events.append("recovered")
        completed = any(
            monday <= day <= monday + timedelta(days=6)
            for (s, _), days in self.core.completed_days(class_id).items()
            if s == student
            for day in days
        )
        excess_before = before["excess_silence"] if before else None
        if completed and excess_before is not None and excess_before >= FAIL_DAYS:
            events.append("back_after_silence")
        group = self.core.group_of(class_id, student)
        was_finished = student in self.health.moment(group, monday - WEEK).finished
        if row["is_finished"] and not was_finished:
            events.append("finished")
        return events


def grade_of(is_fail: bool, is_watch: bool) -> str:
    """Return the status of a signal that applies."""
    return "fail" if is_fail else "watch" if is_watch else "pass"
