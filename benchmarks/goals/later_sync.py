"""Later syncs of the same cohort: nothing new, and a few new records."""

from __future__ import annotations

from dataclasses import dataclass

from ..bench import Bench
from ..measure import RunFailed
from ..ours import Tracker, skip_reason, totals
from ..results import Goal, Scenario, Verdict
from ..server import Served, World


@dataclass(frozen=True)
class _Limits:
    """Seconds and requests for progressions, by what the server grants per page."""

    unchanged: float
    requests: int
    changed: float


_LIMITS = {1_000: _Limits(2.5, 2, 5.5), 200: _Limits(3, 3, 7)}


def measure(bench: Bench) -> Goal:
    """After one first sync: unchanged, changed, unchanged, changed…"""
    goal = Goal("later", "Later sync of one class, with the pace")
    for granted, limits in _LIMITS.items():
        _measure(bench, goal, granted, limits)
    return goal


def _measure(bench: Bench, goal: Goal, granted: int, limits: _Limits) -> None:
    sizes = bench.sizes
    on = f"{granted:,} granted per page"
    unchanged = Scenario(f"unchanged_{granted}", f"nothing new, {on}")
    changed = Scenario(f"changed_{granted}", f"{sizes.later_change} new records, {on}")
    with Served(World(1, sizes.paced_records, gzip=True, granted=granted)) as served:
        tracker = Tracker(bench.work / "later", served, page_delay=sizes.page_delay)
        tracker.sync()
        records = sizes.paced_records
        for _ in range(sizes.paced_runs):
            _one(bench, served, tracker, unchanged, new=0)
            served.shift(served.classes[0], sizes.later_change)
            records += sizes.later_change
            _one(bench, served, tracker, changed, new=sizes.later_change)
            tracker.require_marts(records)
        tracker.require(records)
    goal.scenarios += [unchanged, changed]
    skipped = sum(not run["built"] for run in unchanged.runs) / len(unchanged.runs)
    said = sum(run["skip_reason"] is not None for run in unchanged.runs) / len(unchanged.runs)
    goal.verdicts += [
        Verdict(f"nothing new, {on}: wall", unchanged.median("wall_s"), limits.unchanged),
        Verdict(
            f"nothing new, {on}: progressions requests",
            max(run["progressions_requests"] for run in unchanged.runs),
            limits.requests,
            "requests",
        ),
        Verdict(f"nothing new, {on}: builds skipped", skipped, 1, "of runs", at_least=True),
        Verdict(f"nothing new, {on}: reason said in --json", said, 1, "of runs", at_least=True),
        Verdict(
            f"with changes, {on}: wall, marts rebuilt and tested",
            changed.median("wall_s"),
            limits.changed,
        ),
    ]


def _one(bench: Bench, served: Served, tracker: Tracker, scenario: Scenario, *, new: int) -> None:
    served.seen()
    measured, said = tracker.sync()
    seen = served.seen()
    counts = totals(said)
    seen.require_pace(bench.sizes.page_delay)
    if counts["new"] != new:
        raise RunFailed(f"{counts['new']} new records were found, not {new}")
    if new and not said["built"]:
        raise RunFailed("there were new records, and the warehouse was not rebuilt")
    run = scenario.add(
        measured,
        requests=seen.requests,
        progressions_requests=seen.progressions,
        built=said["built"],
        skip_reason=skip_reason(said),
        timings=said.get("timings"),
    )
    bench.say(f"later sync, {scenario.title}: {run['wall_s']} s, {seen.progressions} pages")
