"""The marts once more, in plain Python and by brute force, on top of the other `recomputed` files.

Each function returns {key: {column: value}}; a table must say the same, no row more or less.
"""

import itertools
import math
from collections import Counter
from datetime import date, datetime, timedelta
from fractions import Fraction
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from recomputed import Recomputed
from recomputed_calendar import WEEK
from recomputed_completion import Completion
from recomputed_contacts import Contacts
from recomputed_health import RISK, Health, Rows
from recomputed_moment import Moment
from recomputed_signals import MOMENTUM_DAYS, Signals
from recomputed_waiting import Waiting

KEYS = {
    "student_completion": ("class_id", "student_id"),
    "section_completion": ("class_id", "student_id", "section_position", "section"),
    "type_completion": ("class_id", "student_id", "assignment_type"),
    "assignment_completion": ("class_id", "assignment_id"),
    "blockers": ("class_id", "assignment_id"),
    "stuck_students": ("class_id", "assignment_id", "student_id"),
    "student_health_weekly": ("class_id", "student_id", "week_ends_on"),
    "student_health": ("class_id", "student_id"),
    "student_signals": ("class_id", "student_id", "signal"),
    "student_events": ("event_key",),
    "student_contacts": ("class_id", "contact_id"),
    "review_queue": ("class_id", "student_id", "assignment_id"),
    "class_summary": ("class_id",),
    "night_summary": ("class_id", "night"),
    "progress_over_time": ("class_id", "week_number"),
    "cohort_comparison": ("class_id", "week_in_program"),
    "activity_pattern": ("class_id", "weekday", "hour"),
    "grade_distribution": ("class_id", "band"),
    "night_grade_distribution": ("class_id", "night", "band"),
}
"""What tells the rows of each mart apart."""

SAID_OF_AN_ENDED_CLASS = ("left the class", "not enrolled yet", "data is stale")
"""Why there is no verdict, where that is said before that the class is over."""

STANDING = (
    *(
        "tier",
        "n_a_reason",
        "previous_tier",
        "score",
        "class_score",
        "measured_on",
        "is_complete",
        "call_list",
    ),
    *("completion_share", "grade_share", "recency_share", "timeliness_share"),
    *("expected_assignments", "completed_expected_assignments", "last_completed_on"),
    *("days_silent", "excess_silence", "is_peer", "is_finished"),
)
"""Columns of the latest week that student_health shows."""


