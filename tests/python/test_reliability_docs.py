"""docs/reliability.md names every test of its matrix, and no other."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parent
DOCUMENT = HERE.parents[1] / "docs" / "reliability.md"


def test_matrix_and_tests_are_the_same():
    files = [*HERE.glob("test_reliability_*.py"), *HERE.glob("test_kill*.py")]
    files.remove(Path(__file__))
    there = {
        name
        for path in files
        for name in re.findall(r"^def (test_\w+)", path.read_text("utf-8"), re.MULTILINE)
    }
    told = set(re.findall(r"`(test_\w+)`", DOCUMENT.read_text("utf-8")))
    assert told == there
