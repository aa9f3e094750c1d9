"""Write a `raw.db` without a server: from plain Python rows, or from a directory of real learners.

`python tests/python/raw_fixture.py DIRECTORY raw.db` loads a directory in the format of the OULAD
files (classes, assignments, enrollments, progressions as gzipped CSV); enrollments become the
roster.
"""

import csv
import gzip
import hashlib
import sqlite3
import sys
from collections.abc import Iterable, Mapping
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from cohort_tracker.raw.schema import RAW_TABLES, create_statements

Row = Mapping[str, Any]

LOADED_AT = datetime(2015, 1, 1, 12, 0)
SECRET = "of the tests"


def write_raw_db(path: Path, tables: Mapping[str, Iterable[Row]]) -> Path:
    """Write rows per table; what a row leaves out and must not be null gets a plain default."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as db:
        for statement in create_statements():
            db.execute(statement)
        db.execute("UPDATE raw_secret SET secret = ?", (SECRET,))
        db.commit()
    add_rows(path, tables)
    return path


def add_rows(path: Path, tables: Mapping[str, Iterable[Row]]) -> None:
    """Add rows per table to those that are there, as a later run does."""
    with closing(sqlite3.connect(path)) as db:
        for table, rows in tables.items():
            (stored,) = db.execute(f'SELECT count(*) FROM "{table}"').fetchone()
            columns = RAW_TABLES[table]
            names = {column.name for column in columns}
            statement = 'INSERT INTO "{}" ({}) VALUES ({})'.format(
                table,
                ", ".join(f'"{column.name}"' for column in columns),
                ", ".join("?" for _ in columns),
            )
            values = []
            for number, row in enumerate(rows, start=stored + 1):
                if unknown := set(row) - names:
                    raise ValueError(f"{table}: no such column {sorted(unknown)}")
                values.append(
                    [
                        _sqlite_value(row.get(c.name, _default(c.name, c.type, c.nullable, number)))
                        for c in columns
                    ]
                )
            db.executemany(statement, values)
        db.commit()


def roster_id(*parts: str) -> str:
    """The id of a student whom only the roster names, by e-mail or by class and name."""
    keyed = ":".join((SECRET, *parts)).encode()
    return f"roster:{hashlib.md5(keyed, usedforsecurity=False).hexdigest()}"


def run(class_id: str, finished_at: datetime, **fields: Any) -> dict[str, Any]:
    """Return a successful sync run of a class."""
    return {
        "run_id": f"{finished_at:%Y%m%dT%H%M%S}",
        "class_id": class_id,
        "started_at": finished_at,
        "finished_at": finished_at,
        "mode": "full",
        "status": "ok",
        "verified": True,
        "timezone": "UTC",
        **fields,
    }


def with_schedule_file(tables: Mapping[str, list[dict[str, Any]]]) -> dict[str, list[Row]]:
    """Return the tables with the schedule as the lines of its file, ids written out."""
    lines: list[Row] = [
        {
            "line": row["line"],
            "file_version": 2,
            "class": row["class_id"],
            "assignment": row["assignment_id"],
            "due_on": row["due_on"],
            "optional": row["is_optional"],
            "night": row["night"],
        }
        for row in tables.get("schedule", [])
    ]
    raw: dict[str, list[Row]] = {name: [*rows] for name, rows in tables.items()}
    return raw | ({"schedule": lines} if lines else {})


def oulad_tables(directory: Path, finished_at: datetime = LOADED_AT) -> dict[str, list[Row]]:
    """Return the tables of a directory in the OULAD format; names are made from the ids."""
    assignments = {(a["class_id"], a["assignment_id"]): a for a in _read(directory, "assignments")}
    classes = list(_read(directory, "classes"))
    progressions: list[Row] = [
        {
            "class_id": row["class_id"],
            "record_id": row["progression_id"],
            "user_id": row["student_id"],
            "user_first_name": "Student",
            "user_last_name": row["student_id"],
            "user_email": f"{row['student_id']}@example.org",
            "assignment_id": row["assignment_id"],
            "assignment_name": assignments[row["class_id"], row["assignment_id"]]["name"],
            "assignment_type": assignments[row["class_id"], row["assignment_id"]]["type"],
            "grade": float(row["grade"]) if row["grade"] else None,
            "started_at": _timestamp(row["started_at"]),
            "completed_at": _timestamp(row["completed_at"]),
            "reviewed_at": _timestamp(row["reviewed_at"]),
        }
        for row in _read(directory, "progressions")
    ]
    roster: list[Row] = [
        {
            "line": line,
            "class": row["class_id"],
            "email": f"{row['student_id']}@example.org",
            "first_name": "Student",
            "last_name": row["student_id"],
            "started_on": row["registered_at"][:10] or None,
            "left_on": row["unregistered_at"][:10] or None,
        }
        for line, row in enumerate(_read(directory, "enrollments"), start=2)
    ]
    return {
        "classes": [
            {"class_id": c["class_id"], "friendly_id": c["class_id"].lower(), "name": c["class_id"]}
            for c in classes
        ],
        "progressions": progressions,
        "roster": roster,
        "sync_runs": [run(c["class_id"], finished_at) for c in classes],
    }


def _read(directory: Path, name: str) -> Iterable[dict[str, str]]:
    with gzip.open(directory / f"{name}.csv.gz", "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _timestamp(text: str) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None) if text else None


def _default(name: str, type_: str, nullable: bool, number: int) -> Any:
    if name == "version_no":
        return number
    if name == "source":
        return "openclass"
    if nullable:
        return None
    plain = {"text": name, "bigint": 0, "bool": False, "double": 0.0, "timestamp": LOADED_AT}
    return {**plain, "date": LOADED_AT.date()}[type_]


def _sqlite_value(value: Any) -> Any:
    # the way the loader stores them
    if isinstance(value, datetime):
        return value.isoformat(" ", timespec="microseconds")
    if isinstance(value, date):
        return value.isoformat()
    return value


if __name__ == "__main__":
    write_raw_db(Path(sys.argv[2]), oulad_tables(Path(sys.argv[1])))
