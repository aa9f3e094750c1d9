"""Which classes a run reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from ..config import Settings
from ..errors import (
    ApiUnavailableError,
    ApiUnreachableError,
    ClassNotFoundError,
    CohortTrackerError,
    ConfigError,
)
from ..raw.known import Known
from .api import ClassInfo, IncompleteListError, Source
from .classes import find_class
from .outcome import Observer

DESCRIBE_AFTER = timedelta(hours=20)
"""The age from which a class's names and curriculum are asked for again."""


def is_described_lately(described_at: datetime | None, now: datetime) -> bool:
    """Whether what is stored of a class's names and curriculum is young enough."""
    return described_at is not None and timedelta(0) <= now - described_at < DESCRIBE_AFTER


def choose_classes(
    source: Source,
    settings: Settings,
    only: Sequence[str],
    known: Known,
    observer: Observer,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> tuple[list[ClassInfo], IncompleteListError | None]:
    """The classes to sync: `only`, else those of the settings, else all that the account sees.

    With them comes the error to end with where all were wanted and the list is incomplete.

    The account's list is asked for unless all ids were looked up within DESCRIBE_AFTER. An id
    that the API does not list is tried all the same: the list may be refused or partial.
    Raises AuthenticationError, ApiUnavailableError, ClassNotFoundError, or ConfigError when the
    list is refused and no class is configured.
    """
    wanted = list(dict.fromkeys(only or settings.class_ids))
    source.log_in()  # nothing works without
    stored = [
        ClassInfo(class_id, version.friendly_id, version.name)
        for class_id, version in known.class_versions.items()
    ]
    remembered = [find_class(stored, key) for key in wanted]
    found = [
        info
        for info in remembered
        if info is not None and is_described_lately(known.described_at.get(info.class_id), now())
    ]
    if wanted and len(found) == len(wanted):
        return list({info.class_id: info for info in found}.values()), None
    listed: list[ClassInfo] = []
    refusal: CohortTrackerError | None = None
    incomplete: IncompleteListError | None = None
    try:
        listed = source.classes()
    except IncompleteListError as error:
        listed, incomplete = error.classes, error
    except ApiUnreachableError:
        raise
    except (ClassNotFoundError, ApiUnavailableError) as error:
        refusal = error
        if wanted:
            observer.note(f"{error.message}; going on with the class ids that are configured")
    if not wanted:
        if isinstance(refusal, ApiUnavailableError):
            raise refusal
        if refusal is not None:
            raise ConfigError(
                f"No class is configured, and the classes cannot be listed: {refusal.message}",
                "Name one with `cohort-tracker init --class-id ID`.",
            )
        if not listed:
            raise ClassNotFoundError(
                "The account sees no classes", "Check that it is a mentor or instructor account."
            )
        return listed, incomplete
    chosen: dict[str, ClassInfo] = {}
    for key in wanted:
        info = find_class(listed or stored, key) or ClassInfo(key)
        if key in known.synced and info.class_id not in known.synced:
            # Read under this id before the API listed it: one class must not become two.
            info = replace(info, class_id=key)
        chosen.setdefault(info.class_id, info)
    return list(chosen.values()), None
