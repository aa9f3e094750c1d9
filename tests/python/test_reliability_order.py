"""Order, paging and counts that are not as documented, over real HTTP."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cohort_tracker.sandbox import Incident
from cohort_tracker.sandbox.api import Answer
from support import NOW, Bench, Classes, at_night, classes, record, stamp
from test_reliability_network import failure

STEADY = [
    "ignore_sort",
    "nulls_first",
    at_night("total_off=1"),
    "total_off=-1",
    "total_off=20",
    at_night("total_off=-20"),
    "no_total",
    at_night("clamp=3"),
    "clamp=7",
    "extra_empty_page",
    "can_load_more=true",
    at_night("can_load_more=false"),
    at_night("can_load_more=missing"),
]


@pytest.mark.parametrize("fault", STEADY)
def test_page_that_is_not_as_documented_is_complete_or_said_not_to_be(bench: Bench, fault: str):
    bench.misbehave(fault)
    for step in range(2):
        report = bench.sync()
        assert bench.in_force() == bench.expected()
        result = report.classes[0].result
        assert (report.exit_code == 0) == result.verified
        assert result.verified or "could not be proven" in report.errors[0].message
        assert len(bench.pages()) < 60
        bench.source.records.append(record(600 + step, days_ago=0.5))
        bench.source.records.append(record(700 + step))
        bench.source.records[2]["grade"] = 0.33 + step / 100


@pytest.mark.parametrize("fault", ["total_off=1", "total_off=-1"])
def test_wrong_total_is_verified_once_two_reads_agree_and_later_syncs_stay_cheap(
    bench: Bench, fault: str
):
    bench.misbehave(fault)
    assert bench.sync().exit_code == 0
    bench.pages()
    report = bench.sync()
    assert (report.exit_code, report.classes[0].result.mode) == (0, "incremental")
    assert len(bench.pages()) <= 3


def test_removed_record_is_gone_even_where_the_total_is_wrong(bench: Bench):
    bench.misbehave("total_off=3")
    bench.sync()
    del bench.source.records[10]
    assert bench.sync().exit_code == 0
    assert bench.in_force() == bench.expected()


@pytest.mark.parametrize(("asked", "granted"), [(200, 30), at_night(200, 100), (1, 1)])
def test_page_size_in_force_is_what_the_server_grants(tmp_path: Path, asked: int, granted: int):
    with Bench(
        tmp_path, classes(130 if granted > 1 else 12), server_options={"max_page_size": granted}
    ) as bench:
        assert bench.sync(page_size=asked).exit_code == 0
        assert bench.in_force() == bench.expected()
        assert bench.query("SELECT page_size FROM sync_runs") == [(min(asked, granted),)]


def test_page_size_that_changes_between_and_during_syncs(bench: Bench):
    bench.sync()
    bench.misbehave("clamp=4")
    assert bench.sync().exit_code == 0
    assert bench.in_force() == bench.expected()
    original = bench.server.answer

    def answer(request, incidents):
        bench.server.faults.clamp = 3 if request.query.get("page") in ("1", "2", "3") else 9
        return original(request, incidents)

    bench.server.answer = answer  # type: ignore[method-assign]
    report = bench.sync(full=True)
    assert not report.classes[0].result.verified, "pages that overlap leave gaps"
    assert bench.in_force() == bench.expected(), "what was not met is not taken for gone"


def test_class_whose_end_is_hidden_is_not_called_complete(bench: Bench):
    bench.sync()
    original = bench.server.answer

    def answer(request, incidents):
        if int(request.query.get("page", 0)) > 2:
            return Answer(200, b'{"metadata":{"total":45,"can_load_more":true},"data":[]}')
        return original(request, incidents)

    bench.server.answer = answer  # type: ignore[method-assign]
    report = bench.sync(full=True)
    assert report.exit_code == 1 and not report.classes[0].result.verified
    assert bench.in_force() == bench.expected(), "what was not met is not taken for gone"


@pytest.mark.parametrize("count", [0, 1, at_night(9), 10, at_night(11), at_night(20)])
def test_class_of_any_size_around_the_page(tmp_path: Path, count: int):
    with Bench(tmp_path, classes(count, still_open=min(count, 2))) as bench:
        for _ in range(2):
            report = bench.sync()
            assert (report.exit_code, report.classes[0].result.verified) == (0, True)
            assert bench.in_force() == bench.expected()


@pytest.mark.parametrize("mode", ["first", "incremental", "full"])
@pytest.mark.parametrize("incident", ["insert", "remove"])
@pytest.mark.parametrize("number", [at_night(1), 12])
def test_records_that_come_or_go_while_paging(bench: Bench, mode: str, incident: str, number: int):
    if mode != "first":
        bench.sync()
        bench.source.records[0]["grade"] = 0.77
    # Not before the first page only: what was read shifts under the reader.
    bench.server.faults.incidents = [
        Incident(incident, number, after=1),
        Incident(incident, 1, after=2),
    ]
    for _ in range(2):
        report = bench.sync(full=mode == "full")
        if report.exit_code == 0:
            assert bench.in_force() == bench.expected()
        else:
            assert not report.classes[0].result.verified
    assert report.exit_code == 0, "a class that holds still is proven"


def test_class_that_never_holds_still_is_said_to_be_unproven_and_kept(bench: Bench):
    bench.incident("remove", 1, times=1000, after=0)
    bench.source.records.extend(record(2000 + n, days_ago=n / 7) for n in range(80))
    report = bench.sync()
    assert report.exit_code == 1
    assert not report.classes[0].result.verified
    assert "could not be proven" in report.errors[0].message
    assert len(bench.in_force()) >= 40
    assert bench.query("SELECT status, verified FROM sync_runs") == [("unverified", 0)]
    bench.misbehave()
    assert bench.sync().exit_code == 0
    assert bench.in_force() == bench.expected()


def test_equal_completion_times_on_the_border_of_two_pages(tmp_path: Path):
    moment = stamp(NOW)
    source = Classes(c1=[record(n, completed_assignment_at=moment) for n in range(35)])
    with Bench(tmp_path, source) as bench:
        for step in range(3):
            assert bench.sync().exit_code == 0
            assert bench.in_force() == bench.expected()
            source.records.append(record(100 + step, completed_assignment_at=moment))
            source.records[17]["grade"] = step / 10


def test_emptied_class_is_doubted_unless_told_otherwise(bench: Bench):
    bench.sync()
    kept = bench.in_force()
    bench.source.records.clear()
    report = bench.sync()
    assert report.exit_code == 1 and "shows no records" in report.errors[0].message
    assert bench.in_force() == kept
    assert bench.sync(full=True).exit_code == 0
    assert bench.in_force() == {}


def test_unchanged_class_of_3781_records_takes_three_requests_or_fewer(tmp_path: Path):
    source = classes(3781, still_open=160)
    for number, raw in enumerate(source.records[:-160]):
        raw.update(
            completed_assignment_at=record(0, days_ago=number * 0.02)["completed_assignment_at"]
        )
    with Bench(tmp_path, source, server_options={"max_page_size": 200}) as bench:
        assert bench.sync().exit_code == 0
        assert len(bench.pages()) == 19
        for _ in range(3):
            report = bench.sync()
            assert report.exit_code == 0 and report.classes[0].result.verified
            assert 1 <= len(bench.pages()) <= 3
        versions = bench.query("SELECT count(*) FROM progressions")
        assert versions == [(3781,)]


def test_class_named_by_friendly_id_or_odd_id(tmp_path: Path):
    odd = "a b?c=d&e#f%2e;é'\"日本"
    source = Classes(**{odd: [record(1)], "c2": [record(2)]})
    with Bench(tmp_path, source) as bench:
        assert bench.sync(only=("friendly-c2",)).exit_code == 0
        assert bench.query("SELECT DISTINCT class_id FROM progressions") == [("c2",)]
        assert bench.sync(only=(odd,)).exit_code == 0
        assert bench.in_force(odd) == bench.expected(odd)


@pytest.mark.parametrize(
    "class_id", ["..", ".", "../auth/login", "nope", "c1/progressions", "%2e%2e"]
)
def test_class_id_leads_to_its_class_or_nowhere(bench: Bench, class_id: str):
    bench.misbehave("status=403,times=always,on=/v1/classes")
    bench.server.faults.incidents[0].times = 1
    report = bench.sync(only=(class_id,))
    assert report.exit_code == 4
    paths = {entry.path for entry in bench.server.requests}
    assert all(
        path.startswith(("/v1/classes/", "/v1/auth/login")) or path == "/v1/classes"
        for path in paths
    )


@pytest.mark.parametrize("status", [403, 404, 500])
def test_refused_class_list_costs_nothing_where_the_class_is_configured(bench: Bench, status: int):
    bench.server.faults.incidents = []
    original = bench.server.answer

    def answer(request, incidents):
        if request.path == "/v1/classes":
            return Answer(status, b"{}")
        return original(request, incidents)

    bench.server.answer = answer  # type: ignore[method-assign]
    assert bench.sync(class_id="c1", max_attempts=2).exit_code == 0
    assert bench.in_force() == bench.expected()
    report = bench.sync(max_attempts=2)
    assert report.exit_code == (5 if status == 500 else 2)
    assert str(status) in report.errors[0].message


def many_classes(count: int) -> Classes:
    return Classes(**{f"c{number:02}": [record(number)] for number in range(1, count + 1)})


@pytest.mark.parametrize(
    ("count", "faults"),
    [
        (45, ["class_pages=30"]),
        (45, ["class_pages=7"]),
        (30, ["class_pages=30"]),
    ],
)
def test_class_list_that_comes_in_pages_is_read_to_its_end(
    tmp_path: Path, count: int, faults: list[str]
):
    with Bench(tmp_path, many_classes(count)) as bench:
        bench.misbehave(*faults)
        report = bench.sync()
        assert report.exit_code == 0
        assert [item.info.class_id for item in report.classes] == list(bench.source.classes)


@pytest.mark.parametrize(
    ("faults", "seen", "words"),
    [
        (["class_pages=2", "class_pages_repeat"], 2, "2 met, 5 promised"),
        (["class_pages=2", "class_total_off=4"], 5, "5 met, 9 promised"),
        (["class_pages=2", "status=404,on=/v1/classes,after=1"], 2, "promised (Failed to fetch"),
        (["class_total_off=1"], 5, "5 met, 6 promised"),
    ],
)
def test_class_list_that_cannot_be_completed_is_said_to_be_and_what_it_shows_is_read(
    tmp_path: Path, faults: list[str], seen: int, words: str
):
    with Bench(tmp_path, many_classes(5)) as bench:
        bench.misbehave(*faults)
        report = bench.sync()
        assert report.exit_code == 1
        assert words in report.errors[0].message
        assert [item.status for item in report.classes] == ["ok"] * seen
        lists = [entry for entry in bench.server.requests if entry.path == "/v1/classes"]
        assert len(lists) <= 5
        bench.misbehave(*faults)
        assert bench.sync(class_ids="c01,c05").exit_code == 0, "whoever names classes has them all"


@pytest.mark.parametrize(
    ("total", "size", "at_most"),
    # without a total it is a million records
    [(40, 10, 140), at_night(None, 1000, 1_001_000)],
)
def test_class_without_end_is_left_in_proportion_to_its_total(
    tmp_path: Path, total: int | None, size: int, at_most: int
):
    template = json.dumps(record(7, days_ago=1)).replace(f"{7:024x}", "ID")
    with Bench(tmp_path, options={"page_size": size}) as bench:
        original = bench.server.answer

        def answer(request, incidents):
            if not request.path.endswith("/progressions"):
                return original(request, incidents)
            page = int(request.query["page"])
            assert page * size <= at_most, "it would go on for ever"
            records = (f"{page * size + place:024x}" for place in range(size))
            metadata = {"results_per_page": size, "can_load_more": True}
            if total is not None:
                metadata["total"] = total
            data = ",".join(template.replace("ID", key, 1) for key in records)
            return Answer(200, f'{{"metadata":{json.dumps(metadata)},"data":[{data}]}}'.encode())

        bench.server.answer = answer  # type: ignore[method-assign]
        report = bench.sync()
        assert report.exit_code == 1
        [(stored,)] = bench.query("SELECT count(*) FROM progressions")
        assert stored in (at_most - size, at_most), "what was read is stored"
        assert f"{stored:,} met" in failure(report)
        assert len(bench.pages()) <= at_most / size
        assert not report.classes[0].result.verified


def test_class_list_without_end_is_left_after_twice_its_total(tmp_path: Path):
    with Bench(tmp_path, many_classes(60)) as bench:
        original = bench.server.answer

        def answer(request, incidents):
            if request.path != "/v1/classes":
                return original(request, incidents)
            page = int(request.query.get("page", 0))
            item = {"id": f"c{page + 1:02}"}
            metadata = {"total": 4, "results_per_page": 1, "can_load_more": True}
            return Answer(200, json.dumps({"metadata": metadata, "data": [item]}).encode())

        bench.server.answer = answer  # type: ignore[method-assign]
        report = bench.sync()
        assert report.exit_code == 1
        assert "12 met, more promised" in report.errors[0].message
        assert {item.status for item in report.classes} == {"ok"}


def test_one_unknown_class_among_good_ones(bench: Bench):
    report = bench.sync(class_ids="nope,c1")
    assert [(o.info.class_id, o.status) for o in report.classes] == [
        ("nope", "failed"),
        ("c1", "ok"),
    ]
    assert report.exit_code == 4
    assert bench.in_force() == bench.expected()


def test_class_read_by_friendly_id_while_the_list_was_refused_stays_one_class(bench: Bench):
    bench.misbehave("status=403,on=/v1/classes")
    assert bench.sync(class_id="friendly-c1").exit_code == 0
    bench.misbehave()
    assert bench.sync(class_id="friendly-c1").exit_code == 0
    assert len(bench.query("SELECT DISTINCT class_id FROM progressions")) == 1
