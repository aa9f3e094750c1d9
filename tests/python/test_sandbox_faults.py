import gzip
import http.client
import json
import socket
import threading
import time
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import pytest
import requests

from cohort_tracker.sandbox import BadRecord, Faults, Incident, SandboxError, SandboxServer, faults
from cohort_tracker.sandbox.faults import INCIDENTS, STEADY
from sandbox_client import Client, record_id, small_world

PAGE = "/v1/classes/data-m1/progressions"


@pytest.fixture(scope="module")
def shared():
    with SandboxServer(small_world()) as running:
        yield running


@pytest.fixture
def server(shared):
    """One server for all, without faults at the start of each test."""
    shared.faults = Faults()
    shared.requests.clear()
    yield shared
    shared.faults = Faults()


@pytest.fixture
def client(server):
    client = Client(server)
    client.login()
    return client


def done(page):
    return [record.get("completed_assignment_at") for record in page["data"]]


# Steady switches.


def test_ignore_sort(server, client):
    server.faults.ignore_sort = True
    ids = [record_id(record) for record in client.everything("data-m1")]
    assert ids == sorted(server.world.classes[0].progressions)


def test_nulls_first(server, client):
    server.faults.nulls_first = True
    moments = [r.get("completed_assignment_at") for r in client.everything("data-m1")]
    nulls = moments.count(None)
    assert nulls > 0
    assert moments[:nulls] == [None] * nulls
    assert moments[nulls:] == sorted(moments[nulls:], reverse=True)


@pytest.mark.parametrize("off", [3, -2])
def test_total_off(server, client, off):
    server.faults.total_off = off
    total = len(server.world.classes[0].progressions)
    assert client.page("data-m1")["metadata"]["total"] == total + off
    assert len(client.everything("data-m1")) == total


def test_no_total(server, client):
    server.faults.no_total = True
    assert set(client.page("data-m1")["metadata"]) == {"page", "results_per_page", "can_load_more"}


def test_clamp(server, client):
    server.faults.clamp = 30
    page = client.page("data-m1", count=200)
    assert len(page["data"]) == page["metadata"]["results_per_page"] == 30
    assert client.page("data-m1", count=10)["metadata"]["results_per_page"] == 10


@pytest.mark.parametrize(("says", "told"), [("asked", 70), ("records", 7), ("missing", None)])
def test_results_per_page(server, client, says, told):
    server.faults = Faults.parse([f"results_per_page={says}"])
    last = client.page("data-m1", 0, count=70)["metadata"]["total"] // 70
    page = client.page("data-m1", last, count=70)
    told = len(page["data"]) if says == "records" else told
    assert 0 < len(page["data"]) < 70
    assert page["metadata"].get("results_per_page") == told


def test_large_pages_shrink_from_the_third_on(server, client):
    server.faults = Faults.parse(["shrink=5,over=20,after=1,times=always"])
    sizes = [len(client.page("data-m1", 1, count=count)["data"]) for count in (20, 21, 20, 21)]
    assert sizes == [20, 21, 20, 5]
    whole = client.page("data-m1", 0, count=20)["data"]
    assert client.page("data-m1", 1, count=21)["data"] == whole[5:10], "its pages are of 5"


def test_extra_empty_page(server, client):
    server.faults.extra_empty_page = True
    last = (len(server.world.classes[0].progressions) - 1) // 50
    assert client.page("data-m1", last)["metadata"]["can_load_more"] is True
    extra = client.page("data-m1", last + 1)
    assert extra["data"] == []
    assert extra["metadata"]["can_load_more"] is False


@pytest.mark.parametrize(("value", "told"), [("true", True), ("false", False), ("missing", None)])
def test_can_load_more(server, client, value, told):
    server.faults = Faults.parse([f"can_load_more={value}"])
    for number in (0, 99):
        metadata = client.page("data-m1", number)["metadata"]
        assert metadata.get("can_load_more") is told
        assert ("can_load_more" in metadata) == (told is not None)


