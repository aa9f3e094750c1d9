"""`forget`: erase a person from everything that is stored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..access.store import FILE_NAME
from ..config import Settings
from ..errors import CohortTrackerError, ConfigError, unexpected
from ..forget import ForgetReport, SeveralPeopleError, forget, holding_the_stores, search
from ..runtime.printing import ask, can_ask, say, say_error, say_json, say_traceback
from .settings import settings_of


def run_forget(
    config_path: Path | None, student: str, *, yes: bool, as_json: bool, debug: bool
) -> int:
    """Erase a person, say what was done and what still holds them; returns the exit code.

    `debug`: also print where the error that ended it came from.
    """
    report, candidates, done_for = ForgetReport(), list[str](), None
    try:
        settings = settings_of(config_path)
        if not yes and not _agreed(settings, student, as_json=as_json):
            say("Nothing was changed.")
            return 1
        with holding_the_stores(settings) as store:
            report = forget(settings, store, search(settings, student))
        done_for = settings
    except Exception as raised:
        if debug:
            say_traceback()
        if isinstance(raised, SeveralPeopleError):
            candidates = [person.shown for person in raised.persons]
        known = raised if isinstance(raised, CohortTrackerError) else unexpected(raised)
        report.errors.append(known)
    if as_json:
        say_json(_as_json(report, candidates))
    elif done_for is not None:
        _say_report(report, done_for)
    for error in report.errors:
        say_error(error)
    if not as_json:
        for candidate in candidates:
            say(candidate, indent=2, err=True)
    return max((error.exit_code for error in report.errors), default=0)


def _agreed(settings: Settings, student: str, *, as_json: bool) -> bool:
    """Show whom the command would erase, and ask."""
    if as_json or not can_ask():
        raise ConfigError("Nobody is there to be asked", "Say that you are sure with --yes.")
    with holding_the_stores(settings):
        found = search(settings, student)
    if found.person is None:
        return True  # only what was begun is finished
    say(f"Found: {found.person.shown}")
    answer = ask(
        "Erase this person from raw.db, its backups and the tables? It cannot be undone. (yes/no)",
        default="no",
    )
    return answer.lower() in {"y", "yes"}


def _say_report(report: ForgetReport, settings: Settings) -> None:
    erased = report.erased
    if erased or report.rewritten:
        say(
            f"Erased from {settings.raw_path}: {erased.record_versions:,} versions of records,"
            f" {erased.rejected_records:,} rejected ones, {erased.lines:,} lines of files,"
            f" {erased.contacts:,} contacts;"
            f" {len(report.rewritten)} of its backups and copies were searched, too."
        )
        say("What the API shows of the person is not stored again.")
    elif not report.errors:
        say("Nothing is stored of this person: they were forgotten before.")
    if report.keys:
        say(f"Erased from {FILE_NAME}: {report.keys:,} keys; they open nothing any more.")
    for text in report.shared:
        say(f"Others bear {text}, too: lines that only say this were left.", style="yellow")
    if report.tables_rebuilt:
        say("Tables rebuilt and checked.")
    elif settings.warehouse_path.exists():
        say(
            f"{settings.warehouse_path} still holds the person: run `cohort-tracker sync`.",
            style="yellow",
        )
    for path in report.left:
        say(f"{path} may still hold the person: delete it.", style="yellow")
    if report.patterns:
        named = ", ".join(f'"{pattern}"' for pattern in report.patterns)
        say(
            f"The setting exclude names the person ({named}): take that out of"
            f" {settings.config_path or 'the environment'}.",
            style="yellow",
        )
    for path, line in report.lines:
        say(f"{path}: line {line} names the person: delete it there.", style="yellow")


def _as_json(report: ForgetReport, candidates: list[str]) -> dict[str, Any]:
    return {
        "status": "failed" if report.errors else "ok",
        "error": report.errors[0].message if report.errors else None,
        "candidates": candidates,
        "record_versions": report.erased.record_versions,
        "rejected_records": report.erased.rejected_records,
        "keys": report.keys,
        "file_lines": report.erased.lines,
        "contacts": report.erased.contacts,
        "rewritten": [str(path) for path in report.rewritten],
        "unreadable": [str(path) for path in report.unreadable],
        "shared": report.shared,
        "tables_rebuilt": report.tables_rebuilt,
        "left": [str(path) for path in report.left],
        "patterns": report.patterns,
        "lines": [{"path": str(path), "line": line} for path, line in report.lines],
    }
