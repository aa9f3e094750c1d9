"""What has been completed, by student, section, type and assignment; what holds the class up."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime
from fractions import Fraction
from typing import Any

from recomputed import Recomputed
from recomputed_health import Rows
from recomputed_moment import middle
from recomputed_waiting import Waiting

ACTIVE_DAYS = 8
MIN_REACHED = 5
REVIEW_DAYS = 7


def work_counts(pairs: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Return the counts of work."""
    pairs = list(pairs)
    grades = [p["grade"] for p in pairs if p["grade"] is not None]
    states = Counter(p["state"] for p in pairs)
    done = states["completed"]
    return {
        "assignments": len(pairs),
        "completed": done,
        "in_progress": states["in_progress"],
        "not_started": states["not_started"],
        "passed": sum(p["is_passed"] for p in pairs),
        "graded": len(grades),
        "low_grades": sum(g < 0.7 for g in grades),
        "completion_rate": done / len(pairs) if pairs else None,
        "average_grade": sum(grades) / len(grades) if grades else None,
    }


def awaits_review(pair: dict[str, Any]) -> bool:
    """Return whether work is completed and not reviewed."""
    return pair["state"] == "completed" and not pair["record"]["reviewed_at"]


def section_name(unit: dict[str, Any]) -> str:
    """Return the name of a section, which may have a number only."""
    return unit.get("section_name") or f"Section {unit.get('section_position', 0)}"


