"""What the commands print: for people on 80 columns, or as one JSON object."""

from __future__ import annotations

import json
import re
import shutil
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from ..errors import ConfigError, StaleDataError

if TYPE_CHECKING:
    from ..sync import SyncReport
    from ..warehouse.status import Status

_AGE = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def print_json(value: dict[str, Any]) -> None:
    """Print one JSON object on standard output."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def parse_age(text: str) -> timedelta:
    """An age like `90m`, `24h` or `3d`; raises ConfigError."""
    match = _AGE.fullmatch(text.strip().lower())
    if match is None:
        raise ConfigError(f"--max-age {text!r} is no age", "Write it like 90m, 24h or 3d.")
    return timedelta(seconds=float(match[1]) * _SECONDS[match[2]])


def require_fresh(status: Status, limit: timedelta) -> None:
    """Raise StaleDataError when a class's last good sync is older than `limit`."""
    now = datetime.now(UTC)
    if not status.classes:
        raise StaleDataError("Nothing was synced yet", "Run `cohort-tracker sync`.")
    for item in status.classes:
        if item.last_sync_at is None or now - item.last_sync_at > limit:
            name = item.friendly_id or item.id
            raise StaleDataError(
                f"{name}: last good sync {ago(item.last_sync_at, now)}",
                "Run `cohort-tracker sync`.",
            )


def sync_summary(report: SyncReport) -> None:
    """Print how a sync went."""
    for outcome in report.classes:
        result = outcome.result
        if outcome.status == "failed":
            continue
        name = printable(outcome.info.name or outcome.info.friendly_id or outcome.info.class_id)
        click.secho(name, bold=True)
        pages = f"{result.pages} page{'s' if result.pages != 1 else ''}, {result.mode}"
        click.echo(
            f"  {result.stored_total:,} records: {result.new:,} new, {result.changed:,} changed,"
            f" {result.removed:,} removed ({pages})"
        )
        if result.rejected:
            click.secho(
                f"  {records(result.rejected)} rejected: core.rejected_records says why",
                fg="yellow",
            )
    build = report.warehouse
    if build is not None and build.skipped:
        click.echo(f"Tables left as they are: {build.skipped}.")
    elif build is not None and build.published:
        click.echo(f"Tables rebuilt: {build.models} models, {build.tests} tests passed.")
    if build is not None:
        for failure in build.failures[:10]:
            click.echo(f"  failed: {printable(failure)}")
    if report.run_id:
        click.echo(f"Finished in {report.duration_s:.1f} s.")


def status_summary(status: Status) -> None:
    """Print what is stored and how fresh it is."""
    now = datetime.now(UTC)
    rows = [
        ("Configuration", str(status.config_path)),
        ("Data", str(status.data_dir)),
        ("Students", count(status.students)),
        ("Assignments", count(status.assignments)),
        ("Progressions", count(status.progressions)),
        ("Last sync", when(status.last_sync_at, now) + (" (stale)" if status.stale else "")),
    ]
    for label, value in rows:
        click.echo(f"{label + ':':<15} {value}")
    if status.interrupted_at:
        click.secho(
            f"The sync started {status.interrupted_at} was interrupted; the next one repairs it.",
            fg="yellow",
        )
    if not status.classes:
        is_set_up = status.config_path is not None and status.config_path.exists()
        command = "sync" if is_set_up else "init"
        click.echo(f"\nNothing is stored yet. Run `cohort-tracker {command}`.")
        return
    width = min(shutil.get_terminal_size().columns, 100)
    name_width = max(20, width - 48)
    click.echo(
        f"\n{'Class':<{name_width}} {'Students':>8} {'Assignm.':>8} {'Records':>8}  Last sync"
    )
    for item in status.classes:
        name = shorten(printable(item.name or item.friendly_id or item.id), name_width)
        click.echo(
            f"{name:<{name_width}} {count(item.students):>8} {count(item.assignments):>8}"
            f" {count(item.progressions):>8}  {ago(item.last_sync_at, now)}"
        )
        if item.last_status not in (None, "ok"):
            click.secho(f"  last sync {item.last_status}: {printable(item.last_error)}", fg="red")
        if item.rejected:
            click.secho(f"  {records(item.rejected)} rejected at the last sync", fg="yellow")


def count(value: int | None) -> str:
    """A count with thousands separators; a dash when nothing was built yet."""
    return "-" if value is None else f"{value:,}"


def records(number: int) -> str:
    """A number of records in words."""
    return f"{number:,} record{'s' if number != 1 else ''}"


def when(moment: datetime | None, now: datetime) -> str:
    """A moment in local time with its distance."""
    if moment is None:
        return "never"
    return f"{moment.astimezone():%Y-%m-%d %H:%M} ({ago(moment, now)})"


def ago(moment: datetime | None, now: datetime) -> str:
    """How long ago, in the largest unit that says something."""
    if moment is None:
        return "never"
    seconds = (now - moment).total_seconds()
    for unit, size in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds >= size:
            number = int(seconds // size)
            return f"{number} {unit}{'s' if number != 1 else ''} ago"
    return "just now"


def shorten(text: str, width: int) -> str:
    """Text cut to `width` characters."""
    return text if len(text) <= width else text[: width - 1] + "…"


def printable(text: str | None) -> str:
    """Text without characters that steer a terminal."""
    return "".join(c if c.isprintable() else "?" for c in text or "")
