"""Later syncs of the same cohort: nothing new, and a few new records."""

from __future__ import annotations

from ..bench import Bench
from ..measure import RunFailed
from ..ours import Tracker, skip_reason, totals
from ..results import Goal, Scenario, Verdict
from ..server import Served, World


def measure(bench: Bench) -> Goal:
    """After one first sync: unchanged, changed, unchanged, changed…"""
    sizes = bench.sizes
    goal = Goal("later", "Later sync of one class, with the pace")
    unchanged = Scenario("unchanged", "nothing new")
    changed = Scenario("changed", f"{sizes.later_change} new records")
    with Served(World(1, sizes.paced_records, gzip=True)) as served:
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
        Verdict("nothing new: wall", unchanged.median("wall_s"), 3),
        Verdict(
            "nothing new: progressions requests",
            max(run["progressions_requests"] for run in unchanged.runs),
            3,
            "requests",
        ),
        Verdict("nothing new: builds skipped", skipped, 1, "of runs", at_least=True),
        Verdict("nothing new: reason said in --json", said, 1, "of runs", at_least=True),
        Verdict("with changes: wall, marts rebuilt and tested", changed.median("wall_s"), 7),
    ]
    return goal


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
