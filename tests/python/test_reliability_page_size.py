"""What is asked for per page where the settings leave it to be found out, against many servers."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cohort_tracker.raw.store import RawStore
from cohort_tracker.sources.adapter import TransportLimits
from cohort_tracker.sources.openclass.page_size import PROBE_SECONDS, PageSizes
from cohort_tracker.sync import SyncReport
from support import NOW, Bench, Classes, at_night, classes, keeps_its_distance, record

MANY = 1_150
Asked = list[tuple[int, int]]


def many(count: int = MANY) -> Classes:
    """A class over more than one of the largest pages, 96 completions a day."""
    done = [record(number, days_ago=number / 96 + 1) for number in range(count - 3)]
    return Classes(c1=done + [record(90_000 + number) for number in range(3)])


def bench_of(
    home: Path, *faults: str, source: Any = None, grants: int = 1_000, **options: Any
) -> Bench:
    bench = Bench(
        home,
        source or many(),
        options={"page_size": "auto", **options},
        server_options={"max_page_size": grants},
    )
    bench.misbehave(*faults)
    return bench


def asked(bench: Bench) -> Asked:
    """Page and size of the requests for progressions since the last call."""
    found = asked_since_start(bench)
    bench.server.requests.clear()
    return found


def asked_since_start(bench: Bench) -> Asked:
    queries = [entry.query for entry in bench.server.requests.entries("/progressions")]
    return [(int(query["page"]), int(query["return_count"])) for query in queries]


def pages(size: int, records: int, count: int = MANY) -> Asked:
    """The requests of a whole read: asked for `size`, `records` on each page."""
    return [(number, size) for number in range(-(-count // records))]


def remembered(bench: Bench) -> list[tuple[Any, ...]]:
    return bench.query("SELECT asked, granted FROM page_sizes ORDER BY rowid")


def require_whole(bench: Bench, report: SyncReport) -> None:
    """Everything that the server has is stored as it is, and that is proven."""
    assert report.errors == []
    assert all(outcome.result.verified for outcome in report.classes)
    for class_id in bench.source.classes:
        assert bench.in_force(class_id) == bench.expected(class_id)


SERVERS = [
    # What it grants, how it misbehaves, what is asked for before, then as what, and what comes.
    (1_000, [], [], 1_000, 1_000),
    (200, [], [], 1_000, 200),
    (199, [], [1_000], 200, 199),
    (100, [], [1_000], 200, 100),
    at_night(150, ["results_per_page=missing"], [1_000], 200, 150),
    (200, ["results_per_page=records"], [], 1_000, 200),
    (1_000, ["shrink=30,over=200,times=always"], [1_000], 200, 200),
    at_night(1_000, ["shrink=30,over=100,times=always"], [1_000, 200], 100, 100),
    (30, [], [1_000, 200], 100, 30),
    at_night(30, ["results_per_page=asked"], [1_000, 200], 100, 30),
    (1_000, ["status=400,over=200,times=always"], [1_000], 200, 200),
    at_night(1_000, ["status=413,over=200,times=always"], [1_000], 200, 200),
    (1_000, ["status=422,over=100,times=always"], [1_000, 200], 100, 100),
    (1_000, ["hang=60,over=200,times=always"], [1_000], 200, 200),
    at_night(1_000, ["hang=60,over=100,times=always"], [1_000, 200], 100, 100),
    at_night(1_000, ["drip=1000,over=200"], [1_000], 200, 200),
]


@pytest.mark.parametrize(("grants", "faults", "before", "size", "records"), SERVERS)
def test_the_largest_size_that_the_server_gives_is_found_once_and_used(
    tmp_path: Path, grants: int, faults: list[str], before: list[int], size: int, records: int
):
    with bench_of(tmp_path, *faults, grants=grants, read_timeout=1) as bench:
        looking = [(0, tried) for tried in before]
        require_whole(bench, bench.sync())
        assert asked(bench) == looking + pages(size, records)
        assert bench.query("SELECT page_size FROM sync_runs") == [(records,)]
        assert remembered(bench) == [(size, records)]
        bench.source.records.append(record(95_000))
        require_whole(bench, bench.sync(full=True))
        assert asked(bench) == pages(size, records, MANY + 1), "it was found out before"
        assert remembered(bench) == [(size, records)]


@pytest.mark.parametrize("fault", ["hang=60", "drip=500"])
@pytest.mark.parametrize(("patience", "waited"), [(1.5, 1.5), at_night(30, PROBE_SECONDS)])
def test_an_answer_that_does_not_come_costs_one_short_wait(
    tmp_path: Path, fault: str, patience: float, waited: float
):
    with bench_of(
        tmp_path, f"{fault},over=200,times=always", source=many(300), read_timeout=patience
    ) as bench:
        require_whole(bench, bench.sync())
        tried, begun, _ = bench.server.requests.entries("/progressions")
        assert waited < begun.started - tried.started < waited + 2


def test_patience_is_as_ever_where_no_smaller_size_is_left():
    usual = TransportLimits()
    sizes = PageSizes("auto")
    assert sizes.limits(1_000, usual).response_seconds == PROBE_SECONDS < usual.read_timeout
    assert sizes.limits(1_000, TransportLimits(read_timeout=2)).read_timeout == 2
    assert sizes.limits(200, usual).read_timeout == usual.read_timeout
    assert sizes.limits(100, usual) == PageSizes(1_000).limits(1_000, usual) == usual


@pytest.mark.parametrize(("days", "again"), [(29.9, False), (30.1, True), (-0.1, True)])
def test_what_was_found_out_holds_for_a_month(tmp_path: Path, days: float, again: bool):
    with bench_of(tmp_path, "status=413,over=200,times=always") as bench:
        bench.sync()
        then = (NOW - timedelta(days=days)).replace(tzinfo=None).isoformat(" ", "microseconds")
        store = RawStore(bench.raw)
        store.write(lambda db: db.execute("UPDATE page_sizes SET first_seen_at = ?", (then,)))
        asked(bench)
        require_whole(bench, bench.sync(full=True))
        assert asked(bench) == [(0, 1_000)] * again + pages(200, 200)
        bench.sync(full=True)
        assert asked(bench) == pages(200, 200), "and then for another"


def test_a_server_that_gives_more_after_a_month_gets_larger_pages(tmp_path: Path):
    with bench_of(tmp_path, "shrink=30,over=200,times=always") as bench:
        bench.sync()
        bench.misbehave()
        asked(bench)
        bench.sync(full=True)
        assert asked(bench) == pages(200, 200)
        RawStore(bench.raw).write(
            lambda db: db.execute("UPDATE page_sizes SET first_seen_at = '2020-01-01 00:00:00'")
        )
        require_whole(bench, bench.sync(full=True))
        assert asked(bench) == pages(1_000, 1_000)
        assert remembered(bench) == [(200, 200), (1_000, 1_000)]


def test_each_api_has_its_own_size(tmp_path: Path):
    with (
        bench_of(tmp_path / "one", "status=400,over=100,times=always") as one,
        bench_of(tmp_path / "other") as other,
    ):
        one.sync()
        asked(one)
        one.sync(full=True, api_base=other.server.url)
        assert asked(other) == pages(1_000, 1_000)
        one.sync(full=True)
        assert asked(one) == pages(100, 100)


# -- classes that fit on a page ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("faults", "requests"),
    [
        ([], 1),
        at_night(["results_per_page=records"], 1),
        at_night(["results_per_page=missing"], 1),
        (["total_off=3"], 6),  # a second read shows that nothing is missing
        at_night(["no_total"], 2),
        (["no_total", "can_load_more=missing"], 2),
        at_night(["extra_empty_page"], 2),
    ],
)
def test_a_class_that_fits_on_a_page_tells_nothing_of_larger_pages(
    tmp_path: Path, faults: list[str], requests: int
):
    with bench_of(tmp_path, *faults, source=classes(45)) as bench:
        require_whole(bench, bench.sync())
        found = asked(bench)
        assert {size for _, size in found} == {1_000}
        assert len(found) == requests
        assert remembered(bench) == []


def test_a_class_that_fits_on_a_page_shows_what_is_refused(tmp_path: Path):
    with bench_of(tmp_path, "status=413,over=200,times=always", source=classes(45)) as bench:
        for expected in ([(0, 1_000), (0, 200)], [(0, 200)]):
            require_whole(bench, bench.sync(full=True))
            assert asked(bench) == expected
            assert remembered(bench) == [(200, None)]


def test_a_small_class_before_a_large_one_settles_nothing(tmp_path: Path):
    small, large = classes(20).records, many().records
    for number, one in enumerate(small):
        one["_id"] = {"$oid": f"{50_000 + number:024x}"}
    source = Classes(c1=small, c2=large, c3=[record(99_000)])
    with bench_of(tmp_path, "shrink=30,over=100,times=always", source=source) as bench:
        require_whole(bench, bench.sync())
        looking = [(0, 1_000), (0, 1_000), (0, 200)]
        assert asked(bench) == looking + pages(100, 100) + [(0, 100)]
        assert remembered(bench) == [(100, 100)]
        bench.source.classes["c3"].append(record(99_001))
        require_whole(bench, bench.sync(full=True))
        assert asked(bench) == [(0, 100), *pages(100, 100), (0, 100)]


# -- servers that change their mind --------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "failed"),
    [
        ("status=413,over=200", [1_000]),
        at_night("status=400,over=100", [1_000, 200]),
        ("shrink=200,over=200", [1_000]),
        ("shrink=30,over=100", [1_000, 200]),
    ],
)
@pytest.mark.parametrize("claim", [[], at_night(["results_per_page=missing"])])
def test_a_size_that_holds_for_page_0_only_ends_in_a_complete_read(
    tmp_path: Path, fault: str, failed: list[int], claim: list[str]
):
    later = [f"{fault},page={number},times=always" for number in range(1, 30)]
    with bench_of(tmp_path, *later, *claim) as bench:
        require_whole(bench, bench.sync())
        begun = [(number, size) for size in failed for number in (0, 1)]
        size = {1_000: 200, 200: 100}[failed[-1]]
        assert asked(bench) == begun + pages(size, size)
        assert remembered(bench) == [(size, size)]
        require_whole(bench, bench.sync(full=True))
        assert asked(bench) == pages(size, size)


def test_a_page_that_becomes_too_slow_is_waited_for_twice(tmp_path: Path):
    with bench_of(tmp_path, "hang=60,over=200,after=1,times=always", read_timeout=1) as bench:
        require_whole(bench, bench.sync())
        assert asked(bench) == [(0, 1_000), (1, 1_000), (1, 1_000), *pages(200, 200)]
        assert remembered(bench) == [(200, 200)]


def test_one_slow_answer_does_not_change_a_size_that_held(tmp_path: Path):
    with bench_of(tmp_path, "hang=60,page=1,times=1", read_timeout=1) as bench:
        require_whole(bench, bench.sync())
        assert asked(bench) == [(0, 1_000), (1, 1_000), (1, 1_000)]
        assert remembered(bench) == [(1_000, 1_000)]


def test_an_api_that_is_down_in_the_middle_does_not_change_a_size_that_held(tmp_path: Path):
    with bench_of(tmp_path, "status=503,page=1,times=always", max_attempts=2) as bench:
        assert bench.sync().exit_code == 5
        assert asked(bench) == [(0, 1_000), (1, 1_000), (1, 1_000)]
        assert remembered(bench) == [(1_000, 1_000)]


@pytest.mark.parametrize("fault", ["status=422,over=200", "shrink=200,over=200"])
def test_an_incremental_read_goes_on_as_one_with_another_size(tmp_path: Path, fault: str):
    with bench_of(tmp_path, source=many(3_500)) as bench:
        bench.sync()
        bench.source.records.append(record(95_000, days_ago=0.5))
        bench.source.records[-2]["grade"] = 0.25
        asked(bench)
        bench.misbehave(f"{fault},after=1,times=always")
        report = bench.sync()
        require_whole(bench, report)
        result = report.classes[0].result
        assert (result.mode, result.new, result.changed) == ("incremental", 1, 1)
        found = asked(bench)
        assert [size for _, size in found] == [1_000] * 2 + [200] * (len(found) - 2)
        assert len(found) < 14, "not everything was read again"


def test_pages_that_never_keep_their_size_end_in_a_clear_error(tmp_path: Path):
    with bench_of(tmp_path) as bench:
        bench.sync()
        asked(bench)
        bench.misbehave(*(f"shrink=50,page={number},times=always" for number in range(1, 99)))
        report = bench.sync(full=True)
        assert report.exit_code == 1
        assert "it could not be proven that every record was read" in report.errors[0].message
        assert "its pages change their size" in report.errors[0].message
        assert bench.in_force() == bench.expected(), "what was not met is not taken for gone"
        assert len(asked(bench)) < 4 * len(pages(50, 50))


def test_a_server_that_refuses_every_size_ends_in_a_clear_error(tmp_path: Path):
    with bench_of(tmp_path, "status=422,times=always") as bench:
        report = bench.sync()
        assert asked(bench) == [(0, 1_000), (0, 200), (0, 100)]
        assert report.exit_code == 5
        told = report.errors[0]
        assert told.message == "Failed to fetch progressions: 422 to pages of 100 records"
        assert "page_size" in str(told.hint)
        assert remembered(bench) == []


# -- failures that are not about the size --------------------------------------------------------


@pytest.mark.parametrize(
    "fault", ["status=503,times=2", at_night("status=429,retry_after=0.2"), at_night("reset")]
)
def test_a_failure_of_the_moment_does_not_make_pages_smaller(tmp_path: Path, fault: str):
    with bench_of(tmp_path, fault) as bench:
        require_whole(bench, bench.sync())
        assert {size for _, size in asked(bench)} == {1_000}
        assert remembered(bench) == [(1_000, 1_000)]


def test_a_server_that_breaks_over_large_pages_gets_smaller_ones(tmp_path: Path):
    with bench_of(tmp_path, "status=502,over=200,times=always", max_attempts=2) as bench:
        require_whole(bench, bench.sync())
        assert asked(bench) == [(0, 1_000), (0, 1_000), *pages(200, 200)]
        assert remembered(bench) == [(200, 200)]


@pytest.mark.parametrize(
    ("fault", "exit_code"),
    [("status=429", 5), at_night("status=404", 4), at_night("status=403", 4)],
)
def test_other_refusals_are_not_tried_with_smaller_pages(
    tmp_path: Path, fault: str, exit_code: int
):
    with bench_of(tmp_path, f"{fault},times=always", max_attempts=2) as bench:
        assert bench.sync().exit_code == exit_code
        assert {size for _, size in asked(bench)} == {1_000}
        assert remembered(bench) == []


def test_a_login_that_hangs_in_the_middle_says_nothing_of_the_size(tmp_path: Path):
    with bench_of(tmp_path, "revoke", read_timeout=1, max_attempts=1) as bench:
        bench.incident("hang", 60, on="/login", after=1, times=1)
        report = bench.sync()
        assert report.errors[0].message.startswith("Failed to log in: no answer in time")
        assert asked(bench) == [(0, 1_000)]
        assert remembered(bench) == []


# -- settings, pace, and what belongs to the store -----------------------------------------------


def test_a_number_is_asked_for_as_it_is(tmp_path: Path):
    with bench_of(tmp_path, "shrink=30,over=200,times=always", page_size=1_000) as bench:
        require_whole(bench, bench.sync())
        assert asked(bench) == pages(1_000, 30)
        bench.misbehave("status=413,times=always")
        report = bench.sync(full=True)
        assert report.errors[0].message.endswith("413 to pages of 1,000 records")
        assert asked(bench) == [(0, 1_000)]
        assert remembered(bench) == []


@pytest.mark.parametrize(
    "fault",
    [
        "status=413,over=100,times=always",
        at_night("shrink=30,over=100,times=always"),
        at_night("hang=60,over=200,times=always"),
        "status=413,over=200,after=1,times=always",
    ],
)
def test_the_pace_holds_while_sizes_are_tried(tmp_path: Path, fault: str):
    def ask(bench: Bench) -> None:
        bench.misbehave(fault)
        require_whole(bench, bench.sync(page_size="auto", page_delay=0.2, read_timeout=0.5))
        assert {size for _, size in asked_since_start(bench)} >= {1_000, 200}

    given = {"source": many(), "server_options": {"max_page_size": 1_000}}
    assert keeps_its_distance(tmp_path, ask, 0.195, **given)


def test_what_was_found_out_is_no_reason_to_build_and_outlives_backup_and_forget(tmp_path: Path):
    with bench_of(tmp_path, "status=413,over=200,times=always", source=many(300)) as bench:
        report = bench.sync()
        assert "page_sizes" not in RawStore(bench.raw).content_marks()
        assert report.backup is not None
        held = bench.query("SELECT * FROM page_sizes")
        assert len(held) == 1 and held[0][:4] == ("openclass", bench.server.url, 200, 200)
        done = bench.command("forget", "student-3", "--yes", page_size="auto")
        assert done.returncode == 0, done.stderr
        assert bench.query("SELECT * FROM page_sizes") == held
        assert RawStore(report.backup).rows("page_sizes") == RawStore(bench.raw).rows("page_sizes")
