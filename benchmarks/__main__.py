"""`python -m benchmarks`: measure the goals, print them, write the results as JSON."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .bench import Bench
from .document import write_document
from .environment import ROOT, clean_environment
from .goals import GOALS
from .machine import machine, versions
from .measure import RunFailed, run
from .ours import Tracker
from .report import print_goal
from .server import Served, World
from .sizes import SIZES, TINY, Sizes


def main() -> int:
    """Run the benchmark; 1 when a run was void, 0 otherwise, whether goals were met or not."""
    given = _arguments()
    sizes = SIZES[given.size]
    if given.runs:
        sizes = _with_runs(sizes, given.runs)
    given.results.mkdir(parents=True, exist_ok=True)
    path = given.results / f"{given.name or sizes.name}.json"
    wanted = list(GOALS) if not given.only else given.only.split(",")
    found: dict[str, Any] = {
        "name": path.stem,
        "size": sizes.name,
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": machine(),
        "versions": versions(given.peers),
        "goals": {},
    }
    if given.only and path.exists():
        found["goals"] = json.loads(path.read_text(encoding="utf-8"))["goals"]
    voids = 0
    with tempfile.TemporaryDirectory(prefix="bench-", dir=given.work) as work:
        bench = Bench(sizes, Path(work), given.peers)
        os.environ["XDG_CACHE_HOME"] = str(bench.cache)
        if sizes is not TINY:
            _warm_up(bench)
        for key in wanted:
            try:
                goal = GOALS[key](bench)
            except RunFailed as error:
                print(f"VOID: {key}: {error}", file=sys.stderr)
                voids += 1
                continue
            taken_at = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
            found["goals"][key] = goal.as_json(taken_at)
            print_goal(found["goals"][key])
            _save(path, found)
    if found["goals"] and given.peers is not None:
        _plot(given.peers, path)
    if given.document is not None:
        write_document(path, given.document)
    return 1 if voids else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--size", choices=SIZES, default="quick")
    parser.add_argument("--only", help=f"some of {','.join(GOALS)}; others stay as they were found")
    parser.add_argument("--runs", type=int, help="so many runs of everything")
    parser.add_argument("--name", help="name of the results; default: the size")
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks" / "results")
    parser.add_argument("--peers", type=Path, help="Python of the peers' environment")
    parser.add_argument("--work", type=Path, help="a directory with room for the data")
    parser.add_argument("--document", type=Path, help="also write this page from the results")
    given = parser.parse_args()
    unknown = set(given.only.split(",")) - set(GOALS) if given.only else set()
    if unknown:
        parser.error(f"no such goal: {', '.join(sorted(unknown))}")
    if given.work is not None:
        given.work = given.work.absolute()
    if given.peers is not None:
        given.peers = given.peers.absolute()  # not resolved: the link makes the environment
    return given


def _with_runs(sizes: Sizes, runs: int) -> Sizes:
    return replace(
        sizes,
        paced_runs=runs,
        bulk_runs=runs,
        marts_runs=runs,
        side_runs=runs,
        command_runs=runs,
        classes_runs=runs,
    )


def _warm_up(bench: Bench) -> None:
    """Compile and read every module once, parse the project: the first run is as the others."""
    with Served(World(1, 40)) as served:
        Tracker(bench.work / "warm", served, page_delay=0).sync()


def _save(path: Path, found: dict[str, Any]) -> None:
    in_order = {key: found["goals"][key] for key in GOALS if key in found["goals"]}
    text = json.dumps({**found, "goals": in_order}, indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def _plot(python: Path, path: Path) -> None:
    """matplotlib lives in the peers' environment; without it there is no plot."""
    command = [str(python), str(ROOT / "benchmarks" / "plot.py"), str(path)]
    try:
        run(command, env=clean_environment(), cwd=ROOT)
    except (RunFailed, subprocess.SubprocessError) as error:
        print(f"no plot: {error}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