class Completion:
    """Counts of work on top of the recomputed core."""

    def __init__(self, core: Recomputed, waiting: Waiting, types: dict[str, str]) -> None:
        self.core, self.waiting, self.types = core, waiting, types

    def pairs(self, class_id: str, student: str | None = None) -> dict[tuple[str, str], Any]:
        """Return (student, assignment) -> pair of a class's planned work."""
        members = [s for c, s in self.core.enrollments if c == class_id and student in (None, s)]
        return {
            (member, assignment): pair
            for member in members
            for assignment in self.core.curriculum[class_id]
            if (pair := self.core.pairs.get((class_id, member, assignment)))
        }

    def all_pairs(self, class_id: str) -> dict[tuple[str, str], Any]:
        """Return the pairs of a class, off-plan work too."""
        off_plan = {k[1:]: v for k, v in self.core.off_plan_pairs.items() if k[0] == class_id}
        return self.pairs(class_id) | off_plan

    def student_completion(self) -> Rows:
        """Class x student."""
        found: Rows = {}
        stuck = Counter(k[:2] for k, place in self.waiting.places.items() if place["is_stuck"])
        reviews = Counter(
            (class_id, student)
            for class_id in self.core.as_of
            for (student, _), pair in self.all_pairs(class_id).items()
            if awaits_review(pair)
        )
        for (class_id, student), enrollment in self.core.enrollments.items():
            if not enrollment["has_started"]:
                continue
            moments = [
                m
                for r in self.core.known[class_id]
                if r["user_id"] == student
                for m in (r["started_at"], r["completed_at"])
                if m
            ]
            last = self.core.day(class_id, max(moments, default=None))
            since = (self.core.today(class_id) - last).days if last else None
            found[class_id, student] = {
                **work_counts(self.pairs(class_id, student).values()),
                "open_reviews": reviews[class_id, student],
                "stuck_assignments": stuck[class_id, student],
                "first_activity_at": min(moments, default=None),
                "last_activity_at": max(moments, default=None),
                "days_since_last_activity": since,
                "is_active_lately": since is not None and since < ACTIVE_DAYS,
            }
        return found

    def review_queue(self) -> Rows:
        """Class x student x assignment; off-plan work after the plan."""
        found: Rows = {}
        for class_id, order in self.core.curriculum.items():
            places = [*order, *self.core.off_plan[class_id]]
            waiting: list[tuple[datetime, int, str, str]] = sorted(
                (p["record"]["completed_at"], min(places.index(a), len(order)), s, a)
                for (s, a), p in self.all_pairs(class_id).items()
                if awaits_review(p)
            )
            for rank, (completed_at, _, student, assignment) in enumerate(waiting, start=1):
                age = self.core.today(class_id) - self.core.day(class_id, completed_at)
                found[class_id, student, assignment] = {
                    "review_rank": rank,
                    "days_waiting": age.days,
                    "is_overdue": age.days >= REVIEW_DAYS,
                    "completed_at": completed_at,
                }
        return found

    def section_completion(self) -> Rows:
        """Class x student x section; planned work that the units do not list comes last."""
        groups = defaultdict(list)
        units = {class_id: self.core.units(class_id) for class_id in self.core.as_of}
        for (class_id, student, assignment), pair in self.core.pairs.items():
            planned = self.core.curriculum[class_id]
            sections = {
                a: (u.get("section_position", 0), section_name(u))
                for a, u in units[class_id].items()
                if a in planned
            }
            last = max((position for position, _ in sections.values()), default=0)
            position, name = sections.get(assignment, (last + 1, "Other"))
            groups[class_id, student, position, name].append(pair)
        return {key: work_counts(pairs) for key, pairs in groups.items()}

    def type_completion(self) -> Rows:
        """Class x student x type."""
        groups = defaultdict(list)
        for (class_id, student, assignment), pair in self.core.pairs.items():
            groups[class_id, student, self.types.get(assignment, "unknown")].append(pair)
        return {key: work_counts(pairs) for key, pairs in groups.items()}

    def assignment_completion(self) -> Rows:
        """Class x assignment, with the Kaplan-Meier median; nobody is assigned off-plan work."""
        found: Rows = {}
        for class_id, order in self.core.curriculum.items():
            everything = self.all_pairs(class_id)
            for position, assignment in enumerate([*order, *self.core.off_plan[class_id]], start=1):
                pairs = [v for (_, a), v in everything.items() if a == assignment]
                counts = work_counts(pairs)
                counts["students"] = counts.pop("assignments")
                counts["position"] = position
                if assignment not in order:
                    counts |= {"position": None, "students": 0, "completion_rate": None}
                spans = [self._span(class_id, p["record"]) for p in pairs if p["record"]]
                median_days = self._kaplan_meier([span for span in spans if span])
                found[class_id, assignment] = counts | {"median_days_to_complete": median_days}
        return found

    def _span(self, class_id: str, record: dict[str, Any]) -> tuple[int, bool] | None:
        """Return the seconds from start to completion, or to now, and whether it is completed."""
        if not record["started_at"]:
            return None
        end = record["completed_at"] or self.core.as_of[class_id]
        # timestamps differ by whole seconds passed on the clock
        seconds = int(end.replace(microsecond=0).timestamp()) - int(
            record["started_at"].replace(microsecond=0).timestamp()
        )
        return max(seconds, 0), record["completed_at"] is not None

    @staticmethod
    def _kaplan_meier(spans: list[tuple[int, bool]]) -> float | None:
        share = Fraction(1)
        for moment in sorted({seconds for seconds, _ in spans}):
            open_ = sum(seconds >= moment for seconds, _ in spans)
            ended = sum(seconds == moment and done for seconds, done in spans)
            share *= 1 - Fraction(ended, open_)
            if share <= Fraction(1, 2):
                return moment / 86400
        return None

    def blockers(self) -> Rows:
        """Class x planned assignment: ranked where it holds somebody up, clear, or n_a."""
        found: Rows = {}
        for class_id, order in self.core.curriculum.items():
            ranked = []
            of_class = {k[1:]: p for k, p in self.waiting.places.items() if k[0] == class_id}
            pairs_of_class = self.pairs(class_id)
            for position, assignment in enumerate(order, start=1):
                places = [p for (_, a), p in of_class.items() if a == assignment]
                pairs = [p for (_, a), p in pairs_of_class.items() if a == assignment]
                row = self._blocker(places, pairs)
                found[class_id, assignment] = row
                if row["status"] == "ranked":
                    low_rate = row["low_grade_rate"]
                    by_low_rate = 1 if low_rate is None else -low_rate
                    key = -row["stuck_rate"], -row["stuck"], by_low_rate, position
                    ranked.append((key, row))
            for rank, (_, row) in enumerate(sorted(ranked, key=lambda r: r[0]), start=1):
                row["blocker_rank"] = rank
        return found

    @staticmethod
    def _blocker(places: list[dict[str, Any]], pairs: list[dict[str, Any]]) -> dict[str, Any]:
        reached, waiting, stuck, skipped = (
            sum(p[f"is_{what}"] for p in places)
            for what in ("reached", "waiting", "stuck", "skipped")
        )
        graded = sum(p["grade"] is not None for p in pairs)
        low = sum(p["grade"] is not None and p["grade"] < 0.7 for p in pairs)
        codes = [
            code
            for code, part, whole, tenths in (
                ("stuck", stuck, reached, 2),
                ("skipped", skipped, reached, 2),
                ("low_grade", low, graded, 3),
            )
            if part and part * 10 >= whole * tenths
        ]
        is_judged = reached >= MIN_REACHED
        status = "n_a" if not is_judged else "ranked" if stuck or codes else "clear"
        waits = [p["days_waiting"] for p in places if p["days_waiting"] is not None]
        return {
            "reached": reached,
            "waiting": waiting,
            "stuck": stuck,
            "skipped": skipped,
            "median_days_waiting": middle(waits),
            "stuck_rate": Fraction(stuck, reached) if reached else None,
            "low_grade_rate": Fraction(low, graded) if graded else None,
            "status": status,
            "reason_codes": (" ".join(codes) or None) if is_judged else None,
            "blocker_rank": None,
        }
