"""A lakehouse on this machine: exported raw stores, Spark's tables, and the same from DuckDB."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb

from warehouse_fixture import PROJECT, run_dbt

HERE = Path(__file__).parent
# Most queries run once: what Java does to make them faster takes longer than they do. With its
# first compiler alone it keeps 48 MB for what that made, too little for a build: 240 it has else.
_QUICK_JAVA = "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m -XX:+UseSerialGC"


class Lakehouse:
    """Raw Parquet files, a metastore and tables below one directory.

    One Spark at a time may have the metastore, which is a file here.
    """

    def __init__(self, directory: Path) -> None:
        self.raw = directory / "raw"
        self.work = directory / "work"
        self._directory = directory

    def command(self, tenant: str, *options: str) -> list[str]:
        """What builds a tenant's tables, in a process of its own."""
        module = ["-m", "cohort_tracker.warehouse.spark_build", "--raw", str(self.raw)]
        work = ["--work", str(self.work / tenant)]
        return [sys.executable, *module, "--tenant", tenant, *work, *options]

    def environment(
        self,
        *,
        partitions: int = 2,
        cores: int = 2,
        zone: str = "UTC",
        java: str = _QUICK_JAVA,
        **settings: str,
    ) -> dict[str, str]:
        """The environment of a Spark that thinks it is somewhere, with so many partitions."""
        conf = self._directory / f"conf-{partitions}-{cores}-{zone.replace('/', '-')}"
        conf.mkdir(parents=True, exist_ok=True)
        java = f"-Dderby.system.home={self._directory} -Duser.timezone={zone} {java}"
        lines = {
            "spark.master": f"local[{cores}]",
            "spark.driver.memory": "4g",
            "spark.driver.extraJavaOptions": java,
            "spark.sql.warehouse.dir": str(self._directory / "warehouse"),
            "spark.sql.shuffle.partitions": str(partitions),
            "spark.sql.session.timeZone": zone,
            # as planned: left to itself Spark makes one partition of many small ones
            "spark.sql.adaptive.coalescePartitions.enabled": "false",
            "spark.ui.enabled": "false",
            # a third of the work of planning is to write plans down for a page that is not there
            "spark.sql.ui.explainMode": "simple",
            **settings,
        }
        text = "".join(f"{name} {value}\n" for name, value in lines.items())
        (conf / "spark-defaults.conf").write_text(text, encoding="utf-8")
        return _own_environment() | {"SPARK_CONF_DIR": str(conf), "TZ": zone}

    def build(self, tenant: str, *options: str, **spark: Any) -> str:
        """Build a tenant's tables; returns the id of the build, which must be good."""
        done = subprocess.run(
            self.command(tenant, *options),
            env=self.environment(**spark),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
        return done.stdout.split("Build ")[-1].split()[0]

    def script(self, name: str, *arguments: str) -> Any:
        """What a script beside this file says in JSON, on a Spark of its own."""
        done = subprocess.run(
            [sys.executable, str(HERE / name), *arguments],
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr[-5_000:]
        return json.loads(done.stdout.splitlines()[-1])

    def ask(self, *queries: str) -> list[list[list[Any]]]:
        """The rows of queries, as a reader of the views gets them."""
        found: list[list[list[Any]]] = self.script("ask.py", *queries)
        return found

    def files(self, tenant: str, schema: str, build: str, table: str) -> Path:
        """Where the Parquet files of a table of a build are."""
        return self._directory / "warehouse" / f"{tenant}_{schema}__{build}.db" / table

    def export(self, data_dir: Path, tenant: str) -> None:
        """Export the raw store of a data directory with the real command."""
        command = [sys.executable, "-m", "cohort_tracker", "export", "--raw", str(self.raw)]
        own = _own_environment() | {"COHORT_TRACKER_DATA_DIR": str(data_dir)}
        done = subprocess.run(
            [*command, "--tenant", tenant], env=own, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def differences(self, warehouse: Path, tenant: str, build: str) -> dict[str, list[Any]]:
        """Rows that only DuckDB or only Spark has, per table; each table must be there."""
        found: dict[str, list[Any]] = {}
        with duckdb.connect() as db:
            db.execute(f"SET TimeZone = 'UTC'; ATTACH '{warehouse}' AS warehouse (READ_ONLY)")
            for schema, table, columns in _tables(db):
                files = self.files(tenant, schema, build, table)
                cast = ", ".join(f"CAST({name} AS {type_}) AS {name}" for name, type_ in columns)
                ours = f"SELECT {cast} FROM warehouse.{schema}.{table}"
                theirs = f"SELECT {cast} FROM read_parquet('{files}/*.parquet')"
                for name, one, other in (("DuckDB", ours, theirs), ("Spark", theirs, ours)):
                    only = db.execute(f"{one} EXCEPT ALL {other}").fetchmany(2)
                    if only:
                        found[f"{schema}.{table} only in {name}"] = only
        return found


def _own_environment() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith("COHORT_TRACKER_")}


def _tables(db: duckdb.DuckDBPyConnection) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """All tables with their columns and types, without what each build says of itself."""
    rows = db.execute(
        "SELECT table_schema, table_name, list((column_name, data_type) ORDER BY ordinal_position)"
        " FROM information_schema.columns WHERE table_catalog = 'warehouse'"
        " AND (table_schema, table_name) <> ('core', 'build') GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    assert len(rows) > 75, "all models but core.build"
    return rows


def duckdb_warehouse(data_dir: Path) -> Path:
    """Build the raw store of the directory with DuckDB."""
    done = run_dbt(data_dir, "run")
    assert done.returncode == 0, done.stdout + done.stderr
    return data_dir / "dev.duckdb"


def demo(data_dir: Path) -> None:
    """Make the data of the demo."""
    command = [sys.executable, "-m", "cohort_tracker", "demo", "--dir", str(data_dir.parent)]
    subprocess.run(command, cwd=PROJECT, check=True, capture_output=True)
