"""OpenClass as a dlt source: real pipelines into DuckDB and into files, run after run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pytest

from cohort_tracker.errors import AuthenticationError, ConfigError
from cohort_tracker.raw.fields import PROGRESSION_FIELDS
from cohort_tracker.sources.openclass import openclass
from support import DAY, NOW, SOURCE_ROOT, Bench, Classes, classes, record, record_id, stamp

DOCS = Path(__file__).parents[2] / "docs"


class Pipeline:
    """A pipeline into DuckDB or into files, and what its destination holds."""

    def __init__(self, bench: Bench, home: Path, kind: str) -> None:
        self.bench, self.home, self.kind = bench, home, kind
        self.pages: list[int] = []
        self.sizes: list[int] = []

    def run(self, **options: Any) -> dict[str, int]:
        """Run it; returns how many rows of each table were loaded."""
        destination: Any = (
            dlt.destinations.duckdb(str(self.home / "cohorts.duckdb"))
            if self.kind == "duckdb"
            else dlt.destinations.filesystem(str(self.home / "files"))
        )
        pipeline = dlt.pipeline(
            "cohorts",
            destination=destination,
            dataset_name="openclass",
            pipelines_dir=str(self.home / "pipelines"),
        )
        try:
            pipeline.run(self.source(**options), **self.format())
            trace: Any = pipeline.last_trace
            counts = trace.last_normalize_info.row_counts
        finally:
            queries = [entry.query for entry in self.bench.pages()]
            self.pages = [int(query["page"]) for query in queries]
            self.sizes = [int(query["return_count"]) for query in queries]
            pipeline.deactivate()
        return {table: count for table, count in counts.items() if not table.startswith("_dlt")}

    def source(self, **options: Any) -> Any:
        given = {
            "email": self.bench.server.desk.email,
            "password": "sandbox-password",
            "api_base": self.bench.server.url,
            "page_delay": 0,
            "page_size": 200,
        }
        chosen = {key: value for key, value in {**given, **options}.items() if value is not None}
        return openclass(**chosen)

    def format(self) -> dict[str, Any]:
        return {} if self.kind == "duckdb" else {"loader_file_format": "parquet"}

    def rows(self, table: str) -> list[dict[str, Any]]:
        if self.kind == "duckdb":
            with duckdb.connect(str(self.home / "cohorts.duckdb"), read_only=True) as db:
                found = db.sql(f"from openclass.{table}").fetchall()
                names = [row[0] for row in db.sql(f"describe openclass.{table}").fetchall()]
        else:
            with duckdb.connect() as db:
                files = f"read_parquet('{self.home}/files/openclass/{table}/*.parquet')"
                found = db.sql(f"from {files}").fetchall()
                names = [row[0] for row in db.sql(f"describe from {files}").fetchall()]
        return [dict(zip(names, row, strict=True)) for row in found]

    def current(self) -> dict[str, dict[str, Any]]:
        """The progressions as a reader of the destination takes them."""
        newest: dict[str, dict[str, Any]] = {}
        for row in sorted(self.rows("progressions"), key=lambda row: row["first_seen_at"]):
            newest[row["record_id"]] = row
        return {key: row for key, row in newest.items() if not row["is_removed"]}

    def grades(self) -> dict[str, Any]:
        return {key: row["grade"] for key, row in self.current().items()}


@pytest.fixture(params=["duckdb", "filesystem"])
def pipeline(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Pipeline]:
    source = classes(120, 4)
    source.units = [{"name": "Unit 1", "assignments": [f"task-{n}" for n in range(7)]}]
    with Bench(tmp_path, source) as bench:
        yield Pipeline(bench, tmp_path, request.param)


def test_runs_load_what_changed_and_removals_when_everything_is_asked_for(pipeline: Pipeline):
    records = pipeline.bench.source.records
    expected = {record_id(raw): raw["grade"] for raw in records}
    assert pipeline.run() == {"classes": 1, "class_units": 7, "progressions": 120}
    assert pipeline.pages == list(range(12))
    assert pipeline.grades() == expected
    assert [row["friendly_id"] for row in pipeline.rows("classes")] == ["friendly-c1"]
    units = pipeline.rows("class_units")
    assert [row["assignment_id"] for row in units] == [f"task-{n}" for n in range(7)]

    # Nothing new: the newest page and the one of open work, and nothing to load.
    assert "progressions" not in pipeline.run()
    assert sorted(pipeline.pages) == [0, 11]

    # A late grade within the look-back, and new work in progress.
    records[2]["grade"] = 0.77
    records.append(record(95_000))
    assert pipeline.run()["progressions"] == 2
    assert len(pipeline.pages) <= 3
    expected |= {record_id(records[2]): 0.77, record_id(records[-1]): None}
    assert pipeline.grades() == expected

    # A record that is gone is only taken out when everything is asked for.
    gone = record_id(records.pop(50))
    assert "progressions" not in pipeline.run()
    assert pipeline.grades() == expected
    assert pipeline.run(full=True)["progressions"] == 1
    del expected[gone]
    assert pipeline.grades() == expected
    assert "progressions" not in pipeline.run()
    assert len(pipeline.pages) == 2
    if pipeline.kind == "duckdb":
        assert len(pipeline.rows("progressions")) == len(expected)
    assert len(pipeline.rows("class_units")) == 7, "replaced, not repeated"


def test_columns_are_those_of_the_field_list_whatever_the_first_rows_hold(pipeline: Pipeline):
    pipeline.bench.source.classes["c1"] = [record(1)]  # most of it null
    pipeline.run()
    (row,) = pipeline.rows("progressions")
    assert {field.name for field in PROGRESSION_FIELDS} < row.keys()
    assert row["extra"] is None and row["reviewed_at"] is None and row["grade"] is None
    assert row["started_at"].timestamp() == (NOW - DAY).timestamp()


def test_run_that_fails_loads_nothing_and_the_next_one_misses_nothing(pipeline: Pipeline):
    pipeline.run()
    pipeline.bench.source.records[:0] = [
        record(50_000 + n, completed_assignment_at=stamp(NOW)) for n in range(25)
    ]
    pipeline.bench.misbehave("status=404,times=always,page=2")
    with pytest.raises(Exception, match="Failed to fetch progressions: 404"):
        pipeline.run()
    assert len(pipeline.current()) == 120
    pipeline.bench.misbehave()
    assert pipeline.run()["progressions"] == 25
    assert len(pipeline.current()) == 145


def test_bad_records_and_wrong_passwords(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    source = Classes(c1=[record(1), record(2, user=None)], c2=[record(3)])
    with Bench(tmp_path, source) as bench:
        pipeline = Pipeline(bench, tmp_path, "duckdb")
        assert pipeline.run(class_ids=["friendly-c1"])["progressions"] == 1
        assert "1 record could not be used" in caplog.text
        assert {row["class_id"] for row in pipeline.rows("progressions")} == {"c1"}
        assert pipeline.run()["progressions"] == 1  # c2
        assert {row["class_id"] for row in pipeline.rows("progressions")} == {"c1", "c2"}
        with pytest.raises(Exception, match="Authentication failed: 401") as caught:
            pipeline.run(password="wrong")
        cause: BaseException | None = caught.value
        while cause is not None and not isinstance(cause, AuthenticationError):
            cause = cause.__cause__ or cause.__context__
        assert cause is not None, "dlt's error says what it was"
        with pytest.raises(ConfigError, match="unencrypted"):
            pipeline.source(api_base="http://openclass.example")


def test_field_that_cannot_be_read_is_null_and_named(tmp_path: Path):
    source = Classes(c1=[record(1, days_ago=2, grade=0.5)])
    with Bench(tmp_path, source) as bench:
        pipeline = Pipeline(bench, tmp_path, "duckdb")
        pipeline.run()
        source.records[0]["grade"] = "ninety"
        assert pipeline.run()["progressions"] == 1
        [row] = pipeline.rows("progressions")
        assert (row["grade"], row["rejected_fields"]) == (None, "grade")
        assert row["completed_at"] is not None


def test_the_page_of_the_docs_works_as_it_stands(tmp_path: Path):
    """Its ten lines in a process of their own; where to and who from dlt's own configuration."""
    page = (DOCS / "dlt-source.md").read_text()
    code = re.search(r"```python\n(.*?)```", page, re.DOTALL)
    assert code is not None
    ten_lines = code[1]
    assert len(ten_lines.strip().splitlines()) <= 10
    with Bench(tmp_path, Classes(c1=[record(1), record(2)])) as bench:
        ten_lines = (
            ten_lines.replace('email="mentor@example.org", password="…", ', "")
            .replace('class_ids=["web-dev-2025"]', "")
            .strip()
        )
        home = tmp_path / "docs"
        (home / ".dlt").mkdir(parents=True)
        (home / ".dlt" / "secrets.toml").write_text(
            "[sources.openclass]\n"
            f"email = {json.dumps(bench.server.desk.email)}\n"
            'password = "sandbox-password"\nclass_ids = ["c1"]\n'
            f"api_base = {json.dumps(bench.server.url)}\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", ten_lines],
            cwd=home,
            env={**os.environ, "DLT_DATA_DIR": str(home), "PYTHONPATH": str(SOURCE_ROOT)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.rstrip().endswith("[(2,)]"), done.stdout
        assert (home / "cohorts.duckdb").exists()


def test_importing_the_source_leaves_the_environment_and_dlt_alone():
    code = (
        "import os, sys; before = dict(os.environ)\n"
        "import cohort_tracker.sources.openclass as o\n"
        "assert 'dlt' not in sys.modules\n"
        "o.openclass; assert 'dlt' in sys.modules\n"
        "assert dict(os.environ) == before, set(os.environ) - set(before)\n"
        "assert 'cohort_tracker.raw.load' not in sys.modules\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(SOURCE_ROOT)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, timeout=60)


def test_what_is_asked_for_per_page_is_found_out_once(tmp_path: Path):
    done = [record(number, days_ago=number / 96 + 1) for number in range(1_100)]
    source = Classes(c1=done, c2=[record(5_000)])
    with Bench(tmp_path, source=source, server_options={"max_page_size": 1_000}) as bench:
        bench.misbehave("status=413,over=200,times=always")
        pipeline = Pipeline(bench, tmp_path, "duckdb")
        pipeline.run(page_size="auto")
        assert pipeline.sizes == [1_000] + [200] * 7
        assert len(pipeline.rows("progressions")) == 1_101
        pipeline.run(page_size="auto", full=True)
        assert pipeline.sizes == [200] * 7
        bench.misbehave()
        pipeline.run(page_size=500, full=True)
        assert pipeline.sizes == [500] * 4


def test_a_page_size_of_the_environment_is_a_number_or_auto(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with Bench(tmp_path, server_options={"max_page_size": 1_000}) as bench:
        pipeline = Pipeline(bench, tmp_path, "duckdb")
        for text, asked in (("25", [25, 25]), ("auto", [1_000])):
            monkeypatch.setenv("SOURCES__OPENCLASS__PAGE_SIZE", text)
            pipeline.run(page_size=None, full=True)
            assert pipeline.sizes == asked
