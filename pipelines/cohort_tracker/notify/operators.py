"""What those hear of who keep the syncs running: read from the logs, not from the marts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from ..config import Settings
from ..errors import StoreError
from ..raw.global_id import global_id
from ..raw.store import RawStore
from ..runtime.run_note import read_run_note
from ..warehouse.status import ClassStatus, Status, read_status
from .harmless import harmless
from .message import Entry, Key, Message

REFUSED_PERCENT = 1
_MOST_RUNS = 500
_WORDS = {
    "sync_failed_twice": "Sync failed twice",
    "data_stale": "Data are stale",
    "not_published": "Tables not published",
    "many_refused": "Many records refused",
    "backup_failed": "Backup failed",
}


def trouble_message(
    found: list[Entry], rules: tuple[str, ...], states: dict[str, str]
) -> Message | None:
    """Of what is wrong what the rules name and was not told; None where there is nothing."""
    entries = tuple(
        entry
        for entry in found
        if entry.keys[0].text.split("|")[0] in rules and states.get(entry.keys[0].text) != "sent"
    )
    if not entries:
        return None
    return Message(
        f"Cohort Tracker: {len(entries)} trouble{'s' if len(entries) != 1 else ''}",
        entries,
        foot="On the machine of the syncs cohort-tracker status says more.",
    )


def troubles(settings: Settings, now: datetime) -> list[Entry]:
    """Everything that is wrong now. Each has a key that stays the same as long as it lasts."""
    try:
        status = read_status(settings, now=now)
        runs = RawStore(settings.raw_path).recent_runs(_MOST_RUNS, _is_good)
    except StoreError as error:
        return [
            _entry("not_published", ["unreadable"], f"what is stored cannot be read: {error}"),
            *_of_the_note(settings, is_told=False),
        ]
    by_id = {global_id(*key): of_class for key, of_class in runs.items()}
    found: list[Entry] = []
    for item in status.classes:
        if not item.is_retired:
            found += _of_class(settings, item, by_id.get(item.id, []), now)
    is_told = any(entry.keys[0].text.startswith("sync_failed_twice|") for entry in found)
    return [*_of_the_note(settings, is_told=is_told), *found, *_of_the_build(status)]


def _of_class(
    settings: Settings, item: ClassStatus, runs: list[dict[str, Any]], now: datetime
) -> Iterator[Entry]:
    name = item.name or item.friendly_id or item.id
    last_ok = item.last_sync_at
    since = last_ok.isoformat() if last_ok else "ever"
    if len(runs) > 1 and "ok" not in (runs[0]["status"], runs[1]["status"]):
        why = runs[0]["error"] or runs[0]["status"]
        yield _entry("sync_failed_twice", [item.id, since], f"{name}: {why}")
    limit = timedelta(hours=settings.stale_after_hours)
    if last_ok is not None and now - last_ok > limit:
        what = f"{name}: last good sync {last_ok:%Y-%m-%d %H:%M} UTC. Mentors get no messages"
        yield _entry("data_stale", [item.id, since], what)
    counted = [run for run in runs if run["fetched"]]
    if counted and _refused_many(counted[0]):
        good = next((run["run_id"] for run in counted if _is_good(run)), "none")
        what = f"{name}: {counted[0]['rejected']:,} of {counted[0]['fetched']:,} records read"
        yield _entry("many_refused", [item.id, good], what)


def _is_good(run: dict[str, Any]) -> bool:
    return run["fetched"] > 0 and not _refused_many(run)


def _refused_many(run: dict[str, Any]) -> bool:
    return bool(100 * run["rejected"] > REFUSED_PERCENT * run["fetched"])


def _of_the_note(settings: Settings, *, is_told: bool) -> Iterator[Entry]:
    """What stands in no log of a class: refused logins, and backups."""
    note = read_run_note(settings.data_dir)
    if note.failures > 1 and not is_told:
        what = f"{note.failures} times in a row, last: {note.error}"
        yield _entry("sync_failed_twice", ["login", note.failed_since or ""], what)
    if note.backup_failed_since is not None:
        what = f"{note.backup_error}. What changes in raw.db since is in no backup"
        yield _entry("backup_failed", [note.backup_failed_since], what)


def _of_the_build(status: Status) -> Iterator[Entry]:
    failed = status.failed_build
    if failed is not None:
        what = f"the tables of the last good build stay. {failed.reason}"
        yield _entry("not_published", [failed.since.isoformat()], what)


def _entry(rule: str, about: list[str], what: str) -> Entry:
    return Entry(_WORDS[rule], f": {harmless(what)}.", (Key("|".join([rule, *about])),))
