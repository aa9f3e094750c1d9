"""What the published warehouse was built from, to tell whether building it again would change it.

The warehouse is a function of the raw store, the dbt project, the settings that reach it and the
day (its tables say how many days ago things were). When none of them moved, a build is skipped.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import zoneinfo
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .. import __version__
from ..config import Settings
from ..raw.store import Held, RawStore

_PROJECT_FILES = ("*.yml", "models/**/*", "macros/**/*", "tests/sql/**/*")
_REASONS = {
    "records": "new records",
    "classes": "a class came in, failed or recovered",
    "project": "other models",
    "settings": "other settings",
    "days": "a new day",
    "warehouse": "another warehouse file",
}


def build_basis(
    settings: Settings, store: RawStore, project_dir: Path, now: datetime
) -> dict[str, Any]:
    """Everything that the warehouse is a function of, as comparable values.

    `now` is aware; the days are those of the settings' time zones.
    """
    zones = {settings.timezone, *settings.class_timezones.values()}
    days = {now.astimezone(zoneinfo.ZoneInfo(zone)).date().isoformat() for zone in zones}
    return {
        "records": store.content_marks(),
        "classes": store.last_statuses(),
        "project": _project_hash(project_dir),
        "settings": {
            "timezone": settings.timezone,
            "class_timezones": dict(settings.class_timezones),
            "vars": settings.dbt_vars,
        },
        "days": sorted(days),
    }


def reason_to_build(
    settings: Settings, basis: dict[str, Any], published: dict[str, Any]
) -> str | None:
    """What moved since the build noted as `published`, in words; None when nothing did."""
    if published.get("warehouse") != _file_mark(settings.warehouse_path):
        return _REASONS["warehouse"]
    before = published.get("basis", {})
    return next((_REASONS[key] for key in basis if before.get(key) != basis[key]), None)


def published_build(settings: Settings) -> dict[str, Any] | None:
    """What `note_published` wrote: `basis`, `models`, `tests` …; None when there is none."""
    return _read(_note_path(settings))


def note_published(
    settings: Settings,
    basis: dict[str, Any],
    now: datetime,
    *,
    models: int,
    tests: int,
    held: Held,
    file_problems: Sequence[str] = (),
) -> None:
    """Note what the warehouse just published was built from, and when."""
    note = {
        "basis": basis,
        **held._asdict(),
        "models": models,
        "tests": tests,
        "file_problems": file_problems,
        "warehouse": _file_mark(settings.warehouse_path),
        "built_at": now.isoformat(),
        "confirmed_at": now.isoformat(),
    }
    _write(_note_path(settings), note)
    clear_failure(settings)


def note_confirmed(settings: Settings, published: dict[str, Any], now: datetime) -> None:
    """Note that a build would have changed nothing: the tables are as good as built now."""
    _write(_note_path(settings), {**published, "confirmed_at": now.isoformat()})
    clear_failure(settings)


def tables_confirmed_at(settings: Settings) -> datetime | None:
    """When the published tables were last known to be those of the raw store.

    None without tables; for a file that nothing is noted of, when it was written.
    """
    mark = _file_mark(settings.warehouse_path)
    if mark is None:
        return None
    noted = published_build(settings) or {}
    confirmed = _moment(noted.get("confirmed_at")) if noted.get("warehouse") == mark else None
    return confirmed or datetime.fromtimestamp(mark[2] / 1e9, UTC)


@dataclass(frozen=True)
class FailedBuild:
    """Builds that failed since the last good one: the first, the last, and why that failed."""

    since: datetime
    last_at: datetime
    reason: str


def note_failed(settings: Settings, reason: str, now: datetime) -> None:
    """Note that a build failed, until one is good; without a word where no file can be written."""
    before = failed_build(settings)
    note = {
        "since": (before.since if before else now).isoformat(),
        "last_at": now.isoformat(),
        "reason": reason,
    }
    with contextlib.suppress(OSError):
        _write(_failure_path(settings), note)


def failed_build(settings: Settings) -> FailedBuild | None:
    """What `note_failed` wrote; None when the last build was good."""
    noted = _read(_failure_path(settings)) or {}
    since, last_at = _moment(noted.get("since")), _moment(noted.get("last_at"))
    if since is None or last_at is None:
        return None
    return FailedBuild(since, last_at, str(noted.get("reason", "")))


def clear_failure(settings: Settings) -> None:
    """Forget why builds failed."""
    _failure_path(settings).unlink(missing_ok=True)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        noted = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return noted if isinstance(noted, dict) else None


def _moment(text: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else None


def noted_file_problems(settings: Settings) -> list[str]:
    """The lines of files that did not count at the last build, in words."""
    return list((published_build(settings) or {}).get("file_problems", ()))


def noted_held(settings: Settings) -> Held:
    """How much the raw store held at the last build, as far as is known."""
    noted = published_build(settings) or {}
    counts = (noted.get(name) for name in Held._fields)
    return Held(*(count if isinstance(count, int) else 0 for count in counts))


def note_held(settings: Settings, held: Held) -> None:
    """Note that the raw store is another one now, which holds so much: the next sync builds."""
    note = published_build(settings)
    if note is not None:
        _write(_note_path(settings), {**note, "basis": {}, **held._asdict()})


def _write(path: Path, note: dict[str, Any]) -> None:
    temporary = path.with_name(path.name + ".new")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        json.dump(note, stream)
    temporary.replace(path)


def _note_path(settings: Settings) -> Path:
    return settings.data_dir / "published.json"


def _failure_path(settings: Settings) -> Path:
    return settings.data_dir / "failed_build.json"


def _file_mark(path: Path) -> list[int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return [found.st_ino, found.st_size, found.st_mtime_ns]


def _project_hash(project_dir: Path) -> str:
    digest = hashlib.blake2b(__version__.encode(), digest_size=16)
    for pattern in _PROJECT_FILES:
        for path in sorted(project_dir.glob(pattern)):
            if path.is_file():
                digest.update(str(path.relative_to(project_dir)).encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()
