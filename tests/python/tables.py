"""What two warehouses of the same records must have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from support import Bench

# When something was read or built, and by which run: the only things that may differ.
OF_THE_RUN = {
    "as_of",
    "first_seen_at",
    "last_read_at",
    "last_run_at",
    "last_synced_at",
    "read_at",
    "run_id",
    "synced_at",
    "version_no",
}
# The same of a build.
OF_THE_BUILD = {"core.build": ["id", "built_at"]}
# Tables that tell how the syncs went.
TOLD_BY_RUNS = {"build", "sync_history", "sync_runs", "progression_changes"}


def tables_of(bench: Bench, schema: str) -> dict[str, list[Any]]:
    """Every row of every table of a schema, without what only the run decides."""
    columns: dict[str, list[str]] = {}
    for table, column in bench.core(
        "SELECT table_name, column_name FROM information_schema.columns"
        f" WHERE table_schema = '{schema}' ORDER BY table_name, ordinal_position"
    ):
        if table not in TOLD_BY_RUNS and column not in OF_THE_RUN:
            columns.setdefault(table, []).append(f'"{column}"')
    return {
        f"{schema}.{table}": sorted(
            bench.core(f"SELECT {', '.join(names)} FROM {schema}.{table}"), key=repr
        )
        for table, names in columns.items()
    }


def differences(one: Path, two: Path) -> dict[str, list[Any]]:
    """Rows that only one of two warehouses of one raw store has, per table of the first."""
    found: dict[str, list[Any]] = {}
    with duckdb.connect() as both:
        both.execute(f"attach '{one}' as one (read_only); attach '{two}' as two (read_only)")
        named = both.execute(
            "select schema_name || '.' || table_name from duckdb_tables()"
            " where database_name = 'one' and schema_name in ('core', 'marts') order by all"
        ).fetchall()
        assert len(named) > 60
        for (name,) in named:
            left_out = OF_THE_BUILD.get(name)
            columns = f"* exclude ({', '.join(left_out)})" if left_out else "*"
            for first, second in (("one", "two"), ("two", "one")):
                only = both.execute(
                    f"select {columns} from {first}.{name}"
                    f" except all select {columns} from {second}.{name}"
                ).fetchall()
                if only:
                    found[f"{name} only in {first}"] = only[:3]
    return found
