"""Measure the health score on courses whose outcome is known.

`python -m benchmarks.health --data DIRECTORY` serves the directory (classes, assignments,
enrollments, progressions as CSV) by the sandbox server, syncs it with the real command, and
compares the score at 25 % and 50 % of each class with what became of its students. Changed copies
of the classes (a break, other grades, 40 students of each) are served and synced in the same way,
and the tables are built as of three earlier days.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from .backtest import backtest
from .copies import copies
from .courses import build
from .document import page
from .picture import picture
from .summary import SHARES, summary
from .tables import read_tables, write_tables


def main() -> None:
    """Run the measurement and write what was asked for."""
    options = _options()
    if options.from_results:
        results = json.loads(options.results.read_text(encoding="utf-8"))
    else:
        with tempfile.TemporaryDirectory(prefix="health-") as scratch:
            results = _measured(options, (options.work or Path(scratch)).resolve())
        print(json.dumps({name: results[name] for name in ("mean", "backtest")}, indent=2))
    if options.results and not options.from_results:
        options.results.parent.mkdir(parents=True, exist_ok=True)
        options.results.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    if options.document:
        image = options.document.with_suffix(".svg")
        image.write_text(picture(results), encoding="utf-8")
        options.document.write_text(page(results, image.name), encoding="utf-8")


def _measured(options: argparse.Namespace, work: Path) -> dict[str, Any]:
    data = options.data.resolve()
    plain = build(data, work / "plain")
    write_tables(work / "courses", copies(read_tables(data), SHARES, options.draws))
    copied = build(work / "courses", work / "copies")
    results = summary(plain, copied, options.python)
    return {**results, "backtest": backtest(plain, work / "backtest", options.dates)}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.health", description=__doc__)
    parser.add_argument("--data", type=Path, help="directory of the courses")
    parser.add_argument(
        "--work",
        type=Path,
        help="where the tables are built; those already there are taken (default: temporary)",
    )
    parser.add_argument("--draws", type=int, default=50, help="small classes drawn of each class")
    parser.add_argument("--dates", type=int, default=3, help="of the builds as of an earlier day")
    parser.add_argument("--results", type=Path, help="file for the numbers (JSON)")
    parser.add_argument(
        "--from-results", action="store_true", help="measure nothing: the page from --results"
    )
    parser.add_argument(
        "--document", type=Path, help="file for the page (Markdown), plot beside it"
    )
    parser.add_argument(
        "--python", default=sys.executable, help="a Python that has scikit-learn, for the model"
    )
    options = parser.parse_args()
    if options.from_results and not options.results:
        parser.error("--from-results needs --results")
    if not options.from_results and not options.data:
        parser.error("--data is missing")
    return options


if __name__ == "__main__":
    main()
