"""The benchmark of the health score, on a small made-up course."""

import csv
import json
import random
import subprocess
import sys
from datetime import datetime, timedelta

import pytest

from warehouse_fixture import PROJECT

START = datetime(2025, 9, 1)
END = START + timedelta(weeks=20)


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """Two classes in which those who fail fall silent halfway."""
    rng = random.Random(1)
    directory = tmp_path_factory.mktemp("course")
    tables: dict[str, list[dict[str, object]]] = {
        name: [] for name in ("classes", "assignments", "enrollments", "progressions")
    }
    for room in ("one", "two"):
        tables["classes"].append(
            {"class_id": room, "course": room, "term": "T", "starts_at": START, "ends_at": END}
        )
        for number in range(8):
            tables["assignments"].append(
                {
                    "assignment_id": f"{room}-{number}",
                    "class_id": room,
                    "name": f"Lesson {number}",
                    "type": "lesson",
                    "due_at": START + timedelta(weeks=2 * number + 1),
                }
            )
        for student in range(12):
            fails = student % 3 == 0
            key = f"{room}{student}"
            tables["enrollments"].append(
                {
                    "class_id": room,
                    "student_id": key,
                    "registered_at": START,
                    "unregistered_at": "",
                    "final_result": "Fail" if fails else "Pass",
                    "at_risk": int(fails),
                }
            )
            for number in range(3 if fails else 8):
                tables["progressions"].append(
                    {
                        "progression_id": f"{key}-{number}",
                        "class_id": room,
                        "student_id": key,
                        "assignment_id": f"{room}-{number}",
                        "grade": round(rng.uniform(0.2, 0.6) if fails else rng.uniform(0.5, 1), 2),
                        "started_at": "",
                        "completed_at": START + timedelta(weeks=2 * number, days=rng.randrange(7)),
                        "reviewed_at": "",
                    }
                )
    for name, rows in tables.items():
        with (directory / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return directory


def test_benchmark_measures_and_writes_its_page(course, tmp_path):
    page = tmp_path / "page.md"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "benchmarks.health", "--data", str(course)),
            *("--results", str(tmp_path / "results.json"), "--document", str(page)),
            *("--work", str(tmp_path), "--draws", "2", "--dates", "1"),
        ],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads((tmp_path / "results.json").read_text())
    assert len(results["classes"]) == 4
    assert {row["students"] for row in results["classes"]} == {12}
    assert results["mean"]["50%"]["score"] > 0.9
    assert results["draws"]["50%"]["classes"] == 4
    assert [row["students"] for row in results["break"]["50%"]] == [24, 24, 24]
    assert set(results["grades"]) == {"no-grades", "best-grades"}
    [backtest] = results["backtest"]
    assert backtest["verdicts so far"]["rows"] > backtest["verdicts of the day"]["rows"] > 0
    assert {found["differing"] for name, found in backtest.items() if name != "as_of"} == {0}
    assert "creativecommons.org" in page.read_text()
    assert (tmp_path / "page.svg").read_text().startswith("<svg")
