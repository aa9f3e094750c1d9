import gzip
import http.client
import json
import re
import threading
from urllib.parse import urlsplit

import pytest
import requests

from cohort_tracker.sandbox import SandboxError, SandboxServer, serve
from cohort_tracker.sandbox.encoding import ENVELOPES
from sandbox_client import LOGIN, Client, record_id, small_world, token_of, unwrap

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@pytest.fixture(scope="module")
def world():
    return small_world()


@pytest.fixture(scope="module")
def server(world):
    with SandboxServer(world) as running:
        yield running


@pytest.fixture
def client(server):
    return Client(server)


def test_login_takes_form_and_json(server):
    login = f"{server.url}/v1/auth/login"
    for answer in (
        requests.post(login, timeout=5, data=LOGIN | {"invite_code": ""}),
        requests.post(login, timeout=5, json=LOGIN),
    ):
        assert answer.status_code == 200
        assert answer.json()["result"]["token"]


@pytest.mark.parametrize("given", [{"password": "wrong"}, {"email": "who@example.org"}])
def test_login_refuses_what_is_wrong(client, given):
    assert client.login(**given).status_code == 401


@pytest.mark.parametrize("body", [b"", b"{", b'{"email": 3}', b"\xff\xfe", b"email=a"])
def test_login_that_cannot_be_read(server, body):
    assert requests.post(f"{server.url}/v1/auth/login", data=body, timeout=5).status_code == 400


@pytest.mark.parametrize("shape", ["token", "auth_token", "result"])
def test_login_answers_in_each_shape(world, shape):
    with SandboxServer(world, login_shape=shape) as server:
        body = Client(server).login().json()
    assert set(body) == ({"result"} if shape == "result" else {shape, "user"})
    assert token_of(body)


def test_token_in_either_header(server, client):
    token = token_of(client.login().json())
    url = f"{server.url}/v1/classes"
    for headers in ({"bearer": token}, {"Authorization": f"Bearer {token}"}):
        assert requests.get(url, headers=headers, timeout=5).status_code == 200
    for headers in ({}, {"bearer": "nonsense"}, {"Authorization": f"Basic {token}"}):
        assert requests.get(url, headers=headers, timeout=5).status_code == 401


def test_token_header_can_be_demanded(world):
    with SandboxServer(world, auth_header="authorization") as server:
        token = token_of(Client(server).login().json())
        url = f"{server.url}/v1/classes"
        assert requests.get(url, headers={"bearer": token}, timeout=5).status_code == 401
        good = {"Authorization": f"Bearer {token}"}
        assert requests.get(url, headers=good, timeout=5).status_code == 200


def test_token_ends_after_its_requests(world):
    with SandboxServer(world, token_requests=2) as server:
        client = Client(server)
        assert [client.get("/v1/classes").status_code for _ in range(3)] == [200, 200, 401]
        client.login()
        assert client.get("/v1/classes").status_code == 200


def test_classes_and_detail(client, world):
    listed = unwrap(client.get("/v1/classes").json())["data"]
    assert [room["id"] for room in listed] == [room.id for room in world.classes]
    first = listed[0]
    assert first["_id"] == {"$oid": first["id"]}
    assert "units" not in first
    for key in (first["id"], first["friendly_id"]):
        detail = unwrap(client.get(f"/v1/classes/{key}").json())["data"][0]
        assert detail["name"] == first["name"]
        in_units = [item for unit in detail["units"] for item in unit["assignments"]]
        assert in_units == detail["assignments"] == list(world.classes[0].assignments)


def test_unknown_things_are_404(client):
    for path in (
        "/v1/classes/nobody",
        "/v1/classes/nobody/progressions",
        "/v1/classes/data-m1/grades",
        "/v1/else",
        "/",
    ):
        assert client.get(path).status_code == 404, path


@pytest.mark.parametrize(("way", "status"), [("forbidden", 403), ("missing", 404)])
def test_detail_can_be_refused_while_progressions_stay(world, way, status):
    with SandboxServer(world, class_detail=way) as server:
        client = Client(server)
        assert client.get("/v1/classes/data-m1").status_code == status
        assert client.page("data-m1")["data"]


def test_detail_without_units(world):
    with SandboxServer(world, class_detail="no_units") as server:
        detail = unwrap(Client(server).get("/v1/classes/data-m1").json())["data"][0]
    assert "units" not in detail
    assert "assignments" not in detail


