"""Thresholds of the tables: what may be set in the settings file, and within which bounds.

Names and defaults are those of `dbt_project.yml`; the bounds follow from name and default, so that
a new threshold is one line there.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from .project import project_vars

_MOST = 10_000


def default_thresholds() -> dict[str, Any]:
    """Every threshold with its default: the variables that are numbers or lists."""
    return {name: value for name, value in project_vars().items() if not isinstance(value, str)}


def thresholds_in_force(given: Mapping[str, Any]) -> dict[str, Any]:
    """Every threshold with its value when these are given."""
    return {**default_thresholds(), **given}


def changed_thresholds(given: Mapping[str, Any]) -> dict[str, Any]:
    """The given ones that are not the defaults."""
    defaults = default_thresholds() if given else {}
    return {name: value for name, value in given.items() if value != defaults[name]}


def checked_thresholds(given: Mapping[str, Any]) -> dict[str, Any]:
    """The thresholds given, each as its default's type.

    Raises ValueError naming the threshold that is unknown, of another type, out of its bounds, or
    at odds with another one.
    """
    defaults = default_thresholds()
    parsed = {}
    for name, value in given.items():
        if name not in defaults:
            close = difflib.get_close_matches(name, defaults, n=1)
            did_you_mean = f"; did you mean {close[0]!r}?" if close else ""
            raise ValueError(f"unknown threshold {name!r}{did_you_mean}")
        parsed[name] = _parsed(name, value, defaults[name])
    in_force = {**defaults, **parsed}
    _require_full_weight(in_force)
    for lower, upper in _ordered_pairs(defaults):
        if in_force[lower] > in_force[upper]:
            raise ValueError(
                f"{lower} ({in_force[lower]:g}) must not be above {upper} ({in_force[upper]:g})"
            )
    return parsed


def _parsed(name: str, value: Any, default: Any) -> Any:
    if isinstance(default, list):
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise ValueError(f"{name}: must be a list of texts")
        return [item.strip().lower() for item in value]
    is_share = isinstance(default, float)
    low, high = _bounds(name, is_share)
    kind = "a number" if is_share else "a whole number"
    is_kind = isinstance(value, (int, float) if is_share else int) and not isinstance(value, bool)
    if not is_kind or not low <= value <= high:  # also refuses NaN
        raise ValueError(f"{name}: must be {kind} from {low:,} to {high:,}, not {value!r}")
    return float(value) if is_share else value


def _bounds(name: str, is_share: bool) -> tuple[int, int]:
    if is_share:
        return 0, 1
    if name.startswith("weight_") or name.endswith(("_below", "_points")):
        return 0, 100
    if name.endswith("_weeks"):
        return 1, 1000
    return 1, _MOST


def _require_full_weight(values: Mapping[str, Any]) -> None:
    weights = {name: value for name, value in values.items() if name.startswith("weight_")}
    if sum(weights.values()) != 100:
        terms = " + ".join(f"{name} {value}" for name, value in weights.items())
        raise ValueError(f"{terms} is {sum(weights.values())}: the weights must sum to 100")


def _ordered_pairs(defaults: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Thresholds that go together, the lower one first, as their defaults stand to each other."""
    pairs = [
        (partner, name)
        for name in defaults
        if "_fail" in name
        for partner in (name.replace("_fail", "_watch"), name.replace("_fail", ""))
        if partner in defaults
    ]
    tiers = [name for name in defaults if name.startswith("tier_")]
    for kind in {name.rpartition("_")[2] for name in tiers}:
        pairs += pairwise(name for name in tiers if name.endswith(f"_{kind}"))
    for one, other in pairs:
        yield (one, other) if defaults[one] <= defaults[other] else (other, one)
