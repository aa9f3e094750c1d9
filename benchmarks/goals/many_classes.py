"""Many small classes in one sync, without the pace: does a long log make a class cost more?"""

from __future__ import annotations

from ..bench import Bench
from ..measure import RunFailed
from ..ours import Tracker, totals
from ..rawlog import fill
from ..results import Goal, Scenario, Verdict
from ..server import Served, World

_RECORDS = 20
_YOUNG_DAYS = 5
_OLD_DAYS = 25


def measure(bench: Bench) -> Goal:
    """Nothing new in any class: after no log, after a long one, and while that is compacted."""
    sizes = bench.sizes
    goal = Goal("classes", f"{sizes.many_classes:,} small classes in which nothing moved")
    few = max(2, sizes.many_classes // 10)
    runs = f"{sizes.logged_runs:,} logged runs"
    one = Scenario("one", "one class, an empty log")
    tenth = Scenario("tenth", f"{few:,} classes, an empty log")
    empty = Scenario("empty", "all classes, an empty log")
    long = Scenario("long", f"all classes, {runs} of {_YOUNG_DAYS} days")
    old = Scenario("old", f"all classes, {runs} of {_OLD_DAYS} days, compacted meanwhile")
    for _ in range(sizes.classes_runs):
        _one(bench, one, 1, 0, 0)
        _one(bench, tenth, few, 0, 0)
        _one(bench, empty, sizes.many_classes, 0, 0)
        _one(bench, long, sizes.many_classes, sizes.logged_runs, _YOUNG_DAYS)
        _one(bench, old, sizes.many_classes, sizes.logged_runs, _OLD_DAYS)
    goal.scenarios += [one, tenth, empty, long, old]
    status = long.median("status_s") / empty.median("status_s")
    each = [
        max(scenario.median("cpu_s") - one.median("cpu_s"), 0.001) / (classes - 1)
        for scenario, classes in ((empty, sizes.many_classes), (tenth, few))
    ]
    goal.verdicts += [
        Verdict("a further class, of all against of a tenth", each[0] / each[1], 1.25, "×"),
        Verdict(f"{runs} against none", _cpu(long, empty), 1.25, "×"),
        Verdict(f"{runs} against none, compacted meanwhile", _cpu(old, empty), 1.5, "×"),
        Verdict(f"status, {runs} against none", status, 1.25, "×"),
        Verdict(
            "requests for a class",
            max(run["pages_per_class"] for run in (*empty.runs, *long.runs, *old.runs)),
            1,
            "requests",
        ),
    ]
    goal.notes.append(
        "Ratios are of processor time. A further class costs what a sync costs more than that of "
        "one class. What grows with the log is the check of the file when a sync begins, once."
    )
    return goal


def _cpu(scenario: Scenario, other: Scenario) -> float:
    return scenario.median("cpu_s") / other.median("cpu_s")


def _one(bench: Bench, scenario: Scenario, classes: int, runs: int, days: int) -> None:
    with Served(World(classes, _RECORDS)) as served:
        tracker = Tracker(bench.work / "classes", served, page_delay=0)
        if runs:
            fill(tracker.data_dir / "raw.db", runs, days, served.classes)
        tracker.sync("--no-build")
        before = tracker.stored("sync_runs")
        served.seen()
        measured, said = tracker.sync("--no-build")
        seen = served.seen()
        found = totals(said)
        if found["new"] + found["changed"] + found["removed"] or len(said["classes"]) != classes:
            raise RunFailed(f"{found} of {len(said['classes']):,} classes were met")
        status = tracker.command("status")
        run = scenario.add(
            measured,
            pages_per_class=seen.progressions / classes,
            status_s=status.cpu_s,
            log_rows=tracker.stored("sync_runs"),
            compacted=before + classes - tracker.stored("sync_runs"),
            timings=said.get("timings"),
        )
        tracker.reset()
    bench.say(f"{scenario.title}: {run['wall_s']} s, {run['compacted']:,} runs compacted")
