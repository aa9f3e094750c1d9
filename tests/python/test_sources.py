"""A second source: one module outside the package, found by its entry point."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cohort_tracker.config import load_settings
from cohort_tracker.errors import ConfigError
from cohort_tracker.sources import connect, needs
from support import SOURCE_ROOT, record

CAMPUS = '''
"""A source that reads a JSON file: {class id: records}, the newest completion first."""

import json
from pathlib import Path

from cohort_tracker.errors import ClassNotFoundError
from cohort_tracker.sources.api import ClassInfo, CurriculumEntry, Description, Page

NEEDS = ()


def connect(settings):
    return Campus(settings.data_dir.parent / "campus.json", settings.page_size)


class Campus:
    name = "campus"

    def __init__(self, path, page_size):
        self._path, self._page_size = Path(path), page_size

    def log_in(self):
        self._records = json.loads(self._path.read_text())

    def classes(self):
        return [ClassInfo(class_id, name=class_id.title()) for class_id in self._records]

    def describe(self, class_id):
        return Description(ClassInfo(class_id, name=class_id.title()), [
            CurriculumEntry(1, 1, "Unit", "task-1")
        ])

    def page(self, class_id, number):
        if class_id not in self._records:
            raise ClassNotFoundError(f"No such class: {class_id}")
        records, start = self._records[class_id], number * self._page_size
        part = records[start : start + self._page_size]
        more = start + len(part) < len(records)
        return Page(number, part, len(records), self._page_size, more)
'''


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder on the path with an installed package that brings the source `campus`."""
    site = tmp_path / "site"
    info = site / "our_campus-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "our_campus.py").write_text(CAMPUS)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: our-campus\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[cohort_tracker.sources]\ncampus = our_campus\n")
    records = [record(n, days_ago=n + 1) for n in range(25)] + [record(90_000)]
    (tmp_path / "campus.json").write_text(json.dumps({"algebra": records}))
    return tmp_path


def command(home: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cohort_tracker", *arguments],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(home / "site"), str(SOURCE_ROOT)]),
            "COHORT_TRACKER_SOURCE": "campus",
            "COHORT_TRACKER_DATA_DIR": str(home / "data"),
            "COHORT_TRACKER_PAGE_SIZE": "10",
            "COHORT_TRACKER_EMAIL": "",
            **environment,
        },
        cwd=home,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def stored(home: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(home / "data" / "raw.db")) as db:
        return db.execute(sql).fetchall()


def test_second_source_is_set_up_synced_and_told_apart(home: Path):
    init = command(home, "--config", str(home / "campus.toml"), "init", "--class-id", "algebra")
    assert init.returncode == 0, init.stderr
    first = command(home, "sync", "--no-build", "--json")
    assert first.returncode == 0, first.stderr
    (said,) = json.loads(first.stdout)["classes"]
    assert (said["class_id"], said["mode"], said["new"], said["verified"]) == (
        *("algebra", "full", 26),
        True,
    )
    second = json.loads(command(home, "sync", "--no-build", "--json").stdout)["classes"][0]
    assert (second["mode"], second["new"], second["changed"]) == ("incremental", 0, 0)
    assert stored(home, "SELECT source, count(*) FROM progressions GROUP BY source") == [
        ("campus", 26)
    ]
    for table in ("classes", "class_units", "sync_runs", "sync_pages"):
        assert stored(home, f"SELECT DISTINCT source FROM {table}") == [("campus",)], table


def test_json_is_one_object_also_for_an_error_that_nobody_foresaw(home: Path):
    (home / "campus.json").write_text("{")
    done = command(home, "sync", "--no-build", "--json")
    assert done.returncode == 1
    error = json.loads(done.stdout)["error"]
    assert error.startswith("Unexpected JSONDecodeError: ")
    assert f"Error: {error}\n" in done.stderr and "Traceback" not in done.stderr
    shown = command(home, "--debug", "sync", "--no-build", "--json")
    assert shown.returncode == 1 and "Traceback" in shown.stderr


def test_source_that_is_not_there_is_named_with_those_that_are(home: Path):
    done = command(home, "sync", COHORT_TRACKER_SOURCE="files")
    assert done.returncode == 2
    assert "No such source: files" in done.stderr
    assert "campus, openclass" in done.stderr


def test_credentials_are_a_matter_of_the_source():
    settings = load_settings(environ={}, no_file=True)
    assert needs(settings) == ("email", "password")
    with pytest.raises(ConfigError, match="email and password missing"):
        connect(settings)
