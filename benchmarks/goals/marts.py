"""The whole build with its tests over very many classes."""

from __future__ import annotations

from ..bench import Bench
from ..ours import Tracker
from ..rawdata import fill
from ..results import Goal, Scenario, Verdict
from ..server import Served, World

_NEWS = 5


def measure(bench: Bench) -> Goal:
    """The raw store is filled directly; then a sync of one more class builds everything."""
    sizes = bench.sizes
    goal = Goal("marts", "Marts over many classes: build and tests")
    scenarios: dict[int, Scenario] = {}
    for classes in sizes.marts:
        records = classes * sizes.bulk_class
        scenario = Scenario(f"build_{records}", f"{records:,} progressions, {classes:,} classes")
        with Served(World(1, sizes.bulk_class)) as served:
            tracker = Tracker(bench.work / "marts", served, page_delay=0)
            tracker.sync("--no-build")
            scenario.facts["regraded"] = fill(
                tracker.data_dir / "raw.db", classes - 1, sizes.bulk_class
            )
            bench.say(f"{records:,} progressions are written")
            for number in range(1, sizes.marts_runs + 1):
                served.shift(served.classes[0], _NEWS)  # so that there is a reason to build
                measured, said = tracker.sync()
                tracker.require_marts(records + number * _NEWS)
                run = scenario.add(
                    measured,
                    models=said["warehouse"]["models"],
                    tests=said["warehouse"]["tests"],
                    warehouse_mb=(tracker.data_dir / "warehouse.duckdb").stat().st_size / 1e6,
                    timings=said.get("timings"),
                )
                bench.say(f"build: {run['wall_s']} s, {run['peak_mb']:.0f} MB")
            tracker.reset()
        scenarios[records] = scenario
    goal.scenarios += scenarios.values()
    small, large = min(scenarios), max(scenarios)
    goal.verdicts += [
        Verdict(f"build over {large:,} progressions", scenarios[large].median("wall_s"), 120),
        Verdict(
            f"build over {large:,} progressions: peak memory",
            scenarios[large].median("peak_mb"),
            6000,
            "MB",
        ),
    ]
    if large > small:
        growth = scenarios[large].median("wall_s") / scenarios[small].median("wall_s")
        goal.verdicts.append(
            Verdict(f"{large:,} against {small:,}", growth, 1.1 * large / small, "×")
        )
    goal.notes.append(
        "The time is that of the whole `sync` command, which reads one class of "
        f"{sizes.bulk_class:,} records with {_NEWS} new ones meanwhile."
    )
    return goal
