"""The first sync of one cohort at the courteous pace, marts built and tested."""

from __future__ import annotations

from ..bench import Bench
from ..ours import Tracker
from ..results import Goal, Scenario, Verdict
from ..server import Served, World


def measure(bench: Bench) -> Goal:
    """Floor: the pauses between the pages of progressions; everything above it is ours."""
    sizes = bench.sizes
    goal = Goal("first", "First sync of one class, with the pace, marts built and tested")
    with Served(World(1, sizes.paced_records, gzip=True)) as served:
        scenarios = {
            size: Scenario(
                key=f"page_size_{size}",
                title=f"{sizes.paced_records:,} records, page size {size}",
                facts=_facts(sizes.paced_records, size, sizes.page_delay),
            )
            for size in sizes.page_sizes
        }
        for _ in range(sizes.paced_runs):
            for size, scenario in scenarios.items():
                run = _one(bench, served, size, scenario)
                bench.say(f"first sync, page size {size}: {run['wall_s']} s")
    for size, scenario in scenarios.items():
        floor = scenario.facts["floor_s"]
        limit = floor + 5 if size >= 200 else floor * 1.05 + 3
        words = "floor + 5 s" if size >= 200 else "floor × 1.05 + 3 s"
        goal.scenarios.append(scenario)
        goal.verdicts.append(
            Verdict(f"first sync, page size {size}, {words}", scenario.median("wall_s"), limit)
        )
    goal.notes.append(
        "The floor is the pauses between the pages of progressions. The pace also holds between "
        "login, class list, class and first page: three more pauses that the floor leaves out."
    )
    return goal


def _facts(records: int, page_size: int, delay: float) -> dict[str, float]:
    pages = -(-records // page_size)
    return {"pages": pages, "floor_s": round((pages - 1) * delay, 3)}


def _one(bench: Bench, served: Served, size: int, scenario: Scenario) -> dict[str, float]:
    sizes = bench.sizes
    tracker = Tracker(bench.work / "first", served, page_size=size, page_delay=sizes.page_delay)
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
