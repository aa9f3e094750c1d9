"""How far what is shown can be trusted to be of now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ..config import Settings
from ..errors import StaleDataError
from ..raw.store import RawStore
from ..warehouse.fingerprint import FailedBuild, failed_build, tables_confirmed_at
from ..warehouse.global_id import global_id
from .briefing import Briefing
from .scope import Group


@dataclass(frozen=True)
class Freshness:
    """Of when the tables are, and what failed since. All times are aware.

    Args:
        tables_at: when the tables were last known to be those of what is stored.
        synced_at: the last sync that read the class to its end.
        failed_sync: what the class's last sync ended with, where that was no success.
        failed_build: why the tables could not be rebuilt since, if so.
        is_stale: whether the last good sync is longer ago than the settings allow; never of a class
            that is over.
    """

    tables_at: datetime | None
    synced_at: datetime | None
    failed_sync: str | None
    failed_build: FailedBuild | None
    is_stale: bool

    @property
    def is_good(self) -> bool:
        """Whether there is nothing to warn of."""
        return not (self.is_stale or self.failed_sync or self.failed_build)


def freshness_of(settings: Settings, briefing: Briefing, now: datetime) -> Freshness:
    """How fresh a briefing is at `now`, an aware time. Raises StoreError."""
    run = _last_run(settings, briefing.group)
    synced_at: datetime | None = run.get("last_ok_at") or briefing.as_of
    status = run.get("status")
    limit = timedelta(hours=settings.stale_after_hours)
    return Freshness(
        tables_at=tables_confirmed_at(settings),
        synced_at=synced_at,
        failed_sync=(run.get("error") or status) if status not in (None, "ok") else None,
        failed_build=failed_build(settings),
        is_stale=not briefing.group.is_over and (synced_at is None or now - synced_at > limit),
    )


def require_fresh(freshness: Freshness, group: Group, limit: timedelta, now: datetime) -> None:
    """Raise StaleDataError where what is shown of a group is older than `limit`."""
    for what, at in (("the tables are of", freshness.tables_at), ("synced", freshness.synced_at)):
        if at is None or now - at > limit:
            when = "never" if at is None else f"{at:%Y-%m-%d %H:%M} UTC"
            raise StaleDataError(
                f"{group.shown}: {what} {when}, longer ago than --max-age allows",
                "Run `cohort-tracker sync`; `cohort-tracker status` shows what failed last.",
            )


def _last_run(settings: Settings, group: Group) -> dict[str, Any]:
    runs = RawStore(settings.raw_path).last_runs()
    return next((run for key, run in runs.items() if global_id(*key) == group.class_id), {})
