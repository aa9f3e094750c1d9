"""Very many progressions straight into a raw store, as a sync of the sandbox would store them.

The records of a few template classes go through the package's own record check; SQLite then
multiplies them, putting the number of each class into every id.
`python -m benchmarks.rawdata RAW_DB CLASSES RECORDS_PER_CLASS` in a process of its own, because it
loads what the measuring process must not.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .environment import ROOT, clean_environment
from .measure import run

_VARIANTS = 4
_REGRADED_EVERY = 50
_RUN_ID = "20260302T000000Z-bench0"
_SOURCE = "openclass"


def fill(raw_db: Path, classes: int, records_per_class: int) -> int:
    """Add classes number 1 to `classes` to a store that a sync made; returns how many regrades."""
    done = run(
        [
            sys.executable,
            "-m",
            "benchmarks.rawdata",
            str(raw_db),
            *map(str, (classes, records_per_class)),
        ],
        env=clean_environment(),
        cwd=ROOT,
    )
    return int(done.stdout)


def write(raw_db: Path, classes: int, records_per_class: int) -> int:
    """Do what `fill` says, in this process."""
    from cohort_tracker.raw.schema import INDEXES, RAW_TABLES
    from cohort_tracker.sandbox import template

    now = _text(datetime.now(UTC))
    columns = [column.name for column in RAW_TABLES["progressions"]]
    with closing(sqlite3.connect(raw_db, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = OFF")
        db.execute("PRAGMA synchronous = OFF")
        db.execute("PRAGMA cache_size = -200000")
        db.execute("BEGIN")
        db.execute("DROP INDEX IF EXISTS progressions_by_class")
        db.execute("CREATE TEMP TABLE room (n INTEGER, mark TEXT, id TEXT)")
        rooms = [(n, f"{n:08x}", template.classroom(n).id) for n in range(1, classes + 1)]
        db.executemany("INSERT INTO room VALUES (?, ?, ?)", rooms)
        names = ", ".join(f'"{name}"' for name in columns)
        db.execute(f"CREATE TEMP TABLE template (variant INTEGER, place INTEGER, {names})")
        for variant in range(_VARIANTS):
            _insert(db, "template", _template_rows(variant, records_per_class, now))
        multiplied = ", ".join(map(_multiplied, columns))
        db.execute(
            f"INSERT INTO progressions ({names}) SELECT {multiplied}"
            f" FROM room CROSS JOIN template ON template.variant = room.n % {_VARIANTS}"
        )
        regraded = db.execute(_regrades(columns, records_per_class)).rowcount
        db.execute(f"CREATE INDEX progressions_by_class ON {INDEXES['progressions_by_class']}")
        _describe(db, classes, records_per_class, now)
        db.execute("COMMIT")
    return int(regraded)


def _template_rows(variant: int, records: int, now: str) -> list[dict[str, Any]]:
    from cohort_tracker.raw.schema import RAW_TABLES
    from cohort_tracker.sandbox import template
    from cohort_tracker.sources.records import Rejection, read_record

    end = datetime(2026, 3, 2, tzinfo=UTC)
    made = template.make(1, variant, records, 0, end, "oid")
    columns = {column.name for column in RAW_TABLES["progressions"]}
    rows = []
    for place, text in enumerate(made.texts, start=1):
        record = read_record(json.loads(text))
        assert not isinstance(record, Rejection), record
        values = {
            name: _text(value) if isinstance(value, datetime) else value
            for name, value in record._asdict().items()
            if name in columns
        }
        # The class comes with the multiplication.
        own = {
            **{"source": _SOURCE, "version_no": place, "is_removed": False},
            **{"first_seen_at": now, "run_id": _RUN_ID},
        }
        rows.append({"variant": variant, "place": place, **values, **own})
    return rows


def _multiplied(column: str) -> str:
    from cohort_tracker.sandbox.template import MARK

    if column == "class_id":
        return "room.id"
    if column == "record_hash":
        return "room.mark || substr(template.record_hash, 9)"
    if column in {"record_id", "user_id", "user_email", "assignment_id"}:
        return f"replace(template.{column}, '{MARK}', room.mark)"
    return f'template."{column}"'


def _regrades(columns: list[str], records: int) -> str:
    """A second version of some records, with another grade."""
    changed = {
        "version_no": f"version_no + {records}",
        "record_hash": "substr(record_hash, 1, 31) || 'x'",
        "grade": "coalesce(grade, 0.5) / 2",
    }
    names = ", ".join(f'"{name}"' for name in columns)
    values = ", ".join(changed.get(name, f'"{name}"') for name in columns)
    return (
        f"INSERT INTO progressions ({names}) SELECT {values} FROM progressions"
        f" WHERE run_id = '{_RUN_ID}' AND version_no % {_REGRADED_EVERY} = 0"
    )


def _describe(db: sqlite3.Connection, classes: int, records: int, now: str) -> None:
    """The classes themselves, their curricula, and the runs and pages by which they came."""
    from cohort_tracker.raw.schema import RAW_TABLES
    from cohort_tracker.sandbox import template

    seen = {"first_seen_at": now, "run_id": _RUN_ID}
    pages = -(-records // 200)
    for number in range(1, classes + 1):
        room = template.classroom(number)
        key = {"source": _SOURCE, "class_id": room.id}
        units = key | seen | {"units_hash": f"{number:032x}"}
        described = {
            "version_no": 1,
            "record_hash": f"{number:032x}",
            "friendly_id": room.friendly_id,
            "name": room.name,
            "school": room.school,
            "is_published": True,
        }
        _insert(db, "classes", [units | described])
        entries = [
            {
                "position": place,
                "section_position": unit_no,
                "section_name": unit.name,
                "assignment_id": assignment_id,
            }
            for unit_no, unit in enumerate(room.units, start=1)
            for place, assignment_id in enumerate(unit.assignment_ids, start=1 + 8 * (unit_no - 1))
        ]
        _insert(db, "class_units", [units | entry for entry in entries])
        counts = {"pages": pages, "fetched": records, "new": records, "stored_total": records}
        run_row = {
            **{column.name: 0 for column in RAW_TABLES["sync_runs"] if column.type == "bigint"},
            **counts,
            **{"started_at": now, "finished_at": now, "newest_completed_at": now},
            **{"mode": "full", "is_quick": False, "is_described": True, "status": "ok"},
            **{"reported_total": records, "verified": True, "page_size": 200, "timezone": "UTC"},
        }
        _insert(db, "sync_runs", [key | run_row | {"run_id": _RUN_ID}])
        read = {"run_id": _RUN_ID, "synced_at": now, "records_processed": min(200, records)}
        _insert(
            db,
            "sync_pages",
            [key | read | {"seq": page + 1, "page": page} for page in range(pages)],
        )


def _insert(db: sqlite3.Connection, table: str, rows: list[dict[str, Any]]) -> None:
    names = list(rows[0])
    columns = ", ".join(f'"{name}"' for name in names)
    values = ", ".join(f":{name}" for name in names)
    db.executemany(f"INSERT INTO {table} ({columns}) VALUES ({values})", rows)


def _text(moment: datetime) -> str:
    """A time as the loader stores it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


if __name__ == "__main__":
    print(write(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
