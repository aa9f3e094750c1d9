"""Cohort Tracker as a user runs it: a settings file, a data directory, whole commands."""

from __future__ import annotations

import json
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from .environment import clean_environment
from .measure import Measured, RunFailed, run
from .server import Served


class Tracker:
    """A tracker of all classes that `served` has, with a data directory and a home of its own."""

    def __init__(self, home: Path, served: Served, *, page_delay: float = 0.5) -> None:
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        self._home = home
        self._config = home / "settings.toml"
        self.data_dir = home / "data"
        settings = {
            "email": served.email,
            "password": served.password,
            "api_base": served.url,
            "data_dir": str(self.data_dir),
            "page_delay": page_delay,
        }
        lines = [f"{key} = {json.dumps(value)}\n" for key, value in settings.items()]
        self._config.write_text("".join(lines))
        self._config.chmod(0o600)

    def command(self, *arguments: str) -> Measured:
        """Run `cohort-tracker` with the settings."""
        return run(
            [sys.executable, "-m", "cohort_tracker", "--config", str(self._config), *arguments],
            env=clean_environment(self._home),
            cwd=self._home,
        )

    def sync(self, *options: str) -> tuple[Measured, dict[str, Any]]:
        """Run `sync --json`; returns what it took and what it said."""
        built_before = self.warehouse_stamp()
        measured = self.command("sync", "--json", *options)
        said: dict[str, Any] = json.loads(measured.stdout)
        if any(not found["verified"] for found in said["classes"]):
            raise RunFailed("a class was not read completely")
        if "--no-build" not in options:
            said["built"] = self.warehouse_stamp() != built_before
        return measured, said

    def warehouse_stamp(self) -> tuple[int, int] | None:
        """Changes when the warehouse is replaced."""
        path = self.data_dir / "warehouse.duckdb"
        if not path.exists():
            return None
        stat = path.stat()
        return stat.st_ino, stat.st_mtime_ns

    def stored(self, table: str = "progressions") -> int:
        """Rows of a raw table."""
        with closing(sqlite3.connect(self.data_dir / "raw.db")) as db:
            found: int = db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        return found

    def require(self, records: int) -> None:
        """Raise RunFailed unless exactly so many progressions are stored, each once."""
        with closing(sqlite3.connect(self.data_dir / "raw.db")) as db:
            rows, ids = db.execute(
                "SELECT count(*), count(DISTINCT record_id) FROM progressions"
            ).fetchone()
        if (rows, ids) != (records, records):
            raise RunFailed(f"{rows:,} rows with {ids:,} ids are stored, not {records:,}")

    def require_marts(self, records: int) -> None:
        """Raise RunFailed unless the published tables hold exactly so many progressions."""
        require_marts(self.data_dir / "warehouse.duckdb", records)

    def reset(self) -> None:
        """Forget all data."""
        shutil.rmtree(self.data_dir, ignore_errors=True)


_QUESTION = """
import duckdb, sys
tables = "core.progressions", "core.enrollments", "marts.student_health"
with duckdb.connect(sys.argv[1], read_only=True) as warehouse:
    for table in tables:
        print(warehouse.sql(f"select count(*) from {table}").fetchone()[0])
"""


def require_marts(warehouse: Path, records: int) -> None:
    """Raise RunFailed unless the tables hold exactly so many progressions, and every student.

    A process of its own asks: this one stays small, so that it does not blur what it measures.
    """
    answer = run([sys.executable, "-c", _QUESTION, str(warehouse)], env=clean_environment())
    progressions, enrolled, judged = map(int, answer.stdout.split())
    if progressions != records or judged != enrolled:
        raise RunFailed(
            f"{progressions:,} progressions and {judged:,} of {enrolled:,} students are in the"
            f" tables, not {records:,} progressions"
        )


def totals(said: dict[str, Any]) -> dict[str, int]:
    """The counts of a sync over all its classes."""
    names = ("pages", "fetched", "new", "changed", "removed")
    return {name: sum(found[name] for found in said["classes"]) for name in names}


def skip_reason(said: dict[str, Any]) -> str | None:
    """Why the build was skipped, where the sync said so."""
    warehouse = said.get("warehouse") or {}
    for key in ("skipped", "skip_reason", "reason"):
        if warehouse.get(key):
            return str(warehouse[key])
    return None
