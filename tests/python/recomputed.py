"""The definitions once more, in plain Python and by brute force, to compare the tables with.

Nothing here is fast or shares a thought with the SQL: every number is counted from the records.
"""

from collections import defaultdict
from datetime import date, datetime, timedelta
from statistics import median
from typing import Any, overload
from zoneinfo import ZoneInfo

from raw_fixture import roster_id

Tables = dict[str, list[dict[str, Any]]]
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
        self.dated = [self._date(r) for r in self.records]
        self.enrollments = self._enrollments()
        self.known = [k for k in map(self._mask, self.dated) if k]
        self.curriculum = {c: self._curriculum(c) for c in self.as_of}
        self.pairs = self._pairs()

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

    def _enrollments(self) -> dict[tuple[str, str], dict[str, Any]]:
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
        class_start: dict[str, date] = {}
        for (class_id, _), entry in found.items():
            if entry.get("role", "student").lower() not in EXCLUDED_ROLES and entry["first"]:
                class_start[class_id] = min(entry["first"], class_start.get(class_id, date.max))
        result = {}
        for (class_id, student), entry in found.items():
            if entry.get("role", "student").lower() in EXCLUDED_ROLES:
                continue
            known_days = [d for d in (entry.get("started_on"), entry["first"]) if d]
            start = (
                min(known_days) if known_days else class_start.get(class_id, self.today(class_id))
            )
            left = entry.get("left_on")
            result[class_id, student] = {
                "line": entry if "class" in entry else None,
                "enrolled_on": start,
                "left_on": left,
                "has_started": start <= self.today(class_id),
                "is_enrolled": start <= self.today(class_id)
                and not (left and left <= self.today(class_id)),
            }
        return result

    def _mask(self, record: dict[str, Any]) -> dict[str, Any] | None:
        if (record["class_id"], record["user_id"]) not in self.enrollments:
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

    def _curriculum(self, class_id: str) -> list[str]:
        units = []
        for unit in sorted(self.tables["class_units"], key=lambda u: u["position"]):
            named = unit["class_id"] == class_id and unit["units_hash"] == "new"
            if named and unit["assignment_id"] not in units:
                units.append(unit["assignment_id"])
        first: dict[tuple[str, str], datetime | None] = {}
        for record in self.known:
            if record["class_id"] == class_id:
                key = record["user_id"], record["assignment_id"]
                done = [m for m in (first.get(key), record["completed_at"]) if m]
                first[key] = min(done) if done else None
        ranks: dict[str, list[int]] = defaultdict(list)
        students: dict[str, int] = defaultdict(int)
        for (student, assignment), moment in first.items():
            students[assignment] += 1
            if moment:
                mine = [m for (s, _), m in first.items() if s == student and m]
                ranks[assignment].append(1 + sum(m < moment for m in mine))
        rest = sorted(
            set(students) - set(units),
            key=lambda a: (
                median(ranks[a]) if ranks[a] else float("inf"),
                -len(ranks[a]),
                -students[a],
                a,
            ),
        )
        return units + rest

    def _pairs(self) -> dict[tuple[str, str, str], dict[str, Any]]:
        best: dict[tuple[str, str, str], dict[str, Any]] = {}
        for record in self.known:
            key = record["class_id"], record["user_id"], record["assignment_id"]
            order = (
                record["completed_at"] or datetime.min,
                record["started_at"] or datetime.min,
                record["record_id"],
            )
            if key not in best or order > best[key]["order"]:
                best[key] = {**record, "order": order}
        pairs = {}
        for (class_id, student), enrollment in self.enrollments.items():
            if not enrollment["has_started"]:
                continue
            order_of_class = self.curriculum[class_id]
            mine = [best.get((class_id, student, a)) for a in order_of_class]
            done = [bool(r and r["completed_at"]) for r in mine]
            for index, assignment in enumerate(order_of_class):
                pairs[class_id, student, assignment] = self._judge(
                    class_id, enrollment, mine, done, index
                )
        return pairs

    def _judge(
        self,
        class_id: str,
        enrollment: dict[str, Any],
        mine: list[dict[str, Any] | None],
        done: list[bool],
        index: int,
    ) -> dict[str, Any]:
        record = mine[index]
        later = any(done[index + 1 :])
        before = mine[index - 1] if index and done[index - 1] else None
        steps = [
            before["completed_at"] if before else None,
            record["started_at"] if record else None,
        ]
        days = [self.day(class_id, m) for m in steps if m]
        waited = (self.today(class_id) - max(days)).days if days else None
        reached = bool(record or before or later)
        grade = record["grade"] if record else None
        return {
            "state": "completed" if done[index] else "in_progress" if record else "not_started",
            "grade": grade,
            "is_passed": done[index] and (grade is None or grade >= 0.7),
            "is_reached": reached,
            "is_skipped": not done[index] and later,
            "is_stuck": enrollment["is_enrolled"]
            and reached
            and not done[index]
            and not later
            and waited is not None
            and waited >= 7,
            "is_waiting": enrollment["is_enrolled"]
            and bool(record or before)
            and not done[index]
            and not later,
            "waited": waited,
            "waiting_since": max(days) if days else None,
            "record": record,
        }

    def health(self, class_id: str, on: date) -> dict[str, float]:
        """Return the score of each student at the end of a day, from what was known by then."""
        there = {
            s: e
            for (c, s), e in self.enrollments.items()
            if c == class_id and e["enrolled_on"] <= on
        }
        done: dict[tuple[str, str], list[tuple[datetime, str, float | None]]] = defaultdict(list)
        for record in self.known:
            moment = record["completed_at"]
            if record["class_id"] == class_id and moment and self.day(class_id, moment) <= on:
                key = record["user_id"], record["assignment_id"]
                done[key].append((moment, record["record_id"], record["grade"]))
        last: dict[str, date] = {}
        for (student, _), attempts in done.items():
            last[student] = max(
                [last.get(student, date.min), *(self.day(class_id, a[0]) for a in attempts)]
            )
        gone = {s for s, e in there.items() if e["left_on"] and e["left_on"] <= on}
        active = {s for s in there if s not in gone and s in last and (on - last[s]).days < 60}
        expected = [
            a
            for a in {a for _, a in done}
            if active and sum((s, a) in done for s in active) * 10 >= 7 * len(active)
        ]
        graded = {a for (_, a), attempts in done.items() if any(x[2] is not None for x in attempts)}
        first_day = {k: min(self.day(class_id, x[0]) for x in v) for k, v in done.items()}
        begin = min(self._activity_days(class_id), default=self.today(class_id))
        monday = begin - timedelta(days=begin.weekday())
        scores = {}
        for student in set(there) - gone:
            mine = [a for a in expected if (student, a) in done]
            newest = {a: max(attempts)[2] for (s, a), attempts in done.items() if s == student}
            parts = []
            owed = {a for a in expected if a in graded} | set(newest)
            weighed = [grade for a in owed if (grade := newest.get(a, 0.0)) is not None]
            if weighed:
                parts.append((40, sum(weighed) / len(weighed)))
            if expected:
                ahead = sum(
                    sum(day < first_day[student, a] for (_, b), day in first_day.items() if b == a)
                    for a in mine
                )
                parts.append((40, len(mine) / len(expected)))
                parts.append((10, (len(mine) - ahead / len(there)) / len(expected)))
            since = last.get(student, max(there[student]["enrolled_on"], monday))
            parts.append((10, max(0.0, 1 - max((on - since).days, 0) / 60)))
            total = sum(weight for weight, _ in parts)
            scores[student] = 100 * sum(weight * share for weight, share in parts) / total
        return scores

    def _activity_days(self, class_id: str) -> list[date]:
        return [
            d
            for r in self.known
            if r["class_id"] == class_id
            for m in (r["started_at"], r["completed_at"])
            if (d := self.day(class_id, m))
        ]
