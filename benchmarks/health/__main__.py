"""Measure the health score on courses whose outcome is known.

`python -m benchmarks.health --data DIRECTORY` serves the directory (classes, assignments,
enrollments, progressions as CSV) by the sandbox server, syncs it with the real command, and
compares the score at 25 % and 50 % of each class with what became of its students.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from .courses import Moment, build, moments
from .document import page, picture
from .measures import measured, per_tier

SHARES = (0.25, 0.5)


def main() -> None:
    """Run the measurement and write what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.health", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="directory of the courses")
    parser.add_argument("--work", type=Path, help="where the tables are built (default: temporary)")
    parser.add_argument("--results", type=Path, help="file for the numbers (JSON)")
    parser.add_argument(
        "--document", type=Path, help="file for the page (Markdown), plot beside it"
    )
    parser.add_argument(
        "--python", default=sys.executable, help="a Python that has scikit-learn, for the model"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="health-") as scratch:
        warehouse, emails = build(options.data.resolve(), (options.work or Path(scratch)).resolve())
        found = moments(options.data.resolve(), warehouse, emails, SHARES)
    results = summary(found, options.python)
    print(json.dumps(results["mean"], indent=2))
    if options.results:
        options.results.parent.mkdir(parents=True, exist_ok=True)
        options.results.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    if options.document:
        image = options.document.with_suffix(".svg")
        image.write_text(picture(results), encoding="utf-8")
        options.document.write_text(page(results, image.name), encoding="utf-8")


def summary(found: list[Moment], python: str) -> dict[str, Any]:
    """All numbers: per class and moment, their means, and the tiers."""
    classes = []
    mean: dict[str, dict[str, float]] = {}
    for share in SHARES:
        here = [moment for moment in found if moment.share == share]
        rows = [measured(moment) for moment in here]
        fitted = boosted(here, python)
        for place, row in enumerate(rows):
            if fitted:
                row["boosted"] = fitted[place]
            moment = here[place]
            classes.append(
                {
                    "class_id": moment.class_id,
                    "share": share,
                    "week_end": moment.week_end,
                    "students": len(moment.learners),
                    "failed_or_left": sum(learner.failed for learner in moment.learners),
                    "auc": row,
                }
            )
        mean[f"{share:.0%}"] = {
            **{name: sum(row[name] for row in rows) / len(rows) for name in rows[0]},
            "score, worst class": min(row["score"] for row in rows),
        }
    tiers = {
        f"{share:.0%}": per_tier([moment for moment in found if moment.share == share])
        for share in SHARES
    }
    return {"mean": mean, "classes": classes, "tiers": tiers}


def boosted(found: list[Moment], python: str) -> list[float] | None:
    """AUC per class of the fitted model; None where scikit-learn is not installed."""
    inputs = {
        "classes": [
            {
                "rows": [learner.parts for learner in moment.learners],
                "failed": [learner.failed for learner in moment.learners],
            }
            for moment in found
        ]
    }
    done = subprocess.run(
        [python, str(Path(__file__).with_name("boosted.py"))],
        input=json.dumps(inputs),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        print("The fitted model is left out: " + done.stderr.strip().splitlines()[-1])
        return None
    aucs: list[float] = json.loads(done.stdout)
    return aucs


if __name__ == "__main__":
    main()
