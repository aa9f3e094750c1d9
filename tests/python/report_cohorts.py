"""Small classes for the report: who is on which list, and which classes have nobody on one."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copytree
from typing import Any

from cohort_tracker.warehouse.query import query
from raw_fixture import with_schedule_file, write_raw_db
from verdict_cohort import Cohort, day, every, store, students
from warehouse_fixture import build_warehouse

DAYS = every(3, since=58)

# By the short name of the student: those that a terminal or a browser might trip over.
NAMES = {
    "evil": ("\x1b[5;41m\u202eEve\u2066", "</script><b>\x07Evil\r\nError: forged"),
    "wide": ("网页开发课程第一模块", "晚间班与数据分析入门"),
    "right": ("عبد الرحمن بن محمد", "الحداد مسار تطوير الويب"),
    "marks": ("Zoe\u0308 Cafe\u0301", "A\u0308rzte-U\u0308bersetzer " * 6),
    "plain": ("Ada", "Lovelace"),
}
MENTORS = {"Thursday": ("Mei Tan", "Mei@Example.org"), "Monday": ("Ole Berg", "ole@example.org")}


def _web() -> Cohort:
    """Everything at once, on two nights: eight at work, and on each list somebody."""
    cohort = Cohort("web-1", range(1, 31))
    nights = {name: "Monday" for name in students(8)[:4]} | {
        name: "Thursday" for name in students(8)[4:]
    }
    cohort.follow(students(8), DAYS)
    for lesson, days_ago in enumerate(DAYS, start=1):
        if lesson % 2:
            cohort.do("wide", lesson, days_ago)
        cohort.do("plain", lesson, days_ago, grade=0.3)
    nights |= {"wide": "Thursday", "plain": "Monday"}
    for name, done in (("right", 4), ("evil", 6), ("marks", 9), ("monday-quiet", 12)):
        cohort.follow(name, DAYS[:done])
        cohort.open(name, done + 1, DAYS[done] + 1)
        nights[name] = "Monday" if name == "monday-quiet" else "Thursday"
    cohort.follow("comeback", [*DAYS[:11], *[2] * 9])
    cohort.follow("falls", DAYS[:17])
    nights |= {"comeback": "Thursday", "falls": "Thursday"}
    cohort.follow("no-night", DAYS[:10])
    for name, night in nights.items():
        cohort.enroll(name, night=night)
    cohort.enroll("no-night")
    cohort.enroll("pia-p", night="Thursday", first_name="Pia", last_name="Paper")
    late = {"first_name": "Nils", "last_name": "New", "started_on": day(8)}
    cohort.enroll("nils-n", night="Monday", **late)
    return cohort


def _many() -> Cohort:
    """Fifty, of whom twelve have gone quiet, each some days after the one before."""
    cohort = Cohort("many-1", range(1, 31))
    cohort.follow(students(38), DAYS)
    for number in range(12):
        cohort.follow(f"quiet{number:02}", DAYS[: 3 + number // 2])
    return cohort


def _steady(class_id: str, number: int) -> Cohort:
    cohort = Cohort(class_id, range(1, 31))
    cohort.follow(students(number), DAYS)
    return cohort


def _over() -> Cohort:
    cohort = Cohort("over-1", range(1, 31))
    cohort.follow(students(3), every(3, since=130, until=75))
    for name in students(3):
        cohort.enroll(name, night="Friday")
    return cohort


def _paused() -> Cohort:
    cohort = Cohort("paused-1", range(1, 31))
    cohort.follow(students(3), every(3, since=58, until=10))
    return cohort


def _fresh() -> Cohort:
    cohort = Cohort("fresh-1", range(1, 31))
    cohort.follow(students(3), [2, 1])
    return cohort


def report_tables() -> dict[str, list[dict[str, Any]]]:
    """The raw store of all these classes."""
    cohorts = [_web(), _many(), _over(), _paused(), _fresh()]
    cohorts += [_steady("one-1", 1), _steady("three-1", 3)]
    tables = store(cohorts)
    for record in tables["progressions"]:
        short = record["user_last_name"]
        if record["class_id"] == "web-1" and short in NAMES:
            record["user_first_name"], record["user_last_name"] = NAMES[short]
        if short == "s01" and record["completed_at"]:
            record["reviewed_at"] = None
    for row in tables["classes"]:
        row["name"] = f"The class {row['class_id']}"
    tables["mentors"] = [
        {
            "line": line,
            "file_version": 1,
            "mentor": mentor,
            "night": night,
            "email": email,
            "class": "web-1",
        }
        for line, (night, (mentor, email)) in enumerate(MENTORS.items(), start=2)
    ]
    return tables


def words_of(data: ReportData, night: str | None) -> set[str]:
    """All that names somebody of a night of the class `web-1`: names, addresses, ids, mentors."""
    found = data.rows(
        "select distinct student_id, first_name, last_name, email, mentor"
        " from core.class_students where class_id = 'web-1'"
        f" and night is not distinct from {repr(night) if night else 'null'}"
    )
    words = {str(value) for row in found for value in row if value}
    return words - {"Student"}


@dataclass
class ReportData:
    """A data directory as a sync leaves it, and the environment of commands about it."""

    home: Path
    options: dict[str, str] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        return self.home / "data"

    def copied_to(self, home: Path) -> ReportData:
        """The same, to be changed."""
        copytree(self.data, home / "data")
        return ReportData(home, dict(self.options))

    def process_environment(self) -> dict[str, str]:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("COHORT_TRACKER_")}
        pipelines = Path(__file__).parents[2] / "pipelines"
        return {**inherited, "PYTHONPATH": str(pipelines), **self.environment()}

    def report(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run `cohort-tracker report` to its end."""
        return subprocess.run(
            [sys.executable, "-m", "cohort_tracker", "report", *arguments],
            env={**self.process_environment(), **environment},
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the published tables."""
        return query(self.data / "warehouse.duckdb", sql)

    def environment(self) -> dict[str, str]:
        return {
            "COHORT_TRACKER_DATA_DIR": str(self.data),
            "COHORT_TRACKER_STALE_AFTER_HOURS": "87600",
            **self.options,
        }


def build_report_data(home: Path) -> ReportData:
    """Build the classes and publish them as a sync would."""
    write_raw_db(home / "data" / "raw.db", with_schedule_file(report_tables()))
    build_warehouse(home / "data", selector="sync").rename(home / "data" / "warehouse.duckdb")
    return ReportData(home)
