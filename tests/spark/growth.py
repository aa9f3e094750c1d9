"""How a build on Spark grows with records and with cores: `make spark-bench`, on an idle machine.

Prints one row per size and number of cores: seconds, and bytes that went from task to task per
progression, as Spark's event log has them. More records should cost as many times more; bytes per
progression should stay.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from pathlib import Path

PROJECT = Path(__file__).parents[2]
sys.path[:0] = [str(PROJECT), str(PROJECT / "tests" / "python")]

from benchmarks.rawdata import write  # noqa: E402

from lakehouse import Lakehouse  # noqa: E402
from raw_fixture import write_raw_db  # noqa: E402

RECORDS_PER_CLASS = 3_800


def measured(lakehouse: Lakehouse, log: Path, cores: int, tenant: str) -> tuple[float, int]:
    """Build once; returns the seconds, and the bytes that went from task to task."""
    log.mkdir(parents=True)
    settings = {
        "spark.eventLog.enabled": "true",
        "spark.eventLog.dir": log.resolve().as_uri(),
        "spark.eventLog.compress": "false",
    }
    started = time.monotonic()
    lakehouse.build(tenant, cores=cores, partitions=4 * cores, **settings)
    return time.monotonic() - started, sum(map(_shuffled, log.rglob("events_*")))


def _shuffled(events: Path) -> int:
    total = 0
    with events.open(encoding="utf-8") as lines:
        for line in lines:
            if line.startswith('{"Event":"SparkListenerTaskEnd"'):
                metrics = json.loads(line).get("Task Metrics") or {}
                total += metrics.get("Shuffle Write Metrics", {}).get("Shuffle Bytes Written", 0)
    return total


def main() -> None:
    """Take every size with every number of cores."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--records", type=int, nargs="+", required=True)
    parser.add_argument("--cores", type=int, nargs="+", required=True)
    chosen = parser.parse_args()
    print(f"{'progressions':>12} {'cores':>5} {'seconds':>8} {'shuffled bytes each':>20}")
    for records in chosen.records:
        work = chosen.work.resolve() / str(records)
        shutil.rmtree(work, ignore_errors=True)
        lakehouse = Lakehouse(work)
        classes = max(round(records / RECORDS_PER_CLASS), 1)
        raw_db = write_raw_db(work / "raw.db", {})
        write(raw_db, classes, min(records, RECORDS_PER_CLASS))
        lakehouse.export(raw_db, "growth")
        stored = classes * min(records, RECORDS_PER_CLASS)
        for cores in chosen.cores:
            seconds, shuffled = measured(lakehouse, work / f"log-{cores}", cores, "growth")
            print(f"{stored:>12} {cores:>5} {seconds:>8.0f} {shuffled / stored:>20.0f}", flush=True)


if __name__ == "__main__":
    main()
