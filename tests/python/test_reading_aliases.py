"""Aliases: the same for a student everywhere and always, unique, and not to be guessed."""

from __future__ import annotations

import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from cohort_tracker.errors import StoreError
from cohort_tracker.reading.aliases import aliases
from cohort_tracker.reading.reader import reader_of
from cohort_tracker.reading.viewer import Viewer
from support import SOURCE_ROOT, Bench, record

HIDDEN = Viewer(hide_names=True)
MANY = [f"student {number}" for number in range(20_000)]


def shown(bench: Bench) -> dict[str, str]:
    """The alias of each student, found by the moments at which the student completed work."""
    who = []
    for viewer in (Viewer(), HIDDEN):
        with reader_of(bench.warehouse, bench.raw, viewer) as reader:
            rows = reader.rows("core.progressions", where="completed_at IS NOT NULL")
        who.append({row["completed_at"]: row["student_id"] for row in rows})
    return {id_: who[1][moment] for moment, id_ in who[0].items()}


def test_alias_is_words_and_a_number():
    found = aliases("secret", MANY)
    assert found.keys() == {*MANY}
    assert all(
        re.fullmatch("[A-Z][a-z]+ [A-Z][a-z]+ [1-9][0-9]{2}", alias) for alias in found.values()
    )


def test_no_two_are_alike_though_many_would_be():
    found = aliases("secret", MANY)
    assert len({*found.values()}) == len(MANY)
    # each alone has what its own hash says; of those that are alike one has the next number
    moved = {id_ for id_ in MANY if found[id_] != aliases("secret", [id_])[id_]}
    assert 5 < len(moved) < 200
    for id_ in moved:
        words, number = found[id_].rsplit(" ", 1)
        alone, before = aliases("secret", [id_])[id_].rsplit(" ", 1)
        assert (words, int(number)) == (alone, int(before) + 1) or before == "999"


def test_who_else_is_there_changes_an_alias_only_where_two_would_be_alike():
    few = random.Random(1).sample(MANY, 300)
    alone, among = aliases("secret", few), aliases("secret", MANY)
    assert sum(alone[id_] != among[id_] for id_ in few) <= 3


def test_every_process_makes_the_same_of_them():
    # in another order each: Python shuffles its sets from process to process
    code = (
        "from cohort_tracker.reading.aliases import aliases;"
        "ids = [f'student {number}' for number in range(20_000)];"
        "found = aliases('secret', ids * 2); print([found[id_] for id_ in ids])"
    )
    here = aliases("secret", MANY)
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(SOURCE_ROOT)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == f"{[here[id_] for id_ in MANY]}\n"


def test_without_the_secret_there_is_another_alias():
    few = MANY[:1000]
    mine, other = aliases("secret", few), aliases("secret ", few)
    assert sum(mine[id_] == other[id_] for id_ in few) <= 1


def test_ids_that_differ_in_a_letter_have_nothing_in_common():
    found = [alias.split()[:2] for alias in aliases("secret", MANY[:200]).values()]
    assert len({words[0] for words in found}) > 60
    assert len({words[1] for words in found}) > 60


def test_id_of_any_letters_has_one():
    assert len(aliases("secret", ["", "\x00", "é", "e\u0301", "\ud800", "🙂"])) == 6


def test_alias_stays_over_syncs_and_a_restore(built: Bench):
    before = shown(built)
    newcomer = record(500, days_ago=0.2) | {
        "user": {"id": "new", "first_name": "N", "last_name": "N"}
    }
    built.source.records.append(newcomer)
    assert built.sync(build=True).exit_code == 0
    after = shown(built)
    assert {id_: alias for id_, alias in after.items() if id_ != "new"} == before
    assert after["new"] not in before.values()
    built.raw.unlink()
    done = built.command("restore")
    assert done.returncode == 0, done.stderr
    assert built.sync(build=True).exit_code == 0
    assert shown(built) == after


def test_alias_is_the_same_on_every_page(built: Bench):
    with reader_of(built.warehouse, built.raw, HIDDEN) as reader:
        students = {row["id"] for row in reader.rows("core.students")}
        for name, table in reader.tables.items():
            for row in reader.rows(name) if table.kind == "person" else []:
                named = {
                    row[key] for key in ("student_id", "first_name", "student_name") if key in row
                }
                assert name == "core.students" or (len(named) == 1 and named <= students), name
    narrow = Viewer(classes=frozenset({"c1"}), hide_names=True)
    with reader_of(built.warehouse, built.raw, narrow) as reader:
        assert {row["id"] for row in reader.rows("core.students")} == students


def test_other_store_gives_other_aliases(built: Bench, tmp_path):
    before = shown(built)
    other = Path(shutil.copy(built.raw, tmp_path / "other.db"))
    with closing(sqlite3.connect(other)) as db, db:
        db.execute("UPDATE raw_secret SET secret = 'another'")
    with reader_of(built.warehouse, other, HIDDEN) as reader:
        assert not {row["id"] for row in reader.rows("core.students")} & {*before.values()}


def test_names_are_not_hidden_by_halves_without_the_secret(built: Bench):
    built.raw.unlink()
    with (
        reader_of(built.warehouse, built.raw, HIDDEN) as reader,
        pytest.raises(StoreError, match="Names cannot be hidden"),
    ):
        reader.rows("core.students")
