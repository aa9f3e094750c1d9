"""The four tables of a folder of courses, read and written as CSV."""

from __future__ import annotations

import csv
import gzip
from datetime import date, datetime, timedelta
from pathlib import Path

Row = dict[str, str]
Tables = dict[str, list[Row]]

NAMES = ("classes", "assignments", "enrollments", "progressions")


def read_tables(folder: Path) -> Tables:
    """All four tables of the folder."""
    return {name: read_table(folder, name) for name in NAMES}


def read_table(folder: Path, name: str) -> list[Row]:
    """One table, packed or not."""
    packed = folder / f"{name}.csv.gz"
    if packed.exists():
        with gzip.open(packed, "rt", encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
    with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write_tables(folder: Path, tables: Tables) -> None:
    """Write them where `read_tables` finds them again."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in tables.items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)


def time_of(text: str) -> datetime | None:
    """The moment that a field names, in UTC; None where it is empty."""
    return datetime.fromisoformat(text).replace(tzinfo=None) if text else None


def moment_of(room: Row, share: float) -> datetime:
    """When so much of the class's length has passed."""
    start, end = time_of(room["starts_at"]), time_of(room["ends_at"])
    if start is None or end is None:
        raise SystemExit(f"class {room['class_id']} has no start or no end")
    return start + (end - start) * share


def week_end_before(moment: datetime) -> date:
    """The Sunday that ends the last week which is over at that moment."""
    last_day = (moment - timedelta(days=1)).date()
    return last_day - timedelta(days=(last_day.weekday() + 1) % 7)


def is_in_class(enrolment: Row, moment: datetime) -> bool:
    """Whether the student had registered and not left at that moment."""
    joined, left = time_of(enrolment["registered_at"]), time_of(enrolment["unregistered_at"])
    return not ((joined and joined > moment) or (left and left <= moment))
