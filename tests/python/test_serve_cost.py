"""What answers cost the server, in its own processor time: the clocks of a busy machine say little.

And that none waits for nothing.
"""

from __future__ import annotations

import http.client
import os
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
import requests

from api_server import CLASS
from served import ME, Place, Served

HEALTH = f"/api/v1/classes/{CLASS}/metrics/student-health"
MANY = 100_000
CLIENTS = 8


@pytest.fixture(scope="module")
def place(served_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place.copied(
        served_data, tmp_path_factory.mktemp("cost") / "data", requests_per_minute=MANY
    )


@pytest.fixture(scope="module")
def served(place: Place) -> Iterator[Served]:
    with place.serving() as running:
        yield running


def seconds_of(served: Served) -> float:
    """Processor time of the server until now."""
    told = Path(f"/proc/{served.process.pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")


def cost(served: Served, times: int, status: int, key: str, **headers: str) -> float:
    """Milliseconds of processor time for an answer, eight clients asking at once."""
    given = {"Authorization": f"Bearer {key}", **headers}

    def ask(_: int) -> set[int]:
        found = set()
        with closing(http.client.HTTPConnection("127.0.0.1", served.port, timeout=30)) as client:
            for _ in range(times // CLIENTS):
                client.request("GET", HEALTH, headers=given)
                answer = client.getresponse()
                answer.read()
                found.add(answer.status)
        return found

    before = seconds_of(served)
    with ThreadPoolExecutor(CLIENTS) as pool:
        assert set().union(*pool.map(ask, range(CLIENTS))) == {status}
    return 1000 * (seconds_of(served) - before) / times


def test_what_the_client_has_costs_a_fifth_and_a_refusal_less(place: Place, served: Served):
    """The least of some rounds: what other programs do at the time makes all of it dearer."""
    _, key = place.grant()
    tag = served.get(HEALTH, key).headers["ETag"]
    place.environment["COHORT_TRACKER_SERVE_REQUESTS_PER_MINUTE"] = "1"
    with place.serving() as slow:
        assert [slow.get(key=key).status_code for _ in range(2)] == [200, 429]
        rounds = [
            (
                cost(served, 80, 200, key),
                cost(served, 320, 304, key, **{"If-None-Match": tag}),
                cost(slow, 320, 429, key),
            )
            for _ in range(6)
        ]
    told, known, refused = map(min, zip(*rounds, strict=True))
    assert told >= 5 * known, rounds
    assert refused < known, rounds


def test_no_part_of_an_answer_waits_for_the_client(place: Place, served: Served):
    """The system holds a small second part back for 40 ms, unless it is told not to."""
    _, key = place.grant()
    took = []
    with requests.Session() as session:
        for _ in range(80):
            began = time.monotonic()
            answer = session.get(
                served.url + ME, headers={"Authorization": f"Bearer {key}"}, timeout=30
            )
            took.append(time.monotonic() - began)
            assert answer.status_code == 200
    assert statistics.median(took[40:]) < 0.03
