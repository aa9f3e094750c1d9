"""Beside what people would use instead, from the same server, in turn."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..bench import Bench
from ..environment import ROOT, clean_environment
from ..measure import Measured, RunFailed, run, together
from ..ours import Tracker, require_marts
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
LOAD = "load only"
MARTS = "with marts"


def measure(bench: Bench) -> Goal:
    """One class with the pace, many without; each tool up to its loaded table, and to the marts."""
    sizes = bench.sizes
    goal = Goal("side", "Side by side, from the same server")
    cases = (
        ("paced", _plain(1, sizes.paced_records, granted=1_000), sizes.page_delay),
        ("bulk", _plain(sizes.side_bulk, sizes.bulk_class, granted=200), 0.0),
    )
    for key, world, delay in cases:
        _case(bench, goal, key, world, delay)
    goal.notes += [
        "Every tool logs in, keeps the same pace and stores each record under its key; only ours "
        "also asks for the class and its curriculum, keeps versions and proves completeness. The "
        "peers ask for 200 records per page, as public clients of the API do. With the pace the "
        "server would grant 1,000, which ours finds out; without it grants 200 to everybody.",
        "With marts: the peers' tables are copied into the layout that the models read, by one "
        "statement, and plain `dbt build` makes and tests the same models of them (with a warm "
        "partial parse). That is the least that somebody who wants the same answers would do.",
        "The server answers in the plainest shape of the API (no JSON in strings, plain ids), "
        "which the peers read without glue.",
        "The Singer pair loads into target-duckdb: the SQLite target on the package index (0.2.0) "
        "pins SQLAlchemy 1.2.12, which does not import on Python 3.11.",
    ]
    return goal


def _plain(classes: int, records: int, granted: int) -> World:
    shape = {"envelope": "plain", "id_style": "plain", "login_shape": "token"}
    return World(classes, records, **shape, granted=granted)


def _case(bench: Bench, goal: Goal, key: str, world: World, delay: float) -> None:
    pace = f"{delay:g} s pace" if delay else "no pace"
    title = f"{world.records:,} records, {pace}"
    runners: dict[str, Callable[[Served], Iterator[tuple[str, Measured]]]] = {
        OURS: lambda served: _ours(bench, served, delay)
    }
    if bench.peers is not None:
        for peer in PEERS:
            runners[peer.name] = _peer_runner(bench, peer, delay)
    scenarios = {
        (how, who): Scenario(f"{key}, {how}: {who}", f"{title}, {how}", who)
        for how in (MARTS, LOAD)
        for who in runners
    }
    with Served(world) as served:
        for _ in range(bench.sizes.side_runs):
            for who, runner in runners.items():
                served.seen()
                for how, measured in runner(served):
                    served.seen().require_pace(delay)
                    added = scenarios[how, who].add(
                        measured, records_per_s=round(world.records / measured.wall_s)
                    )
                    bench.say(f"{title}, {how}: {who}: {added['wall_s']} s")
    goal.scenarios += scenarios.values()
    if bench.peers is None:
        return
    walls = {name: scenario.median("wall_s") for name, scenario in scenarios.items()}
    for peer in PEERS[1:]:
        claim = f"{title}, from API to marts: ours against {peer.name}"
        ratio = walls[MARTS, OURS] / walls[MARTS, peer.name]
        goal.verdicts.append(Verdict(claim, ratio, 1.0, "×"))
    if delay:  # the limit of plain Python is one with the pace on
        claim = f"{title}: ours with marts against the load alone of {PLAIN.name}"
        ratio = walls[MARTS, OURS] / walls[LOAD, PLAIN.name]
        goal.verdicts.append(Verdict(claim, ratio, 1.0, "×"))


def _ours(bench: Bench, served: Served, delay: float) -> Iterator[tuple[str, Measured]]:
    for how, options in ((LOAD, ["--no-build"]), (MARTS, [])):
        tracker = Tracker(bench.work / "side" / "ours", served, page_delay=delay)
        measured, _ = tracker.sync(*options)
        tracker.require(served.world.records)
        if how == MARTS:
            tracker.require_marts(served.world.records)
        yield how, measured


def _peer_runner(
    bench: Bench, peer: Peer, delay: float
) -> Callable[[Served], Iterator[tuple[str, Measured]]]:
    def both(served: Served) -> Iterator[tuple[str, Measured]]:
        loaded = _peer(bench, peer, served, delay)
        yield LOAD, loaded
        yield MARTS, together(loaded, *_marts_of(bench, peer, served.world.records))

    return both


def _marts_of(bench: Bench, peer: Peer, records: int) -> tuple[Measured, Measured]:
    """The same marts of what a peer loaded: its table laid out for the models, then dbt."""
    home = bench.work / "side" / Path(peer.script).stem
    raw_db = home / "data" / "raw.db"
    raw_db.parent.mkdir()
    environment = clean_environment(home, COHORT_TRACKER_DATA_DIR=str(raw_db.parent))
    out = str(home / f"peer{peer.suffix}")
    laid_out = run(
        [sys.executable, str(PEER_DIR / "to_raw.py"), out, peer.table, str(raw_db)],
        env=environment,
        cwd=home,
    )
    places = [
        *("--project-dir", str(ROOT), "--profiles-dir", str(ROOT)),
        *("--target-path", str(bench.work / "side" / "target"), "--log-path", str(home)),
    ]
    built = run(
        [sys.executable, "-m", "dbt.cli.main", "-q", "build", "--selector", "sync", *places],
        env=environment,
        cwd=home,
    )
    require_marts(raw_db.with_name("dev.duckdb"), records)
    return laid_out, built


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
