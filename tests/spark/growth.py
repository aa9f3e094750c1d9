"""How a build on Spark grows with records and with cores: `make spark-bench`, on an idle machine.

Every size is built by DuckDB, and by Spark with each number of cores, from one raw store. Beside
the seconds stand the bytes that went from task to task per progression, as Spark's event log has
them. More records should cost as many times more; bytes per progression should stay. The results
go where `python -m benchmarks.document` finds them.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[2]
sys.path[:0] = [str(PROJECT), str(PROJECT / "tests" / "python")]

from benchmarks.machine import machine  # noqa: E402
from benchmarks.rawdata import write  # noqa: E402
from benchmarks.report import print_goal  # noqa: E402
from benchmarks.results import Goal, Scenario, number  # noqa: E402

from lakehouse import Lakehouse  # noqa: E402
from raw_fixture import write_raw_db  # noqa: E402
from warehouse_fixture import build_warehouse  # noqa: E402

RECORDS_PER_CLASS = 3_800


def measured(lakehouse: Lakehouse, log: Path, cores: int, tenant: str) -> tuple[float, int]:
    """Build once; returns the seconds, and the bytes that went from task to task."""
    log.mkdir(parents=True)
    settings = {
        "spark.eventLog.enabled": "true",
        "spark.eventLog.dir": log.resolve().as_uri(),
        "spark.eventLog.compress": "false",
        "spark.sql.adaptive.coalescePartitions.enabled": "true",
        "spark.driver.memory": "6g",
    }
    started = time.monotonic()
    lakehouse.build(tenant, cores=cores, partitions=4 * cores, java="", **settings)
    return time.monotonic() - started, sum(map(_shuffled, log.rglob("events_*")))


def _shuffled(events: Path) -> int:
    total = 0
    with events.open(encoding="utf-8") as lines:
        for line in lines:
            if line.startswith('{"Event":"SparkListenerTaskEnd"'):
                metrics = json.loads(line).get("Task Metrics") or {}
                total += metrics.get("Shuffle Write Metrics", {}).get("Shuffle Bytes Written", 0)
    return total


def grown(work: Path, records: int, cores: list[int]) -> list[Scenario]:
    """Build one size with DuckDB and with Spark."""
    shutil.rmtree(work, ignore_errors=True)
    raw_db = write_raw_db(work / "data" / "raw.db", {})
    classes = max(round(records / RECORDS_PER_CLASS), 1)
    each = min(records, RECORDS_PER_CLASS)
    write(raw_db, classes, each)
    title = f"{classes * each:,} progressions"
    started = time.monotonic()
    build_warehouse(raw_db.parent, selector="sync")
    seconds = round(time.monotonic() - started, 1)
    found = [Scenario("duckdb", title, "DuckDB", runs=[{"wall_s": seconds}])]
    lakehouse = Lakehouse(work)
    lakehouse.export(raw_db.parent, "growth")
    for count in cores:
        seconds, shuffled = measured(lakehouse, work / f"log-{count}", count, "growth")
        run = {"wall_s": round(seconds, 1), "shuffled": round(shuffled / (classes * each))}
        found.append(Scenario(f"spark-{count}", title, f"Spark, cores: {count}", runs=[run]))
    return found


def ratios(scenarios: list[Scenario]) -> list[str]:
    """What more records and more cores cost, in words."""
    walls = {(scenario.title, scenario.who): scenario.median("wall_s") for scenario in scenarios}
    titles = list(dict.fromkeys(title for title, _ in walls))
    names = list(dict.fromkeys(who for _, who in walls))
    notes = [
        f"{who}: {later} take {number(walls[later, who] / walls[earlier, who])} times as long as"
        f" {earlier}."
        for earlier, later in pairwise(titles)
        for who in names
    ]
    return notes + [
        f"{title}: {fewer} takes {number(walls[title, fewer] / walls[title, more])} times as long"
        f" as {more}."
        for title in titles
        for fewer, more in pairwise(names[1:])
    ]


def main() -> None:
    """Take every size with every number of cores, and write down what was found after each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--records", type=int, nargs="+", required=True)
    parser.add_argument("--cores", type=int, nargs="+", required=True)
    parser.add_argument("--results", type=Path, required=True)
    chosen = parser.parse_args()
    goal = Goal("spark", f"The same tables on Spark {version('pyspark')}, with the tests of a sync")
    found: dict[str, Any] = {"date": f"{datetime.now(UTC):%Y-%m-%d}", "machine": machine()}
    for records in chosen.records:
        work = chosen.work.resolve() / str(records)
        goal.scenarios += grown(work, records, chosen.cores)
        shutil.rmtree(work)
        goal.notes[:] = ratios(goal.scenarios)
        now = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
        found["goals"] = {"spark": goal.as_json(now)}
        chosen.results.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        print_goal(found["goals"]["spark"])


if __name__ == "__main__":
    main()
