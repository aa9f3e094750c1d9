"""A warehouse of the hostile cohort, built by the real project, and answers of it as bytes."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet

from cohort_tracker.export.answer import Answer
from cohort_tracker.export.parquet import write_parquet
from cohort_tracker.export.sheet import write_sheet
from cohort_tracker.export.text import csv_parts, json_parts
from cohort_tracker.reading.questions import Asker, questions
from cohort_tracker.reading.reader import Reader, reader_of
from cohort_tracker.reading.viewer import Viewer
from hostile_cohort import HostileCohort
from raw_fixture import write_raw_db
from warehouse_fixture import run_dbt

FORMATS = ("csv", "json", "xlsx", "parquet")


@dataclass
class Read:
    """A hostile cohort and its published tables."""

    cohort: HostileCohort
    warehouse: Path
    raw: Path

    @contextmanager
    def reader(self, viewer: Viewer) -> Iterator[Reader]:
        with reader_of(self.warehouse, self.raw, viewer) as reader:
            yield reader


def built_cohort(directory: Path, seed: int) -> Read:
    """Build the tables of a hostile cohort."""
    cohort = HostileCohort(seed)
    raw = write_raw_db(directory / "data" / "raw.db", cohort.tables)
    done = run_dbt(directory / "data", "run")
    assert done.returncode == 0, done.stdout + done.stderr
    return Read(cohort, directory / "data" / "dev.duckdb", raw)


def all_sql(reader: Reader) -> dict[str, str]:
    """SQL of every table and question that the viewer may read."""
    asker = Asker(reader)
    return {name: reader.query(name) for name in reader.tables} | {
        name: asker.sql(question)
        for name, question in questions().items()
        if asker.may_ask(question)
    }


def as_bytes(reader: Reader, sql: str, format_name: str) -> bytes:
    """What a program finds in the file of an answer, unpacked where the file is packed."""
    with reader.answer(sql) as found:
        answer = Answer(found)
        if format_name == "csv":
            return b"".join(csv_parts(answer))
        if format_name == "json":
            return b"".join(json_parts(answer))
        file = io.BytesIO()
        if format_name == "xlsx":
            write_sheet(answer, file, "title")
            with zipfile.ZipFile(file) as package:
                return b"\n".join(package.read(name) for name in package.namelist())
        write_parquet(answer, file)
    read = pyarrow.parquet.ParquetFile(file)
    groups = [read.metadata.row_group(group) for group in range(read.num_row_groups)]
    statistics = [
        group.column(place).statistics for group in groups for place in range(group.num_columns)
    ]
    return f"{read.read().to_pydict()}{read.metadata}{read.schema_arrow}{statistics}".encode()
