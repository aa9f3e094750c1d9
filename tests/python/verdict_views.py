"""The marts of one small class, from the recomputation or from the warehouse, read alike."""

from collections.abc import Callable
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from raw_fixture import roster_id, with_schedule_file, write_raw_db
from recomputed import Recomputed
from recomputed_marts import KEYS, Marts
from verdict_cohort import store
from verdict_cohorts import CASES, all_cases
from warehouse_fixture import build_warehouse, rows

Rows = list[dict[str, Any]]
Reader = Callable[[str, str], Rows]
"""From a mart and a class to the class's rows."""


@cache
def _marts(class_id: str, as_of: datetime | None) -> Marts:
    tables = store([CASES[class_id](class_id)])
    return Marts(Recomputed(tables, as_of=as_of), set())


def from_recomputed(mart: str, class_id: str, as_of: datetime | None = None) -> Rows:
    """Return rows of a mart as they come out by brute force."""
    marts = _marts(class_id, as_of)
    names = KEYS[mart]
    addresses = {roster_id(r["email"]): r["email"] for r in marts.core.tables["roster"]}
    found = [
        dict(zip(names, key if len(names) > 1 else [key], strict=True)) | row
        for key, row in getattr(marts, mart)().items()
    ]
    for row in found:
        if "student_id" in row:
            row["student_id"] = addresses.get(row["student_id"], row["student_id"])
    return found


def from_warehouse(directory: Path) -> Reader:
    """Build all classes into one warehouse and return what reads it."""
    write_raw_db(directory / "raw.db", with_schedule_file(store(all_cases())))
    warehouse = build_warehouse(directory, selector="sync")
    students = rows(warehouse, "select class_id, student_id, email from marts.student_health")
    addresses = {(s["class_id"], s["student_id"]): s["email"] for s in students}

    def read(mart: str, class_id: str) -> Rows:
        found = rows(warehouse, f"select * from marts.{mart} where class_id = '{class_id}'")
        for row in found:
            if "student_id" in row:
                # the id of somebody known from the roster alone says nothing
                row["student_id"] = addresses[class_id, row["student_id"]]
        return found

    return read


class ClassView:
    """What the tables say of one class, students and lessons by their short names."""

    def __init__(self, read: Reader, class_id: str) -> None:
        self._read, self.class_id = read, class_id

    def _rows(self, mart: str) -> Rows:
        found = self._read(mart, self.class_id)
        for row in found:
            if "student_id" in row:
                row["student"] = short_name(row["student_id"])
            if row.get("assignment_id"):
                row["lesson"] = short_name(row["assignment_id"])
        return found

    def health(self) -> dict[str, dict[str, Any]]:
        """Student -> how things stand."""
        return {r["student"]: r for r in self._rows("student_health")}

    def tiers(self) -> dict[str, str]:
        """Student -> tier."""
        return {student: row["tier"] for student, row in self.health().items()}

    def call_list(self) -> dict[str, str]:
        """Student -> list, for those who stand on one."""
        return {s: r["call_list"] for s, r in self.health().items() if r["call_list"]}

    def weekly(self) -> Rows:
        """Students x weeks, in order of weeks."""
        return sorted(self._rows("student_health_weekly"), key=lambda r: r["week_ends_on"])

    def signal(self, name: str) -> dict[str, str]:
        """Student -> status of a signal."""
        return {
            r["student"]: r["status"] for r in self._rows("student_signals") if r["signal"] == name
        }

    def flagged(self, name: str) -> dict[str, str]:
        """Student -> status of a signal, for those whom it warns of."""
        return {s: status for s, status in self.signal(name).items() if status in ("watch", "fail")}

    def blockers(self) -> list[str]:
        """Return the lessons that hold the class up, the worst first."""
        ranked = [r for r in self._rows("blockers") if r["blocker_rank"]]
        return [r["lesson"] for r in sorted(ranked, key=lambda r: r["blocker_rank"])]

    def blocker(self, lesson: str) -> dict[str, Any]:
        """Return what holds up at a lesson."""
        return {r["lesson"]: r for r in self._rows("blockers")}[lesson]

    def stuck(self) -> dict[str, tuple[str, int]]:
        """Student -> lesson at which they are stuck, and days of waiting."""
        return {
            r["student"]: (r["lesson"], r["days_waiting"]) for r in self._rows("stuck_students")
        }

    def events(self) -> set[tuple[str, str]]:
        """Return (student, event) of all that is told to have happened."""
        return {(r["student"], r["event"]) for r in self._rows("student_events")}

    def event_keys(self, event: str) -> list[str]:
        """Return the keys of all events of a kind."""
        return sorted(r["event_key"] for r in self._rows("student_events") if r["event"] == event)

    def lesson(self, lesson: str) -> dict[str, Any]:
        """Return how a lesson is completed."""
        return {r["lesson"]: r for r in self._rows("assignment_completion")}[lesson]

    def progress(self) -> Rows:
        """Return the weeks of the class."""
        return sorted(self._rows("progress_over_time"), key=lambda r: r["week_number"])

    def summary(self) -> dict[str, Any]:
        """Return the class in one row."""
        [row] = self._rows("class_summary")
        return row


def short_name(identifier: str) -> str:
    """Return s01 from class/s01, from s01@class.example and from roster:s01@class.example."""
    return identifier.removeprefix("roster:").split("/")[-1].split("@")[0]
