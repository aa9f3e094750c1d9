"""The marts once more, in plain Python and by brute force, on top of `recomputed`.

Each function returns {key: {column: value}}; a table must say the same, no row more or less.
"""

import math
from collections import Counter, defaultdict
from datetime import date, timedelta
from fractions import Fraction
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

from recomputed import Recomputed

Rows = dict[Any, dict[str, Any]]
SIGNALS = ("progress", "inactivity", "grades", "momentum", "stuck", "quizzes", "never_started")
RISK = {"critical": 4, "high": 3, "medium": 2, "low": 1}


class Marts:
    """Every mart of a recomputed store. `stale` names the classes whose data is too old."""

    def __init__(self, core: Recomputed, stale: set[str]) -> None:
        self.core = core
        self.stale = stale
        self.started = {k: e for k, e in core.enrollments.items() if e["has_started"]}
        self.types = self._newest("assignment_type", "assignment_id")
        self.names = self._newest("assignment_name", "assignment_id")
        self.weekly = self._weekly()

    # What several marts need.

    def _newest(self, field: str, key: str) -> dict[str, Any]:
        newest = {}
        order = lambda r: (r["version_no"], r["class_id"], r["record_id"])  # noqa: E731
        for record in sorted(self.core.records, key=order):
            if record[field] is not None:
                newest[record[key]] = record[field]
        return newest

    def pairs(self, class_id: str, student: str | None = None) -> dict[tuple[str, str], Any]:
        """Return (student, assignment) -> pair of a class."""
        return {
            k[1:]: v
            for k, v in self.core.pairs.items()
            if k[0] == class_id and student in (None, k[1])
        }

    def completed_days(self, class_id: str) -> dict[tuple[str, str], list[date]]:
        """Return all completion days per (student, assignment), earliest first."""
        days = defaultdict(list)
        for r in self.core.known:
            if r["class_id"] == class_id and r["completed_at"]:
                day = self.core.day(class_id, r["completed_at"])
                days[r["user_id"], r["assignment_id"]].append(day)
        return {k: sorted(v) for k, v in days.items()}

    def weeks(self, class_id: str) -> list[date]:
        """Return the Mondays of the class, first activity to as_of."""
        today = self.core.today(class_id)
        first = min(self.core._activity_days(class_id), default=today)
        monday = first - timedelta(days=first.weekday())
        found = []
        while monday <= today:
            found.append(monday)
            monday += timedelta(weeks=1)
        return found

    def followed(self, class_id: str) -> list[date]:
        """Return the Mondays as long as the class is followed."""
        days = [d for days in self.completed_days(class_id).values() for d in days]
        mondays = self.weeks(class_id)
        if not days:
            return mondays
        return [m for m in mondays if m == mondays[0] or (m - max(days)).days <= 60]

    def is_over(self, class_id: str) -> bool:
        """Return whether the class stopped being followed."""
        return self.followed(class_id) != self.weeks(class_id)

    def measured_on(self, class_id: str, monday: date) -> date:
        """Return the day whose end a week's row speaks of."""
        return min(monday + timedelta(days=6), self.core.today(class_id))

    def last_day(self, class_id: str) -> date:
        """Return the day that speaks of now."""
        return self.measured_on(class_id, self.followed(class_id)[-1])

    @staticmethod
    def counts(pairs: Any) -> dict[str, Any]:
        """Return the counts of assigned work."""
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

    # Completion.

    def student_completion(self) -> Rows:
        """Class x student."""
        found: Rows = {}
        for class_id, student in self.started:
            days = [
                (m, self.core.day(class_id, m))
                for r in self.core.known
                if (r["class_id"], r["user_id"]) == (class_id, student)
                for m in (r["started_at"], r["completed_at"])
                if m
            ]
            since = (self.core.today(class_id) - max(days)[1]).days if days else None
            pairs = self.pairs(class_id, student).values()
            found[class_id, student] = {
                **self.counts(pairs),
                "open_reviews": sum(
                    p["state"] == "completed" and not p["record"]["reviewed_at"] for p in pairs
                ),
                "stuck_assignments": sum(p["is_stuck"] for p in pairs),
                "first_activity_at": min(days)[0] if days else None,
                "last_activity_at": max(days)[0] if days else None,
                "days_since_last_activity": since,
                "is_active_lately": since is not None and since < 7,
            }
        return found

    def section_completion(self) -> Rows:
        """Class x student x section."""
        sections: dict[tuple[str, str], tuple[Any, ...]] = {}
        for unit in self.core.tables["class_units"]:
            if unit["units_hash"] == "new":
                key = unit["class_id"], unit["assignment_id"]
                place = unit["position"], unit.get("section_position", 0), unit.get("section_name")
                sections[key] = min(sections.get(key, place), place)
        groups = defaultdict(list)
        for (class_id, student, assignment), pair in self.core.pairs.items():
            last = max((p for (c, _), (_, p, _) in sections.items() if c == class_id), default=0)
            _, position, name = sections.get((class_id, assignment), (0, last + 1, "Other"))
            groups[class_id, student, position, name].append(pair)
        return {key: self.counts(pairs) for key, pairs in groups.items()}

    def type_completion(self) -> Rows:
        """Class x student x type."""
        groups = defaultdict(list)
        for (class_id, student, assignment), pair in self.core.pairs.items():
            groups[class_id, student, self.types.get(assignment, "unknown")].append(pair)
        return {key: self.counts(pairs) for key, pairs in groups.items()}

    def assignment_completion(self) -> Rows:
        """Class x assignment, with the Kaplan-Meier median."""
        found: Rows = {}
        for class_id, order in self.core.curriculum.items():
            for assignment in order:
                pairs = [v for (_, a), v in self.pairs(class_id).items() if a == assignment]
                counts = self.counts(pairs)
                counts["students"] = counts.pop("assignments")
                spans = []
                for record in (p["record"] for p in pairs if p["record"]):
                    if record["started_at"]:
                        end = record["completed_at"] or self.core.as_of[class_id]
                        # timestamps differ by whole seconds passed on the clock
                        seconds = int(end.replace(microsecond=0).timestamp()) - int(
                            record["started_at"].replace(microsecond=0).timestamp()
                        )
                        spans.append((max(seconds, 0), record["completed_at"] is not None))
                found[class_id, assignment] = {
                    **counts,
                    "median_days_to_complete": self._kaplan_meier(spans),
                }
        return found

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
        """Class x assignment, ranked."""
        found: Rows = {}
        for class_id, order in self.core.curriculum.items():
            measured = []
            for position, assignment in enumerate(order, start=1):
                pairs = {s: v for (s, a), v in self.pairs(class_id).items() if a == assignment}
                waits = [p["waited"] for p in pairs.values() if p["is_waiting"]]
                reached, stuck, skipped = (
                    sum(p[f"is_{what}"] for p in pairs.values())
                    for what in ("reached", "stuck", "skipped")
                )
                graded = sum(p["grade"] is not None for p in pairs.values())
                low = sum(p["grade"] is not None and p["grade"] < 0.7 for p in pairs.values())
                codes = [
                    code
                    for code, part, whole, tenths in (
                        ("stuck", stuck, reached, 2),
                        ("skipped", skipped, reached, 2),
                        ("low_grade", low, graded, 3),
                    )
                    if part and part * 10 >= whole * tenths
                ]
                known = [w for w in waits if w is not None]
                ranked = reached >= 5
                row = {
                    "reached": reached,
                    "waiting": len(waits),
                    "stuck": stuck,
                    "skipped": skipped,
                    "median_days_waiting": median(known) if known else None,
                    "stuck_rate": stuck / reached if reached else None,
                    "low_grade_rate": low / graded if graded else None,
                    "status": "ranked" if ranked else "n_a",
                    "reason_codes": (" ".join(codes) or None) if ranked else None,
                    "blocker_rank": None,
                    "stuck_students": ", ".join(
                        sorted(self.student_name(s) for s, p in pairs.items() if p["is_stuck"])
                    )
                    or None,
                }
                found[class_id, assignment] = row
                if ranked:
                    low_rate = Fraction(low, graded) if graded else Fraction(-1)
                    rate = Fraction(stuck, reached)
                    measured.append(((-rate, -stuck, -low_rate, position), row))
            for rank, (_, row) in enumerate(sorted(measured, key=lambda m: m[0]), start=1):
                row["blocker_rank"] = rank
        return found

    def student_name(self, student: str) -> str:
        """Return the name as far as it is known, else the address, else the id."""
        first, last = (
            self._newest(f"user_{n}_name", "user_id").get(student) for n in ("first", "last")
        )
        email = self._newest("user_email", "user_id").get(student)
        line: dict[str, Any] = {}
        for key, entry in self.core.enrollments.items():
            if key[1] == student:
                line = entry.get("line") or line
        first = first or line.get("first_name")
        last = last or line.get("last_name")
        return f"{first or ''} {last or ''}".strip() or email or line.get("email") or student

    # Health.

    def _weekly(self) -> Rows:
        found: Rows = {}
        for class_id in self.core.as_of:
            mondays = self.followed(class_id)
            members = {s: e for (c, s), e in self.core.enrollments.items() if c == class_id}
            previous: dict[str, dict[str, Any]] = {}
            for monday in mondays:
                day = self.measured_on(class_id, monday)
                is_last = monday == mondays[-1]
                scores = self.core.health(class_id, day)
                facts = self._facts(class_id, day)
                now = {}
                for student, entry in members.items():
                    if entry["enrolled_on"] > day and not is_last:
                        continue
                    reason = self._n_a_reason(class_id, entry, day, is_last, facts)
                    score = scores.get(student)
                    before = previous.get(student)
                    tier = "n_a" if reason else self._tier(round_half_up(scores[student]))
                    risk = RISK.get(tier)
                    risk_before = RISK.get(before["tier"]) if before else None
                    now[student] = {
                        "score": score,
                        "tier": tier,
                        "n_a_reason": reason,
                        "previous_tier": before and before["tier"],
                        "is_worsened": bool(risk and risk_before and risk > risk_before),
                        "is_recovered": bool(
                            risk and risk_before and risk_before >= 3 and risk <= 2
                        ),
                        "measured_on": day,
                        "is_latest": is_last,
                    }
                    found[class_id, student, monday + timedelta(days=6)] = now[student]
                previous = now
        return found

    @staticmethod
    def _tier(score: float) -> str:
        return next(
            (t for t, below in (("critical", 25), ("high", 50), ("medium", 75)) if score < below),
            "low",
        )

    def _facts(self, class_id: str, day: date) -> dict[str, Any]:
        """Return who is active and what is expected at the end of a day."""
        done = {
            k: [d for d in days if d <= day]
            for k, days in self.completed_days(class_id).items()
            if days[0] <= day
        }
        last: dict[str, date] = {}
        for (student, _), days in done.items():
            last[student] = max(last.get(student, date.min), days[-1])
        there = {
            s: e
            for (c, s), e in self.core.enrollments.items()
            if c == class_id
            and e["enrolled_on"] <= day
            and not (e["left_on"] and e["left_on"] <= day)
        }
        active = {s for s in there if s in last and (day - last[s]).days < 60}
        expected = {
            a
            for a in {a for _, a in done}
            if active and 10 * sum((s, a) in done for s in active) >= 7 * len(active)
        }
        return {"done": done, "last": last, "active": active, "expected": expected}

    def _n_a_reason(
        self, class_id: str, entry: Any, day: date, is_last: bool, facts: dict[str, Any]
    ) -> str | None:
        if entry["left_on"] and entry["left_on"] <= day:
            return "left the class"
        if entry["enrolled_on"] > day:
            return "not enrolled yet"
        if is_last and class_id in self.stale:
            return "data is stale"
        if is_last and self.is_over(class_id):
            return "the class is over"
        if (day - entry["enrolled_on"]).days < 7:
            return "in the first days"
        if not facts["active"]:
            return "nobody in the class is active"
        if not facts["expected"]:
            return "nothing is expected yet"
        return None

    def latest(self) -> Rows:
        """Class x student: the last followed week."""
        return {k[:2]: v for k, v in self.weekly.items() if v["is_latest"]}

    def silent(self, class_id: str, student: str, day: date, facts: dict[str, Any]) -> int:
        """Return the days without a completion."""
        enrolled = self.core.enrollments[class_id, student]["enrolled_on"]
        since = facts["last"].get(student, max(enrolled, self.weeks(class_id)[0]))
        return max((day - since).days, 0)

    def student_health(self) -> Rows:
        """Class x student: what stands beside the score."""
        found: Rows = {}
        for class_id in self.core.as_of:
            day = self.last_day(class_id)
            facts = self._facts(class_id, day)
            rows = {k[1]: v for k, v in self.latest().items() if k[0] == class_id}
            judged = [round_half_up(r["score"]) for r in rows.values() if r["tier"] != "n_a"]
            since = {}
            for assignment in facts["expected"]:
                first = sorted(
                    facts["done"][s, assignment][0]
                    for s in facts["active"]
                    if (s, assignment) in facts["done"]
                )
                needed = math.ceil(Fraction(7, 10) * len(facts["active"]))
                since[assignment] = first[needed - 1]
            for student, row in rows.items():
                pairs = self.pairs(class_id, student)
                missing = [
                    since[a]
                    for (_, a), p in pairs.items()
                    if a in since and p["state"] != "completed"
                ]
                has_verdict = row["tier"] != "n_a"
                remaining = sum(p["state"] != "completed" for p in pairs.values())
                projection, earliest, latest = "n_a", None, None
                recent = self._recent(class_id, student, day)
                done = len(pairs) - remaining
                if has_verdict and remaining == 0 and pairs:
                    projection = "finished"
                    earliest = latest = facts["last"].get(student)
                elif has_verdict and recent and done:
                    projection = "projected"
                    activity = [
                        self.core.day(class_id, m)
                        for r in self.core.known
                        if (r["class_id"], r["user_id"]) == (class_id, student)
                        for m in (r["started_at"], r["completed_at"])
                        if m
                    ]
                    so_far = (day - min(activity)).days + 1
                    days_needed = sorted(
                        (
                            math.ceil(Fraction(remaining * 14, recent)),
                            math.ceil(Fraction(remaining * so_far, done)),
                        )
                    )
                    earliest, latest = (day + timedelta(days=n) for n in days_needed)
                found[class_id, student] = {
                    "tier": row["tier"],
                    "measured_on": day,
                    "days_silent": self.silent(class_id, student, day, facts),
                    "days_behind": ((day - min(missing)).days if missing else 0)
                    if has_verdict
                    else None,
                    "risk_rank": 1 + sum(s < round_half_up(row["score"]) for s in judged)
                    if has_verdict
                    else None,
                    "peers": len(judged) if has_verdict else None,
                    "remaining_assignments": remaining,
                    "projection": projection,
                    "projected_finish_earliest_on": earliest,
                    "projected_finish_latest_on": latest,
                }
        return found

    def _recent(self, class_id: str, student: str, day: date) -> int:
        return sum(
            s == student and (day - days[0]).days < 14
            for (s, _), days in self.completed_days(class_id).items()
        )

    def student_signals(self) -> Rows:
        """Class x student x signal."""
        found: Rows = {}
        for class_id in self.core.as_of:
            day = self.last_day(class_id)
            facts = self._facts(class_id, day)
            rows = {k[1]: v for k, v in self.latest().items() if k[0] == class_id}
            values = {s: self._values(class_id, s, day, facts) for s in rows}
            peers = [values[s] for s in facts["active"]]
            cohort = {
                name: median(known)
                if (known := [p[name] for p in peers if p[name] is not None])
                else None
                for name in ("progress", "inactivity", "grades", "momentum", "quizzes")
            }
            with_work = [v for v in values.values() if v["assignments"]]
            begun = sum(v["begun"] > 0 for v in with_work)
            cohort["never_started"] = begun / len(with_work) if with_work else None
            for student, row in rows.items():
                mine = values[student]
                base = row["n_a_reason"]
                if base == "nothing is expected yet":
                    base = None
                enrolled = (day - self.core.enrollments[class_id, student]["enrolled_on"]).days
                for signal in SIGNALS:
                    status = self._status(signal, mine, cohort, enrolled, facts)
                    there = mine["stuck_there"] if signal == "stuck" else cohort[signal]
                    found[class_id, student, signal] = {
                        "status": "n_a" if base else status,
                        "measured_value": mine["quizzes"] or 0
                        if signal == "quizzes"
                        else mine[signal],
                        "cohort_value": there,
                    }
        return found

    def _values(self, class_id: str, student: str, day: date, facts: Any) -> dict[str, Any]:
        pairs = self.pairs(class_id, student)
        counts = self.counts(pairs.values())
        quizzes = self.counts(
            p for (_, a), p in pairs.items() if self.types.get(a, "").lower() == "quiz"
        )
        expected = facts["expected"]
        done = sum((student, a) in facts["done"] for a in expected)
        silent = self.silent(class_id, student, day, facts)
        begun = counts["completed"] + counts["in_progress"]
        order = self.core.curriculum[class_id]
        waits = [
            (
                -1 if p["waited"] is None else p["waited"],
                -order.index(a),
                p,
                a,
            )
            for (_, a), p in pairs.items()
            if p["is_waiting"]
        ]
        longest = max(waits, key=lambda w: w[:2])[2:] if waits else None
        stuck_there = None
        if longest:
            stuck_there = sum(
                p["is_stuck"] for (_, a), p in self.pairs(class_id).items() if a == longest[1]
            )
        since = longest and longest[0]["waiting_since"]
        return {
            "progress": done / len(expected) if expected else None,
            "progress_counts": (done, len(expected)),
            "inactivity": silent,
            "grades": counts["low_grades"] / counts["graded"] if counts["graded"] else None,
            "grade_counts": (counts["low_grades"], counts["graded"]),
            "momentum": self._recent(class_id, student, day),
            "stuck": (day - since).days if since else None,
            "is_stuck": bool(longest and longest[0]["is_stuck"]),
            "stuck_there": stuck_there,
            "quizzes": quizzes["low_grades"] if quizzes["graded"] else None,
            "never_started": silent if begun == 0 else 0,
            "begun": begun,
            "assignments": len(pairs),
            "is_finished": bool(self.started.get((class_id, student)))
            and counts["completed"] == len(pairs),
        }

    @staticmethod
    def _status(signal: str, mine: Any, cohort: Any, enrolled: int, facts: Any) -> str:
        if signal == "progress":
            done, whole = mine["progress_counts"]
            if not whole:
                return "n_a"
            return grade_of(done * 2 < whole, done * 4 < whole * 3)
        if signal == "inactivity":
            days = 0 if mine["is_finished"] else mine["inactivity"]
            return grade_of(days >= 14, days >= 7)
        if signal == "grades":
            low, graded = mine["grade_counts"]
            return grade_of(low * 2 >= graded, low * 4 >= graded) if graded else "n_a"
        if signal == "momentum":
            usual = cohort["momentum"]
            if enrolled < 14 or (usual is not None and usual < 1):
                return "n_a"
            if mine["is_finished"] or usual is None:
                return "pass"
            return grade_of(mine["momentum"] * 4 < usual, mine["momentum"] * 2 < usual)
        if signal == "stuck":
            if not mine["begun"]:
                return "n_a"
            return grade_of(mine["is_stuck"] and mine["stuck"] >= 14, mine["is_stuck"])
        if signal == "quizzes":
            failed = mine["quizzes"]
            return "n_a" if failed is None else grade_of(failed >= 3, failed >= 1)
        if not mine["assignments"]:
            return "n_a"
        return grade_of(mine["never_started"] >= 14, mine["never_started"] >= 7)

    # Class, night, cohort, reviews, hours.

    def review_queue(self) -> Rows:
        """Class x student x assignment."""
        found: Rows = {}
        for class_id, order in self.core.curriculum.items():
            waiting = sorted(
                (p["record"]["completed_at"], order.index(a), s, a)
                for (s, a), p in self.pairs(class_id).items()
                if p["state"] == "completed" and not p["record"]["reviewed_at"]
            )
            for rank, (completed_at, _, student, assignment) in enumerate(waiting, start=1):
                age = self.core.today(class_id) - self.core.day(class_id, completed_at)
                found[class_id, student, assignment] = {
                    "review_rank": rank,
                    "days_waiting": age.days,
                    "completed_at": completed_at,
                }
        return found

    def groups(self, keys: dict[tuple[str, str], Any]) -> Rows:
        """Students grouped by class and `keys`: what class_summary and night_summary count."""
        latest = self.latest()
        completion = self.student_completion()
        found: Rows = {}
        for group in set(keys.values()):
            members = [k for k, g in keys.items() if g == group and k in self.started]
            if not members:
                continue
            pairs = [p for m in members for p in self.pairs(*m).values()]
            tiers = Counter(latest[m]["tier"] for m in members)
            scores = [
                round_half_up(latest[m]["score"]) for m in members if latest[m]["tier"] != "n_a"
            ]
            counts = self.counts(pairs)
            found[group] = {
                "students": len(members),
                "students_left": sum(not self.started[m]["is_enrolled"] for m in members),
                "active_students": sum(completion[m]["is_active_lately"] for m in members),
                "stuck_students": sum(
                    any(p["is_stuck"] for p in self.pairs(*m).values()) for m in members
                ),
                **{f"{t}_students": tiers[t] for t in (*RISK, "n_a")},
                "mean_score": sum(scores) / len(scores) if scores else None,
                "completions": counts["completed"],
                "completion_rate": counts["completion_rate"],
                "average_grade": counts["average_grade"],
                "open_reviews": sum(
                    p["state"] == "completed" and not p["record"]["reviewed_at"] for p in pairs
                ),
            }
        return found

    def class_summary(self) -> Rows:
        """Class."""
        return self.groups({k: k[0] for k in self.core.enrollments})

    def night_summary(self) -> Rows:
        """Class x night."""
        return self.groups(
            {
                (class_id, student): (
                    class_id,
                    ((entry.get("line") or {}).get("night") or "(no night)").lower(),
                )
                for (class_id, student), entry in self.core.enrollments.items()
            }
        )

    def progress_over_time(self) -> Rows:
        """Class x week."""
        found: Rows = {}
        for class_id in self.core.as_of:
            members = {s: e for (c, s), e in self.core.enrollments.items() if c == class_id}
            pairs = self.pairs(class_id)
            done = [
                self.core.day(class_id, p["record"]["completed_at"])
                for p in pairs.values()
                if p["state"] == "completed"
            ]
            for number, monday in enumerate(self.weeks(class_id), start=1):
                sunday = monday + timedelta(days=6)
                day = self.measured_on(class_id, monday)
                active = {
                    r["user_id"]
                    for r in self.core.known
                    if r["class_id"] == class_id
                    and any(
                        m and monday <= self.core.day(class_id, m) <= sunday
                        for m in (r["started_at"], r["completed_at"])
                    )
                }
                enrolled = sum(
                    e["enrolled_on"] <= day and not (e["left_on"] and e["left_on"] <= monday)
                    for e in members.values()
                )
                so_far = sum(d <= sunday for d in done)
                found[class_id, number] = {
                    "completions": sum(monday <= d <= sunday for d in done),
                    "cumulative_completions": so_far,
                    "cumulative_completion_rate": so_far / len(pairs) if pairs else None,
                    "active_students": len(active),
                    "enrolled_students": enrolled,
                }
        return found

    def cohort_comparison(self) -> Rows:
        """Class x week in program."""
        progress = self.progress_over_time()
        rates = {
            (class_id, number): progress[class_id, number]["cumulative_completion_rate"]
            for class_id in self.core.as_of
            for number in range(1, len(self.followed(class_id)) + 1)
        }
        found: Rows = {}
        for (class_id, number), rate in rates.items():
            others = [
                r for (c, n), r in rates.items() if n == number and c != class_id and r is not None
            ]
            sunday = self.weeks(class_id)[number - 1] + timedelta(days=6)
            rows = [v for k, v in self.weekly.items() if (k[0], k[2]) == (class_id, sunday)]
            judged = [r for r in rows if r["tier"] != "n_a"]
            scores = [round_half_up(r["score"]) for r in judged]
            mean_of_others = sum(others) / len(others) if others else None
            found[class_id, number] = {
                "judged_students": len(judged),
                "at_risk_students": sum(r["tier"] in ("critical", "high") for r in judged),
                "mean_score": sum(scores) / len(scores) if scores else None,
                "other_classes": len(others),
                "other_classes_completion_rate": mean_of_others,
                "completion_rate_difference": rate - mean_of_others
                if rate is not None and mean_of_others is not None
                else None,
            }
        return found

    def activity_pattern(self) -> Rows:
        """Class x weekday x hour."""
        found: Rows = {}
        for class_id in self.core.as_of:
            zone = ZoneInfo(self.core.zones[class_id])
            events: dict[str, list[tuple[tuple[int, int], str]]] = {"starts": [], "completions": []}
            for record in self.core.known:
                for name, moment in (
                    ("starts", record["started_at"]),
                    ("completions", record["completed_at"]),
                ):
                    if record["class_id"] == class_id and moment:
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


def grade_of(is_fail: bool, is_watch: bool) -> str:
    """Return the status of a signal that applies."""
    return "fail" if is_fail else "watch" if is_watch else "pass"


def round_half_up(score: float) -> float:
    """Return a score as it is shown: one decimal."""
    return math.floor(score * 10 + 0.5 + 1e-9) / 10
