"""What a person waits for: `status` and `--help`."""

from __future__ import annotations

import sys

from ..bench import Bench
from ..environment import clean_environment
from ..measure import run
from ..ours import Tracker
from ..results import Goal, Scenario, Verdict
from ..server import Served, World


def measure(bench: Bench) -> Goal:
    """Whole processes, beside a Python that does nothing."""
    sizes = bench.sizes
    goal = Goal("commands", "Commands that only look")
    nothing = Scenario("python", "python -c pass", who="python")
    usage = Scenario("help", "--help")
    status = Scenario("status", "status, after a sync")
    with Served(World(1, sizes.paced_records, gzip=True)) as served:
        tracker = Tracker(bench.work / "commands", served, page_delay=0)
        tracker.sync()
        for _ in range(sizes.command_runs):
            nothing.add(run([sys.executable, "-c", "pass"], env=clean_environment()))
            usage.add(tracker.command("--help"))
            status.add(tracker.command("status"))
    bench.say(f"--help {usage.median('wall_s')} s, status {status.median('wall_s')} s")
    goal.scenarios += [nothing, usage, status]
    goal.verdicts += [
        Verdict("status", status.median("wall_s"), 0.25),
        Verdict("--help", usage.median("wall_s"), 0.15),
    ]
    return goal
