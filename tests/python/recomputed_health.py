"""Expectation, score, tier, call list and days behind, per student and week."""

from datetime import date, timedelta
from fractions import Fraction
from functools import cached_property
from math import ceil, floor
from typing import Any

from recomputed import Group, Recomputed
from recomputed_calendar import SILENT_DAYS, WEEK, Calendar, monday_of
from recomputed_moment import EXPECTED_SHARE, Moment, middle

Rows = dict[Any, dict[str, Any]]
RISK = {"critical": 4, "high": 3, "medium": 2, "low": 1}
WEIGHTS = {"completion": 20, "grade": 50, "recency": 15, "timeliness": 15}
TIERS = (
    ("critical", 25, Fraction(50, 100)),
    ("high", 50, Fraction(75, 100)),
    ("medium", 75, Fraction(95, 100)),
)
GRACE_DAYS = 7
LATE_JOINER_DAYS = 14
WATCH_DAYS = 7
FAIL_DAYS = 14


def in_tenths(value: Fraction) -> Fraction:
    """Return a score as it is shown: one decimal, half up."""
    return Fraction(floor(value * 10 + Fraction(1, 2)), 10)


class Health:
    """The verdicts of every class. `stale` names the classes whose data is too old."""

    def __init__(self, core: Recomputed, stale: set[str]) -> None:
        self.core, self.stale = core, stale
        self.calendar = Calendar(core)
        self._moments: dict[tuple[Group, date], Moment] = {}
        self._class_scores: dict[Moment, Fraction | None] = {}
        self._expected: dict[tuple[Moment, str], list[str]] = {}
        self._became: dict[tuple[Group, date], dict[str, date]] = {}

    def moment(self, group: Group, monday: date) -> Moment:
        """Return a group at the end of a week, or at as_of in the running one."""
        key = group, monday
        if key not in self._moments:
            day = self.calendar.measured_on(group[0], monday)
            self._moments[key] = Moment(self.core, self.calendar, group, day)
        return self._moments[key]

    def now(self, class_id: str, student: str) -> Moment:
        """Return the student's group as it stands now, or stood when the class ended."""
        group = self.core.group_of(class_id, student)
        return self.moment(group, self.calendar.latest(class_id))

    # What is expected.

    def became_expected(self, now: Moment) -> dict[str, date]:
        """Return the Monday of the first week at whose end each assignment was expected."""
        key = now.group, now.monday
        if key not in self._became:
            found: dict[str, date] = {}
            for monday in self.calendar.weeks(now.class_id):
                if monday <= now.monday:
                    for assignment in self.moment(now.group, monday).expected:
                        found.setdefault(assignment, monday)
            self._became[key] = found
        return self._became[key]

    def expected_of(self, now: Moment, student: str) -> list[str]:
        """Return what is expected of a student: oldest expectation first, then by position."""
        if (now, student) not in self._expected:
            self._expected[now, student] = self._expect(now, student)
        return self._expected[now, student]

    def _expect(self, now: Moment, student: str) -> list[str]:
        became = self.became_expected(now)
        begin = self.core.begin[now.class_id]
        enrolled = now.enrollments[student]["enrolled_on"]
        is_late = begin is not None and enrolled > begin + timedelta(days=LATE_JOINER_DAYS)

        def applies(assignment: str) -> bool:
            if begin is None or not is_late or self.core.line_of(now.group, assignment)["due_on"]:
                return True
            return now.days_enrolled(student) >= (became[assignment] - begin).days

        mine = [a for a in now.expected if applies(a)]
        return sorted(mine, key=lambda a: (became[a], now.required.index(a)))

    def done_of(self, now: Moment, student: str) -> list[str]:
        """Return the expected work that the student has completed."""
        return [a for a in self.expected_of(now, student) if (student, a) in now.first_done]

    # The score.

    def parts(self, now: Moment, student: str) -> dict[str, Fraction | None]:
        """Return the four shares that the score is made of."""
        expected, done = self.expected_of(now, student), self.done_of(now, student)
        early = sum((now.timeliness(student, a) for a in done), Fraction(0))
        excess = now.excess(student)
        recency = None if excess is None else max(Fraction(0), 1 - excess / SILENT_DAYS)
        return {
            "completion": Fraction(len(done), len(expected)) if expected else None,
            "grade": self._grade(now, student, expected),
            "recency": Fraction(1) if student in now.finished else recency,
            "timeliness": early / len(expected) if expected else None,
        }

    def _grade(self, now: Moment, student: str, expected: list[str]) -> Fraction | None:
        newest = {a: g for (s, a), g in now.newest_grades.items() if s == student}
        graded = now.graded
        grades = [g for a in now.required if (g := newest.get(a)) is not None]
        grades += [Fraction(0) for a in expected if a not in newest and a in graded]
        return sum(grades, Fraction(0)) / len(grades) if grades else None

    def timeliness_share(self, now: Moment, student: str) -> Fraction | None:
        """Return how early the expected work was done that is done."""
        done = self.done_of(now, student)
        early = sum((now.timeliness(student, a) for a in done), Fraction(0))
        return early / len(done) if done else None

    def score(self, now: Moment, student: str) -> Fraction | None:
        """Return the score of who is in the class, in tenths."""
        if student not in now.there:
            return None
        parts = {name: part for name, part in self.parts(now, student).items() if part is not None}
        weight = sum(WEIGHTS[name] for name in parts)
        total = sum((WEIGHTS[name] * part for name, part in parts.items()), Fraction(0))
        return in_tenths(100 * total / weight) if weight else None

    def class_score(self, now: Moment) -> Fraction | None:
        """Return the median score of the peers; None with fewer than two."""
        if now not in self._class_scores:
            scores = [self.score(now, s) for s in now.peers] if len(now.peers) >= 2 else []
            self._class_scores[now] = middle([s for s in scores if s is not None])
        return self._class_scores[now]

    def tier(self, now: Moment, score: Fraction) -> str:
        """Return the risk: against the class where there are peers, never above the floors."""
        median = self.class_score(now)
        for tier, floor_, share in TIERS:
            if score < max(Fraction(floor_), share * (median or 0)):
                return tier
        return "low"

    def n_a_reason(self, now: Moment, student: str, *, is_latest: bool) -> str | None:
        """Return why there is no verdict."""
        if now.has_left(student):
            return "left the class"
        if student not in now.there:
            return "not enrolled yet"
        if is_latest and now.class_id in self.stale:
            return "data is stale"
        if now.days_enrolled(student) < GRACE_DAYS:
            return "in the first days"
        if not now.peers:
            return "nobody in the class is active"
        if not now.expected:
            return "nothing is expected yet"
        if not self.expected_of(now, student):
            return "nothing is expected of this student yet"
        return None

    # The weeks.

    @cached_property
    def weekly(self) -> Rows:
        """Class x student x week."""
        found: Rows = {}
        for class_id in self.core.as_of:
            for monday in self.calendar.followed(class_id):
                found |= self._week(class_id, monday, found)
        return found

    def _week(self, class_id: str, monday: date, before: Rows) -> Rows:
        is_latest = monday == self.calendar.latest(class_id)
        found: Rows = {}
        for student in (s for c, s in self.core.enrollments if c == class_id):
            now = self.moment(self.core.group_of(class_id, student), monday)
            if now.enrollments[student]["enrolled_on"] > now.day and not is_latest:
                continue
            last_week = before.get((class_id, student, monday - timedelta(days=1)))
            row = self._row(now, student, last_week, is_latest=is_latest)
            row["call_list"] = self._call_list(now, student, row, last_week)
            found[class_id, student, monday + timedelta(days=6)] = row
        return found

    def _row(
        self, now: Moment, student: str, last_week: dict[str, Any] | None, *, is_latest: bool
    ) -> dict[str, Any]:
        reason = self.n_a_reason(now, student, is_latest=is_latest)
        score = self.score(now, student)
        tier = "n_a" if reason or score is None else self.tier(now, score)
        risk = RISK.get(tier)
        risk_before = RISK.get(last_week["tier"]) if last_week else None
        measures = self._measures(now, student) if student in now.there else {}
        firsts = [day for (who, _), day in now.first_done.items() if who == student]
        previous = last_week["completions"] if last_week else None
        is_there = reason not in ("left the class", "not enrolled yet")
        return {
            "score": score,
            "tier": tier,
            "n_a_reason": reason,
            "previous_tier": last_week and last_week["tier"],
            "is_worsened": bool(risk and risk_before and risk > risk_before),
            "is_recovered": bool(risk and risk_before and risk_before >= 3 and risk <= 2),
            "measured_on": now.day,
            "is_latest": is_latest,
            "is_complete": self.calendar.is_complete(now.class_id, now.monday),
            "is_peer": student in now.peers,
            "is_finished": student in now.finished,
            "class_score": self.class_score(now),
            "excess_silence": now.excess(student),
            "days_silent": now.days_silent(student),
            "completions": sum(day >= now.monday for day in firsts),
            "previous_completions": previous,
            "movement": self._movement(now, student, previous) if is_there else None,
            "cumulative_completions": len(firsts),
            **measures,
        }

    def _movement(self, now: Moment, student: str, previous: int | None) -> str:
        """Return what the week was for somebody who was in the class."""
        if any(day >= now.monday for (who, _), day in now.first_done.items() if who == student):
            return "moved"
        if student in now.finished:
            return "finished"
        return "stopped" if previous else "silent"

    def _measures(self, now: Moment, student: str) -> dict[str, Any]:
        """Return what the score of somebody in the class is made of."""
        shares = self.parts(now, student) | {"timeliness": self.timeliness_share(now, student)}
        return {
            **{f"{name}_share": share for name, share in shares.items()},
            "expected_assignments": len(self.expected_of(now, student)),
            "completed_expected_assignments": len(self.done_of(now, student)),
            "last_completed_on": now.last.get(student),
            "days_enrolled": now.days_enrolled(student),
        }

    def _call_list(
        self, now: Moment, student: str, row: dict[str, Any], last_week: dict[str, Any] | None
    ) -> str | None:
        """Return on which list to call the student stands, if on any."""
        if row["tier"] == "n_a":
            return None
        if not now.has_begun_anything(student):
            return "never_started"
        excess = row["excess_silence"]
        last_two = self.expected_of(now, student)[-2:]
        if excess >= WATCH_DAYS and not any((student, a) in now.first_done for a in last_two):
            return "gone_quiet"
        is_running = not row["is_complete"]
        if (
            row["tier"] in ("critical", "high")
            or row["is_worsened"]
            or (is_running and last_week and last_week["is_worsened"])
        ):
            return "slipping"
        if student not in now.finished and excess >= FAIL_DAYS:
            return "gone_quiet"
        return None

    def latest(self) -> Rows:
        """Class x student: the week that says how things stand."""
        return {k[:2]: v for k, v in self.weekly.items() if v["is_latest"]}

    # How far behind.

    def days_behind(self, now: Moment, student: str) -> int:
        """Return the days since most peers stood where the student stands."""
        expected, done = self.expected_of(now, student), self.done_of(now, student)
        begin = self.core.begin[now.class_id]
        if len(done) == len(expected) or begin is None:
            return 0
        reached = begin if not done else self._most_reached(now, len(done))
        if reached is None:
            return 0
        behind = self.calendar.days_between(now.class_id, reached, now.day)
        return min(behind, now.days_enrolled(student))

    @staticmethod
    def _most_reached(now: Moment, count: int) -> date | None:
        """Return the day by which 0.7 of the peers had done so many of what is expected now."""
        expected = set(now.expected)
        days = []
        for peer in now.peers:
            mine = sorted(d for (s, a), d in now.first_done.items() if s == peer and a in expected)
            if len(mine) >= count:
                days.append(mine[count - 1])
        needed = ceil(EXPECTED_SHARE * len(now.peers))
        return sorted(days)[needed - 1] if 0 < needed <= len(days) else None


__all__ = ["FAIL_DAYS", "GRACE_DAYS", "RISK", "WATCH_DAYS", "WEEK", "Health", "Rows", "monday_of"]
