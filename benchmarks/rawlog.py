"""A long log of runs, written into an empty raw store as syncs of unchanged classes leave it.

`python -m benchmarks.rawlog RAW_DB RUNS DAYS CLASS…` in a process of its own, because it loads what
the measuring process must not.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .environment import ROOT, clean_environment
from .measure import run

if TYPE_CHECKING:
    from cohort_tracker.raw.schema import Row

_SOURCE = "openclass"


def fill(raw_db: Path, runs: int, days: int, classes: Sequence[str]) -> None:
    """Write so many runs, spread evenly over the classes and the last days."""
    numbers = map(str, (runs, days))
    run(
        [sys.executable, "-m", "benchmarks.rawlog", str(raw_db), *numbers, *classes],
        env=clean_environment(),
        cwd=ROOT,
    )


def write(raw_db: Path, runs: int, days: int, classes: Sequence[str]) -> None:
    """Do what `fill` says, in this process."""
    from cohort_tracker.raw.store import RawStore

    raw_db.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    store = RawStore(raw_db)
    store.lay_out()
    rounds, now = runs // len(classes), datetime.now(UTC)
    for number in range(rounds):
        at = now - timedelta(days=days) * (rounds - number) / rounds
        store.append_log([row for class_id in classes for row in _run(class_id, at, number)])


def _run(class_id: str, at: datetime, number: int) -> Iterator[Row]:
    key = {"run_id": f"{at:%Y%m%dT%H%M%SZ}-{number:06x}", "source": _SOURCE, "class_id": class_id}
    is_first = number == 0
    counts: dict[str, Any] = {"pages": 1, "fetched": 20, "new": 20 if is_first else 0}
    yield "sync_pages", key | {"seq": 1, "page": 0, "records_processed": 20, "synced_at": at}
    yield (
        "sync_runs",
        key
        | counts
        | {"started_at": at, "finished_at": at, "newest_completed_at": at, "timezone": "UTC"}
        | {"mode": "full" if is_first else "incremental", "is_quick": number % 20 != 0}
        | {"is_described": number % 24 == 0, "status": "ok", "verified": True}
        | {"changed": 0, "removed": 0, "rejected": 0, "page_size": 200}
        | {"reported_total": 20, "stored_total": 20},
    )


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
