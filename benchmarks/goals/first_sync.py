"""The first sync of one cohort at the courteous pace, marts built and tested."""

from __future__ import annotations

import shutil

from ..bench import Bench
from ..ours import Tracker
from ..results import Goal, Scenario, Verdict
from ..server import Served, World

_LIMITS = {1_000: 7.5, 200: 14.5}
_SMALLEST_ASKED = 200  # a server that grants less is asked three times for its first page


def measure(bench: Bench) -> Goal:
    """Floor: the pauses between all requests; everything above it is ours."""
    sizes = bench.sizes
    goal = Goal("first", "First sync of one class, with the pace, marts built and tested")
    scenarios = {
        granted: Scenario(
            key=f"granted_{granted}",
            title=f"{sizes.paced_records:,} records, {granted:,} granted per page",
            facts=_facts(sizes.paced_records, granted, sizes.page_delay),
        )
        for granted in sizes.granted
    }
    most = max(sizes.granted)
    new = Scenario(
        key="new_installation",
        title=f"the same, {most:,} granted, the first sync of an installation",
        facts=_facts(sizes.paced_records, most, sizes.page_delay),
    )
    for _ in range(sizes.paced_runs):
        shutil.rmtree(bench.cache, ignore_errors=True)
        bench.say(f"first sync of an installation: {_one(bench, most, new)['wall_s']} s")
        for granted, scenario in scenarios.items():
            run = _one(bench, granted, scenario)
            bench.say(f"first sync, {granted:,} granted: {run['wall_s']} s")
    for granted, scenario in scenarios.items():
        limit = _LIMITS.get(granted, scenario.facts["floor_s"] * 1.05 + 4)
        words = f"{granted:,} granted" + (", floor × 1.05 + 4 s" if granted not in _LIMITS else "")
        goal.scenarios.append(scenario)
        goal.verdicts.append(Verdict(f"first sync, {words}", scenario.median("wall_s"), limit))
    goal.scenarios.append(new)
    goal.notes.append(
        "dbt parses the project in the first sync of an installation; the installation keeps that "
        "for every further data directory."
    )
    goal.notes.append(
        "The floor is the pauses between all requests: login, class list, class, pages. How many "
        "records to ask for is found out in the same sync: 1,000 first, and where fewer than 200 "
        "come, 200 and 100."
    )
    return goal


def _facts(records: int, granted: int, delay: float) -> dict[str, float]:
    pages = -(-records // granted)
    requests = 3 + pages + (2 if granted < _SMALLEST_ASKED and records > granted else 0)
    return {"pages": pages, "floor_s": round((requests - 1) * delay, 3)}


def _one(bench: Bench, granted: int, scenario: Scenario) -> dict[str, float]:
    sizes = bench.sizes
    with Served(World(1, sizes.paced_records, gzip=True, granted=granted)) as served:
        tracker = Tracker(bench.work / "first", served, page_delay=sizes.page_delay)
        served.seen()
        measured, said = tracker.sync()
        seen = served.seen()
    tracker.require(sizes.paced_records)
    tracker.require_marts(sizes.paced_records)
    seen.require_pace(sizes.page_delay)
    return scenario.add(
        measured,
        requests=seen.requests,
        progressions_requests=seen.progressions,
        server_cpu_s=seen.cpu_s,
        timings=said.get("timings"),
    )
