"""A peer's table as a raw store, for the marts: `to_raw.py FILE TABLE RAW_DB`.

What somebody would do who wants the same marts of what a peer has loaded: one statement that puts
its columns in place, then dbt. Run by the Python of the project, which brings the models.
"""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import duckdb

from cohort_tracker.raw.schema import create_statements
from cohort_tracker.warehouse.dbt_plugin import sqlite_extension

_FLAT = {
    "class_id": "class_id",
    "record_id": "id",
    "user_id": "user_id",
    "user_first_name": "first_name",
    "user_last_name": "last_name",
    "user_email": "email",
    "assignment_id": "assignment_id",
    "assignment_name": "assignment_name",
    "assignment_type": "assignment_type",
    "grade": "grade",
    "started_at": "cast(started_at as timestamp)",
    "completed_at": "cast(completed_at as timestamp)",
    "reviewed_at": "cast(reviewed_at as timestamp)",
}
# As dlt lays the nested answer flat.
_NESTED = {
    **_FLAT,
    "class_id": "_classes_id",
    "record_id": "_id",
    "user_id": "user__id",
    "user_first_name": "user__first_name",
    "user_last_name": "user__last_name",
    "user_email": "user__email",
    "assignment_id": "assignment__id",
    "assignment_name": "assignment__name",
    "assignment_type": "assignment__type",
    "started_at": "timezone('UTC', started_assignment_at)",
    "completed_at": "timezone('UTC', completed_assignment_at)",
    "reviewed_at": "timezone('UTC', cast(reviewed_at as timestamptz))",
}


def main(file: Path, table: str, raw_db: Path) -> None:
    """Make `raw_db` anew from the peer's table."""
    raw_db.unlink(missing_ok=True)
    with closing(sqlite3.connect(raw_db)) as store:
        for statement in create_statements():
            store.execute(statement)
        store.commit()
    with closing(duckdb.connect()) as db:
        db.execute(f"LOAD '{sqlite_extension()}'")
        db.execute("SET timezone = 'UTC'")
        kind = "sqlite" if file.suffix == ".db" else "duckdb"
        db.execute(f"ATTACH '{file}' AS peer (TYPE {kind}, READ_ONLY)")
        db.execute(f"ATTACH '{raw_db}' AS raw (TYPE sqlite)")
        places = dict(_NESTED if table.startswith("raw.") else _FLAT)
        columns = {row[0] for row in db.execute(f"DESCRIBE peer.{table}").fetchall()}
        if "grade__v_double" in columns:  # dlt took the first grades, all 1, for whole numbers
            places["grade"] = "coalesce(cast(grade as double), grade__v_double)"
        values = ", ".join(places.values())
        db.execute(
            f"INSERT INTO raw.progressions (source, {', '.join(places)}, version_no, record_hash,"
            f" is_removed, first_seen_at, run_id) SELECT 'openclass', {values}, 1, 'peer', 0,"
            f" now()::timestamp, 'peer' FROM peer.{table}"
        )
        db.execute(
            "INSERT INTO raw.sync_runs BY NAME SELECT 'peer' AS run_id,"
            " 'openclass' AS source, class_id, now()::timestamp AS started_at,"
            " now()::timestamp AS finished_at, 'full' AS mode,"
            " 0 AS is_quick, 0 AS is_described, 'ok' AS status, 0 AS pages, count(*) AS fetched,"
            ' count(*) AS "new", 0 AS changed, 0 AS removed, 0 AS rejected,'
            " count(*) AS reported_total, count(*) AS stored_total, 1 AS verified,"
            " 200 AS page_size, max(completed_at) AS newest_completed_at, 'UTC' AS timezone"
            f" FROM (SELECT {places['class_id']} AS class_id, {places['completed_at']}"
            f" AS completed_at FROM peer.{table}) GROUP BY class_id"
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
