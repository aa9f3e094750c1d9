"""Building the warehouse with dbt, in a process of its own, and publishing it in one rename.

dbt runs apart because DuckDB brings its own copy of SQLite, which must not share a process with
the loader's; and because the 2 s that dbt needs to start can then pass while pages are awaited.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import __version__
from ..config import Settings
from ..errors import BuildError
from ..project import project_dir
from ..raw.aside import aside_path
from ..raw.global_id import global_id
from ..raw.store import RawStore
from ..runtime.background import Background
from ..runtime.child import start_child
from ..runtime.folders import clear, make_fresh
from .file_problems import FileProblem, in_words
from .parsed_project import ParsedProject
from .published import change_log, set_change_log_aside

BUILD_SECONDS = 3600.0
"""How long a build may take before dbt is taken to hang."""

_NEARLY_FULL = 1 << 20
_KEPT = "the tables of the last good build, if any, are still there"
_AGAIN = f"Run `cohort-tracker sync` again; {_KEPT}."
_FULL_DISK = ("No space left on device", "disk is full", "Disk quota exceeded")


@dataclass
class BuildReport:
    """What became of the warehouse. `failures` holds one line per failed model or test.

    `skipped` says why the published warehouse needed no new build; the counts are then its own.
    `set_aside` is the new name of the warehouse that was there before, if it was damaged; `note`
    tells in a line what else was found in its place. `file_problems` holds, in words, the lines of
    files that do not count.
    """

    published: bool = False
    models: int = 0
    tests: int = 0
    failures: list[str] = field(default_factory=list)
    skipped: str | None = None
    set_aside: Path | None = None
    note: str | None = None
    file_problems: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)


def dbt_variables(settings: Settings, build_id: str) -> dict[str, str]:
    """The variables by which dbt finds the raw store and names the build (core.build)."""
    return {
        "COHORT_TRACKER_BUILD_ID": build_id,
        "COHORT_TRACKER_VERSION": __version__,
        "COHORT_TRACKER_DATA_DIR": str(settings.data_dir),
        "COHORT_TRACKER_RAW_DB": str(settings.raw_path),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }


def in_plain_words(failure: str) -> str:
    """What one line of `BuildReport.failures` means to somebody who does not know dbt."""
    name, _, detail = failure.partition(": ")
    if _is_full(failure):
        return "the disk is full"
    if found := re.match(r"Got (\d+) results?, configured to fail", detail):
        rows = f"{found[1]} row{'' if found[1] == '1' else 's'}"
        return f"the check {name} found {rows} that must not be there"
    if found := re.match(r"broken (.+ key .+)", detail):
        return f"the table {name} has rows that break its {found[1]}"
    return f"{name} could not be built: {detail}"


def _is_full(message: str) -> bool:
    return any(words in message for words in _FULL_DISK)


class WarehouseBuild:
    """One build of the warehouse: `start()` early, `finish()` when the raw store is ready.

    A context manager: leaving it without `finish()` ends the waiting dbt process. Raises
    BuildError on entry when dbt cannot be started.
    """

    def __init__(self, settings: Settings, run_id: str) -> None:
        self._settings = settings
        self._run_id = run_id
        self._dir = settings.data_dir / "build" / run_id
        self._warehouse = self._dir / settings.warehouse_path.name
        self._outcome = self._dir / "outcome.json"
        self._log = settings.data_dir / "logs" / "build.log"
        self._parsed = ParsedProject(project_dir(), settings.dbt_vars, settings.data_dir / "dbt")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> WarehouseBuild:
        """Clear what dead runs left and start dbt, which waits until `finish`."""
        try:
            make_fresh(self._dir.parent)
            self._dir.mkdir(mode=0o700)
            self._parsed.take()
            self._process = self._start()
        except OSError as error:
            self.__exit__()
            raise BuildError(
                "The building of the tables could not begin:"
                f" {error.filename or self._dir}: {error.strerror}",
                f"Check disk space and permissions, then run `cohort-tracker sync`; {_KEPT}.",
            ) from error
        return self

    def _start(self) -> subprocess.Popen[bytes]:
        return start_child(
            "cohort_tracker.warehouse.dbt_worker",
            project_dir(),
            self._settings.data_dir,
            self._outcome,
            self._warehouse,
            self._settings.warehouse_path,
            json.dumps(self._settings.dbt_vars),
            folder=self._dir,
            log=self._log,
            variables=dbt_variables(self._settings, self._run_id),
            stdin=subprocess.PIPE,
        )

    def __exit__(self, *_: object) -> None:
        """End dbt if it still runs and remove the building site."""
        process = self._process
        if process is not None:
            if process.poll() is None:
                process.kill()
            process.wait()
            self._hang_up()
        clear(self._dir.parent)

    def _hang_up(self) -> None:
        assert self._process is not None and self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()

    def finish(self) -> BuildReport:
        """Build, test and publish.

        Raises BuildError when dbt itself broke down, or built other than what is stored.
        """
        assert self._process is not None and self._process.stdin is not None
        started = time.monotonic()
        with contextlib.suppress(BrokenPipeError):
            # The pipe stays open: its end tells dbt that the sync died.
            self._process.stdin.write(b"release\n")
            self._process.stdin.flush()
        stored = Background(RawStore(self._settings.raw_path).current_counts, "count")
        # With a limit of its own, Popen.wait() would only look now and then.
        if not Background(self._process.wait, "dbt").wait(BUILD_SECONDS):
            raise BuildError(
                f"The tables were not ready within {BUILD_SECONDS / 60:g} minutes",
                f"{self._log} says how far it came; {_KEPT}.",
            )
        outcome = self._read_outcome()
        self._parsed.keep()
        report = BuildReport(
            models=outcome["models"],
            tests=outcome["tests"],
            failures=outcome["failures"],
            seconds=outcome["seconds"],
            file_problems=list(
                in_words(self._settings, (FileProblem(*row) for row in outcome["file_problems"]))
            ),
        )
        report.seconds["build"] = time.monotonic() - started
        if not report.failures:
            counts = {global_id(*key): number for key, number in stored.result().items()}
            _require_whole(counts, outcome["progressions"])
            if outcome["build_id"] != self._run_id:
                raise BuildError(
                    f"The tables that were built are those of {outcome['build_id']}, not of this"
                    f" sync ({self._run_id}), so they were not published",
                    _AGAIN,
                )
            started = time.monotonic()
            try:
                self._publish(report, outcome["damaged"])
            except OSError as error:
                raise BuildError(
                    "The new tables could not be put in their place:"
                    f" {self._settings.warehouse_path}: {error.strerror}",
                    f"Check disk space and permissions, then run `cohort-tracker sync`; {_KEPT}.",
                ) from error
            report.published = True
            report.seconds["publish"] = time.monotonic() - started
        return report

    def _read_outcome(self) -> dict[str, Any]:
        """What the dbt process wrote at its end."""
        assert self._process is not None
        try:
            outcome: dict[str, Any] = json.loads(self._outcome.read_bytes())
        except (OSError, ValueError):
            if self._disk_is_full():
                raise BuildError(
                    "The disk is full: the tables could not be rebuilt",
                    f"Make room for {self._settings.data_dir}, then run `cohort-tracker sync`;"
                    f" {_KEPT}.",
                ) from None
            raise BuildError(
                f"The building of the tables broke off (exit code {self._process.returncode})",
                f"Run `cohort-tracker sync` again; if that fails too, {self._log} says why;"
                f" {_KEPT}.",
            ) from None
        return outcome

    def _disk_is_full(self) -> bool:
        with contextlib.suppress(OSError):
            if shutil.disk_usage(self._dir).free < _NEARLY_FULL:
                return True
            return _is_full(self._log.read_text("utf-8", "replace"))
        return False

    def _publish(self, report: BuildReport, damaged: bool) -> None:
        if not self._warehouse.is_file() or change_log(self._warehouse).exists():
            raise BuildError(
                "The new tables were not written to their end",
                f"Run `cohort-tracker sync` again; if that fails too, {self._log} says why;"
                f" {_KEPT}.",
            )
        self._warehouse.chmod(self._settings.warehouse_permissions)
        _sync_to_disk(self._warehouse)
        published = self._settings.warehouse_path
        if damaged:
            report.set_aside = aside_path(published)
            published.rename(report.set_aside)
        report.note = set_change_log_aside(published)  # of the old file: it belongs to no other
        self._warehouse.replace(published)
        _sync_to_disk(self._settings.data_dir)


def _require_whole(stored: dict[str, int], built: dict[str, int]) -> None:
    """Raise BuildError when a class has another number of progressions than are stored of it."""
    for class_id in sorted(stored.keys() | built.keys()):
        here, there = built.get(class_id, 0), stored.get(class_id, 0)
        if here != there:
            raise BuildError(
                f"The tables were built with {here:,} of {there:,} stored records of class"
                f" {class_id}, so they were not published",
                _AGAIN,
            )


def _sync_to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
