"""The ids of students whom only the roster names: they tell nothing, and outlive a restore."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from raw_fixture import roster_id, write_raw_db
from support import Bench
from warehouse_fixture import rows, run_dbt

ROSTER = (
    "class,email,first_name,last_name\n"
    "c1,Newcomer@example.org,New,Comer\n"
    "c1,,Only,Name\n"
    "c1,s1@example.org,Ada,Nr 1\n"
)


def secret_of(path: Path) -> str:
    with closing(sqlite3.connect(path)) as db:
        [(secret,)] = db.execute("SELECT secret FROM raw_secret").fetchall()
    assert isinstance(secret, str)
    return secret


def newcomers(bench: Bench) -> list[tuple[object, ...]]:
    return bench.core(
        "SELECT id, coalesce(email, name) FROM core.students WHERE NOT has_progressions ORDER BY 2"
    )


def test_id_is_keyed_with_the_secret_of_the_store_and_outlives_a_restore(bench: Bench):
    roster = bench.home / "roster.csv"
    roster.write_text(ROSTER)
    bench.options["roster"] = roster
    assert bench.sync(build=True).exit_code == 0
    before = newcomers(bench)
    assert [person for _, person in before] == ["Newcomer@example.org", "Only Name"]
    assert all(str(key).startswith("roster:") and len(str(key)) == 39 for key, _ in before)
    secret = secret_of(bench.raw)
    assert len(secret) == 64
    assert secret.encode() not in bench.warehouse.read_bytes()
    roster.write_text(ROSTER + "c1,another@example.org,,\n")
    assert bench.command("restore").returncode == 0
    assert bench.sync(build=True).exit_code == 0
    assert secret_of(bench.raw) == secret
    assert set(newcomers(bench)) > set(before)
    other = Bench(bench.home / "other", bench.source)
    with other:
        other.home.mkdir()
        other.sync()
        assert secret_of(other.raw) != secret


def test_same_name_in_two_classes_is_two_people(tmp_path: Path):
    lines = [
        {"file_version": 1, "line": line, "class": c, "first_name": "Only", "last_name": "Name"}
        for line, c in ((2, "a"), (3, "b"))
    ]
    classes = [{"class_id": "a"}, {"class_id": "b"}]
    raw = write_raw_db(tmp_path / "data" / "raw.db", {"roster": lines, "classes": classes})
    done = run_dbt(raw.parent, "run", "--select", "+roster_matches")
    assert done.returncode == 0, done.stdout
    found = rows(raw.parent / "dev.duckdb", "select student_id from core.roster_matches")
    assert {row["student_id"] for row in found} == {
        roster_id("a", "only name"),
        roster_id("b", "only name"),
    }
