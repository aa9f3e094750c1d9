"""The side-by-side numbers as a picture: `plot.py RESULTS.json` writes RESULTS.svg.

Run by the Python of the peers' environment, which has matplotlib.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt

OURS = "#1b6ca8"
PEER = "#b8b8b8"


def draw(results: Path) -> None:
    """Draw one panel per case: a bar per tool, a dot per run."""
    goal: dict[str, Any] | None = json.loads(results.read_text(encoding="utf-8"))["goals"].get(
        "side"
    )
    if goal is None:
        return
    mpl.rcParams["svg.hashsalt"] = "benchmarks"
    titles = list(dict.fromkeys(scenario["title"] for scenario in goal["scenarios"]))
    figure, panels = plt.subplots(-(-len(titles) // 2), 2, figsize=(11, 5.4), squeeze=False)
    for panel, title in zip(panels.flat, titles, strict=True):
        scenarios = [scenario for scenario in goal["scenarios"] if scenario["title"] == title][::-1]
        for place, scenario in enumerate(scenarios):
            walls = [run["wall_s"] for run in scenario["runs"]]
            panel.barh(place, scenario["median"]["wall_s"], color=_color(scenario["who"]))
            panel.plot(walls, [place] * len(walls), "k.", markersize=4)
        panel.set_yticks(range(len(scenarios)), [scenario["who"] for scenario in scenarios])
        panel.set_title(title, fontsize=10)
        panel.set_xlabel("seconds, whole process")
        panel.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(results.with_suffix(".svg"), metadata={"Date": None, "Creator": None})


def _color(who: str) -> str:
    return OURS if who == "cohort-tracker" else PEER


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
