"""The dbt project on a machine that has never synced."""

import pytest

from warehouse_fixture import build_warehouse, rows, run_dbt


@pytest.fixture(scope="module")
def never_synced(tmp_path_factory):
    data_dir = tmp_path_factory.mktemp("never") / "synced"
    # the unit tests need no data: here they cost least
    build_warehouse(data_dir, unit_tests=True)
    return data_dir


def test_everything_builds_and_nothing_is_invented(never_synced):
    warehouse = never_synced / "dev.duckdb"
    tables = rows(
        warehouse,
        "select table_schema, table_name, table_type from information_schema.tables",
    )
    assert {t["table_schema"] for t in tables} == {"staging", "core", "marts"}
    # a view over the raw store would not open here
    assert {t["table_type"] for t in tables} == {"BASE TABLE"}
    names = {f"{table['table_schema']}.{table['table_name']}" for table in tables}
    built = rows(warehouse, "select length(id) as length, version from core.build")
    assert built == [{"length": 36, "version": None}], "by hand it has dbt's id of the invocation"
    for name in names - {"core.build"}:
        assert rows(warehouse, f"select count(*) as n from {name}") == [{"n": 0}], name


def test_no_raw_store_is_left_behind(never_synced):
    assert not (never_synced / "raw.db").exists()
    assert not (never_synced / "warehouse.duckdb").exists(), "only a sync publishes"
    assert never_synced.stat().st_mode & 0o777 == 0o700


def test_docs_and_freshness_run(never_synced):
    assert run_dbt(never_synced, "docs", "generate").returncode == 0
    # nothing was ever loaded: said as stale, not as a crash
    freshness = run_dbt(never_synced, "source", "freshness")
    assert "STALE" in freshness.stdout
    assert "Traceback" not in freshness.stdout + freshness.stderr
