"""Bare DuckDB and JSON, without a server, rights, filters or pages: what the same rows cost.

`peer.py FILE CLASS TIMES THREADS` prints how many a second, and how long each took.
"""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from statistics import median, quantiles

import duckdb

_QUESTION = "SELECT * FROM marts.student_health WHERE class_id = ? ORDER BY risk_rank LIMIT 100"


def main() -> None:
    """Ask so many times, by so many threads."""
    file, class_id, times, threads = *sys.argv[1:3], int(sys.argv[3]), int(sys.argv[4])
    with duckdb.connect(file, read_only=True) as connection:

        def ask(cursor: duckdb.DuckDBPyConnection) -> float:
            began = time.monotonic()
            cursor.execute(_QUESTION, [class_id])
            names = [column[0] for column in cursor.description or ()]
            rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
            json.dumps({"data": rows}, default=str)
            return time.monotonic() - began

        def work(_: int) -> list[float]:
            with connection.cursor() as cursor:
                return [ask(cursor) for _ in range(times // threads)]

        work(0)
        began = time.monotonic()
        with ThreadPoolExecutor(threads) as pool:
            seconds = [second for part in pool.map(work, range(threads)) for second in part]
        took = time.monotonic() - began
    found = {
        "per_s": len(seconds) / took,
        "half_ms": 1000 * median(seconds),
        "p95_ms": 1000 * quantiles(seconds, n=20)[-1],
    }
    print(json.dumps({name: round(value, 1) for name, value in found.items()}))


if __name__ == "__main__":
    main()
