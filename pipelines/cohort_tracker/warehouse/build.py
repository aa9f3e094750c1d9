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
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from ..config import Settings
from ..errors import BuildError
from ..project import project_dir
from ..raw.store import RawStore, aside_path
from ..runtime.background import Background
from ..runtime.folders import clear, make_fresh
from .file_problems import FileProblem, in_words

BUILD_SECONDS = 3600.0
"""How long a build may take before dbt is taken to hang."""

_PASSED_ON = ("PATH", "HOME", "TMPDIR", "LANG", "TZ")
_START = (
    # Isolated from variables and the working directory; the package comes last, so shadows nothing.
    "import sys; sys.path.append(sys.argv.pop(1));"
    " from cohort_tracker.warehouse.dbt_worker import main; sys.exit(main(*sys.argv[1:]))"
)
_NEARLY_FULL = 1 << 20
_FULL_DISK = ("No space left on device", "disk is full", "Disk quota exceeded")


@dataclass
class BuildReport:
    """What became of the warehouse. `failures` holds one line per failed model or test.

    `skipped` says why the published warehouse needed no new build; the counts are then its own.
    `set_aside` is the new name of the warehouse that was there before, if it was damaged.
    `file_problems` holds, in words, the lines of files that do not count.
    """

    published: bool = False
    models: int = 0
    tests: int = 0
    failures: list[str] = field(default_factory=list)
    skipped: str | None = None
    set_aside: Path | None = None
    file_problems: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)


def dbt_environment(settings: Settings) -> dict[str, str]:
    """The environment in which dbt finds the raw store: what is listed here, and nothing else.

    dbt and Python read many variables, each of which could make other tables or none.
    """
    environment = {
        key: value
        for key, value in os.environ.items()
        if key in _PASSED_ON or key.startswith("LC_")
    }
    environment.update(
        {
            "COHORT_TRACKER_DATA_DIR": str(settings.data_dir),
            "COHORT_TRACKER_RAW_DB": str(settings.raw_path),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            "DO_NOT_TRACK": "1",
        }
    )
    return environment


def in_plain_words(failure: str) -> str:
    """What one line of `BuildReport.failures` means to somebody who does not know dbt."""
    name, _, detail = failure.partition(": ")
    if _is_full(failure):
        return "the disk is full"
    if found := re.match(r"Got (\d+) results?, configured to fail", detail):
        rows = f"{found[1]} row{'' if found[1] == '1' else 's'}"
        return f"the check {name} found {rows} that must not be there"
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
        self._dir = settings.data_dir / "build" / run_id
        self._warehouse = self._dir / settings.warehouse_path.name
        self._outcome = self._dir / "outcome.json"
        self._log = settings.data_dir / "logs" / "build.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> WarehouseBuild:
        """Clear what dead runs left and start dbt, which waits until `finish`."""
        try:
            make_fresh(self._dir.parent)
            self._dir.mkdir(mode=0o700)
            self._log.parent.mkdir(mode=0o700, exist_ok=True)
            self._log.unlink(missing_ok=True)
            handle = os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as log:
                self._start(log)
        except OSError as error:
            self.__exit__()
            raise BuildError(
                f"Could not start dbt: {error.filename or self._dir}: {error.strerror}",
                "Check disk space and permissions.",
            ) from error
        return self

    def _start(self, log: IO[bytes]) -> None:
        self._process = subprocess.Popen(  # noqa: S603
            [
                *(sys.executable, "-E", "-P", "-c", _START),
                str(Path(__file__).parents[2]),
                str(project_dir()),
                str(self._settings.data_dir),
                str(self._outcome),
                str(self._warehouse),
                str(self._settings.warehouse_path),
                json.dumps(self._settings.dbt_vars),
            ],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=dbt_environment(self._settings),
            cwd=self._dir,
            umask=0o077,
            start_new_session=True,  # Ctrl-C goes to the sync, which then ends this
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
        try:
            self._process.wait(BUILD_SECONDS)
        except subprocess.TimeoutExpired:
            raise BuildError(
                f"dbt did not end within {BUILD_SECONDS / 60:g} minutes",
                f"See {self._log}; the warehouse of the last good build is still in place.",
            ) from None
        outcome = self._read_outcome()
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
            _require_whole(_by_global_id(stored.result()), outcome["progressions"])
            started = time.monotonic()
            try:
                report.set_aside = self._publish(outcome["damaged"])
            except OSError as error:
                raise BuildError(
                    f"Could not publish {self._settings.warehouse_path}: {error.strerror}",
                    "The warehouse of the last good build is still in place.",
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
                    " the tables of the last good build, if any, are still there.",
                ) from None
            raise BuildError(
                f"dbt broke down (exit code {self._process.returncode})",
                f"See {self._log}; the warehouse of the last good build is still in place.",
            ) from None
        return outcome

    def _disk_is_full(self) -> bool:
        with contextlib.suppress(OSError):
            if shutil.disk_usage(self._dir).free < _NEARLY_FULL:
                return True
            return _is_full(self._log.read_text("utf-8", "replace"))
        return False

    def _publish(self, damaged: bool) -> Path | None:
        leftover = _wal(self._warehouse)
        if not self._warehouse.is_file() or leftover.exists():
            raise BuildError("dbt left no complete warehouse", f"See {self._log}.")
        self._warehouse.chmod(0o600)
        _sync_to_disk(self._warehouse)
        published = self._settings.warehouse_path
        aside = aside_path(published) if damaged else None
        if aside is not None:
            published.rename(aside)
        # The log of somebody who wrote into the old file and died belongs to no other file.
        _wal(published).unlink(missing_ok=True)
        self._warehouse.replace(published)
        _sync_to_disk(self._settings.data_dir)
        return aside


def _by_global_id(counts: dict[tuple[str, str], int]) -> dict[str, int]:
    """Counts by the class id that the tables use (macros/global_id.sql)."""
    return {
        class_id if source == "openclass" else f"{source}:{class_id}": number
        for (source, class_id), number in counts.items()
    }


def _require_whole(stored: dict[str, int], built: dict[str, int]) -> None:
    """Raise BuildError when a class has another number of progressions than are stored of it."""
    for class_id in sorted(stored.keys() | built.keys()):
        here, there = built.get(class_id, 0), stored.get(class_id, 0)
        if here != there:
            raise BuildError(
                f"The tables were built with {here:,} of {there:,} stored records of class"
                f" {class_id}, so they were not published",
                "Run `cohort-tracker sync` again; the tables of the last good build, if any, are"
                " still there.",
            )


def _wal(warehouse: Path) -> Path:
    return warehouse.with_name(warehouse.name + ".wal")


def _sync_to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
