"""Classes whose names come from outside: hostile ones, or plain ones in the same places."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from raw_fixture import with_schedule_file, write_raw_db
from served import Place
from site_pages import LEAD, Site
from verdict_cohort import Cohort, day, every, store
from warehouse_fixture import build_warehouse

DAYS = every(3, since=58)
NIGHT = "</h1><script>alert(1)</script> \"'&%2F\u202e 木"
STALE_NEVER = {"COHORT_TRACKER_STALE_AFTER_HOURS": "87600"}
LONG = "Wolfeschlegelstein" * 600
NAMELESS = "\u202e \u00ad"


def id_of(who: str) -> str:
    """The id of a student, with what means something in an address."""
    return f"<{who}> ?#&\"'%"


def page_of(who: str) -> str:
    """The path of the student's page."""
    return f"/classes/first/students/{quote(id_of(who), safe='')}"


def tables_of(texts: list[str]) -> dict[str, list[dict[str, Any]]]:
    """Two classes, with a text of these as the name of everything that has one.

    Students are in the order of the texts, by a number before the name; two more have a name that
    is too long, and one that cannot be seen.
    """
    cohorts = [Cohort("first", range(1, 21)), Cohort("second", range(1, 21))]
    names = {f"s{n:02}": f"{n:02} {text}" for n, text in enumerate(texts)}
    names |= {"long": f"98{LONG}", "nameless": NAMELESS}
    for number, who in enumerate(names):
        cohorts[0].follow(who, DAYS[: 20 - 3 * (number % 6)])
        cohorts[0].enroll(who, night=NIGHT if number % 2 else "Monday")
    for who in ("s01", "s02", "s03"):
        cohorts[1].follow(who, DAYS[:18])
        cohorts[1].open(who, 19, 1)
    cohorts[0].open("s05", 6, DAYS[5])
    tables = store(cohorts)
    for record in tables["progressions"]:
        who = record["user_last_name"]
        lesson = int(record["assignment_id"].partition("/")[2])
        record |= {
            "user_id": id_of(who),
            "user_first_name": None,
            "user_last_name": names[who],
            "user_email": f"{who}@first.example",
            "assignment_name": texts[lesson % len(texts)],
            "assignment_type": texts[(lesson + 1) % len(texts)],
        }
        if lesson % 3 == 0 and record["completed_at"]:
            record |= {"grade": 0.3, "reviewed_at": None}
    for row, text in zip(tables["classes"], texts, strict=False):
        row["name"] = text
    for row in tables["class_units"]:
        row["section_name"] = texts[row["section_position"]]
    tables["mentors"] = [
        {"line": n, "file_version": 1, "mentor": texts[n], "night": night, "class": "first"}
        for n, night in enumerate((NIGHT, "Monday"), start=2)
    ]
    tables["contacts"] = [
        {
            "contact_id": f"c{n}",
            "student_id": id_of(f"s{n:02}"),
            "contacted_on": day(n % 5),
            "how": "call",
            "contacted_by": text,
            "note": text,
        }
        for n, text in enumerate(texts)
    ]
    return tables


@contextmanager
def serving_tables(home: Path, tables: dict[str, list[dict[str, Any]]]) -> Iterator[Site]:
    """A server on tables that were built as a sync builds them, with a key for the lead."""
    data = home / "data"
    write_raw_db(data / "raw.db", with_schedule_file(tables))
    build_warehouse(data, selector="sync").rename(data / "warehouse.duckdb")
    place = Place(data, {"COHORT_TRACKER_SERVE_REQUESTS_PER_MINUTE": "100000", **STALE_NEVER})
    keys = {
        "lead": place.grant("lead", LEAD)[1],
        "program": place.grant("program", "Board")[1],
    }
    with place.serving() as served:
        yield Site(served, place, keys)