class Marts:
    """Every mart of a recomputed store.

    `stale` names the classes whose data is too old; `as_of` is the moment asked for, if one was.
    """

    def __init__(self, core: Recomputed, stale: set[str], as_of: datetime | None = None) -> None:
        self.core = core
        types = self._newest("assignment_type", "assignment_id")
        names = self._newest("assignment_name", "assignment_id")
        self.health = Health(core, stale)
        self.calendar = self.health.calendar
        self.waiting = Waiting(self.health)
        self.signals = Signals(self.health, self.waiting, types, names)
        self.completion = Completion(core, self.waiting, types)
        self.student_completion = self.completion.student_completion
        self.section_completion = self.completion.section_completion
        self.type_completion = self.completion.type_completion
        self.assignment_completion = self.completion.assignment_completion
        self.blockers = self.completion.blockers
        self.review_queue = self.completion.review_queue
        self.stuck_students = self.waiting.stuck_students
        self.student_signals = self.signals.student_signals
        self.student_events = self.signals.student_events
        self.student_contacts = Contacts(self.health, as_of).student_contacts

    def _newest(self, field: str, key: str) -> dict[str, Any]:
        newest = {}
        order = lambda r: (r["version_no"], r["class_id"], r["record_id"])  # noqa: E731
        for record in sorted(self.core.records, key=order):
            if record[field] is not None:
                newest[record[key]] = record[field]
        return newest

    # Health.

    def student_health_weekly(self) -> Rows:
        """Class x student x week."""
        return self.health.weekly

    def student_health(self) -> Rows:
        """Class x student: how things stand; no verdicts once the class is over."""
        rows: Rows = {}
        for (class_id, student), row in self.health.latest().items():
            ended = {"tier": "n_a", "call_list": None}
            if row["n_a_reason"] not in SAID_OF_AN_ENDED_CLASS:
                ended["n_a_reason"] = "the class is over"
            rows[class_id, student] = row | (ended if self.calendar.is_over(class_id) else {})
        return {(c, s): self._standing(c, s, rows) for c, s in rows}

    def _standing(self, class_id: str, student: str, rows: Rows) -> dict[str, Any]:
        row = rows[class_id, student]
        now = self.health.now(class_id, student)
        judged = [r["score"] for (c, _), r in rows.items() if c == class_id and r["tier"] != "n_a"]
        has_verdict = row["tier"] != "n_a"
        verdict = {
            "days_behind": self.health.days_behind(now, student),
            "risk_rank": 1 + sum(score < row["score"] for score in judged) if has_verdict else None,
            "judged_students": len(judged),
        }
        return {
            **{name: row[name] for name in STANDING if name in row},
            **(verdict if has_verdict else dict.fromkeys(verdict)),
            **self._projection(now, student, has_verdict=has_verdict),
            **self._calls(class_id, student, row),
            **self.waiting.start(class_id, student),
        }

    def _calls(self, class_id: str, student: str, row: dict[str, Any]) -> dict[str, Any]:
        """Return what is new about the call, against the Sunday before."""
        last_sunday = self.calendar.latest(class_id) - timedelta(days=1)
        before = self.health.weekly.get((class_id, student, last_sunday))
        list_before = before["call_list"] if before else None
        return {
            "previous_call_list": list_before,
            "is_newly_called": bool(row["call_list"]) and not list_before,
        }

    def _projection(self, now: Moment, student: str, *, has_verdict: bool) -> dict[str, Any]:
        class_id, day = now.class_id, now.day
        mine = self.completion.pairs(class_id, student)
        done = sum(p["state"] == "completed" for p in mine.values())
        remaining = sum(
            p["state"] != "completed" for (_, a), p in mine.items() if a in now.required
        )
        recent = self.signals.recent(now, student)
        earliest: date | None = None
        latest: date | None = None
        projection = "n_a"
        if has_verdict and student in now.finished:
            projection = "finished"
            earliest = latest = now.last[student]
        elif has_verdict and recent and done:
            projection = "projected"
            so_far = (day - self.core.active_days(class_id, student)[0]).days + 1
            earliest, latest = sorted(
                day + timedelta(days=math.ceil(days_needed))
                for days_needed in (
                    Fraction(remaining * MOMENTUM_DAYS, recent),
                    Fraction(remaining * so_far, done),
                )
            )
        return {
            "remaining_assignments": remaining,
            "projection": projection,
            "projected_finish_earliest_on": earliest,
            "projected_finish_latest_on": latest,
        }

    # Class, night, cohort, hours.

    def groups(self, keys: dict[tuple[str, str], Any]) -> Rows:
        """Students grouped by class and `keys`: what class_summary and night_summary count."""
        health, completion = self._standings
        found: Rows = {}
        for group in set(keys.values()):
            members = [k for k, g in keys.items() if g == group and k in completion]
            if members:
                found[group] = self._group(members, health, completion)
        return found

    @cached_property
    def _standings(self) -> tuple[Rows, Rows]:
        return self.student_health(), self.student_completion()

    @cached_property
    def _reviews(self) -> Rows:
        return self.review_queue()

    def _group(
        self, members: list[tuple[str, str]], health: Rows, completion: Rows
    ) -> dict[str, Any]:
        tiers = Counter(health[m]["tier"] for m in members)
        scores = [health[m]["score"] for m in members if health[m]["tier"] != "n_a"]
        pairs = [p for m in members for p in self.completion.pairs(*m).values()]
        grades = [p["grade"] for p in pairs if p["grade"] is not None]
        done = sum(p["state"] == "completed" for p in pairs)
        reviews = [r for k, r in self._reviews.items() if k[:2] in members]
        return {
            "students": len(members),
            "students_left": sum(not self.core.enrollments[m]["is_enrolled"] for m in members),
            "active_students": sum(completion[m]["is_active_lately"] for m in members),
            "stuck_students": sum(completion[m]["stuck_assignments"] > 0 for m in members),
            **{f"{t}_students": tiers[t] for t in (*RISK, "n_a")},
            "mean_score": sum(scores) / len(scores) if scores else None,
            "completions": done,
            "completion_rate": done / len(pairs) if pairs else None,
            "average_grade": sum(grades) / len(grades) if grades else None,
            "open_reviews": sum(completion[m]["open_reviews"] for m in members),
            "overdue_reviews": sum(r["is_overdue"] for r in reviews),
        }

    def class_summary(self) -> Rows:
        """Class."""
        found = self.groups({k: k[0] for k in self.core.enrollments})
        for class_id, row in found.items():
            moments = [
                self.health.moment(group, self.calendar.weeks(class_id)[-1])
                for group in self.core.groups(class_id)
            ]
            last = max((m.latest for m in moments if m.latest), default=None)
            is_paused = last is not None and all(
                self.signals.is_paused(m) for m in moments if m.latest
            )
            row["begins_on"] = self.core.begin[class_id]
            row["paused_since_on"] = (
                last if is_paused and not self.calendar.is_over(class_id) else None
            )
        return found

    def night_summary(self) -> Rows:
        """Class x night."""
        return self.groups(
            {
                (class_id, student): (
                    class_id,
                    self.core.night_of(class_id, student) or "(no night)",
                )
                for class_id, student in self.core.enrollments
            }
        )

    def progress_over_time(self) -> Rows:
        """Class x week: each pair once, in the week of its first completion."""
        found: Rows = {}
        for class_id in self.core.as_of:
            members = {s: e for (c, s), e in self.core.enrollments.items() if c == class_id}
            pairs = self.completion.pairs(class_id)
            days = self.core.completed_days(class_id)
            done = [days[pair][0] for pair in pairs if pair in days]
            active = {s: self.core.active_days(class_id, s) for s in members}
            for number, monday in enumerate(self.calendar.weeks(class_id), start=1):
                sunday = monday + timedelta(days=6)
                day = self.calendar.measured_on(class_id, monday)
                so_far = sum(d <= sunday for d in done)
                found[class_id, number] = {
                    "completions": sum(monday <= d <= sunday for d in done),
                    "cumulative_completions": so_far,
                    "cumulative_completion_rate": so_far / len(pairs) if pairs else None,
                    "active_students": sum(
                        any(monday <= d <= sunday for d in mine) for mine in active.values()
                    ),
                    "enrolled_students": sum(
                        e["enrolled_on"] <= day and not (e["left_on"] and e["left_on"] <= monday)
                        for e in members.values()
                    ),
                    "measured_on": day,
                    "is_complete": self.calendar.is_complete(class_id, monday),
                }
        return found

    def cohort_comparison(self) -> Rows:
        """Class x week in program, as long as the class is not over."""
        progress = self.progress_over_time()
        mondays = {
            (class_id, 1 + (monday - self.calendar.weeks(class_id)[0]) // WEEK): monday
            for class_id in self.core.as_of
            for monday in self.calendar.followed(class_id)
        }
        rates = {key: progress[key]["cumulative_completion_rate"] for key in mondays}
        found: Rows = {}
        for (class_id, number), monday in mondays.items():
            others = [
                r for (c, n), r in rates.items() if n == number and c != class_id and r is not None
            ]
            sunday = monday + timedelta(days=6)
            rows = [v for k, v in self.health.weekly.items() if (k[0], k[2]) == (class_id, sunday)]
            judged = [r for r in rows if r["tier"] != "n_a"]
            rate = rates[class_id, number]
            mean_of_others = sum(others) / len(others) if others else None
            found[class_id, number] = {
                "judged_students": len(judged),
                "at_risk_students": sum(r["tier"] in ("critical", "high") for r in judged),
                "mean_score": sum(r["score"] for r in judged) / len(judged) if judged else None,
                "other_classes": len(others),
                "other_classes_completion_rate": mean_of_others,
                "completion_rate_difference": rate - mean_of_others
                if rate is not None and mean_of_others is not None
                else None,
                "measured_on": progress[class_id, number]["measured_on"],
                "is_complete": progress[class_id, number]["is_complete"],
            }
        return found

    def grade_distribution(self) -> Rows:
        """Class x band of grades."""
        return self._grades({key: (key[0],) for key in self.core.enrollments}) | {
            (class_id, band): row
            for class_id in self.core.as_of
            if not any(class_id == key[0] for key in self.core.enrollments)
            for (_, band), row in _in_bands([], (class_id,)).items()
        }

    def night_grade_distribution(self) -> Rows:
        """Class x night x band of grades."""
        return self._grades(
            {
                key: (key[0], self.core.night_of(*key) or "(no night)")
                for key in self.core.enrollments
            }
        )

    def _grades(self, groups: dict[tuple[str, str], tuple[str, ...]]) -> Rows:
        found: Rows = {}
        for group in set(groups.values()):
            grades = [
                (student, pair["grade"])
                for (class_id, student), own in groups.items()
                if own == group
                for pair in self.completion.pairs(class_id, student).values()
                if pair["grade"] is not None
            ]
            found |= _in_bands(grades, group)
        return found

    def activity_pattern(self) -> Rows:
        """Class x weekday x hour."""
        found: Rows = {}
        for class_id in self.core.as_of:
            zone = ZoneInfo(self.core.zones[class_id])
            events: dict[str, list[tuple[tuple[int, int], str]]] = {"starts": [], "completions": []}
            for record in self.core.known[class_id]:
                for name, moment in (
                    ("starts", record["started_at"]),
                    ("completions", record["completed_at"]),
                ):
                    if moment:
                        local = moment.replace(tzinfo=ZoneInfo("UTC")).astimezone(zone)
                        place = local.isoweekday(), local.hour
                        events[name].append((place, record["user_id"]))
            for place in ((weekday, hour) for weekday in range(1, 8) for hour in range(24)):
                here = {n: [s for p, s in found_ if p == place] for n, found_ in events.items()}
                found[class_id, *place] = {
                    "starts": len(here["starts"]),
                    "completions": len(here["completions"]),
                    "students": len({*here["starts"], *here["completions"]}),
                }
        return found


def _in_bands(grades: list[tuple[str, float]], group: tuple[str, ...]) -> Rows:
    """Students' grades, counted below one half and by the tenths above."""
    limits = [0.0, 0.5, 0.6, 0.7, 0.8, 0.9, math.inf]
    found: Rows = {}
    for band, (low, high) in enumerate(itertools.pairwise(limits), start=1):
        here = [student for student, grade in grades if low <= round(grade, 6) < high]
        found[*group, band] = {
            "grades": len(here),
            "students": len({*here}),
            "share_of_grades": len(here) / len(grades) if grades else None,
            "grade_from": low,
            "grade_to": min(high, 1.0),
        }
    return found
