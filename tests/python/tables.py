"""What two warehouses of the same records must have in common."""

from __future__ import annotations

from typing import Any

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
