"""Build the tables on Spark 4, from an export of the raw store: see docs/spark.md.

`python -m cohort_tracker.warehouse.spark_build --raw DIRECTORY --tenant NAME`, or the same file
given to `spark-submit`; needs the extra `spark`. The tables go into schemas named by the build;
when all of them and all tests are good, the views that readers ask are put over them. A build that
fails or is killed leaves the views as they are.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import click
from dbt.cli.main import dbtRunner
from pyspark.errors import AnalysisException
from pyspark.sql import SparkSession

from cohort_tracker import __version__
from cohort_tracker.project import project_dir
from cohort_tracker.raw.schema import RAW_TABLES
from cohort_tracker.runtime.printing import say

_TENANT = re.compile(r"[a-z][a-z0-9]*([_-][a-z0-9]+)*")


@click.command()
@click.option("--raw", required=True, help="Where the export is: a directory, or a URL of Spark.")
@click.option("--tenant", default="default", show_default=True, help="Whose records to build.")
@click.option("--work", type=click.Path(path_type=Path), help="Keep dbt's logs and artifacts here.")
@click.option("--all-tests", is_flag=True, help="The unit tests of the models, too.")
def main(raw: str, tenant: str, work: Path | None, all_tests: bool) -> None:
    """Build the tables of a tenant on Spark, test them, and show them to readers."""
    if not _TENANT.fullmatch(tenant):
        raise click.UsageError(
            f"{tenant!r} cannot begin the name of a schema: take small letters and digits, and"
            " single - or _ between them, as in school-2."
        )
    build_id = f"{datetime.now(UTC):%Y%m%dt%H%M%S%f}"
    os.environ["COHORT_TRACKER_TENANT"] = tenant
    os.environ["COHORT_TRACKER_BUILD_ID"] = build_id
    os.environ["COHORT_TRACKER_VERSION"] = __version__
    schemas = tenant.replace("-", "_")
    lay_views_over_raw(raw.rstrip("/"), tenant, f"{schemas}_raw")
    with tempfile.TemporaryDirectory(prefix="cohort-tracker-") as directory:
        problem = build(work or Path(directory), all_tests)
    if problem:
        say(f"{problem}\nReaders still see the tables of the last good build.", err=True)
        sys.exit(1)
    say(f"Build {build_id} is what readers of {schemas}_core and {schemas}_marts see now.")


def lay_views_over_raw(raw: str, tenant: str, schema: str) -> None:
    """Put a view over the Parquet files of each raw table, as dbt's sources name them."""
    session = SparkSession.builder.enableHiveSupport().getOrCreate()
    # An older file may lack a column that a newer one has.
    session.conf.set("spark.sql.parquet.mergeSchema", "true")
    session.sql(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    for table in (*RAW_TABLES, "raw_secret"):
        files = f"{raw}/{table}/tenant={tenant}".replace("`", "``")
        view = f"CREATE OR REPLACE VIEW {schema}.{table} AS SELECT * FROM parquet.`{files}`"  # noqa: S608
        try:
            session.sql(view)
        except AnalysisException as error:
            raise click.ClickException(
                f"Spark cannot read {files}: {str(error).splitlines()[0]}\n"
                f"Was this school exported? `cohort-tracker export --raw {raw} --tenant {tenant}`"
            ) from error


def build(work: Path, all_tests: bool) -> str | None:
    """Build, test and switch the views; returns what went wrong, or nothing."""
    places = ["--project-dir", str(project_dir()), "--profiles-dir", str(project_dir())]
    places += ["--target", "spark", "--no-send-anonymous-usage-stats", "--no-version-check"]
    places += ["--target-path", str(work / "target"), "--log-path", str(work / "logs")]
    # The names of the schemas hold the id of the build: nothing parsed before fits.
    parsed = dbtRunner().invoke(["parse", *places, "--no-partial-parse"])
    if not parsed.success:
        return f"dbt could not read the models: {parsed.exception}"
    runner = dbtRunner(manifest=parsed.result)  # type: ignore[arg-type]
    if not runner.invoke(["run-operation", "require_utc", *places]).success:
        return "Nothing was built: dbt says above why."
    chosen = [] if all_tests else ["--selector", "spark"]
    if not runner.invoke(["build", *places, *chosen]).success:
        return "The build failed: dbt says above which table or test, and why."
    if not runner.invoke(["run-operation", "switch_views", *places]).success:
        return "The tables are good, but not all views could be put over them; build again."
    return None


if __name__ == "__main__":
    main()
