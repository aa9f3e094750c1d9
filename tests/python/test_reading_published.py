"""The connection to the published file: nothing else can be read by it, and a new one is seen."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import duckdb
import pytest

from cohort_tracker.errors import ConfigError, StoreError
from cohort_tracker.reading.published import mark_of, opened
from cohort_tracker.reading.reader import reader_of
from cohort_tracker.reading.viewer import Viewer
from support import Bench, at_night

REFUSED = [
    "INSERT INTO warehouse.core.students SELECT * FROM warehouse.core.students",
    "UPDATE warehouse.core.students SET name = 'x'",
    "DELETE FROM warehouse.core.students",
    "CREATE TABLE warehouse.core.x AS SELECT 1",
    "DROP TABLE warehouse.core.students",
    "ATTACH '{other}' AS other",
    "ATTACH '{other}' AS other (READ_ONLY)",
    "COPY warehouse.core.students TO '{new}'",
    "COPY (SELECT 1) TO '{new}' (FORMAT parquet)",
    "EXPORT DATABASE '{new}'",
    "SELECT * FROM read_text('{text}')",
    "SELECT * FROM read_csv('{text}')",
    "SELECT * FROM '{text}'",
    "SELECT * FROM glob('/*')",
    "SELECT * FROM sqlite_scan('{other}', 'progressions')",
    "INSTALL httpfs",
    "LOAD sqlite_scanner",
    "SET enable_external_access = true",
    "RESET enable_external_access",
    "SET temp_directory = '{new}'",
    "SET lock_configuration = false",
]


@pytest.mark.parametrize("statement", REFUSED)
def test_nothing_is_written_and_no_other_file_read(built: Bench, tmp_path: Path, statement: str):
    places = {name: tmp_path / name for name in ("new", "text")}
    places["text"].write_text("name\nsecret\n")
    before = (built.warehouse.read_bytes(), sorted(path.name for path in tmp_path.iterdir()))
    with opened(built.warehouse) as connection, pytest.raises(duckdb.Error) as refused:
        for session in (connection, connection.cursor()):
            session.execute(statement.format(**places, other=built.raw)).fetchall()
    assert not isinstance(refused.value, duckdb.ParserException)
    assert (built.warehouse.read_bytes(), sorted(p.name for p in tmp_path.iterdir())) == before


def count(bench: Bench) -> int:
    with reader_of(bench.warehouse, bench.raw, Viewer()) as reader:
        return len(reader.rows("core.students"))


def put_in_place(warehouse: Path, students: int) -> None:
    """Publish a file with so many students, as a sync does."""
    new = warehouse.with_name(f"new-{threading.get_ident()}.duckdb")
    shutil.copy(warehouse, new)
    new.chmod(0o600)
    with duckdb.connect(str(new)) as connection:
        connection.execute("DELETE FROM core.students")
        connection.execute(
            "INSERT INTO core.students (id, name, has_progressions)"
            " SELECT 's' || i, 'n', true FROM range(?) AS t(i)",
            [students],
        )
    new.replace(warehouse)


def test_new_file_is_seen_at_once_while_another_reader_has_the_old_one(built: Bench):
    with reader_of(built.warehouse, built.raw, Viewer()) as old:
        before, mark = len(old.rows("core.students")), mark_of(built.warehouse)
        put_in_place(built.warehouse, 500)
        assert mark_of(built.warehouse) != mark
        assert count(built) == 500
        assert len(old.rows("core.students")) == before, "who reads goes on with the old one"
        put_in_place(built.warehouse, 501)
        assert count(built) == 501
    assert count(built) == 501


@pytest.mark.parametrize("renames", [12, at_night(150)])
def test_many_new_files_under_readers(built: Bench, renames: int):
    stop, failures = threading.Event(), []
    published = [built.data / f"version-{number}" for number in range(2)]
    for number, version in enumerate(published):
        put_in_place(built.warehouse, 100 + number)
        shutil.copy(built.warehouse, version)

    def read() -> None:
        while not stop.is_set():
            try:
                with reader_of(built.warehouse, built.raw, Viewer()) as reader:
                    found = {len(reader.rows("core.students")) for _ in range(3)}
                answers.append(found)
            except Exception as error:  # reported by the test
                failures.append(error)

    answers: list[set[int]] = []
    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    for number in range(renames):
        copy = shutil.copy(published[number % 2], built.data / "copy")
        Path(copy).replace(built.warehouse)
        assert count(built) == 100 + number % 2
    stop.set()
    for reader in readers:
        reader.join()
    assert failures == []
    assert len(answers) >= renames / 2
    assert all(len(found) == 1 and found <= {100, 101} for found in answers), "one file, one answer"
    held = [str(path.readlink()) for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
    here = str(built.data.resolve())  # other tests of this process may have files of theirs open
    assert not [name for name in held if name.startswith(here)], "no old file is kept"


def test_question_does_not_end_another_half_way(built: Bench):
    with reader_of(built.warehouse, built.raw, Viewer()) as reader:
        with reader.answer("FROM range(50000)") as first:
            some = first.fetchmany(10)
            with reader.answer("SELECT 7") as second:
                assert second.fetchall() == [(7,)]
            assert len(some) + len(first.fetchall()) == 50_000
        for batch in reader.batches("core.progressions"):
            assert reader.rows("core.build")
            assert batch


def test_condition_sees_what_the_viewer_sees(built: Bench):
    hidden = Viewer(hide_names=True)
    with reader_of(built.warehouse, built.raw, hidden) as reader:
        [some, *_] = reader.rows("core.students", ("id", "email"))
        assert some["email"] is None
        again = reader.rows("core.students", where="id = ?", parameters=[some["id"]])
        assert [row["id"] for row in again] == [some["id"]]
        assert reader.rows("core.students", where="id = 'student-1' OR email IS NOT NULL") == []
        with pytest.raises(ValueError, match="has no column"):
            reader.rows("core.students", ["id; --"])


def test_without_tables_it_says_what_to_run(tmp_path: Path):
    with pytest.raises(ConfigError, match="no tables were built yet"), opened(tmp_path / "none"):
        pass


def test_file_that_is_none_and_changes_of_others_are_named(built: Bench):
    beside = built.warehouse.with_name(built.warehouse.name + ".wal")
    beside.write_bytes(b"")
    with pytest.raises(StoreError, match="another program wrote"), opened(built.warehouse):
        pass
    beside.unlink()
    built.warehouse.chmod(0o600)
    built.warehouse.write_bytes(b"no database")
    with pytest.raises(StoreError, match=r"warehouse\.duckdb"), opened(built.warehouse):
        pass
