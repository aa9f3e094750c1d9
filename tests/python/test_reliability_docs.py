"""docs/reliability.md names every test of reliability, and none that is not there."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

HERE = Path(__file__).parent
DOCUMENT = HERE.parents[1] / "docs" / "reliability.md"


def names_in(files: Iterable[Path]) -> set[str]:
    """The names of the tests in some files."""
    return {
        name
        for path in files
        for name in re.findall(r"^def (test_\w+)", path.read_text("utf-8"), re.MULTILINE)
    }


def test_matrix_and_tests_are_the_same():
    files = [*HERE.glob("test_reliability_*.py"), *HERE.glob("test_kill*.py")]
    files.remove(Path(__file__))
    text = DOCUMENT.read_text("utf-8")
    told = set(re.findall(r"`(test_\w+)`", text))
    assert names_in(files) <= told <= names_in(HERE.glob("test_*.py"))


def test_headings_name_the_files_of_their_tests():
    for section in DOCUMENT.read_text("utf-8").split("\n### ")[1:]:
        heading, _, rows = section.partition("\n")
        named = re.findall(r"`(?:test_)?(\w+?)(?:\.py)?`", heading)
        files = {
            path
            for name in named
            for path in (HERE / f"test_reliability_{name}.py", HERE / f"test_{name}.py")
            if path.exists()
        }
        told = set(re.findall(r"`(test_\w+)`", rows))
        assert told <= names_in(files), (heading, told - names_in(files))