@pytest.mark.parametrize("envelope", ENVELOPES)
def test_envelopes_hold_the_same_content(world, server, envelope):
    paths = ["/v1/classes", "/v1/classes/data-m1", "/v1/classes/data-m1/progressions"]
    expected = [unwrap(Client(server).get(path).json()) for path in paths]
    with SandboxServer(world, envelope=envelope) as other:
        bodies = [Client(other).get(path).json() for path in paths]
    assert [unwrap(body) for body in bodies] == expected
    strings, lists = {
        "plain": (0, 0),
        "string": (3, 0),
        "list": (0, 3),
        "bare_list": (0, 0),
        "real": (1, 2),
    }[envelope]
    objects = [body["result"]["objects"] for body in bodies if "result" in body]
    assert sum(isinstance(held, str) for held in objects) == strings
    assert sum(isinstance(held, list) for held in objects) == lists
    if envelope == "bare_list":
        assert all(isinstance(body, list) and isinstance(body[0], str) for body in bodies)


def test_bare_payloads(world):
    with SandboxServer(world, envelope="plain", bare=True) as server:
        client = Client(server)
        assert [room["friendly_id"] for room in client.get("/v1/classes").json()] == [
            room.friendly_id for room in world.classes
        ]
        assert client.get("/v1/classes/data-m1").json()["friendly_id"] == "data-m1"


def test_ids_can_be_plain_text(world):
    with SandboxServer(world, id_style="plain") as server:
        client = Client(server)
        records = client.everything("data-m1")
        assert {record["_id"] for record in records} == set(world.classes[0].progressions)
        assert isinstance(unwrap(client.get("/v1/classes").json())["data"][0]["_id"], str)


@pytest.mark.parametrize("count", [1000, 100, 37])
def test_pages_cover_the_class_once_in_order(client, world, count):
    expected = world.progressions("data-m1")
    first = client.page("data-m1", 0, count)["metadata"]
    assert first["total"] == len(expected)
    assert first["results_per_page"] == min(count, 200)
    records = client.everything("data-m1", count)
    assert [record_id(record) for record in records] == [record.id for record in expected]
    done = [record.get("completed_assignment_at") for record in records]
    finished = [moment for moment in done if moment]
    assert finished == sorted(finished, reverse=True)
    assert done[: len(finished)] == finished
    assert len(finished) < len(done)


def test_page_metadata_at_the_edges(client, world):
    total = len(world.classes[0].progressions)
    last = (total - 1) // 50
    assert client.page("data-m1", last - 1)["metadata"]["can_load_more"] is True
    end = client.page("data-m1", last)
    assert end["metadata"] == {
        "total": total,
        "page": last,
        "results_per_page": 50,
        "can_load_more": False,
    }
    assert len(end["data"]) == total - 50 * last
    beyond = client.page("data-m1", last + 3)
    assert beyond["data"] == []
    assert beyond["metadata"]["can_load_more"] is False


