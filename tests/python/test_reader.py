"""The reader against a simulated class: whatever its history, a proven read equals the class.

The simulation follows the API's documented paging; it is told to misbehave in the ways that
docs/reliability.md lists.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from cohort_tracker.raw.known import StoredClass
from cohort_tracker.sources.api import Page
from cohort_tracker.sources.reader import ClassReader
from cohort_tracker.sources.records import Progression, Rejection, read_record
from cohort_tracker.sources.result import ReadResult, Version

START = datetime(2025, 9, 1, tzinfo=UTC)


class SimulatedClass:
    """A class behind paging; `faults` change how it answers."""

    def __init__(self, page_limit: int = 5, **faults: Any) -> None:
        self.records: dict[str, dict[str, Any]] = {}
        self.page_limit = page_limit
        self.faults = faults
        self.now = START
        self.requests: list[int] = []
        self.between_pages: list[Any] = []
        self.spoiled: dict[str, dict[str, Any]] = {}

    def add(self, record_id: str, completed_days_ago: float | None, grade: float | None = None):
        completed = None
        if completed_days_ago is not None:
            completed = (self.now - timedelta(days=completed_days_ago)).isoformat()
        self.records[record_id] = {
            "_id": record_id,
            "user": {"id": f"u{hash(record_id) % 7}", "first_name": "A", "last_name": "B"},
            "assignment": {"id": f"a{len(record_id)}", "name": "N", "type": "lesson"},
            "grade": grade,
            "completed_assignment_at": completed,
        }

    def shown(self, record: dict[str, Any]) -> dict[str, Any]:
        return {**record, **self.spoiled.get(record["_id"], {})}

    def ordered(self) -> list[dict[str, Any]]:
        records = sorted(self.records.values(), key=lambda r: r["_id"])
        if self.faults.get("ignore_sort"):
            return records
        done = [r for r in records if r["completed_assignment_at"]]
        still_open = [r for r in records if not r["completed_assignment_at"]]
        done.sort(key=lambda r: r["completed_assignment_at"], reverse=True)
        return still_open + done if self.faults.get("nulls_first") else done + still_open

    def page(self, number: int) -> Page:
        if self.requests and self.between_pages:
            self.between_pages.pop(0)()
        self.requests.append(number)
        size = self.page_limit
        rows = self.ordered()
        total: int | None = len(rows) + self.faults.get("total_off", 0)
        if self.faults.get("no_total"):
            total = None
        part = [self.shown(row) for row in rows[number * size : (number + 1) * size]]
        if self.faults.get("repeat_last") and not part and rows:
            part = [self.shown(row) for row in rows[-(len(rows) % size or size) :]]
        more = self.faults.get("can_load_more", (number + 1) * size < len(rows))
        return Page(number, part, total, self.faults.get("claims", size), more)


class Store:
    """Applies versions as the raw store does and answers as it would."""

    def __init__(self) -> None:
        self.versions: list[tuple[str, int, Progression | None]] = []
        self.known = StoredClass()
        self.rejected: list[str] = []

    def sync(self, server: SimulatedClass, *, full: bool = False, **limits: Any) -> ReadResult:
        server.requests.clear()
        reader = ClassReader(
            server.page,
            self.known,
            full=full,
            lookback=limits.get("lookback", timedelta(days=14)),
            full_after=limits.get("full_after", timedelta(days=7)),
            now=lambda: server.now,
        )
        for page in reader.read():
            self._append(page.versions)
            self.rejected += [rejection.reason for _, rejection in page.rejections]
        self._append(reader.recoveries())
        self._append(reader.removals())
        result = reader.result
        if result.verified:
            self.known.newest_completed_at = result.newest_completed_at
            self.known.unexplained = (
                0 if result.reported_total is None else result.reported_total - result.stored_total
            )
            self.known.quick_runs += 1
            if not result.is_quick:
                self.known.last_thorough_at = server.now
                self.known.quick_runs = 0
            if result.mode == "full":
                self.known.last_full_at = server.now
        return result

    def _append(self, versions: list[Version]) -> None:
        self.versions += [(v.record_id, v.version_no, v.record) for v in versions]

    def in_force(self) -> dict[str, Progression]:
        latest: dict[str, Progression | None] = {}
        for record_id, _, record in sorted(self.versions, key=lambda v: v[1]):
            latest[record_id] = record
        return {key: record for key, record in latest.items() if record is not None}


def expected(server: SimulatedClass) -> dict[str, Progression]:
    read = [read_record(server.shown(record)) for record in server.records.values()]
    return {record.record_id: record for record in read if not isinstance(record, Rejection)}


def filled(count: int, still_open: int = 2, **faults: Any) -> SimulatedClass:
    server = SimulatedClass(**faults)
    for number in range(count - still_open):
        server.add(f"r{number:03}", completed_days_ago=number * 1.5)
    for number in range(still_open):
        server.add(f"w{number:03}", completed_days_ago=None)
    return server


def test_first_read_stores_everything_once():
    server, store = filled(23), Store()
    result = store.sync(server)
    assert (result.mode, result.verified, result.new) == ("full", True, 23)
    assert server.requests == [0, 1, 2, 3, 4]
    assert store.in_force() == expected(server)


def test_unchanged_class_takes_head_and_tail_and_writes_nothing():
    server, store = filled(203, page_limit=20), Store()
    store.sync(server)
    before = len(store.versions)
    result = store.sync(server)
    assert result.mode == "incremental"
    assert server.requests == [0, 10]
    assert len(store.versions) == before


def test_brief_sized_class_takes_three_requests_or_fewer():
    server = SimulatedClass(page_limit=200)
    for number in range(3781 - 150):
        server.add(f"r{number:05}", completed_days_ago=number * 0.05)
    for number in range(150):
        server.add(f"w{number:05}", completed_days_ago=None)
    store = Store()
    store.sync(server)
    assert len(server.requests) == 19
    result = store.sync(server)
    assert result.mode == "incremental" and result.verified
    assert len(server.requests) <= 3


def test_dense_class_at_rest_is_looked_at_in_three_requests_and_in_whole_once_a_day():
    server = SimulatedClass(page_limit=20)
    for number in range(300):
        server.add(f"r{number:05}", completed_days_ago=number * 0.1)
    for number in range(50):
        server.add(f"w{number:05}", completed_days_ago=None)
    store = Store()
    store.sync(server)
    looked_at = set()
    for _ in range(12):
        result = store.sync(server)
        assert result.is_quick and result.verified and len(server.requests) == 3
        looked_at |= set(server.requests)
    assert looked_at == {*range(8), 15, 16, 17}
    # A regrade alone, deep in the look-back: seen in turn, or when a day has passed.
    server.records["r00130"]["grade"] = 0.3
    server.now += timedelta(hours=21)
    result = store.sync(server)
    assert (result.mode, result.is_quick, result.changed) == ("incremental", False, 1)
    # Anything that moves makes the same sync look everywhere.
    server.records["r00100"]["grade"] = 0.2
    server.add("new", completed_days_ago=0)
    result = store.sync(server)
    assert (result.mode, result.is_quick, result.changed) == ("incremental", False, 1)
    assert store.in_force() == expected(server)


@pytest.mark.parametrize(
    "faults",
    [
        {"ignore_sort": True},
        {"nulls_first": True},
        {"claims": 200},
        {"claims": None},
        {"can_load_more": True},
        {"can_load_more": False},
        {"can_load_more": None},
        {"repeat_last": True},
        {"total_off": 1},
        {"total_off": -1},
        {"total_off": 7},
        {"total_off": -7},
        {"no_total": True},
        {"no_total": True, "can_load_more": True},
        {"no_total": True, "can_load_more": None, "claims": None},
    ],
    ids=str,
)
@pytest.mark.parametrize("count", [0, 1, 4, 5, 6, 20, 23, 25])
def test_misbehaving_server_is_read_whole_or_reported(faults: dict[str, Any], count: int):
    server = filled(count, still_open=min(count, 2), **faults)
    store = Store()
    for _ in range(3):
        result = store.sync(server)
        assert store.in_force() == expected(server)
        assert result.pages < 80
        server.records.pop("r001", None)
        server.add("zz", completed_days_ago=0)
        result = store.sync(server, full=True)
        if result.verified:
            assert store.in_force() == expected(server)


def test_rows_inserted_while_paging_are_caught_up_with():
    server, store = filled(23), Store()
    server.between_pages = [lambda n=n: server.add(f"x{n}", completed_days_ago=0) for n in range(9)]
    result = store.sync(server)
    assert result.verified
    assert store.in_force() == expected(server)


def test_rows_removed_while_paging_repeat_the_read():
    server, store = filled(23), Store()
    server.between_pages = [lambda: None, lambda: server.records.pop("r000")]
    result = store.sync(server)
    assert result.verified
    assert store.in_force() == expected(server)


def test_class_that_never_holds_still_is_not_called_complete():
    server, store = filled(40), Store()
    ids = iter([f"r{number:03}" for number in range(38)])
    server.between_pages = [lambda: server.records.pop(next(ids)) for _ in range(38)]
    result = store.sync(server)
    assert not result.verified
    assert result.problem is not None and "could not be proven" in result.problem
    server.between_pages.clear()
    assert store.sync(server).verified
    assert store.in_force() == expected(server)


def test_emptied_answer_keeps_what_is_stored_unless_forced():
    server, store = filled(23), Store()
    store.sync(server)
    kept = store.in_force()
    server.records.clear()
    result = store.sync(server)
    assert not result.verified and result.removed == 0
    assert store.in_force() == kept
    assert store.sync(server, full=True).removed == 23
    assert store.in_force() == {}


def test_completion_dated_in_the_future_does_not_shorten_the_look_back():
    server, store = filled(60, page_limit=5), Store()
    server.add("future", completed_days_ago=-4000)
    store.sync(server)
    server.records["r008"]["grade"] = 0.4
    result = store.sync(server)
    assert result.mode == "incremental"
    assert store.in_force()["r008"].grade == 0.4


def test_same_id_with_other_content_is_kept_aside():
    server, store = filled(3), Store()
    twin = {**server.records["r000"], "grade": 0.1}
    server.ordered = lambda: [*server.records.values(), twin]  # type: ignore[method-assign]
    result = store.sync(server)
    assert result.verified and result.rejected == 1
    assert "stands twice" in store.rejected[0]
    before = len(store.versions)
    assert store.sync(server, full=True).verified
    assert len(store.versions) == before


def test_rejected_records_count_toward_the_proof():
    server, store = filled(23), Store()
    server.spoiled["r003"] = {"user": None}
    result = store.sync(server)
    assert (result.verified, result.rejected, result.stored_total) == (True, 1, 22)
    result = store.sync(server)
    assert (result.mode, result.verified) == ("incremental", True)
    assert len(store.rejected) == 1
    server.spoiled.clear()
    store.sync(server)
    assert store.in_force() == expected(server)


UNREADABLE: list[dict[str, Any]] = [
    {"user": None},
    {"assignment": 5},
    {"completed_assignment_at": "soon"},
    {"_id": None},
    {"_id": None, "user": None},
]


@pytest.mark.parametrize("fault", UNREADABLE, ids=str)
@pytest.mark.parametrize("full", [False, True])
def test_record_that_turns_unreadable_is_not_removed(fault: dict[str, Any], full: bool):
    server, store = filled(23), Store()
    store.sync(server)
    kept = store.in_force()
    server.spoiled = {"r003": fault, "r019": fault, "w001": fault}
    for _ in range(3):
        result = store.sync(server, full=full)
        assert (result.verified, result.removed) == (True, 0)
        assert 1 <= result.rejected <= 3  # an incremental read does not meet all
        assert store.in_force() == kept
    # What is removed leaves when no record is left that it could be.
    hides = "_id" in fault
    del server.records["r000"]
    assert store.sync(server, full=True).removed == (0 if hides else 1)
    server.spoiled.clear()
    del server.records["r001"]
    assert store.sync(server, full=True).removed == (2 if hides else 1)
    assert store.in_force() == expected(server)


def test_class_of_which_nothing_can_be_read_any_more_stays_as_it_is():
    server, store = filled(23), Store()
    store.sync(server)
    kept = store.in_force()
    for fault in UNREADABLE:
        server.spoiled = dict.fromkeys(server.records, fault)
        result = store.sync(server, full=True)
        assert result.removed == 0 and store.in_force() == kept


def test_field_that_cannot_be_read_is_set_aside_once_and_the_rest_is_taken():
    server, store = filled(23), Store()
    store.sync(server)
    before = len(store.versions)
    server.spoiled["r003"] = {"grade": "1", "reviewed_at": 5}
    server.records["r003"]["user"]["first_name"] = "Other"
    for _ in range(3):
        result = store.sync(server)
        assert (result.verified, result.rejected, result.set_aside) == (True, 1, 1)
        assert result.removed == 0 and len(store.versions) == before + 1
        found = store.in_force()["r003"]
        assert (found.user_first_name, found.grade) == ("Other", None)
        assert [fault.field for fault in found.set_aside] == ["grade", "reviewed_at"]
    assert len(store.rejected) == 2
    server.spoiled["r003"] = {"grade": "2"}
    assert store.sync(server).changed == 1
    server.spoiled.clear()
    assert store.sync(server).rejected == 0
    assert store.in_force() == expected(server) and len(store.versions) == before + 3


def test_record_that_comes_back_as_it_was_is_told_by_a_version():
    server, store = filled(23), Store()
    store.sync(server)
    before = len(store.versions)
    for turn in range(1, 4):
        server.spoiled["r003"] = {"user": None}
        for _ in range(2):
            store.sync(server)
            assert store.known.rejected_ids == {"r003"}
        assert len(store.rejected) == turn  # told again, though known: it is so since then
        server.spoiled.clear()
        for _ in range(2):
            store.sync(server)
            assert store.known.rejected_ids == set()
        assert len(store.versions) == before + turn
    assert store.in_force() == expected(server)


def test_of_many_rejections_a_sample_is_kept_and_all_are_counted():
    server, store = filled(900, page_limit=100), Store()
    server.spoiled = {record_id: {"user": None} for record_id in list(server.records)[:700]}
    result = store.sync(server)
    assert (result.verified, result.rejected, result.stored_total) == (True, 700, 200)
    assert len(store.rejected) == 200
    # What hides a good version is always kept.
    server.spoiled = {record_id: {"user": 1} for record_id in list(server.records)[600:]}
    assert store.sync(server, full=True).rejected == 300
    assert len(store.rejected) == 200 + 200 + 100
    assert store.known.rejected_ids == set(list(server.records)[700:])


class Histories(RuleBasedStateMachine):
    """Random lives of a class, synced at random moments.

    What an incremental read cannot see is left out of what it must prove: an old record that
    came in where another old one went, so that the total stays the same.
    """

    @initialize(seed=st.integers(0, 2**32), limit=st.integers(1, 9), count=st.integers(0, 60))
    def begin(self, seed: int, limit: int, count: int) -> None:
        self.random = random.Random(seed)
        self.server = SimulatedClass(page_limit=limit)
        self.store = Store()
        self.serial = 0
        self.old_came = self.old_went = False
        for _ in range(count):
            self.insert()
        self.proven: dict[str, Progression] | None = None
        self.old_came = False

    def insert(self) -> None:
        self.serial += 1
        age = self.random.choice([None, 0, self.random.uniform(0, 60)])
        self.old_came = self.old_came or age not in (None, 0)
        self.server.add(f"i{self.serial:04}", age, self.random.choice([None, 0.5, 1]))
        self.proven = None

    @rule()
    def new_record(self) -> None:
        self.insert()

    @rule()
    def complete_open_work(self) -> None:
        opened = [r for r in self.server.records.values() if not r["completed_assignment_at"]]
        if opened:
            self.random.choice(opened)["completed_assignment_at"] = self.server.now.isoformat()
            self.proven = None

    @rule()
    def regrade_recent_or_open(self) -> None:
        limit = (self.server.now - timedelta(days=10)).isoformat()
        recent = [
            r
            for r in self.server.records.values()
            if not r["completed_assignment_at"] or r["completed_assignment_at"] > limit
        ]
        if recent:
            self.random.choice(recent)["grade"] = self.random.random()
            self.proven = None

    @rule()
    def reopen(self) -> None:
        if self.server.records:
            record = self.random.choice(list(self.server.records.values()))
            record["completed_assignment_at"] = None
            self.proven = None

    @rule()
    def remove(self) -> None:
        if self.server.records:
            del self.server.records[self.random.choice(list(self.server.records))]
            self.old_went = True
            self.proven = None

    @rule(fault=st.sampled_from([*UNREADABLE, {"grade": "A"}, {"grade": 2, "reviewed_at": 5}]))
    def spoil(self, fault: dict[str, Any]) -> None:
        limit = (self.server.now - timedelta(days=10)).isoformat()
        recent = [
            record_id
            for record_id, r in self.server.records.items()
            if not r["completed_assignment_at"] or r["completed_assignment_at"] > limit
        ]
        if recent:
            self.server.spoiled[self.random.choice(recent)] = fault
            self.proven = None

    @rule()
    def mend(self) -> None:
        if self.server.spoiled:
            record_id = self.random.choice(list(self.server.spoiled))
            # One that became old meanwhile, and was never stored or not met, comes and goes.
            self.old_came = self.old_went = True
            del self.server.spoiled[record_id]
            self.proven = None

    @rule(hours=st.integers(0, 40))
    def time_passes(self, hours: int) -> None:
        self.server.now += timedelta(hours=hours)

    @rule(full=st.booleans())
    def sync(self, full: bool) -> None:
        before = self.store.in_force()
        result = self.store.sync(self.server, full=full)
        rejected = [
            found
            for record in self.server.records.values()
            if isinstance(found := read_record(self.server.shown(record)), Rejection)
        ]
        if result.mode == "full" and result.verified:
            self.old_came = self.old_went = any(r.record_id is None for r in rejected)
        proven = expected(self.server)
        # The last good version of what cannot be read; of whatever it may be, where no id tells.
        ids = {r.record_id for r in rejected}
        stay = before.keys() - proven.keys() if None in ids else before.keys() & ids
        proven |= {record_id: before[record_id] for record_id in stay}
        if result.verified and not result.is_quick and not (self.old_came and self.old_went):
            self.proven = proven
        if result.verified and result.mode == "full":
            assert self.store.in_force() == proven

    @invariant()
    def proven_means_equal(self) -> None:
        if getattr(self, "proven", None) is not None:
            assert self.store.in_force() == self.proven


Histories.TestCase.settings = settings(
    max_examples=150,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestHistories = Histories.TestCase
