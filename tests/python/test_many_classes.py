"""Many small classes in one sync: one request each, and nothing that grows with the log."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cohort_tracker.notify.operators import troubles
from cohort_tracker.raw.compaction import compact_log
from cohort_tracker.raw.schema import INDEXES
from cohort_tracker.raw.store import RawStore
from cohort_tracker.sources.choose import DESCRIBE_AFTER
from cohort_tracker.warehouse.status import read_status
from statements import listening, plan
from support import Bench, Classes, at_night, record
from synthetic_log import every_hour, logged, write_log

FEW = 36
MANY = 600
RECORDS = 8

# What a sync may go through from end to end: it does not grow with the log.
SMALL = {
    *("sqlite_master", "pragma_table_info", "kinds", "keys", "ids", "class", "doomed"),
    *("classes", "class_states", "raw_compacted", "raw_migrations", "raw_forgotten", "raw_secret"),
    *("roster", "mentors", "schedule", "exclusions", "contacts", "page_sizes", "raw_generation"),
}
# The one count of all records in a run; not one for each class.
COUNTED = "SELECT count(*) FROM progressions"
LOG = ("sync_runs", "sync_pages", "run", "later")


def many(count: int) -> Classes:
    """So many classes, each with a page of records."""
    names = [f"c{number:03}" for number in range(count)]
    return Classes(
        **{
            name: [record(1000 * place + n, days_ago=n + 1) for n in range(RECORDS)]
            for place, name in enumerate(names)
        }
    )


@pytest.mark.parametrize("count", [FEW, at_night(MANY)])
def test_class_in_which_nothing_moved_costs_one_request(tmp_path: Path, count: int):
    with Bench(tmp_path, many(count)) as bench:
        report = bench.sync()
        assert report.exit_code == 0, report.errors
        assert [outcome.result.new for outcome in report.classes] == [RECORDS] * count
        assert len(bench.pages()) == count
        bench.source.classes["c007"].append(record(7_500, days_ago=0.5))
        report = bench.sync()
        assert report.exit_code == 0, report.errors
        changed = {outcome.info.class_id: outcome.result.new for outcome in report.classes}
        assert {name for name, new in changed.items() if new} == {"c007"}
        # The list of the classes, and a page of each.
        requests = [entry.path for entry in bench.server.requests.entries()]
        asked = sorted(path for path in requests if path.endswith("/progressions"))
        assert asked == [f"/v1/classes/c{number:03}/progressions" for number in range(count)]
        assert len(requests) == count + 2, "a login and the list"
        assert bench.query("SELECT count(*) FROM sync_runs") == [(2 * count,)]
        assert set(bench.query("SELECT count(*) FROM sync_pages GROUP BY class_id")) == {(2,)}


def test_no_statement_goes_through_the_log(tmp_path: Path):
    names = [f"c{number:03}" for number in range(FEW)]
    with Bench(tmp_path, many(FEW)) as bench:
        bench.data.mkdir(mode=0o700)
        now = datetime.now(UTC)
        write_log(bench.raw, every_hour(names, now - timedelta(days=1), 24 * 12))
        bench.sync()
        # Described long ago, something new, something that cannot be read: every way is taken.
        failed = {"status": "failed", "pages": 0, "fetched": 0, "is_described": True}
        write_log(bench.raw, logged("c001", now - DESCRIBE_AFTER, 10**6, **failed))
        for number, name in enumerate(names):
            bench.source.classes[name].append(record(1000 * number + 900, days_ago=0.5))
        bench.source.classes["c002"].append(record(2_901, grade="full marks", days_ago=0.4))
        bench.source.classes["c003"].append({"_id": "broken"})
        with listening() as statements:
            report = bench.sync()
            read_status(bench.settings())
            troubles(bench.settings(), now)
            RawStore(bench.raw).last_statuses()
            compact_log(RawStore(bench.raw), days=3, now=now)
        assert [outcome.result.new for outcome in report.classes][:2] == [1, 1]
        with closing(sqlite3.connect(bench.raw)) as db:
            columns = "run INTEGER PRIMARY KEY, run_id, source, class_id"
            db.execute(f"CREATE TEMP TABLE doomed ({columns})")
            asked = filter(is_question, set(statements))
            found = {line: text for text in asked for line in plan(db, text)}
    for index in INDEXES:
        assert any(f"INDEX {index} (" in line for line in found), f"{index} is of use"
    for line, text in found.items():
        table = re.match(r"(SCAN|SEARCH) (\w+)", line)
        if table is None or text == COUNTED:
            continue
        if table[1] == "SCAN":
            assert table[2] in SMALL or "CONSTANT" in line, (line, text)
        elif table[2] in LOG:
            of_few = r"class_id=\?|rowid[=>]|run_id=\?|\(source,class_id\)>"
            assert "(" not in line or re.search(of_few, line), (line, text)


def is_question(statement: str) -> bool:
    """Whether a statement reads or changes rows."""
    return statement.split()[0] in {"SELECT", "WITH", "INSERT", "UPDATE", "DELETE"}
