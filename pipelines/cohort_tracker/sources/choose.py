"""Which classes a run reads, and what it learns of which the account lists."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ..config import Settings
from ..errors import (
    ApiUnavailableError,
    ApiUnreachableError,
    ClassNotFoundError,
    CohortTrackerError,
    ConfigError,
)
from ..raw.class_states import UNLISTED_DAYS, ClassState, is_unlisted_for_long
from ..raw.known import Known
from .api import ClassInfo, IncompleteListError, Source
from .classes import classes_named, the_only
from .outcome import Observer

if TYPE_CHECKING:
    from ..raw.schema import Row

DESCRIBE_AFTER = timedelta(hours=20)
"""The age from which a class's names and curriculum are asked for again."""


def is_described_lately(described_at: datetime | None, now: datetime) -> bool:
    """Whether what is stored of a class's names and curriculum is young enough."""
    return described_at is not None and timedelta(0) <= now - described_at < DESCRIBE_AFTER


class ClassChoice:
    """The classes to sync: `only`, else those of the settings, else all that the account lists.

    The account's list is asked for unless all named classes were looked up within DESCRIBE_AFTER.
    An id that it does not have is tried all the same: the list may be refused or partial. A retired
    class is never tried.

    `error` is what the run ends with when all else is done: all classes were wanted, and the list
    is incomplete or empty.
    """

    def __init__(
        self,
        source: Source,
        settings: Settings,
        only: Sequence[str],
        known: Known,
        observer: Observer,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.error: CohortTrackerError | None = None
        self._source = source
        self._wanted = list(dict.fromkeys(only or settings.class_ids))
        self._configured = {*self._wanted, *settings.class_ids}
        self._retired_names = settings.retired_classes
        self._zone_names = settings.class_timezones
        self._known = known
        self._observer = observer
        self._now = now
        self._stored = {key: _as_stored(known, key) for key in sorted(known.class_ids)}
        self._listed: list[ClassInfo] | None = None
        self._is_complete = False
        self._states: dict[str, ClassState] = dict(known.states)
        self._written = dict(known.states)

    def classes(self) -> list[ClassInfo]:
        """The classes to sync, each once; none where all are retired.

        Raises AuthenticationError, ApiUnavailableError, or ConfigError when the list is refused
        and no class is configured, or when a name fits several classes.
        """
        self._source.log_in()  # nothing works without
        self._decide_states()
        if self._wanted and self._were_looked_up_lately():
            return self._named()
        refusal = self._ask()
        self._decide_states()
        self._note_unknown_names()
        if self._wanted:
            return self._named()
        if isinstance(refusal, ApiUnavailableError):
            raise refusal
        if refusal is not None:
            raise ConfigError(
                f"No class is configured, and the classes cannot be listed: {refusal.message}",
                "Name one with `cohort-tracker init --class-id ID`.",
            )
        return self._all_listed()

    def state_rows(self, seen: Callable[[], Mapping[str, Any]]) -> Iterator[Row]:
        """Rows of the raw store for what changed since the last call."""
        for class_id, state in self._states.items():
            if state != self._written.get(class_id):
                self._written[class_id] = state
                row = {"source": self._source.name, "class_id": class_id, **vars(state), **seen()}
                yield "class_states", row

    def instead(self, info: ClassInfo) -> ClassInfo | None:
        """The class that bears a friendly id by now, where the one chosen for it is not there.

        Raises ConfigError where several bear it.
        """
        if self._listed is not None or info.class_id in self._wanted or not info.friendly_id:
            return None
        if info.friendly_id not in self._wanted or self._ask() is not None:
            return None
        self._decide_states()
        found = self._class_named(info.friendly_id)
        return found if found is not None and found.class_id != info.class_id else None

    def _ask(self) -> CohortTrackerError | None:
        """Ask for the list; returns why it was refused."""
        self._listed = []
        try:
            self._listed = self._source.classes()
            self._is_complete = True
        except IncompleteListError as error:
            self._listed = error.classes
            if not self._wanted:
                self.error = error
        except ApiUnreachableError:
            raise
        except (ClassNotFoundError, ApiUnavailableError) as error:
            if self._wanted:
                self._observer.note(
                    f"{error.message}; going on with the class ids that are configured"
                )
            return error
        return None

    def _all_listed(self) -> list[ClassInfo]:
        listed = self._listed or []
        asked = [info for info in listed if not self._is_retired(info.class_id)]
        if not asked and self._states and all(state.is_retired for state in self._states.values()):
            self._observer.note("All classes are retired, so nothing was asked for")
        elif not listed:
            self.error = ClassNotFoundError(
                "The account sees no classes",
                "Check that it is a mentor or instructor account. What is stored stays.",
            )
        return asked

    def _named(self) -> list[ClassInfo]:
        found = [self._class_named(key) for key in self._wanted]
        return list({info.class_id: info for info in found if info is not None}.values())

    def _class_named(self, key: str) -> ClassInfo | None:
        """The class that a name of the settings means now; None, with a note, if it is retired."""
        listed = classes_named(self._listed or [], key)
        if key in self._stored and not any(
            info.class_id in {key, *self._known.synced} for info in listed
        ):
            # Also what was read under a friendly id before the API listed it stays one class.
            named = [self._stored[key]]
        else:
            current = [i for i in self._stored.values() if self._state(i.class_id).is_listed]
            pools = (listed, current, self._stored.values())
            named = next((found for pool in pools if (found := classes_named(pool, key))), [])
        asked = [info for info in named if not self._is_retired(info.class_id)]
        if named and not asked:
            self._note_retired(named[0])
            return None
        info = the_only(asked, key) or ClassInfo(key)
        self._note_other_id(key, info)
        return info

    def _were_looked_up_lately(self) -> bool:
        """Whether what is stored tells which classes are meant, and tells it of late."""
        asked = []
        for key in self._wanted:
            named = classes_named(self._stored.values(), key)
            current = [info for info in named if self._state(info.class_id).is_listed is not False]
            if not current or len(current) > 1:
                return False
            asked += [info for info in current if not self._is_retired(info.class_id)]
        now, described_at = self._now(), self._known.described_at
        return bool(asked) and all(
            is_described_lately(described_at.get(info.class_id), now) for info in asked
        )

    def _state(self, class_id: str) -> ClassState:
        return self._states.get(class_id, ClassState())

    def _is_retired(self, class_id: str) -> bool:
        return self._state(class_id).is_retired

    def _decide_states(self) -> None:
        """What the list, if there is one, and the settings say about every class."""
        listed = {info.class_id: info for info in self._listed or []}
        names = {*listed, *(info.friendly_id for info in listed.values())}
        retired = self._retired_by_settings()
        strangers = {key for key, info in listed.items() if info.friendly_id not in self._stored}
        now = self._now()
        for class_id in sorted({*self._stored, *self._states, *strangers}):
            before = self._state(class_id)
            is_listed, since = before.is_listed, before.unlisted_since
            if class_id in names:
                is_listed, since = True, None
            elif self._is_complete and (is_listed is not None or class_id not in self._configured):
                # A time to come is one of a clock that was wrong.
                since = now if since is None or since > now else since
                if is_listed is not False:
                    self._note_unlisted(class_id)
                is_listed = False
            state = ClassState(is_listed, since)
            is_retired = class_id in retired or is_unlisted_for_long(state, now)
            if is_listed is not None or is_retired or class_id in self._states:
                self._states[class_id] = ClassState(is_listed, since, is_retired)

    def _retired_by_settings(self) -> set[str]:
        known = {**self._stored, **{info.class_id: info for info in self._listed or []}}
        retired = set()
        for name in self._retired_names:
            named = classes_named(known.values(), name)
            now_listed = [info for info in self._listed or [] if info in named]
            the_only(now_listed, name)
            retired |= {info.class_id for info in named}
        return retired

    def _note_unknown_names(self) -> None:
        known = [*self._stored.values(), *(self._listed or [])]
        names = [(name, "retired_classes") for name in self._retired_names]
        names += [(name, f"[class.{name}]") for name in self._zone_names]
        for name, place in names:
            if not classes_named(known, name):
                self._observer.note(f"{place}: there is no class {name}")

    def _note_unlisted(self, class_id: str) -> None:
        info = self._stored.get(class_id, ClassInfo(class_id))
        if not classes_named(self._listed or [], info.friendly_id or ""):
            self._observer.note(
                f"{_name(info)}: the account does not list it any more; its tables stay"
            )

    def _note_retired(self, info: ClassInfo) -> None:
        since = self._state(info.class_id).unlisted_since
        why = "retired_classes names it"
        if since is not None and info.class_id not in self._retired_by_settings():
            why = f"the account has not listed it since {since:%Y-%m-%d} ({UNLISTED_DAYS} days)"
        note = f"{_name(info)}: {why}, so nothing was asked of it; its tables stay"
        other = [] if since is None else classes_named(self._listed or [], info.friendly_id or "")
        if other:
            note += f". Another class has this friendly id now: {other[0].class_id}"
        self._observer.note(note)

    def _note_other_id(self, key: str, info: ClassInfo) -> None:
        """Tell of a friendly id that another class bears by now."""
        if key == info.class_id and self._state(key).is_listed is False and info.friendly_id:
            for other in classes_named(self._listed or [], info.friendly_id):
                self._observer.note(
                    f"{_name(info)}: the account lists it as {other.class_id} now; put that, or"
                    f" {info.friendly_id}, into class_ids"
                )
        elif key != info.class_id and info.class_id not in self._stored:
            for old in classes_named(self._stored.values(), key):
                self._observer.note(
                    f"{key} is the class {info.class_id} now; what was read of it as"
                    f" {old.class_id} stays"
                )


def _as_stored(known: Known, class_id: str) -> ClassInfo:
    version = known.class_versions.get(class_id)
    if version is None:
        return ClassInfo(class_id)
    return ClassInfo(
        class_id, version.friendly_id, version.name, version.school, version.is_published
    )


def _name(info: ClassInfo) -> str:
    if info.friendly_id is None:
        return info.class_id
    return f"{info.friendly_id} ({info.class_id})"
