"""What is known here of the tables in PostgreSQL: what `status` tells without asking there."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from ...config import Settings
from ...errors import CohortTrackerError
from ...runtime.whole_file import whole_file


@dataclass(frozen=True)
class PublishedCopy:
    """The tables in PostgreSQL. Times are ISO, UTC.

    Args:
        address: where they are, as messages name it.
        build_id: the build that they are of; None where nothing was published yet.
        published_at: when they were brought there.
        confirmed_at: when a sync last saw that they are there.
        error: why the last sync could not publish; None where it could.
        failed_since: when the first sync could not.
    """

    address: str
    build_id: str | None = None
    published_at: str | None = None
    confirmed_at: str | None = None
    error: str | None = None
    failed_since: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The object in `status --json`."""
        return asdict(self)


def published_copy(settings: Settings) -> PublishedCopy | None:
    """What was noted of the database that the settings name; None where they name none."""
    if settings.publish is None:
        return None
    address = settings.publish.name
    if settings.publish_prefix:
        address += f" ({settings.publish_prefix}…)"
    nothing = PublishedCopy(address)
    try:
        noted = PublishedCopy(**json.loads(_path(settings).read_bytes()))
    except (OSError, ValueError, TypeError):
        return nothing
    return noted if noted.address == address else nothing


def note_copy(settings: Settings, build_id: str, *, is_new: bool, now: datetime) -> None:
    """Note that the tables of a build are there; `is_new`: since now."""
    before = published_copy(settings)
    assert before is not None
    at = now.isoformat(timespec="seconds")
    same = not is_new and before.build_id == build_id
    _write(
        settings,
        PublishedCopy(before.address, build_id, before.published_at if same else at, at),
    )


def note_failure(settings: Settings, error: str, now: datetime) -> None:
    """Note why the tables could not be published, until they can."""
    before = published_copy(settings)
    assert before is not None
    since = before.failed_since or now.isoformat(timespec="seconds")
    _write(settings, replace(before, error=error, failed_since=since))


def _write(settings: Settings, note: PublishedCopy) -> None:
    with contextlib.suppress(CohortTrackerError), whole_file(_path(settings)) as file:
        file.write(json.dumps(asdict(note)).encode())


def _path(settings: Settings) -> Path:
    return settings.data_dir / "postgres.json"