def test_a_full_last_page_is_the_last(world):
    trimmed = small_world()
    extra = len(trimmed.classes[0].progressions) % 50
    for record in trimmed.progressions("data-m1")[:extra]:
        trimmed.remove_progression("data-m1", record.id)
    with SandboxServer(trimmed) as server:
        client = Client(server)
        records = client.everything("data-m1", 50)
        last = client.page("data-m1", len(records) // 50 - 1)
    assert len(last["data"]) == 50
    assert last["metadata"]["can_load_more"] is False
    assert len(records) == len(trimmed.classes[0].progressions)


def test_default_page_size_and_order(client, world):
    page = unwrap(client.get("/v1/classes/data-m1/progressions").json())
    assert page["metadata"]["results_per_page"] == len(page["data"]) == 30
    ids = [record_id(record) for record in page["data"]]
    assert ids == sorted(world.classes[0].progressions)[:30]


def test_page_size_limit_is_a_setting(world):
    with SandboxServer(world, max_page_size=100) as server:
        page = Client(server).page("data-m1", count=200)
    assert page["metadata"]["results_per_page"] == len(page["data"]) == 100


@pytest.mark.parametrize(
    "query", [{"page": "x"}, {"page": "-1"}, {"page": "9" * 5000}, {"return_count": "0"}]
)
def test_pages_that_make_no_sense(client, query):
    assert client.get("/v1/classes/data-m1/progressions", **query).status_code == 400


def test_record_shape(client, world):
    records = client.everything("data-m1")
    for record in records:
        assert set(record["user"]) == {"id", "first_name", "last_name", "email"}
        assert set(record["assignment"]) == {"id", "name", "type"}
        for name in ("started_assignment_at", "completed_assignment_at", "reviewed_at"):
            assert record.get(name) is None or MOMENT.fullmatch(record[name])
    with_null = [r for r in records if "reviewed_at" in r and r["reviewed_at"] is None]
    without = [record for record in records if "reviewed_at" not in record]
    assert with_null
    assert without
    by_id = world.classes[0].progressions
    for record in records:
        stored = by_id[record_id(record)]
        assert record.get("grade") == stored.grade
        assert (record.get("completed_assignment_at") is None) == (stored.completed_at is None)


def test_keep_alive_and_gzip(server, client):
    client.login()
    address = urlsplit(server.url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=5)
    headers = {"bearer": client.http.headers["bearer"], "Accept-Encoding": "gzip"}
    sizes = []
    for _ in range(3):
        connection.request("GET", "/v1/classes/data-m1/progressions", headers=headers)
        answer = connection.getresponse()
        assert answer.version == 11
        assert answer.headers["Content-Encoding"] == "gzip"
        body = answer.read()
        sizes.append(len(body))
        assert json.loads(gzip.decompress(body))
        if len(sizes) == 1:
            port = connection.sock.getsockname()
        assert connection.sock.getsockname() == port
    connection.close()
    assert [entry.body_bytes for entry in server.requests.entries()[-3:]] == sizes


def test_request_log(world):
    with SandboxServer(world) as server:
        client = Client(server)
        client.http.headers["X-OpenClass-App-Id"] = "abc"
        client.page("data-m1", 2)
        login, page = server.requests.entries()
        client.get("/v1/classes/none")
        assert server.requests.entries()[-1].status == 404
        assert len(server.requests) == server.requests.count == 3
    assert (login.method, login.path, login.status) == ("POST", "/v1/auth/login", 200)
    assert b"password=" in login.body
    assert page.query == {"page": "2", "return_count": "50", "sort_by_completed_at": "-1"}
    assert page.headers["x-openclass-app-id"] == "abc"
    assert page.body_bytes > 0
    assert login.started < page.started


def test_control_endpoint_grows_the_world():
    world = small_world()
    with SandboxServer(world) as server:
        before = requests.get(f"{server.url}/sandbox/state", timeout=5).json()
        old = {record_id(r): r for r in Client(server).everything("data-m1")}
        grown = requests.post(f"{server.url}/sandbox/grow?days=7", timeout=5).json()
        after = requests.get(f"{server.url}/sandbox/state", timeout=5).json()
        new = {record_id(r): r for r in Client(server).everything("data-m1")}
        for wrong in ("0", "-1", "x", "nan"):
            answer = requests.post(f"{server.url}/sandbox/grow?days={wrong}", timeout=5)
            assert answer.status_code == 400, wrong
    assert grown["added"] > 0
    assert grown["updated"] > 0
    assert after["requests"] > before["requests"] > 0
    counts = [state["classes"][0]["progressions"] for state in (before, after)]
    assert counts == [len(old), len(new)]
    assert any(old[key] != new[key] for key in old.keys() & new.keys())


def test_world_changes_show_at_once():
    world = small_world()
    with SandboxServer(world) as server:
        client = Client(server)
        newest = client.page("data-m1")["data"][0]
        world.rename_student(newest["user"]["id"], last_name='Ünal-"O’Hara"')
        theirs = [
            record["user"]["last_name"]
            for record in client.everything("data-m1")
            if record["user"]["id"] == newest["user"]["id"]
        ]
        assert set(theirs) == {'Ünal-"O’Hara"'}
        assert len(theirs) > 1
        world.update_progression("data-m1", record_id(newest), grade=0.123)
        again = client.page("data-m1")["data"][0]
        assert again["user"]["last_name"] == 'Ünal-"O’Hara"'
        assert again["grade"] == 0.123
        world.remove_progression("data-m1", record_id(newest))
        assert record_id(client.page("data-m1")["data"][0]) != record_id(newest)


def test_stopping_frees_waiting_clients(world):
    server = SandboxServer(world)
    server.start()
    client = Client(server)
    client.get("/v1/classes")
    url = server.url
    server.stop()
    server.stop()
    with pytest.raises(requests.ConnectionError):
        client.http.get(f"{url}/v1/classes", timeout=2)


def test_port_in_use_is_a_clear_error(world, server):
    port = urlsplit(server.url).port
    with pytest.raises(SandboxError, match=f"cannot listen on 127.0.0.1:{port}"):
        SandboxServer(world, port=port).start()


@pytest.mark.parametrize("setting", ["envelope", "id_style", "login_shape", "class_detail"])
def test_unknown_setting_is_a_clear_error(world, setting):
    with pytest.raises(SandboxError, match=f"{setting} must be one of"):
        SandboxServer(world, **{setting: "other"})  # type: ignore[arg-type]


def test_serve_announces_and_ends(world):
    lines, stop = [], threading.Event()
    server = SandboxServer(world)

    def announce(line: str) -> None:
        lines.append(line)
        if line.startswith("move time"):
            assert requests.get(f"{server.url}/sandbox/state", timeout=5).ok
            stop.set()

    serve(server, announce, stop)
    text = "\n".join(lines)
    for word in ("http://127.0.0.1:", "mentor@example.org", "sandbox-password", "data-m1"):
        assert word in text
    assert f"({world.classes[1].id})" in text
