"""`report`: whom to reach out to, why, and where to start, for people who write no SQL."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from .. import __version__
from ..config import require_unicode
from ..errors import CohortTrackerError, unexpected
from ..reading.brief import brief
from ..reading.briefing import Briefing
from ..reading.freshness import Freshness, freshness_of, require_fresh
from ..reading.published import opened
from ..reading.reader import Reader
from ..reading.scope import NO_NIGHT, all_groups, groups_of, viewer_for
from ..runtime.printing import say, say_json
from .ages import parse_age
from .report_text import OF_MANY, ONE, Extent, say_report, say_trust
from .settings import settings_of


@dataclass(frozen=True)
class ReportOptions:
    """What was typed behind `report`."""

    classes: tuple[str, ...] = ()
    night: str | None = None
    mentor: str | None = None
    everybody: bool = False
    hide_names: bool = False
    max_age: str | None = None


@dataclass
class _Report:
    """What was found out so far: it is printed as JSON also when something goes wrong."""

    made_at: datetime
    hide_names: bool
    build: Mapping[str, Any] | None = None
    groups: list[tuple[Briefing, Freshness]] = field(default_factory=list)

    def as_json(self, error: str | None) -> dict[str, Any]:
        return {
            "status": "failed" if error else "ok",
            "error": error,
            "version": __version__,
            "made_at": self.made_at,
            "names_hidden": self.hide_names,
            "build": self.build,
            "groups": [
                {"freshness": asdict(freshness), **asdict(briefing)}
                for briefing, freshness in self.groups
            ],
        }


def run_report(config_path: Path | None, options: ReportOptions, *, as_json: bool) -> None:
    """Print the report, for people or as one JSON object that comes whatever happens.

    Raises ConfigError, ClassNotFoundError, StoreError; StaleDataError, after all was printed, when
    something is older than `--max-age`.
    """
    report = _Report(datetime.now(UTC), options.hide_names)
    failure = None
    try:
        _make(report, config_path, options, as_json=as_json)
    except Exception as error:
        known = error if isinstance(error, CohortTrackerError) else unexpected(error)
        failure = known.message
        raise
    finally:
        if as_json:
            say_json(_plain(report.as_json(failure)))


def _make(
    report: _Report, config_path: Path | None, options: ReportOptions, *, as_json: bool
) -> None:
    limit = None if options.max_age is None else parse_age(options.max_age)
    for typed in (*options.classes, options.night or "", options.mentor or ""):
        require_unicode(typed, "what was typed")
    settings = settings_of(config_path)
    with opened(settings.warehouse_path) as connection:
        viewer = viewer_for(
            connection,
            classes=options.classes,
            night=options.night,
            mentor=options.mentor,
            hide_names=options.hide_names,
        )
        reader = Reader(connection, viewer, settings.raw_path)
        [report.build] = reader.rows("core.build", ("id", "built_at", "version"))
        over = [group for group in all_groups(connection) if group.is_over and not group.night]
        for group in groups_of(connection, viewer):
            briefing = brief(reader, group)
            report.groups.append((briefing, freshness_of(settings, briefing, report.made_at)))
    if not as_json:
        _say(report, options, _typed(config_path), [group.shown for group in over])
    if limit is not None:
        for briefing, freshness in report.groups:
            require_fresh(freshness, briefing.group, limit, report.made_at)


def _say(report: _Report, options: ReportOptions, typed: str, over: list[str]) -> None:
    """Print all groups, how far to trust it, and what to type next."""
    if not report.groups:
        _say_no_group(options, typed, over)
        return
    is_of_many = len(report.groups) > 1 and not (options.night or options.mentor)
    extent = OF_MANY if is_of_many and not options.everybody else ONE
    if options.everybody:
        extent = replace(extent, people=None)
    for place, (briefing, freshness) in enumerate(report.groups):
        if place:
            say()
            say()
        say_report(briefing, freshness, extent, report.made_at)
    briefings = [briefing for briefing, _ in report.groups]
    say()
    say_trust(briefings)
    say()
    say("What to type next", style="bold")
    for line in _next_commands(briefings, extent, typed):
        say(line, indent=2)


def _next_commands(briefings: Sequence[Briefing], extent: Extent, typed: str) -> Iterator[str]:
    """The commands that tell more, each as it can be typed."""
    if extent == OF_MANY:
        for briefing in briefings:
            yield f"{typed} report --class {shlex.quote(briefing.group.shown)}"
        return
    first = briefings[0]
    if first.group.night is None and (night := _first_night(first)):
        where = f"--class {shlex.quote(first.group.shown)} --night {shlex.quote(night)}"
        yield f"{typed} report {where}"
    yield f"{typed} sync"


def _first_night(briefing: Briefing) -> str | None:
    return next((row["night"] for row in briefing.nights if row["night"] != NO_NIGHT), None)


def _say_no_group(options: ReportOptions, typed: str, over: list[str]) -> None:
    if options.night or options.mentor:
        say("No running class has students in these nights.")
    else:
        say("No class is running.")
    if over:
        say(f"Over: {', '.join(over)}. `{typed} report --class {shlex.quote(over[0])}` shows it.")


def _typed(config_path: Path | None) -> str:
    """How the command begins where these settings are meant."""
    words = ["cohort-tracker"]
    return shlex.join([*words, "--config", str(config_path)] if config_path else words)


def _plain(value: Any) -> Any:
    """A value as JSON has it: times in ISO 8601, UTC as Z."""
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return aware.isoformat(timespec="seconds").replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
