"""`sync`: run it, then say how it went."""

from __future__ import annotations

import contextlib
import gc
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from ..config import Settings, require_unicode
from ..errors import CohortTrackerError, unexpected
from ..runtime.printing import (
    is_terminal,
    records,
    say,
    say_error,
    say_json,
    say_traceback,
    say_warning,
)
from ..sync import SyncReport, run_sync
from .roster import say_roster
from .settings import settings_of
from .typed import typed_command, typed_lines

if TYPE_CHECKING:
    from ..warehouse.postgres.run import Publication


def run_sync_command(
    config_path: Path | None,
    *,
    full: bool,
    only: tuple[str, ...],
    as_json: bool,
    build: bool,
    debug: bool,
    since: float,
) -> int:
    """Sync, print the summary (or one JSON object) and all errors; returns the exit code.

    `since`: when the process began. `debug`: also print where the error that
    ended the sync came from.
    """
    # Most of what a sync makes it needs to the end: Python should not look through it so often.
    gc.set_threshold(20_000, 20, 50)
    report, settings = SyncReport(run_id=""), None
    try:
        for typed in only:
            require_unicode(typed, "--class")
        settings = settings_of(config_path)
        from .progress import progress

        with progress() as observer:
            report = run_sync(
                settings, full=full, only=only, build=build, observer=observer, since=since
            )
    except Exception as error:
        if debug:
            say_traceback()
        report.error = error if isinstance(error, CohortTrackerError) else unexpected(error)
    if as_json:
        say_json(report.as_json())
    else:
        say_summary(report)
        tables = report.warehouse
        if settings and tables and (tables.published or tables.skipped) and is_terminal():
            _say_whom_to_call(settings, config_path)
    names = {item.error: item.info.friendly_id or item.info.class_id for item in report.classes}
    for failure in report.errors:
        say_error(failure, names.get(failure))
    if report.backup_error is not None:
        say_warning(f"{report.backup_error.message}. {report.backup_error.hint}")
    gc.freeze()  # at the end it would look through all of it once more, for a fifth of a second
    return report.exit_code


def say_summary(report: SyncReport) -> None:
    """Print how a sync went, class by class, and what became of the tables."""
    for outcome in report.classes:
        result = outcome.result
        if outcome.status == "failed":
            continue
        say(outcome.info.name or outcome.info.friendly_id or outcome.info.class_id, style="bold")
        extent = "everything read" if result.mode == "full" else "read where something may be new"
        pages = f"{result.pages} page{'s' if result.pages != 1 else ''}, {extent}"
        say(
            f"{records(result.stored_total)}: {result.new:,} new, {result.changed:,} changed,"
            f" {result.removed:,} removed ({pages})",
            indent=2,
        )
        if result.rejected:
            shared = result.faults.commonest
            say(
                f"{records(result.rejected)} rejected, in whole or in part"
                + (f" ({shared[2]})" if shared else "")
                + "; what was read of them before stays. core.rejected_records says why",
                indent=2,
                style="yellow",
            )
    if report.roster is not None:
        say_roster(report.roster)
    build = report.warehouse
    if build is not None and build.skipped:
        say(f"Tables left as they are: {build.skipped}.")
    elif build is not None and build.published:
        say("Tables rebuilt and checked.")
    if report.publication is not None:
        _say_publication(report.publication)
    if build is not None:
        from ..warehouse.build import in_plain_words

        for failure in build.failures[:10]:
            say(in_plain_words(failure), indent=2)
    if report.run_id:
        say(f"Finished in {report.duration_s:.1f} s.")


def _say_publication(found: Publication) -> None:
    if not found.is_new:
        say(f"PostgreSQL has these tables already ({found.address}).")
        return
    say(f"Published to PostgreSQL: {found.tables} tables, {found.rows:,} rows ({found.address}).")
    for line in found.altered:
        say(f"other columns than before: {line}", indent=2, style="yellow")


def _say_whom_to_call(settings: Settings, config_path: Path | None) -> None:
    """Print how many are on a call list, and which command tells who; nothing where that fails."""
    from ..reading.reader import reader_of
    from ..reading.viewer import Viewer

    with contextlib.suppress(CohortTrackerError):
        with reader_of(settings.warehouse_path, settings.raw_path, Viewer()) as reader:
            rows = reader.rows("marts.student_health", ("call_list",))
        called = Counter(row["call_list"] for row in rows)
        say(
            f"{called['slipping']} slipping, {called['gone_quiet']} gone quiet,"
            f" {called['never_started']} never started. Who, why, and where to start:"
        )
        for line in typed_lines(typed_command(config_path, "report"), ""):
            say(line, indent=2)
