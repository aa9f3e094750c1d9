"""What a raw store knows of the classes of a source, for the run that reads them next.

Functions of a connection to a store with the newest layout, where they do not say otherwise;
sqlite3.Error goes to the caller.
"""

from __future__ import annotations

import sqlite3
from dataclasses import replace

from .class_states import ClassState
from .forgotten import Forgotten, entries_of
from .known import Known, StoredClass, StoredClassVersion, StoredFile, StoredPageSize, StoredRecord
from .layout import tables_of
from .run_log import (
    as_moment,
    count_after,
    is_ok,
    logged_classes,
    newest,
    newest_of_each_kind,
    source_column,
    was_read,
)
from .schema import FILE_TABLES, RAW_TABLES


def known_of(db: sqlite3.Connection, source: str) -> Known:
    """What is known of a source's classes, but for what is many rows a class."""
    runs = {key[1]: newest_of_each_kind(db, key) for key in logged_classes(db) if key[0] == source}
    described = {
        class_id: newest(of_class, lambda run: run.is_described and was_read(run))
        for class_id, of_class in runs.items()
    }
    # From each id straight to the next: the index is not walked through.
    recorded = db.execute(
        "WITH RECURSIVE ids (id) AS"
        " (SELECT min(class_id) FROM progressions WHERE source = :source UNION ALL"
        " SELECT (SELECT min(class_id) FROM progressions WHERE source = :source"
        " AND class_id > id) FROM ids WHERE id IS NOT NULL)"
        " SELECT id FROM ids WHERE id IS NOT NULL",
        {"source": source},
    ).fetchall()
    curricula = db.execute(
        "SELECT DISTINCT class_id, units_hash FROM class_units WHERE source = ?", (source,)
    ).fetchall()
    rejected: dict[str, set[str]] = {}
    for class_id, record_hash in db.execute(
        "SELECT class_id, record_hash FROM rejected_records WHERE source IN (?, 'files')",
        (source,),
    ):
        rejected.setdefault(class_id, set()).add(record_hash)
    return Known(
        class_versions=class_versions_of(db, source),
        described_at={
            class_id: run.finished_at
            for class_id, run in described.items()
            if run is not None and run.finished_at is not None
        },
        states=class_states_of(db, source),
        recorded={row[0] for row in recorded},
        synced={key for key, of_class in runs.items() if newest(of_class, was_read)},
        curricula=set(curricula),
        rejected=rejected,
        files={table: _newest_file(db, table) for table in FILE_TABLES},
        page_sizes=_page_sizes(db, source),
        forgotten=Forgotten(entries_of(db)),
    )


def stored_class_of(db: sqlite3.Connection, source: str, class_id: str) -> StoredClass:
    """What a reader of the class needs to know, but for the records once rejected."""
    stored = StoredClass()
    # A rejection bears the number of the newest version that the class had then.
    rejected = dict(
        db.execute(
            "SELECT record_id, max(version_no) FROM rejected_records"
            " WHERE source = ? AND class_id = ? AND field IS NULL"
            " AND record_id IS NOT NULL AND version_no IS NOT NULL GROUP BY record_id",
            (source, class_id),
        )
    )
    # Greater than any, also where the newest versions were erased.
    (greatest,) = db.execute(
        "SELECT max(version_no) FROM rejected_records WHERE source = ? AND class_id = ?",
        (source, class_id),
    ).fetchone()
    stored.next_version = 1 + (greatest or 0)
    rows = db.execute(
        "SELECT record_id, record_hash, completed_at, is_removed, version_no"
        " FROM progressions WHERE source = ? AND class_id = ? ORDER BY version_no",
        (source, class_id),
    )
    for record_id, record_hash, completed_at, is_removed, version_no in rows:
        stored.next_version = max(stored.next_version, version_no + 1)
        if record_id in rejected and rejected[record_id] < version_no:
            del rejected[record_id]  # it came in a usable form since
        if is_removed:
            stored.records.pop(record_id, None)
            stored.removed.add(record_id)
        else:
            stored.removed.discard(record_id)
            stored.records[record_id] = StoredRecord(record_hash, as_moment(completed_at))
    stored.rejected_ids = rejected.keys() & stored.records.keys()
    runs = newest_of_each_kind(db, (source, class_id))
    last_ok = newest(runs, is_ok)
    thorough = newest(runs, lambda run: is_ok(run) and not run.is_quick)
    if thorough is not None:
        stored.last_thorough_at = thorough.finished_at
        stored.quick_runs = count_after(db, (source, class_id), thorough.row)
    if last_ok is not None:
        stored.newest_completed_at = last_ok.newest_completed_at
        if last_ok.reported_total is not None:
            stored.unexplained = last_ok.reported_total - last_ok.stored_total
    last_full = newest(runs, lambda run: is_ok(run) and run.mode == "full")
    last_read = newest(runs, was_read)
    # After a read with doubts, or of much that could not be read, everything is read again.
    if last_full is not None and last_read is not None and is_ok(last_read):
        stored.last_full_at = last_full.finished_at
    return stored


