"""What a benchmark found: runs of scenarios, and goals that were met or missed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from .measure import Measured

OURS = "cohort-tracker"


@dataclass
class Scenario:
    """One thing measured over several runs. `key` names it within its goal."""

    key: str
    title: str
    who: str = OURS
    facts: dict[str, Any] = field(default_factory=dict)
    runs: list[dict[str, Any]] = field(default_factory=list)

    def add(self, measured: Measured, **more: Any) -> dict[str, Any]:
        """Note a run and return it."""
        run = {
            "wall_s": round(measured.wall_s, 3),
            "cpu_s": round(measured.cpu_s, 3),
            "peak_mb": round(measured.peak_mb, 1),
            "tree_mb": None if measured.tree_mb is None else round(measured.tree_mb, 1),
            **{key: round(v, 4) if isinstance(v, float) else v for key, v in more.items()},
        }
        self.runs.append(run)
        return run

    def median(self, name: str) -> float:
        """The median of a number over the runs."""
        return float(median(run[name] for run in self.runs if run.get(name) is not None))

    def as_json(self) -> dict[str, Any]:
        """With the medians of all numbers that every run has."""
        names = set.intersection(*(set(run) for run in self.runs)) if self.runs else set()
        numbers = {
            name
            for name in names
            if all(
                isinstance(run[name], (int, float)) and not isinstance(run[name], bool)
                for run in self.runs
            )
        }
        order = [name for name in self.runs[0] if name in numbers] if self.runs else []
        return {**asdict(self), "median": {name: self.median(name) for name in order}}


@dataclass(frozen=True)
class Verdict:
    """A goal in words, what was measured, the limit, and whether it was kept.

    `at_least`: the limit is a lower one.
    """

    claim: str
    value: float
    limit: float
    unit: str = "s"
    at_least: bool = False

    @property
    def met(self) -> bool:
        """Whether the limit was kept."""
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def as_json(self) -> dict[str, Any]:
        """With the outcome."""
        return {
            **asdict(self),
            "value": round(self.value, 4),
            "limit": round(self.limit, 4),
            "met": self.met,
        }


@dataclass
class Goal:
    """The outcome of one goal."""

    key: str
    title: str
    scenarios: list[Scenario] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def as_json(self, taken_at: str) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "key": self.key,
            "title": self.title,
            "taken_at": taken_at,
            "scenarios": [scenario.as_json() for scenario in self.scenarios],
            "verdicts": [verdict.as_json() for verdict in self.verdicts],
            "notes": self.notes,
        }


def verdict_lines(verdicts: Iterable[dict[str, Any]]) -> list[str]:
    """Verdicts as lines of text."""
    lines = []
    for verdict in verdicts:
        sign = "≥" if verdict["at_least"] else "≤"
        mark = "met   " if verdict["met"] else "MISSED"
        unit = verdict["unit"]
        lines.append(
            f"{mark} {verdict['claim']}: {number(verdict['value'])} {unit}"
            f" ({sign} {number(verdict['limit'])} {unit})"
        )
    return lines


def number(value: float) -> str:
    """A number as people read it: three figures that count, thousands apart."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    if abs(value) >= 100 or float(value).is_integer():
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
