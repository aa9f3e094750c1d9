"""Beside what people would use instead, from the same server, in turn."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..bench import Bench
from ..environment import ROOT, clean_environment
from ..measure import Measured, RunFailed, run
from ..ours import Tracker
from ..results import OURS, Goal, Scenario, Verdict
from ..server import Served, World

PEER_DIR = ROOT / "benchmarks" / "peers"


@dataclass(frozen=True)
class Peer:
    """A peer: its script, what it is called, and where its records end up."""

    script: str
    name: str
    suffix: str
    table: str
    key: str


PLAIN = Peer("plain_python.py", "requests + sqlite3", ".db", "progressions", "id")
PEERS = (
    PLAIN,
    Peer("sqlite_utils_upsert.py", "sqlite-utils", ".db", "progressions", "id"),
    Peer("singer.py", "singer-sdk | target-duckdb", ".duckdb", "main.progressions", "id"),
    Peer("dlt_rest_api.py", "dlt rest_api, DuckDB", ".duckdb", "raw.progressions", "_id"),
)
OURS_LOAD = f"{OURS}, load only"


def measure(bench: Bench) -> Goal:
    """One class with the pace, many without. Ours twice: with marts and tests, and without."""
    sizes = bench.sizes
    goal = Goal("side", "Side by side, from the same server")
    cases = (
        ("paced", _plain(1, sizes.paced_records), sizes.page_delay),
        ("bulk", _plain(sizes.side_bulk, sizes.bulk_class), 0.0),
    )
    for key, world, delay in cases:
        _case(bench, goal, key, world, delay)
    goal.notes += [
        "Every tool logs in, asks for the same pages with the same pace and stores each record "
        "under its key; only ours also keeps versions, proves completeness, and (first line) "
        "builds and tests the marts. The peers end with a loaded table.",
        "The server answers in the plainest shape of the API (no JSON in strings, plain ids), "
        "which the peers read without glue.",
        "The Singer pair loads into target-duckdb: the SQLite target on the package index (0.2.0) "
        "pins SQLAlchemy 1.2.12, which does not import on Python 3.11.",
    ]
    return goal


def _plain(classes: int, records: int) -> World:
    return World(classes, records, envelope="plain", id_style="plain", login_shape="token")


def _case(bench: Bench, goal: Goal, key: str, world: World, delay: float) -> None:
    pace = f"{delay:g} s pace" if delay else "no pace"
    title = f"{world.records:,} records, {pace}"
    runners: dict[str, Callable[[Served], Measured]] = {
        OURS: lambda served: _ours(bench, served, delay, build=True),
        OURS_LOAD: lambda served: _ours(bench, served, delay, build=False),
    }
    if bench.peers is not None:
        for peer in PEERS:
            runners[peer.name] = _peer_runner(bench, peer, delay)
    scenarios = {who: Scenario(f"{key}: {who}", title, who) for who in runners}
    with Served(world) as served:
        for _ in range(bench.sizes.side_runs):
            for who, runner in runners.items():
                served.seen()
                measured = runner(served)
                seen = served.seen()
                seen.require_pace(delay)
                added = scenarios[who].add(
                    measured,
                    records_per_s=round(world.records / measured.wall_s),
                    requests=seen.requests,
                    server_cpu_s=seen.cpu_s,
                )
                bench.say(f"{title}: {who}: {added['wall_s']} s")
    goal.scenarios += scenarios.values()
    if bench.peers is None:
        return
    walls = {who: scenario.median("wall_s") for who, scenario in scenarios.items()}
    for ours in (OURS, OURS_LOAD):
        for peer in PEERS:
            if peer is PLAIN and not delay:
                continue  # the limit of plain Python is one with the pace on
            limit = 1.5 if peer is PLAIN else 1.0
            claim = f"{title}: {ours} against {peer.name}"
            goal.verdicts.append(Verdict(claim, walls[ours] / walls[peer.name], limit, "×"))


def _ours(bench: Bench, served: Served, delay: float, *, build: bool) -> Measured:
    tracker = Tracker(bench.work / "side" / "ours", served, page_delay=delay)
    measured, _ = tracker.sync(*([] if build else ["--no-build"]))
    tracker.require(served.world.records)
    if build:
        tracker.require_marts(served.world.records)
    return measured


def _peer_runner(bench: Bench, peer: Peer, delay: float) -> Callable[[Served], Measured]:
    return lambda served: _peer(bench, peer, served, delay)


def _peer(bench: Bench, peer: Peer, served: Served, delay: float) -> Measured:
    home = bench.work / "side" / Path(peer.script).stem
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    out = home / f"peer{peer.suffix}"
    environment = clean_environment(home)
    del environment["PYTHONPATH"]
    python = str(bench.peers)
    measured = run(
        [
            *(python, str(PEER_DIR / peer.script)),
            *("--url", served.url, "--email", served.email, "--password", served.password),
            *("--classes", ",".join(served.classes), "--page-size", "200"),
            *("--delay", str(delay), "--out", str(out)),
        ],
        env=environment,
        cwd=home,
    )
    count = run(
        [python, str(PEER_DIR / "count.py"), str(out), peer.table, peer.key], env=environment
    )
    records = served.world.records
    if count.stdout.split() != [str(records)] * 2:
        raise RunFailed(f"{peer.name} stored {count.stdout.strip()}, not {records}")
    return measured
