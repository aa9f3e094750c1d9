"""`notify`: send what is news to the channels, then say what went where."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from ..config import Settings
from ..errors import CohortTrackerError, ConfigError, unexpected
from ..notify.report import ChannelReport
from ..notify.run import Notifier
from ..reading.brief import brief
from ..reading.freshness import freshness_of
from ..reading.reader import Reader
from ..reading.scope import Group
from ..runtime.printing import say, say_error, say_json, say_traceback
from .report_pages import page_names, write_page
from .settings import settings_of


def run_notify(
    config_path: Path | None,
    *,
    digest: str | None,
    dry_run: bool,
    test: bool,
    as_json: bool,
    debug: bool,
) -> int:
    """Send to every channel what it has not heard, and say so; returns the exit code.

    `debug`: also print where the error that ended it came from.
    """
    reports: list[ChannelReport] = []
    error: CohortTrackerError | None = None
    try:
        if test and (digest or dry_run):
            raise ConfigError("--test sends its own line", "Leave --digest and --dry-run out.")
        settings = settings_of(config_path)
        notifier = Notifier(
            settings,
            digest=digest,
            dry_run=dry_run,
            write_page=lambda *about: _write_page(settings, *about),
        )
        reports = notifier.test() if test else notifier.run()
    except Exception as caught:
        if debug:
            say_traceback()
        error = caught if isinstance(caught, CohortTrackerError) else unexpected(caught)
    errors = [*([error] if error else []), *(item.error for item in reports if item.error)]
    codes = {item.exit_code for item in errors}
    if as_json:
        say_json(
            {
                "status": "failed" if errors else "ok",
                "error": error.message if error else None,
                "dry_run": dry_run,
                "channels": [report.as_json() for report in reports],
            }
        )
    else:
        for report in reports:
            _say_report(report)
    for item in errors:
        say_error(item)
    return codes.pop() if len(codes) == 1 else int(bool(codes))


def _write_page(settings: Settings, folder: Path, reader: Reader, group: Group) -> Path:
    now = datetime.now(UTC)
    briefing = brief(reader, group)
    [build] = reader.rows("core.build", ("id",))
    file = folder / page_names([group])[group]
    write_page(
        file,
        reader,
        briefing,
        freshness_of(settings, briefing, now),
        made_at=now,
        build_id=build["id"],
    )
    return file


def _say_report(report: ChannelReport) -> None:
    told = []
    if report.sent:
        told.append(f"{report.sent} message{'s' if report.sent > 1 else ''} sent")
    if report.messages:
        told.append("would get")
    if report.unsent:
        told.append(f"{report.unsent} not delivered")
    if report.seeded:
        told.append("hears of what is news from the next run on; what is there now is not told")
    if not told and report.error is None:
        told.append("nothing new")
    name = f"{report.name} ({report.service})" if report.service else report.name
    if told:
        say(f"{name}: {', '.join(told)}")
    for about, why in report.skipped:
        say(f"Nothing of {about}: {why}.", indent=2)
    for title, text in report.messages:
        say()
        say(title, indent=2, style="bold")
        for line in text.splitlines():
            say(line, indent=2)
