"""The tables of a source as dlt resources, for any pipeline and destination.

They go through the same extraction as a sync. What is known of a class between two runs stands in
dlt's state instead of a raw store, so it is kept, or not, together with the rows it speaks of.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

import dlt
from dlt.common.schema import TColumnSchema
from dlt.extract import DltResource

from ..config import Settings
from ..raw.known import Known, StoredClass, StoredPageSize, StoredRecord
from ..raw.schema import RAW_TABLES
from .api import ClassInfo, Description, FindsPageSize, Source
from .choose import ClassChoice
from .describe import describe
from .extract import Extraction
from .outcome import ClassOutcome, Observer

_log = logging.getLogger(__name__)
_OF_VERSIONS = {"source", "version_no", "record_hash", "units_hash", "run_id"}


class _Notes(Observer):
    def note(self, message: str) -> None:
        _log.warning(message)


def tables(connect: Callable[[], Source], settings: Settings, full: bool) -> list[DltResource]:
    """The resources `classes`, `class_units` and `progressions` of a source.

    Args:
        connect: makes the session, when the first resource is read.
        settings: which classes, and how they are read.
        full: read every page, and delete what a complete read does not meet any more.

    Reading them raises AuthenticationError, ClassNotFoundError, ApiUnavailableError or
    IncompleteListError (all classes were wanted, and the API does not show all): then
    nothing of the run is loaded, and the next one begins where this one began.
    """

    @cache
    def session() -> tuple[Source, list[ClassInfo]]:
        source = connect()
        choice = ClassChoice(source, settings, (), Known(), _Notes())
        infos = choice.classes()
        if choice.error is not None:
            raise choice.error
        return source, infos

    @dlt.resource(name="descriptions", selected=False)
    def descriptions() -> Iterator[Description]:
        source, infos = session()
        for info in infos:
            yield describe(source, info, _Notes())

    @dlt.transformer(
        data_from=descriptions,
        write_disposition="replace",
        primary_key="class_id",
        columns=_columns("classes", without={"first_seen_at"}),
    )
    def classes(found: Description) -> Iterator[dict[str, Any]]:
        yield asdict(found.info)

    @dlt.transformer(
        data_from=descriptions,
        write_disposition="replace",
        primary_key=("class_id", "position"),
        columns=_columns("class_units", without={"first_seen_at"}),
    )
    def class_units(found: Description) -> Iterator[list[dict[str, Any]]]:
        yield [{"class_id": found.info.class_id, **asdict(entry)} for entry in found.curriculum]

    @dlt.resource(
        write_disposition="merge",
        primary_key=("class_id", "record_id"),
        columns=[
            {**column, "hard_delete": True} if column["name"] == "is_removed" else column
            for column in _columns("progressions")
        ],
    )
    def progressions() -> Iterator[list[dict[str, Any]]]:
        names = [str(column["name"]) for column in _columns("progressions")]
        kept = dlt.current.resource_state()
        state, sizes = kept.setdefault("classes", {}), kept.setdefault("page_sizes", {})
        source, infos = session()
        if isinstance(source, FindsPageSize):
            source.recall_page_size({key: _unpacked_size(size) for key, size in sizes.items()})
        for info in infos:
            stored = _unpacked(state.get(info.class_id))
            known = Known(recorded={info.class_id}, read_class=partial(_as_is, stored))
            extraction = Extraction(
                source, known, settings, run_id="", full=full, observer=_Notes()
            )
            outcome = ClassOutcome(info)
            rows: list[dict[str, Any]] = []
            for table, row in extraction.record_rows(outcome, removals=full):
                if table == "progressions":
                    rows.append({name: row.get(name) for name in names})
                elif table == "sync_pages" and rows:
                    yield rows
                    rows = []
            if rows:
                yield rows
            if count := outcome.result.rejected:
                plural = "s" if count != 1 else ""
                _log.warning(f"class {info.class_id}: {count} record{plural} could not be used")
            if outcome.error is not None:
                _log.warning("class %s: %s", info.class_id, outcome.error.message)
            state[info.class_id] = _packed(stored, outcome, datetime.now(UTC))
            if isinstance(source, FindsPageSize) and (size := source.new_page_size()):
                sizes[source.api_base] = [size.asked, size.granted, _text(size.first_seen_at)]

    return [classes, class_units, progressions]


def _as_is(stored: StoredClass, _class_id: str) -> StoredClass:
    return stored


def _columns(table: str, without: Collection[str] = ()) -> list[TColumnSchema]:
    return [
        {"name": column.name, "data_type": column.type, "nullable": column.nullable}  # type: ignore[typeddict-item]
        for column in RAW_TABLES[table]
        if column.name not in {*_OF_VERSIONS, *without}
    ]


def _packed(stored: StoredClass, outcome: ClassOutcome, now: datetime) -> dict[str, Any]:
    """What the next run needs to know of a class, as JSON can say it."""
    result = outcome.result
    proof: dict[str, Any] = {
        "newest_completed_at": stored.newest_completed_at,
        "unexplained": stored.unexplained,
        "last_full_at": stored.last_full_at,
    }
    if result.verified:
        proof["newest_completed_at"] = result.newest_completed_at
        proof["unexplained"] = (result.reported_total or 0) - result.stored_total
        if result.reported_total is None:
            proof["unexplained"] = 0
        if result.mode == "full":
            proof["last_full_at"] = now
    else:
        proof["last_full_at"] = None  # the next run reads everything
    return {
        **{key: _text(value) for key, value in proof.items()},
        "records": {
            record_id: [record.record_hash, _text(record.completed_at)]
            for record_id, record in stored.records.items()
        },
    }


def _unpacked(packed: dict[str, Any] | None) -> StoredClass:
    if packed is None:
        return StoredClass()
    return StoredClass(
        records={
            record_id: StoredRecord(record_hash, _moment(completed_at))
            for record_id, (record_hash, completed_at) in packed["records"].items()
        },
        newest_completed_at=_moment(packed["newest_completed_at"]),
        unexplained=packed["unexplained"],
        last_full_at=_moment(packed["last_full_at"]),
    )


def _unpacked_size(packed: tuple[int, int | None, str]) -> StoredPageSize:
    asked, granted, seen = packed
    return StoredPageSize(asked, granted, datetime.fromisoformat(seen))


def _text(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
