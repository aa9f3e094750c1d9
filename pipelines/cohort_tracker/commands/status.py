"""`status`: what is stored, how fresh it is, and what failed last."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from ..config import Settings
from ..errors import CohortTrackerError, StaleDataError, unexpected
from ..raw.class_states import UNLISTED_DAYS
from ..runtime.printing import ago, count, records, say, say_json, say_table, when
from ..warehouse.postgres.note import PublishedCopy
from ..warehouse.status import ClassStatus, Status, read_status
from .ages import parse_age
from .roster import say_roster
from .settings import settings_of

_HOW_TO_BUILD = "Run `cohort-tracker sync`."


def run_status(config_path: Path | None, *, as_json: bool, max_age: str | None) -> None:
    """Print what is stored, for people or as one JSON object.

    The object comes whatever happens, with what could be found out and the error. Raises
    ConfigError, StoreError, or StaleDataError when the tables, or a class in them, are older than
    `max_age`.
    """
    status, failure = Status(), ""
    try:
        limit = parse_age(max_age) if max_age is not None else None
        settings = settings_of(config_path)
        status = read_status(settings)
        if not as_json:
            say_status(status, datetime.now(UTC))
        if limit is not None:
            require_fresh(status, settings, limit, datetime.now(UTC))
    except Exception as error:
        known = error if isinstance(error, CohortTrackerError) else unexpected(error)
        failure = known.message
        raise
    finally:
        if as_json:
            say_json({**status.as_json(), "error": failure or None})


def require_fresh(status: Status, settings: Settings, limit: timedelta, now: datetime) -> None:
    """Raise StaleDataError when the tables, or what they hold of a class, are older than `limit`.

    An id of which nothing was ever read is in no table, so it has no age: each sync names it. Nor
    has a class that is retired.
    """
    if status.tables_at is None:
        what = "There are no tables yet" if status.classes else "Nothing was synced yet"
        raise StaleDataError(what, _HOW_TO_BUILD)
    if now - status.tables_at > limit:
        raise StaleDataError(f"The tables are of {ago(status.tables_at, now)}", _HOW_TO_BUILD)
    for item in status.classes:
        if item.progressions is None or item.is_retired:
            continue
        if item.last_sync_at is None or now - item.last_sync_at > limit:
            raise StaleDataError(
                f"{item.friendly_id or item.id}: last good sync {ago(item.last_sync_at, now)}",
                _how_to_freshen(item, settings),
            )


def _how_to_freshen(item: ClassStatus, settings: Settings) -> str:
    asked = settings.class_ids
    is_asked_for = not asked or item.id in asked or item.friendly_id in asked
    if is_asked_for and item.unlisted_since is None:
        return _HOW_TO_BUILD
    why = "The settings do not ask for it any more."
    if item.unlisted_since is not None:
        why = f"The account has not listed it since {item.unlisted_since:%Y-%m-%d}."
    return f'{why} If it is over, write retired_classes = ["{item.id}"] into the settings.'


def say_status(status: Status, now: datetime) -> None:
    """Print the status as a person reads it."""
    rows = [
        ("Configuration", _from_home(status.config_path) or "from the environment"),
        ("Data", _from_home(status.data_dir)),
        ("Students", count(status.students)),
        ("Assignments", count(status.assignments)),
        ("Progressions", count(status.progressions)),
        ("Last sync", when(status.last_sync_at, now) + (" (stale)" if status.stale else "")),
        ("Tables", when(status.tables_at, now)),
        ("Backups", _backups(status, now)),
    ]
    if status.changed_thresholds:
        changed = (f"{name} {value}" for name, value in status.changed_thresholds.items())
        rows.append(("Thresholds", ", ".join(changed)))
    if status.backups.newest is not None:
        rows.append(("Newest backup", _from_home(status.backups.newest)))
    if status.postgres is not None:
        rows.append(("PostgreSQL", _postgres(status.postgres, now)))
    for label, value in rows:
        say(f"{label + ':':<15} {value}")
    failed = status.failed_build
    if failed is not None:
        say(
            f"The tables could not be rebuilt, last tried {ago(failed.last_at, now)}"
            f" (first {ago(failed.since, now)}): {failed.reason}",
            style="red",
        )
    if status.postgres is not None and status.postgres.error:
        since = datetime.fromisoformat(status.postgres.failed_since or now.isoformat())
        say(f"{status.postgres.error} (first {ago(since, now)})", style="red")
    if status.pending_migrations:
        say(
            "raw.db is of an older version. The next sync brings it up to date, all rows stay:"
            f" {', '.join(status.pending_migrations)}",
            style="yellow",
        )
    if status.interrupted_at:
        say(
            f"The sync started {status.interrupted_at} was interrupted; the next one repairs it.",
            style="yellow",
        )
    say()
    if not status.classes:
        is_set_up = status.config_path is None or status.config_path.exists()
        command = "sync" if is_set_up else "init"
        say(f"Nothing is stored yet. Run `cohort-tracker {command}`.")
        return
    say_table(
        [
            (
                count(item.students),
                count(item.assignments),
                count(item.progressions),
                ago(item.last_sync_at, now),
                item.name or item.friendly_id or item.id,
            )
            for item in status.classes
        ],
        headings=("Students", "Assignm.", "Records", "Last sync", "Class"),
        numbers=(0, 1, 2),
    )
    _say_troubles(status)
    if status.roster.problems or status.roster.unmatched:
        say()
        say_roster(status.roster)


def _say_troubles(status: Status) -> None:
    troubles: list[tuple[str, str]] = []
    for item in status.classes:
        name = item.name or item.friendly_id or item.id
        since = item.unlisted_since
        if item.is_retired:
            troubles.append((f"{name}: retired. Nothing is asked of it; its tables stay", "dim"))
            continue
        if since is not None:
            until = since + timedelta(days=UNLISTED_DAYS)
            troubles.append(
                (
                    f"{name}: the account has not listed it since {since:%Y-%m-%d}. Its tables"
                    f" stay; from {until:%Y-%m-%d} on it counts as retired",
                    "yellow",
                )
            )
        if item.last_status not in (None, "ok"):
            why = f": {item.last_error}" if item.last_error else ""
            troubles.append((f"{name}: last sync {item.last_status}{why}", "red"))
        if item.rejected:
            what = f"{records(item.rejected)} rejected at the last sync"
            troubles.append((f"{name}: {what}; core.rejected_records says why", "yellow"))
    troubles += [(line, "yellow") for line in status.file_problems]
    if troubles:
        say()
    for text, style in troubles:
        say(text, style=style)


def _backups(status: Status, now: datetime) -> str:
    found = status.backups
    if found.newest is None:
        return "none"
    return f"{found.count}, the newest of {when(found.taken_at, now)}"


def _postgres(copy: PublishedCopy, now: datetime) -> str:
    if copy.published_at is None:
        return f"nothing published yet to {copy.address}"
    at = datetime.fromisoformat(copy.published_at)
    return f"published {when(at, now)} to {copy.address}, build {copy.build_id}"


def _from_home(path: Path | None) -> str:
    """A path as one types it."""
    if path is None:
        return ""
    try:
        return f"~/{path.relative_to(Path.home())}"
    except (RuntimeError, ValueError):  # nobody's home, or not below it
        return str(path)
