"""How far what is shown can be trusted to be of now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from ..config import Settings
from ..errors import StaleDataError
from ..raw.class_states import ClassState, is_retired
from ..raw.global_id import global_id
from ..raw.store import RawStore
from ..warehouse.fingerprint import FailedBuild, failed_build, tables_confirmed_at
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
            that is over or retired.
        data_at: up to when what is shown tells what happened.
        is_unpublished: whether a sync came after the tables, which do not have it.
        is_finished: whether the class is over or retired: it is as old as it is.
    """

    tables_at: datetime | None
    synced_at: datetime | None
    failed_sync: str | None
    failed_build: FailedBuild | None
    is_stale: bool
    data_at: datetime | None = None
    is_unpublished: bool = False
    is_finished: bool = False

    @property
    def is_good(self) -> bool:
        """Whether there is nothing to warn of."""
        return not (self.is_stale or self.failed_sync or self.failed_build or self.is_unpublished)


def freshness_of(settings: Settings, briefing: Briefing, now: datetime) -> Freshness:
    """How fresh a briefing is at `now`, an aware time. Raises StoreError."""
    return freshness_of_class(settings, briefing.group, briefing.as_of, now)


def freshness_of_class(
    settings: Settings, group: Group, as_of: datetime | None, now: datetime
) -> Freshness:
    """The same of a group whose tables tell up to `as_of`, an aware time. Raises StoreError."""
    store = RawStore(settings.raw_path)
    runs, states = store.last_runs(), store.class_states()
    key = next((key for key in {**runs, **states} if global_id(*key) == group.class_id), None)
    run = runs.get(key, {}) if key else {}
    state = states.get(key, ClassState()) if key else ClassState()
    names = {key[1] if key else group.class_id, group.friendly_id}
    is_finished = group.is_over or is_retired(state, names, settings.retired_classes, now)
    synced_at: datetime | None = run.get("last_ok_at") or as_of
    tables_at = tables_confirmed_at(settings)
    is_unpublished = bool(tables_at and synced_at and tables_at < synced_at)
    status = run.get("status")
    limit = timedelta(hours=settings.stale_after_hours)
    return Freshness(
        tables_at=tables_at,
        synced_at=synced_at,
        failed_sync=(run.get("error") or status) if status not in (None, "ok") else None,
        failed_build=failed_build(settings),
        is_stale=not is_finished and (synced_at is None or now - synced_at > limit),
        data_at=as_of if is_unpublished else synced_at,
        is_unpublished=is_unpublished,
        is_finished=is_finished,
    )


def require_fresh(freshness: Freshness, group: Group, limit: timedelta, now: datetime) -> None:
    """Raise StaleDataError where what is shown of a group is older than `limit`.

    A class that is over or retired has no age, but its tables have one.
    """
    synced_at = now if freshness.is_finished else freshness.synced_at
    for what, at in (("the tables are of", freshness.tables_at), ("synced", synced_at)):
        if at is None or now - at > limit:
            when = "never" if at is None else f"{at:%Y-%m-%d %H:%M} UTC"
            raise StaleDataError(
                f"{group.shown}: {what} {when}, longer ago than --max-age allows",
                "Run `cohort-tracker sync`; `cohort-tracker status` shows what failed last.",
            )
