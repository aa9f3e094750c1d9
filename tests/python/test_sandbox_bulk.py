import json
import re
import time
import tracemalloc
from datetime import UTC, datetime

import pytest

from cohort_tracker.sandbox import Faults, SandboxError, SandboxServer, bulk_world
from sandbox_client import Client, record_id, unwrap

EXACT = 523


@pytest.fixture
def client():
    world = bulk_world(6, EXACT, seed=3)
    with SandboxServer(world) as server:
        yield Client(server)


def all_records(client, rooms):
    return {room["id"]: client.everything(room["id"], 200) for room in rooms}


def listed(client):
    return unwrap(client.get("/v1/classes").json())["data"]


def test_every_record_is_served_once_with_ids_of_its_own(client):
    rooms = listed(client)
    assert len(rooms) == 6
    records = all_records(client, rooms)
    ids = [record_id(record) for found in records.values() for record in found]
    assert len(ids) == len(set(ids)) == 6 * EXACT
    assert all(re.fullmatch("[0-9a-f]{24}", key) for key in ids)
    students = [{r["user"]["id"] for r in found} for found in records.values()]
    assert all(len(group) == 14 for group in students)
    assert len(set.union(*students)) == 6 * 14
    mails = {r["user"]["email"] for found in records.values() for r in found}
    assert len(mails) == 6 * 14
    assert "~" not in json.dumps([records, rooms])


def test_units_name_the_assignments_of_the_records(client):
    room = listed(client)[4]
    detail = unwrap(client.get(f"/v1/classes/{room['friendly_id']}").json())["data"][0]
    known = {key for unit in detail["units"] for key in unit["assignments"]}
    assert known == {r["assignment"]["id"] for r in client.everything(room["id"])}


def test_order_and_nulls(client):
    moments = [r["completed_assignment_at"] for r in client.everything("bulk-00002", 100)]
    finished = [moment for moment in moments if moment]
    assert moments == sorted(finished, reverse=True) + [None] * (len(moments) - len(finished))
    assert 0.03 < moments.count(None) / len(moments) < 0.15
    assert finished[0] < "2026-03-02"
    client.server.faults = Faults(nulls_first=True)
    assert client.page("bulk-00002", 0, 1)["data"][0]["completed_assignment_at"] is None
    client.server.faults = Faults(ignore_sort=True)
    ids = [record_id(record) for record in client.everything("bulk-00002", 100)]
    assert ids == sorted(ids)
    assert len(ids) == EXACT


def test_same_seed_same_pages():
    pages = []
    for seed in (1, 1, 2):
        world = bulk_world(9, 300, seed)
        class_id = world.resolve("bulk-00008")
        assert class_id is not None
        view = world.view(class_id, "completed_desc", "oid")
        pages.append(view.text(0, 300, escaped=True))
    assert pages[0] == pages[1] != pages[2]


def test_time_brings_new_completions(client):
    world = client.server.world
    before = [record_id(r) for r in client.everything("bulk-00005")]
    grown = world.grow(28)
    after = [record_id(r) for r in client.everything("bulk-00005")]
    new = len(after) - len(before)
    assert new > 0
    assert after[new:] == before
    assert grown.added == 6 * new
    assert world.state()["classes"][5]["progressions"] == len(after)
    world.grow(3000)
    assert world.grow(1).added == 0


def test_records_come_and_go_while_paging(client):
    before = [record_id(r) for r in client.everything("bulk-00001")]
    client.server.faults = Faults.parse(["insert=2"])
    read = [record_id(r) for r in client.everything("bulk-00001")]
    assert len(read) - len(set(read)) == 2
    client.server.faults = Faults.parse(["remove=5"])
    client.everything("bulk-00001")
    client.server.faults = Faults()
    assert [record_id(r) for r in client.everything("bulk-00001")] == before[3:]
    assert len(client.everything("bulk-00000")) == EXACT
    client.server.faults = Faults.parse(["insert=100000,after=0"])
    assert client.get("/v1/classes/bulk-00001/progressions").status_code == 500


@pytest.mark.parametrize("key", ["bulk-6", "bulk-00006", "bulk-x", "0" * 24, "60", "bulk--0001"])
def test_unknown_classes(client, key):
    assert client.get(f"/v1/classes/{key}/progressions").status_code == 404


@pytest.mark.parametrize("sizes", [(0, 1), (1, 0), (100_001, 1), (1, 100_001)])
def test_sizes_out_of_range(sizes):
    with pytest.raises(SandboxError):
        bulk_world(*sizes)
    with pytest.raises(SandboxError):
        bulk_world(1, 1, end=datetime(2026, 1, 1))
    assert bulk_world(1, 1, end=datetime(2026, 1, 1, tzinfo=UTC)).now.year == 2026


def read_all(world):
    for number in range(world.class_count):
        view = world.view(world.resolve(f"bulk-{number:05d}"), "completed_desc", "oid")
        for start in range(0, len(view), 200):
            yield view.text(start, min(start + 200, len(view)), escaped=True)


def test_a_million_records_take_little_memory_and_time():
    began = time.process_time()
    world = bulk_world(500, 2000)
    first = next(read_all(world))
    assert time.process_time() - began < 2, "only what is asked for is made"
    assert first.count(b"completed_assignment_at") == 200
    began = time.process_time()
    records = sum(text.count(b"completed_assignment_at") for text in read_all(world))
    assert records == 1_000_000
    # Measured: 0.3 s. The limit is far off, so that a busy machine passes.
    assert time.process_time() - began < 6

    def peak(classes):
        tracemalloc.start()
        for text in read_all(bulk_world(classes, 500)):
            assert text
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    assert peak(400) < 1.2 * peak(20)
