"""The definitions once more, in plain Python and by brute force, to compare the tables with.

Nothing here is fast or shares a thought with the SQL: every number is counted from the records.
This file: who is in which class, what the plan is, and what each student did of it.
"""

from collections import defaultdict
from datetime import date, datetime, timedelta
from statistics import median
from typing import Any, overload
from zoneinfo import ZoneInfo

from raw_fixture import roster_id

Tables = dict[str, list[dict[str, Any]]]
Group = tuple[str, str | None]
"""A class, and the night of a group that has dates of its own in the schedule (else None)."""
EXCLUDED_ROLES = {"staff"}


class Recomputed:
    """All tables of a raw store as of one moment per class."""

    def __init__(self, tables: Tables, as_of: datetime | None = None) -> None:
        newest: dict[tuple[str, str], dict[str, Any]] = {}
        read_last: dict[tuple[str, str, str], Any] = {}
        for record in sorted(tables["progressions"], key=lambda r: r["version_no"]):
            key = record["class_id"], record["record_id"]
            newest[key] = {**record}
            rejected = (record.get("rejected_fields") or "").split(",")
            for field in ("grade", "started_at", "reviewed_at"):
                if record.get("is_removed"):
                    continue
                if field in rejected:
                    newest[key][field] = read_last.get((*key, field))
                else:
                    read_last[*key, field] = record[field]
        self.records = [r for r in newest.values() if not r.get("is_removed")]
        self.zones = defaultdict(
            lambda: "UTC", {r["class_id"]: r["timezone"] for r in tables["sync_runs"]}
        )
        reads = [r for r in tables["sync_runs"] if r["status"] in ("ok", "unverified")]
        met = [(r["class_id"], r["first_seen_at"]) for r in tables["progressions"]]
        read_at = {
            c: max((r["finished_at"] for r in reads if r["class_id"] == c), default=None)
            or max(moment for class_id, moment in met if class_id == c)
            for c in self._class_ids(tables)
        }
        self.as_of = {c: as_of or moment for c, moment in read_at.items()}
        self.known_until = {c: max(moment, self.as_of[c]) for c, moment in read_at.items()}
        self.tables = tables
        self._completed: dict[str, dict[tuple[str, str], list[date]]] = {}
        self._schedules: dict[str, list[dict[str, Any]]] = {}
        self.dated = [self._date(r) for r in self.records]
        self.members = self._members()
        self.known: dict[str, list[dict[str, Any]]] = {c: [] for c in self.as_of}
        for record in self.dated:
            if masked := self._mask(record):
                self.known[record["class_id"]].append(masked)
        self.begin = {c: self._begin(c) for c in self.as_of}
        self.enrollments = self._enrollments()
        self.curriculum = {c: self._curriculum(c) for c in self.as_of}
        self.off_plan = {c: self._off_plan(c) for c in self.as_of}
        self.pairs = self._pairs(self.curriculum, is_assigned=True)
        self.off_plan_pairs = self._pairs(self.off_plan, is_assigned=False)

    @staticmethod
    def _class_ids(tables: Tables) -> set[str]:
        return {r["class_id"] for t in ("classes", "sync_runs", "progressions") for r in tables[t]}

    @overload
    def day(self, class_id: str, moment: datetime) -> date: ...

    @overload
    def day(self, class_id: str, moment: None) -> None: ...

    def day(self, class_id: str, moment: datetime | None) -> date | None:
        """Return the local day of a UTC moment."""
        if moment is None:
            return None
        utc = moment.replace(tzinfo=ZoneInfo("UTC"))
        return utc.astimezone(ZoneInfo(self.zones[class_id])).date()

    def today(self, class_id: str) -> date:
        """Return the local day of the class's as_of."""
        return self.day(class_id, self.as_of[class_id])

    def _date(self, record: dict[str, Any]) -> dict[str, Any]:
        """Return the record with the times that can be; a completion without one stays one."""
        latest = self.known_until[record["class_id"]] + timedelta(days=365)
        dated = dict(record)
        for field in ("started_at", "completed_at", "reviewed_at"):
            if record[field] and not datetime(2000, 1, 1) <= record[field] <= latest:
                dated[field] = None
        if record["completed_at"] and not dated["completed_at"]:
            mine = record["class_id"], record["record_id"]
            seen = [
                version["first_seen_at"]
                for version in self.tables["progressions"]
                if (version["class_id"], version["record_id"]) == mine and version["completed_at"]
            ]
            dated["completed_at"] = dated["started_at"] or min(seen)
        return dated

    # Who is in the class.

    def _members(self) -> dict[tuple[str, str], dict[str, Any]]:
        """Return who has work or stands on the roster, with the day of the first work."""
        friendly = {c["friendly_id"].lower(): c["class_id"] for c in self.tables["classes"]}
        by_email = {r["user_email"].lower(): r["user_id"] for r in self.records if r["user_email"]}
        first: dict[tuple[str, str], date] = {}
        for record in self.dated:
            key = record["class_id"], record["user_id"]
            moments = [m for m in (record["started_at"], record["completed_at"]) if m]
            days = [self.day(record["class_id"], m) for m in moments]
            first[key] = min([d for d in days if d] + [first.get(key, date.max)])
        found: dict[tuple[str, str], dict[str, Any]] = {
            key: {"first": None if d == date.max else d} for key, d in first.items()
        }
        for line in (r for r in self.tables["roster"] if r["file_version"] == 2):
            reference = line["class"].lower()
            class_id = friendly.get(reference, reference)
            if class_id not in self.as_of:
                continue
            email = line.get("email", "").lower()
            name = f"{line.get('first_name')} {line.get('last_name')}".lower()
            student = by_email.get(email) or roster_id(*([email] if email else [class_id, name]))
            found.setdefault((class_id, student), {"first": None}).update(line)
        return {
            key: entry
            for key, entry in found.items()
            if entry.get("role", "student").lower() not in EXCLUDED_ROLES
        }

    def _begin(self, class_id: str) -> date | None:
        """Return the first day by which two students, and a tenth of the class, had begun."""
        first: dict[str, date] = {}
        for record in self.known[class_id]:
            for moment in (record["started_at"], record["completed_at"]):
                if moment:
                    student = record["user_id"]
                    first[student] = min(first.get(student, date.max), self.day(class_id, moment))
        students = sum(c == class_id for c, _ in self.members)
        tenth = -(-len(first) // 10)
        needed = max(min(2, students), tenth)
        return sorted(first.values())[needed - 1] if 0 < needed <= len(first) else None

    def _enrollments(self) -> dict[tuple[str, str], dict[str, Any]]:
        result = {}
        for (class_id, student), entry in self.members.items():
            today = self.today(class_id)
            known_days = [d for d in (entry.get("started_on"), entry["first"]) if d]
            start = min(known_days) if known_days else self.begin[class_id] or today
            left = entry.get("left_on")
            result[class_id, student] = {
                "line": entry if "class" in entry else None,
                "enrolled_on": start,
                "left_on": left,
                "has_started": start <= today,
                "is_enrolled": start <= today and not (left and left <= today),
            }
        return result

    def _mask(self, record: dict[str, Any]) -> dict[str, Any] | None:
        if (record["class_id"], record["user_id"]) not in self.members:
            return None
        limit = self.as_of[record["class_id"]]
        undated = record["started_at"] is None and record["completed_at"] is None
        masked = dict(record)
        for field in ("started_at", "completed_at", "reviewed_at"):
            if masked[field] and masked[field] > limit:
                masked[field] = None
        if not masked["completed_at"]:
            masked["grade"] = None
        return masked if undated or masked["started_at"] or masked["completed_at"] else None

    # The plan.

    def schedule_of(self, class_id: str) -> list[dict[str, Any]]:
        """Return the lines of the schedule for a class, in their order."""
        if class_id not in self._schedules:
            lines = [r for r in self.tables.get("schedule", []) if r["class_id"] == class_id]
            self._schedules[class_id] = sorted(lines, key=lambda r: r["line"])
        return self._schedules[class_id]

    def night_of(self, class_id: str, student: str) -> str:
        """Return the night of a student as it is compared; empty without one."""
        line = self.members[class_id, student]
        return (line.get("night") or "").strip().lower()

    def group_of(self, class_id: str, student: str) -> Group:
        """Return the group of a student: a night with lines of its own, else the class."""
        night = self.night_of(class_id, student)
        own = {(r["night"] or "").strip().lower() for r in self.schedule_of(class_id)}
        return class_id, night if night and night in own else None

    def groups(self, class_id: str) -> set[Group]:
        """Return the groups of a class that have students."""
        return {self.group_of(c, s) for c, s in self.members if c == class_id}

    def students_of(self, group: Group) -> list[str]:
        """Return all students of a group, also who left or is not there yet."""
        class_id = group[0]
        members = [s for c, s in self.members if c == class_id]
        return [s for s in members if self.group_of(class_id, s) == group]

    def line_of(self, group: Group, assignment: str) -> dict[str, Any]:
        """Return what the schedule says about an assignment: the night's own line first."""
        class_id, night = group
        for wanted in [night, None] if night else [None]:
            for line in self.schedule_of(class_id):
                of_night = (line["night"] or "").strip().lower() or None
                if line["assignment_id"] == assignment and of_night == wanted:
                    return line
        return {"due_on": None, "is_optional": False}

    def required(self, group: Group) -> list[str]:
        """Return what the group must complete, in its order."""
        order = self.curriculum[group[0]]
        return [a for a in order if not self.line_of(group, a)["is_optional"]]

    def _stored(self, class_id: str) -> dict[tuple[str, str], datetime | None]:
        """Return every pair of student and assignment, and its first completion, whenever."""
        first: dict[tuple[str, str], datetime | None] = {}
        for record in self.dated:
            member = record["class_id"], record["user_id"]
            if record["class_id"] == class_id and member in self.members:
                key = record["user_id"], record["assignment_id"]
                done = [m for m in (first.get(key), record["completed_at"]) if m]
                first[key] = min(done) if done else None
        return first

    def units(self, class_id: str) -> dict[str, dict[str, Any]]:
        """Return the units' line per assignment, in order; nothing if they are not believed."""
        units: dict[str, dict[str, Any]] = {}
        for unit in sorted(self.tables["class_units"], key=lambda u: u["position"]):
            if unit["class_id"] == class_id and unit["units_hash"] == "new":
                units.setdefault(unit["assignment_id"], unit)
        done = [a for (_, a), moment in self._stored(class_id).items() if moment]
        covered = sum(a in units for a in done)
        return {} if 2 * covered < len(done) else units

    def _curriculum(self, class_id: str) -> list[str]:
        scheduled = [line["assignment_id"] for line in self.schedule_of(class_id)]
        if scheduled:
            return list(dict.fromkeys(scheduled))
        return list(self.units(class_id)) or self._inferred(class_id)

    def _inferred(self, class_id: str) -> list[str]:
        first = self._stored(class_id)
        ranks: dict[str, list[int]] = defaultdict(list)
        students: dict[str, int] = defaultdict(int)
        for (student, assignment), moment in first.items():
            students[assignment] += 1
            if moment:
                mine = [m for (s, _), m in first.items() if s == student and m]
                ranks[assignment].append(1 + sum(m < moment for m in mine))
        return sorted(
            students,
            key=lambda a: (
                median(ranks[a]) if ranks[a] else float("inf"),
                -len(ranks[a]),
                -students[a],
                a,
            ),
        )

    def _off_plan(self, class_id: str) -> list[str]:
        return sorted({a for _, a in self._stored(class_id)} - set(self.curriculum[class_id]))

    # What each student did.

    def _pairs(
        self, lists: dict[str, list[str]], *, is_assigned: bool
    ) -> dict[tuple[str, str, str], dict[str, Any]]:
        """Return every student with every assignment of the lists; off the plan, what was begun."""
        best: dict[tuple[str, str, str], dict[str, Any]] = {}
        for record in (r for records in self.known.values() for r in records):
            key = record["class_id"], record["user_id"], record["assignment_id"]
            order = (
                record["completed_at"] or datetime.min,
                record["started_at"] or datetime.min,
                record["record_id"],
            )
            if key not in best or order > best[key]["order"]:
                best[key] = {**record, "order": order}
        return {
            (class_id, student, assignment): self._state(best.get((class_id, student, assignment)))
            for (class_id, student), enrollment in self.enrollments.items()
            if enrollment["has_started"]
            for assignment in lists[class_id]
            if is_assigned or (class_id, student, assignment) in best
        }

    @staticmethod
    def _state(record: dict[str, Any] | None) -> dict[str, Any]:
        is_done = bool(record and record["completed_at"])
        grade = record["grade"] if record else None
        return {
            "state": "completed" if is_done else "in_progress" if record else "not_started",
            "grade": grade,
            "is_passed": is_done and (grade is None or grade >= 0.7),
            "record": record,
        }

    def completed_days(self, class_id: str) -> dict[tuple[str, str], list[date]]:
        """Return all completion days per (student, assignment), earliest first."""
        if class_id not in self._completed:
            days = defaultdict(list)
            for r in self.known[class_id]:
                if r["completed_at"]:
                    day = self.day(class_id, r["completed_at"])
                    days[r["user_id"], r["assignment_id"]].append(day)
            self._completed[class_id] = {k: sorted(v) for k, v in days.items()}
        return self._completed[class_id]

    def active_days(self, class_id: str, student: str | None = None) -> list[date]:
        """Return the days of all starts and completions, earliest first."""
        return sorted(
            self.day(class_id, m)
            for r in self.known[class_id]
            if student in (None, r["user_id"])
            for m in (r["started_at"], r["completed_at"])
            if m
        )
