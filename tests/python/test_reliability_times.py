"""Times that are none, as zero dates and placeholders, in a class read over HTTP."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from support import NOW, Bench, Classes, record, stamp

WEEKS = 7
FIRST = NOW - timedelta(days=7 * (WEEKS - 1), hours=3)
ZERO, EPOCH, NEVER = "0001-01-01T00:00:00.000Z", "1970-01-01T00:00:00.000Z", "9999-12-31T00:00:00Z"
# lesson 0 of a student, as the API tells it
ODD: dict[int, dict[str, Any]] = {
    1: {"started_assignment_at": ZERO},
    2: {"started_assignment_at": EPOCH},
    3: {"completed_assignment_at": ZERO, "reviewed_at": ZERO},
    4: {"started_assignment_at": EPOCH, "completed_assignment_at": NEVER},
}


def lessons() -> list[dict[str, Any]]:
    """One lesson a week for each of ten students; the last opens one more."""
    found = []
    for week in range(WEEKS):
        day = FIRST + timedelta(days=7 * week)
        for student in range(10):
            person = {"id": f"s{student}", "first_name": "Ada", "last_name": f"Nr {student}"}
            task = {"id": f"t{week}", "name": f"Lesson {week}", "type": "lesson"}
            times: dict[str, Any] = {
                "started_assignment_at": stamp(day - timedelta(hours=1)),
                "completed_assignment_at": stamp(day),
            }
            found.append(
                record(100 * week + student, user=person, assignment=task, grade=0.9, **times)
            )
    return found


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """Two classes that differ in the odd times only, synced and built."""
    odd = lessons()
    for student, times in ODD.items():
        odd[student] |= times
    opened = record(900, started_assignment_at=ZERO, assignment={"id": "t6", "type": "lesson"})
    odd.append({**opened, "user": {"id": "new", "first_name": "New", "last_name": "One"}})
    source = Classes(plain=lessons(), odd=odd)
    home: Path = tmp_path_factory.mktemp("times")
    with Bench(home, source, options={"class_ids": "plain,odd"}) as bench:
        report = bench.sync(build=True)
        assert report.exit_code == 0, report.errors
        yield bench


def test_class_has_the_weeks_it_had(told: Bench):
    weeks = told.core(
        "select class_id, list(iso_week order by week_number) from marts.progress_over_time"
        " group by class_id"
    )
    found = dict(weeks)
    [(read_at,)] = told.core("select max(as_of) from core.classes")
    opened_at = FIRST - timedelta(hours=1)
    mondays = [at.date() - timedelta(days=at.weekday()) for at in (opened_at, read_at)]
    assert len(found["plain"]) == 1 + (mondays[1] - mondays[0]).days // 7
    assert found["odd"] == found["plain"]


def test_nobody_is_told_of_thousands_of_days(told: Bench):
    sentences = [
        text
        for table, column in (("student_signals", "reason"), ("student_health", "reasons"))
        for (text,) in told.core(f"select {column} from marts.{table} where {column} is not null")
    ]
    days = [int(n) for text in sentences for n in re.findall(r"(\d+) days", text)]
    assert sentences and max(days, default=0) <= 7 * WEEKS


def test_completion_stays_one_on_the_day_it_was_started_or_first_seen(told: Bench):
    found = told.core(
        "select student_id, state, started_at, completed_at, reviewed_at"
        " from core.student_assignments where class_id = 'odd' and assignment_id = 't0'"
        " and student_id in ('s1', 's2', 's3', 's4') order by student_id"
    )
    day = FIRST.replace(tzinfo=None)
    [(seen,)] = told.core(
        "select synced_at from core.progressions where class_id = 'odd' and student_id = 's4'"
        " and assignment_id = 't0'"
    )
    assert found == [
        ("s1", "completed", None, day, None),
        ("s2", "completed", None, day, None),
        ("s3", "completed", day - timedelta(hours=1), day - timedelta(hours=1), None),
        ("s4", "completed", None, seen, None),
    ]
    opened = told.core(
        "select state, started_at from core.student_assignments"
        " where student_id = 'new' and assignment_id = 't6'"
    )
    assert opened == [("in_progress", None)]


def test_core_keeps_what_the_api_said(told: Bench):
    times = told.core(
        "select cast(min(started_at) as varchar), cast(max(completed_at) as varchar)"
        " from core.progressions where class_id = 'odd'"
    )
    assert times == [("0001-01-01 00:00:00", "9999-12-31 00:00:00")]