def curriculum_of(db: sqlite3.Connection, source: str, class_id: str, units_hash: str) -> set[str]:
    """The assignments of a stored curriculum."""
    rows = db.execute(
        "SELECT assignment_id FROM class_units"
        " WHERE source = ? AND class_id = ? AND units_hash = ?",
        (source, class_id, units_hash),
    )
    return {row[0] for row in rows}


def sources_of(db: sqlite3.Connection, table: str) -> list[str]:
    """The sources of a table's rows; none where there is no such table."""
    if table not in tables_of(db):
        return []
    column = source_column(db, table)
    return [row[0] for row in db.execute(f"SELECT DISTINCT {column} FROM {table}")]  # noqa: S608


def class_versions_of(db: sqlite3.Connection, source: str) -> dict[str, StoredClassVersion]:
    """The newest stored description of each class; also of a file with an older layout."""
    rows = db.execute(
        "SELECT class_id, version_no, record_hash, friendly_id, name, school, is_published,"  # noqa: S608
        f" units_hash FROM classes WHERE {source_column(db, 'classes')} = ? ORDER BY version_no",
        (source,),
    )
    versions = {}
    for class_id, *columns in rows:
        version = StoredClassVersion(*columns)
        is_published = None if version.is_published is None else bool(version.is_published)
        versions[class_id] = replace(version, is_published=is_published)
    return versions


def class_states_of(db: sqlite3.Connection, source: str) -> dict[str, ClassState]:
    """Whether each class is listed and asked for, as far as it is known."""
    rows = db.execute(
        "SELECT class_id, is_listed, unlisted_since, is_retired FROM class_states"
        " WHERE source = ? ORDER BY rowid",
        (source,),
    )
    return {
        class_id: ClassState(
            None if listed is None else bool(listed), as_moment(since), bool(retired)
        )
        for class_id, listed, since, retired in rows
    }


def _page_sizes(db: sqlite3.Connection, source: str) -> dict[str, StoredPageSize]:
    rows = db.execute(
        "SELECT api_base, asked, granted, first_seen_at FROM page_sizes"
        " WHERE source = ? ORDER BY rowid",
        (source,),
    )
    return {
        api_base: StoredPageSize(asked, granted, moment)
        for api_base, asked, granted, seen in rows
        if (moment := as_moment(seen))
    }


def _newest_file(db: sqlite3.Connection, table: str) -> StoredFile:
    """The current version of a file that people keep, or of a list of the settings."""
    kept = {"file_version", "first_seen_at", "run_id"}
    columns = [column.name for column in RAW_TABLES[table] if column.name not in kept]
    names = ", ".join(f'"{name}"' for name in columns)
    version = db.execute(
        f"SELECT coalesce(max(file_version), 0) FROM {table}"  # noqa: S608
    ).fetchone()[0]
    rows = db.execute(
        f"SELECT {names} FROM {table} WHERE file_version = ?",  # noqa: S608
        (version,),
    )
    return StoredFile(version, [dict(zip(columns, row, strict=True)) for row in rows])
