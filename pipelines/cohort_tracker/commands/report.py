"""`report`: whom to reach out to, why, and where to start, for people who write no SQL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..config import Settings, require_unicode
from ..errors import CohortTrackerError, ConfigError, StaleDataError, unexpected
from ..reading.brief import brief
from ..reading.briefing import Briefing
from ..reading.freshness import Freshness, freshness_of, require_fresh
from ..reading.published import opened
from ..reading.reader import Reader
from ..reading.scope import NO_NIGHT, Group, all_groups, groups_of, narrowed, viewer_for
from ..runtime.folders import PAGES_FOLDER
from ..runtime.printing import say, say_json
from .ages import parse_age
from .places import make_private_folder, require_outside
from .report_text import OF_MANY, ONE, say_report, say_trust
from .settings import settings_of
from .typed import short_path, typed_command, typed_lines

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class ReportOptions:
    """What was typed behind `report`."""

    classes: tuple[str, ...] = ()
    night: str | None = None
    mentor: str | None = None
    everybody: bool = False
    html: Path | None = None
    each_night: Path | None = None
    open_page: bool = False
    hide_names: bool = False
    max_age: str | None = None

    @property
    def makes_pages(self) -> bool:
        """Whether pages are asked for instead of text."""
        return self.html is not None or self.each_night is not None or self.open_page


@dataclass
class Report:
    """What was found out so far: it is printed as JSON also when something goes wrong."""

    made_at: datetime
    hide_names: bool
    build: Mapping[str, Any] = field(default_factory=dict)
    told: list[tuple[Reader, Briefing, Freshness]] = field(default_factory=list)
    over: list[Group] = field(default_factory=list)
    pages: list[Path] = field(default_factory=list)
    pages_left: list[Path] = field(default_factory=list)

    @property
    def briefings(self) -> list[Briefing]:
        """What there is to say about each group."""
        return [briefing for _, briefing, _ in self.told]

    def as_json(self, error: str | None) -> dict[str, Any]:
        """The object that `report --json` prints."""
        return {
            "status": "failed" if error else "ok",
            "error": error,
            "version": __version__,
            "made_at": self.made_at,
            "names_hidden": self.hide_names,
            "build": self.build or None,
            "groups": [
                {"freshness": asdict(freshness), **asdict(briefing)}
                for _, briefing, freshness in self.told
            ],
            "pages": [str(page) for page in self.pages],
            "pages_left": [str(page) for page in self.pages_left],
        }


def run_report(config_path: Path | None, options: ReportOptions, *, as_json: bool) -> None:
    """Print the report or write its pages, or print one JSON object that comes whatever happens.

    Raises ConfigError, ClassNotFoundError, StoreError; StaleDataError when something is older than
    `--max-age`: after all was printed, but before any page is written.
    """
    report = Report(datetime.now(UTC), options.hide_names)
    failure = None
    try:
        _run(report, config_path, options, as_json=as_json)
    except Exception as error:
        known = error if isinstance(error, CohortTrackerError) else unexpected(error)
        failure = known.message
        raise
    finally:
        if as_json:
            say_json(_plain(report.as_json(failure)))


def _run(
    report: Report, config_path: Path | None, options: ReportOptions, *, as_json: bool
) -> None:
    limit = None if options.max_age is None else parse_age(options.max_age)
    _require_possible(options)
    settings = settings_of(config_path)
    if limit is not None and not settings.warehouse_path.exists():
        raise StaleDataError("There are no tables yet", "Run `cohort-tracker sync` first.")
    with opened(settings.warehouse_path) as connection:
        _read(report, connection, settings, options)
        if not options.makes_pages and not as_json:
            _say(report, options, config_path)
        if limit is not None:
            _require_fresh(report, limit)
        if options.makes_pages:
            from .report_pages import page_names

            names = page_names(all_groups(connection))
            _write(report, settings, options, names)
            if not as_json:
                _say_pages(report, options)


def _require_possible(options: ReportOptions) -> None:
    for typed in (*options.classes, options.night or "", options.mentor or ""):
        require_unicode(typed, "what was typed")
    if options.each_night and (options.html or options.open_page):
        raise ConfigError(
            "--each-night writes many pages: --html and --open are for one", "Leave one out."
        )


def _read(
    report: Report, connection: DuckDBPyConnection, settings: Settings, options: ReportOptions
) -> None:
    """Read what there is to say about each group that was asked for."""
    viewer = viewer_for(
        connection,
        classes=options.classes,
        night=options.night,
        mentor=options.mentor,
        hide_names=options.hide_names,
    )
    [report.build] = Reader(connection, viewer, settings.raw_path).rows(
        "core.build", ("id", "built_at", "version")
    )
    everything = all_groups(connection)
    report.over = [group for group in everything if group.is_over and group.night is None]
    groups = groups_of(connection, viewer)
    if options.each_night and viewer.nights is None:
        classes = {group.class_id for group in groups}
        groups = [group for group in everything if group.class_id in classes]
    if not options.each_night and options.makes_pages:
        _require_one(groups)
    for group in groups:
        reader = Reader(connection, narrowed(viewer, group), settings.raw_path)
        briefing = brief(reader, group)
        freshness = freshness_of(settings, briefing, report.made_at)
        report.told.append((reader, briefing, freshness))


def _require_one(groups: Sequence[Group]) -> None:
    """Raise ConfigError unless the page has exactly one group to speak of."""
    if len(groups) == 1:
        return
    if not groups:
        raise ConfigError(
            "There is nobody to make a page of: no class of these is running",
            "`cohort-tracker report` shows what there is; --class ID takes one that is over.",
        )
    classes = list(dict.fromkeys(group.shown for group in groups))
    if len(classes) > 1:
        what = f"Add --class, which is one of {', '.join(classes)}"
    else:
        what = f"Add --night, which is one of {', '.join(group.night or '' for group in groups)}"
    raise ConfigError(
        f"A page is of one class or night, and these are {len(groups)}",
        f"{what}; or write them all with --each-night DIR.",
    )


def _require_fresh(report: Report, limit: timedelta) -> None:
    for _, briefing, freshness in report.told:
        require_fresh(freshness, briefing.group, limit, report.made_at)


def _write(
    report: Report, settings: Settings, options: ReportOptions, names: Mapping[Group, str]
) -> None:
    """Write the pages. Raises ConfigError or StoreError where that is not possible."""
    from .report_pages import left_over, write_page

    folder = options.each_night or settings.data_dir / PAGES_FOLDER
    if typed := options.html or options.each_night:
        require_outside(typed, settings)
    if options.html is None:
        make_private_folder(folder)
    for reader, briefing, freshness in report.told:
        file = options.html or folder / names[briefing.group]
        write_page(
            file,
            reader,
            briefing,
            freshness,
            made_at=report.made_at,
            build_id=report.build["id"],
        )
        report.pages.append(file)
    if options.each_night and not (options.classes or options.night or options.mentor):
        report.pages_left = left_over(folder, report.pages)


def _say_pages(report: Report, options: ReportOptions) -> None:
    """Print which pages there are now, and open the one that shall be."""
    from .report_pages import open_page

    for file, briefing in zip(report.pages, report.briefings, strict=True):
        number = len(briefing.to_reach)
        say(f"{short_path(file)}: {number or 'nobody'} to reach out to")
    if not report.pages:
        say("No class of these is running: no page was written.")
    if report.pages_left:
        left = ", ".join(file.name for file in report.pages_left)
        say(
            f"Not written now, of a class or night that is over or no more: {left}."
            " Delete what nobody needs.",
            style="yellow",
        )
    if options.open_page:
        open_page(report.pages[0])


def _say(report: Report, options: ReportOptions, config_path: Path | None) -> None:
    """Print all groups, how far to trust it, and what to type next."""
    if not report.told:
        _say_no_group(report, options, config_path)
        return
    is_of_many = len(report.told) > 1 and not (options.night or options.mentor)
    extent = OF_MANY if is_of_many and not options.everybody else ONE
    if options.everybody:
        extent = replace(extent, people=None)
    for place, (_, briefing, freshness) in enumerate(report.told):
        if place:
            say()
            say()
        say_report(briefing, freshness, extent, report.made_at)
    say_trust(report.briefings)
    if report.hide_names:
        say("Names are hidden. Scores and dates can still tell who somebody is.")
    say()
    say("What to type next", style="bold")
    for words in _next_commands(report.briefings, is_of_many=is_of_many):
        _say_command(config_path, words)


def _next_commands(briefings: Sequence[Briefing], *, is_of_many: bool) -> Iterator[list[str]]:
    """What tells more of each class; of one class its first night, and the page."""
    if is_of_many:
        yield from (_options(briefing.group) for briefing in briefings)
        return
    group = briefings[0].group
    nights = [row["night"] for row in briefings[0].nights if row["night"] != NO_NIGHT]
    if nights:
        yield _options(replace(group, night=nights[0]))
    yield [*_options(group), "--open"]


def _options(group: Group) -> list[str]:
    night = ["--night", group.night] if group.night else []
    return ["--class", group.shown, *night]


def _say_command(config_path: Path | None, options: Sequence[str]) -> None:
    for line in typed_lines(typed_command(config_path, "report", *options), ""):
        say(line, indent=2)


def _say_no_group(report: Report, options: ReportOptions, config_path: Path | None) -> None:
    if options.night or options.mentor:
        say("Nobody is in these nights in a class that is running.")
    else:
        say("No class is running.")
    if report.over:
        names = ", ".join(group.shown for group in report.over)
        say(f"Over: {names}. To see one all the same:")
        _say_command(config_path, _options(report.over[0]))


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