@pytest.mark.parametrize("envelope", ["plain", "real"])
def test_bad_records_stand_on_their_pages(envelope):
    raws = [b'{"_id": null, "x": "\\ud800 \\"q\\""}', b"17", b"[1]", b'{"_id": "9"}']
    with SandboxServer(small_world(), envelope=envelope) as server:
        client = Client(server)
        good = client.everything("data-m1")
        server.faults = Faults(
            bad_records=[
                BadRecord(raws[0], page=0),
                BadRecord(raws[1], page=0),
                BadRecord(raws[2], page=2, counted=False),
                BadRecord(raws[3], page=999),
            ]
        )
        pages = [client.page("data-m1", number) for number in range(len(good) // 50 + 1)]
    records = [record for page in pages for record in page["data"]]
    assert len(records) == len(good) + 4
    assert [len(page["data"]) for page in pages[:-1]] == [50] * (len(pages) - 1)
    expected = [json.loads(raw) for raw in raws]
    assert pages[0]["data"][:2] == expected[:2]
    assert pages[2]["data"][0] == expected[2]
    assert records[-1] == expected[3]
    assert [record for record in records if record not in expected] == good
    assert {page["metadata"]["total"] for page in pages} == {len(good) + 3}


def test_bad_records_alone_make_a_page(server, client):
    for record in server.world.progressions("web-m1"):
        server.world.remove_progression("web-m1", record.id)
    server.faults.bad_records = [BadRecord(b"null", page=5, on="web-m1")]
    assert client.page("web-m1")["data"] == [None]
    assert client.page("web-m1", 1)["data"] == []
    assert None not in client.page("data-m1")["data"]


def test_bad_records_from_a_file(server, client, tmp_path):
    path = tmp_path / "bad.jsonl"
    path.write_text('{"_id": 1}\n\n"text"\n')
    server.faults = Faults.parse([f"bad_records={path},page=1,uncounted"])
    page = client.page("data-m1", 1)
    assert page["data"][:2] == [{"_id": 1}, "text"]
    assert page["metadata"]["total"] == len(server.world.classes[0].progressions)


# Incidents.


def test_status_burst_and_retry_after(server, client):
    server.faults = Faults.parse(
        ["status=503,times=2,retry_after=3", "status=429,after=3,retry_after=date:60"]
    )
    answers = [client.get(PAGE) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [503, 503, 200, 429, 200]
    assert [answer.headers.get("Retry-After") for answer in answers[:3]] == ["3", "3", None]
    when = parsedate_to_datetime(answers[3].headers["Retry-After"]).timestamp()
    assert 50 < when - time.time() < 70
    assert [entry.incidents for entry in server.requests][-2:] == [["status"], []]


def test_incidents_choose_path_and_page(server, client):
    server.faults = Faults.parse(
        ["status=500,on=/auth/login", "status=404,page=2,times=always", "status=403,on=web-m1"]
    )
    assert client.login().status_code == 500
    assert client.login().status_code == 200
    codes = [client.get(PAGE, page=number).status_code for number in (0, 1, 2, 2)]
    assert codes == [200, 200, 404, 404]
    assert client.get("/v1/classes").status_code == 200
    assert client.get("/v1/classes/web-m1/progressions").status_code == 403


def test_reset_in_the_middle(server, client):
    server.faults = Faults.parse(["reset"])
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port), timeout=5) as raw:
        token = client.http.headers["bearer"]
        raw.sendall(f"GET {PAGE} HTTP/1.1\r\nHost: x\r\nbearer: {token}\r\n\r\n".encode())
        received = b""
        with pytest.raises(ConnectionResetError):
            while part := raw.recv(65536):
                received += part
    assert b"200 OK" in received
    assert len(client.page("data-m1")["data"]) == 50


def test_truncated(server, client):
    server.faults = Faults.parse(["truncated"])
    address = urlsplit(server.url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=5)
    connection.request("GET", PAGE, headers={"bearer": client.http.headers["bearer"]})
    answer = connection.getresponse()
    with pytest.raises(http.client.IncompleteRead) as error:
        answer.read()
    connection.close()
    length = int(answer.headers["Content-Length"])
    assert len(error.value.partial) == length // 2
    assert client.get(PAGE).status_code == 200


def test_bodies_that_are_no_answer(server, client):
    server.faults = Faults.parse(["empty_body", "not_json,after=1", "html,after=2"])
    empty, broken, page = (client.get(PAGE) for _ in range(3))
    assert [answer.status_code for answer in (empty, broken, page)] == [200, 200, 200]
    assert empty.content == b""
    with pytest.raises(ValueError):
        broken.json()
    assert page.headers["Content-Type"].startswith("text/html")
    assert page.text.startswith("<!DOCTYPE html>")
    assert client.page("data-m1")["data"]


def test_broken_gzip(server, client):
    server.faults = Faults.parse(["broken_gzip"])
    with pytest.raises(requests.exceptions.ContentDecodingError):
        client.get(PAGE)
    assert client.get(PAGE).status_code == 200


@pytest.mark.parametrize("name", ["huge", "huge_gzip"])
def test_huge_pages(server, client, name):
    whole = client.page("data-m1")
    server.faults = Faults.parse([f"{name}=5"])
    assert client.page("data-m1") == whole
    sent = server.requests.entries()[-1].body_bytes
    assert sent < 200_000 if name == "huge_gzip" else sent > 5_000_000


def test_huge_gzip_is_large_when_unpacked(server, client):
    server.faults = Faults.parse(["huge_gzip=3"])
    answer = client.http.get(f"{server.url}{PAGE}", stream=True, timeout=5)
    assert len(gzip.decompress(answer.raw.read())) > 3_000_000


def test_hang(server, client):
    server.faults = Faults.parse(["hang=30"])
    with pytest.raises(requests.Timeout):
        client.get(PAGE, timeout=0.2)
    server.faults = Faults.parse(["hang=0.1"])
    with pytest.raises(requests.ConnectionError):
        client.get(PAGE)


def test_stopping_does_not_wait_for_hanging_requests():
    with SandboxServer(small_world(), faults=Faults.parse(["hang=60"])) as server:
        client = Client(server)
        client.login()
        errors = []

        def ask():
            try:
                client.get(PAGE, timeout=50)
            except requests.ConnectionError as error:
                errors.append(error)

        asking = threading.Thread(target=ask)
        asking.start()
        while not server.requests.entries("progressions"):
            time.sleep(0.01)
        began = time.monotonic()
    asking.join(5)
    assert len(errors) == 1
    assert time.monotonic() - began < 3


def test_drip(server, client):
    client.http.headers["Accept-Encoding"] = "identity"
    size = len(client.get(PAGE, return_count=1).content)
    server.faults = Faults.parse([f"drip={size * 3}"])
    began = time.monotonic()
    answer = client.get(PAGE, return_count=1)
    assert len(answer.content) == size
    assert 0.25 < time.monotonic() - began < 2


def test_delay(server, client):
    server.faults = Faults.parse(["delay=0.15"])
    began = time.monotonic()
    client.page("data-m1")
    client.page("data-m1", 1)
    assert time.monotonic() - began > 0.3


def test_redirect_to_another_server(server, client):
    with SandboxServer(small_world()) as other:
        server.faults = Faults.parse([f"redirect={other.url}"])
        answer = client.get(PAGE, page=1)
        assert answer.status_code == 302
        assert answer.headers["Location"] == f"{other.url}{PAGE}?page=1"
        followed = requests.get(answer.headers["Location"], timeout=5)
        assert followed.status_code == 401
        assert len(other.requests) == 1


@pytest.mark.parametrize(("name", "difference"), [("insert", 3), ("remove", -3)])
def test_paging_shifts(name, difference):
    with SandboxServer(small_world()) as server:
        client = Client(server)
        before = [record_id(r) for r in client.everything("data-m1")]
        server.faults = Faults.parse([f"{name}=3"])
        read = [record_id(r) for r in client.everything("data-m1")]
        server.faults = Faults()
        after = [record_id(r) for r in client.everything("data-m1")]
    assert len(after) == len(before) + difference
    if name == "insert":
        assert after[3:] == before
        assert len(read) - len(set(read)) == 3, "the shifted rows are met twice"
    else:
        assert after == before[3:]
        assert len(set(before) - set(read)) == 3, "the shifted rows are missed"
        assert set(before) - set(read) <= set(after)


def test_revoke_and_lockout(server, client):
    server.faults = Faults.parse(["revoke,after=1"])
    assert [client.get(PAGE).status_code for _ in range(3)] == [200, 401, 401]
    assert client.login().status_code == 200
    assert client.get(PAGE).status_code == 200


def test_lockout():
    with SandboxServer(small_world(), faults=Faults.parse(["lockout,after=1"])) as server:
        client = Client(server)
        assert [client.get(PAGE).status_code for _ in range(2)] == [200, 401]
        assert client.login().status_code == 401


def test_faults_change_while_running(server, client):
    assert client.get(PAGE).status_code == 200
    server.faults.incidents.append(Incident("status", 500, times=1))
    assert [client.get(PAGE).status_code for _ in range(2)] == [500, 200]


# The command line.


def test_parse_knows_every_name(tmp_path):
    (tmp_path / "bad").write_text("1\n")
    values = {
        "status": "=500",
        "huge": "=1",
        "huge_gzip": "=1",
        "hang": "=1.5",
        "drip": "=9",
        "delay": "=0.5",
        "redirect": "=http://127.0.0.1:9",
        "insert": "=1",
        "remove": "=1",
        "total_off": "=-4",
        "class_pages": "=10",
        "class_total_off": "=-4",
        "clamp": "=30",
        "can_load_more": "=true",
        "results_per_page": "=records",
        "shrink": "=9",
        "bad_records": f"={tmp_path / 'bad'}",
    }
    parsed = Faults.parse([name + values.get(name, "") for name in (*STEADY, *INCIDENTS)])
    assert [incident.name for incident in parsed.incidents] == list(INCIDENTS)
    assert all(getattr(parsed, name) for name in STEADY)
    assert parsed.total_off == -4
    assert parsed.incidents[0].value == 500


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nonsense", "unknown name 'nonsense'; known: ignore_sort"),
        ("status", "status needs a value"),
        ("status=", "status needs a value"),
        ("status=abc", "status needs a number"),
        ("status=500,tims=2", "unknown option tims"),
        ("status=500,times=x", "times needs a number"),
        ("status=500,retry_after=soon", "retry_after needs a number"),
        ("reset=3", "reset takes no value"),
        ("hang=inf", "hang must not be negative or without end"),
        ("hang=nan", "hang must not be negative or without end"),
        ("delay=-1", "delay must not be negative"),
        ("class_pages=0", "class_pages must be at least 1"),
        ("clamp=0", "clamp must be at least 1"),
        ("results_per_page=maybe", "results_per_page needs asked, records or missing"),
        ("reset,over=many", "over needs a number"),
        ("can_load_more=maybe", "can_load_more needs true, false or missing"),
        ("ignore_sort=1", "ignore_sort takes no value"),
        ("ignore_sort,times=1", "ignore_sort takes no options"),
        ("bad_records=/nowhere/at/all", "cannot read /nowhere/at/all"),
        ("reset,retry_after=1", "unknown option retry_after"),
    ],
)
def test_parse_says_what_is_wrong(text, message):
    with pytest.raises(SandboxError) as error:
        Faults.parse(["ignore_sort", text])
    assert str(error.value).startswith(f"fault {text!r}: {message}")


def test_docs_name_every_switch():
    for name in (*STEADY, *INCIDENTS):
        assert f"| `{name}" in faults.__doc__


def test_incident_names_are_checked():
    with pytest.raises(SandboxError, match="unknown incident 'other'"):
        Incident("other")
