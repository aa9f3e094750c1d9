"""As fast as it goes, without the pace: from the socket into raw.db, and a full read again."""

from __future__ import annotations

from ..bench import Bench
from ..measure import RunFailed
from ..ours import Tracker, totals
from ..results import Goal, Scenario, Verdict
from ..server import Served, World

_TABLES = ("progressions", "classes", "class_units", "rejected_records")


def measure(bench: Bench) -> Goal:
    """Each size in turn, so that a slow minute of the machine hits all of them."""
    sizes = bench.sizes
    goal = Goal("throughput", "Without the pace: from the socket into raw.db")
    worlds = [World(classes, sizes.bulk_class) for classes in sizes.bulk]
    loads = {w.records: Scenario(f"load_{w.records}", f"{w.records:,} records") for w in worlds}
    again = {
        w.records: Scenario(f"again_{w.records}", f"{w.records:,} records again, nothing new")
        for w in worlds
    }
    for _ in range(sizes.bulk_runs):
        for world in worlds:
            with Served(world) as served:
                tracker = Tracker(bench.work / "throughput", served, page_delay=0)
                _one(bench, served, tracker, loads[world.records])
                tracker.require(world.records)
                before = [tracker.stored(table) for table in _TABLES]
                _one(bench, served, tracker, again[world.records])
                if [tracker.stored(table) for table in _TABLES] != before:
                    raise RunFailed("a full read of unchanged records wrote records")
                tracker.reset()
    goal.scenarios += [*loads.values(), *again.values()]
    small, large = min(loads), max(loads)
    goal.verdicts += [
        Verdict(
            f"{large:,} records into raw.db",
            loads[large].median("records_per_s"),
            20_000,
            "records/s",
            at_least=True,
        ),
        Verdict(
            f"{large:,} records: peak memory",
            max(loads[large].median("peak_mb"), again[large].median("peak_mb")),
            400,
            "MB",
        ),
        Verdict(
            f"{large:,} unchanged records read again",
            again[large].median("records_per_s"),
            30_000,
            "records/s",
            at_least=True,
        ),
    ]
    if large > small:
        per = {size: loads[size].median("wall_s") / size for size in (small, large)}
        memory = {size: loads[size].median("peak_mb") for size in (small, large)}
        goal.verdicts += [
            Verdict(
                f"cost per record, {large:,} against {small:,}", per[large] / per[small], 1.15, "×"
            ),
            Verdict(
                f"peak memory, {large:,} against {small:,}", memory[large] / memory[small], 1.2, "×"
            ),
        ]
    goal.notes.append(
        "The server answers uncompressed, in the shape that public clients meet (JSON inside a "
        "JSON string)."
    )
    return goal


def _one(bench: Bench, served: Served, tracker: Tracker, scenario: Scenario) -> None:
    records = served.world.records
    is_again = scenario.key.startswith("again")
    served.seen()
    measured, said = tracker.sync("--no-build", *(["--full"] if is_again else []))
    seen = served.seen()
    counts = totals(said)
    written = counts["new"] + counts["changed"] + counts["removed"]
    if counts["fetched"] != records or written != (0 if is_again else records):
        raise RunFailed(f"of {records:,} records {counts} were met")
    run = scenario.add(
        measured,
        records_per_s=round(records / measured.wall_s),
        records_per_cpu_s=round(records / measured.cpu_s),
        server_cpu_s=seen.cpu_s,
        timings=said.get("timings"),
    )
    bench.say(f"{scenario.title}: {run['records_per_s']:,} records/s, {run['peak_mb']:.0f} MB")
