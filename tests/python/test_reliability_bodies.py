"""Answers that are not what was asked for: another try, or a clear error in bounded memory."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import time
import zlib
from pathlib import Path
from typing import Any

import pytest

from cohort_tracker.sandbox.api import LOGIN_SHAPES, Answer
from cohort_tracker.sandbox.encoding import ENVELOPES, ID_STYLES
from cohort_tracker.sources.openclass.envelope import (
    EnvelopeError,
    class_detail,
    class_list,
    decode,
    progressions_page,
    token,
)
from support import Bench, at_night, classes
from test_reliability_network import failure, raw_server

GZIPPED = gzip.compress(b'{"token": "t"}', mtime=0)
UNUSABLE = {
    "html": "the answer is a web page, not JSON",
    "empty_body": "the answer is empty",
    "not_json": "the answer is not JSON",
    "broken_gzip": "the answer's compression is broken",
    "truncated": "the connection was closed in mid-answer",
    "reset": "the connection was reset",
}


@pytest.mark.parametrize("fault", ["html", "broken_gzip", "truncated", at_night("empty_body")])
def test_unusable_answer_is_asked_for_again(bench: Bench, fault: str):
    bench.misbehave(f"{fault},times=2,page=1", f"{fault},on=/classes", f"{fault},on=/login")
    assert bench.sync().exit_code == 0
    assert bench.in_force() == bench.expected()


@pytest.mark.parametrize("fault", UNUSABLE)
def test_answer_that_stays_unusable_is_named_and_the_rest_is_kept(bench: Bench, fault: str):
    bench.misbehave(f"{fault},times=always,page=3")
    report = bench.sync(max_attempts=2)
    assert report.exit_code == 5
    assert UNUSABLE[fault] in failure(report) and "tried 2 times" in failure(report)
    assert len(bench.in_force()) == 30
    bench.misbehave()
    assert bench.sync().exit_code == 0
    assert bench.in_force() == bench.expected()


@pytest.mark.parametrize("fault", ["truncated", at_night("empty_body"), at_night("not_json")])
@pytest.mark.parametrize("gzip_", [True, False])
def test_part_of_a_page_is_never_taken_for_the_page(tmp_path: Path, fault: str, gzip_: bool):
    with Bench(tmp_path, classes(200), server_options={"gzip": gzip_}) as bench:
        bench.misbehave(f"{fault},after=1")
        assert bench.sync().exit_code == 0
        assert bench.in_force() == bench.expected()


@pytest.mark.parametrize("charset", ["ISO-8859-1", "latin1", '"iso-8859-15"', "windows-1252"])
def test_answer_in_the_charset_that_it_names_is_read(bench: Bench, charset: str):
    user = {"id": "s", "first_name": "Zoé", "last_name": "Müßig", "email": "z@example.org"}
    bench.source.records[0]["user"] = user
    original = bench.server.answer
    codec = charset.strip('"')

    def answer(request, incidents):
        found = original(request, incidents)
        body = found.body.decode().encode(codec)
        kind = {"Content-Type": f"application/json; Charset={charset}"}
        return Answer(found.status, body, {**found.headers, **kind})

    bench.server.answer = answer  # type: ignore[method-assign]
    assert bench.sync(max_attempts=1).exit_code == 0
    assert bench.in_force() == bench.expected()


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        ('{"a": "é"}'.encode(), "application/json; charset=ISO-8859-1", "é"),  # it is UTF-8
        ('{"a": "é"}'.encode("latin-1"), "text/html; charset=latin1", "é"),
        (b'{"a": "\x80"}', "application/json; charset=windows-1252", "€"),
        ('{"a": "é"}'.encode(), "application/json; charset=utf-8", "é"),
        ('{"a": "é"}'.encode(), "application/json; charset=hex", "é"),
        ('{"a": "é"}'.encode(), "charset", "é"),
        ('{"a": "é"}'.encode(), "application/json; charset=\x00", "é"),
    ],
)
def test_charset_counts_only_where_the_body_is_no_utf_8(body: bytes, content_type: str, expected):
    assert decode(body, content_type) == {"a": expected}


@pytest.mark.parametrize("charset", ["", "; charset=utf-8", "; charset=hex", "; charset=shift_jis"])
def test_charset_that_is_not_named_is_not_guessed(charset: str):
    with pytest.raises(EnvelopeError):
        decode('{"a": "é"}'.encode("latin-1"), f"application/json{charset}")


def http(body: bytes, *headers: str, close: bool = False) -> bytes:
    lines = ["HTTP/1.1 200 OK", *headers]
    if not close:
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


@pytest.mark.parametrize(
    "answer",
    [
        http(gzip.compress(b'{"token": "t"}', mtime=0)[:-14], "Content-Encoding: gzip", close=True),
        http(
            gzip.compress(b'{"token": "t"}' + b" " * 9999, mtime=0)[:20], "Content-Encoding: gzip"
        ),
        http(b"\x1f\x8b\x08 garbage", "Content-Encoding: gzip"),
        http(b'{"token": "t"}', "Content-Encoding: gzip"),
        http(b'{"token": "t"}', "Content-Encoding: gzip, gzip, gzip"),
        http(zlib.compress(b'{"token": "t"}')[:-6], "Content-Encoding: deflate"),
        http(b"\x28\xb5\x2f\xfd", "Content-Encoding: zstd"),
        http(b'{"token": "t"', close=True),
        http(b"\xff\xfe{}"),
        http(b'"' + b"\\" * 100),
    ],
    ids=lambda answer: repr(answer[16:70]),
)
def test_broken_compression_is_named(bench: Bench, answer: bytes):
    with raw_server(lambda connection: connection.sendall(answer)) as (base, _):
        report = bench.sync(api_base=base, max_attempts=2, read_timeout=2)
    assert report.exit_code == 5
    assert failure(report).startswith("Failed to log in: the answer")


@pytest.mark.parametrize("size", ["huge=100", at_night("huge_gzip=100"), "huge_gzip=1000"])
def test_page_without_measure_is_refused_in_bounded_memory(bench: Bench, size: str):
    bench.misbehave(size)
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED],
        env=bench.process_environment(),
        cwd=bench.home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert time.monotonic() - started < 60
    outcome = json.loads(done.stdout.splitlines()[-1])
    assert outcome["exit_code"] == 5
    assert "the answer has" in outcome["errors"][0] and "bytes" in outcome["errors"][0]
    assert outcome["megabytes"] < 350, "the page's 100 MB and more never stood in memory"
    assert len(bench.pages()) == 1, "it would be as large the next time"


_MEASURED = """
import json, re
from pathlib import Path
from cohort_tracker.config import load_settings
from cohort_tracker.sync import run_sync
report = run_sync(load_settings(no_file=True), build=False)
peak = re.search("VmHWM: *([0-9]+)", Path("/proc/self/status").read_text().replace("\t", " "))
errors = [error.message for error in report.errors]
megabytes = int(peak[1]) / 1024
print(json.dumps({"exit_code": report.exit_code, "errors": errors, "megabytes": megabytes}))
"""


def test_large_page_within_bounds_is_taken(bench: Bench):
    bench.misbehave("huge=20,page=1")
    assert bench.sync().exit_code == 0
    assert bench.in_force() == bench.expected()


@pytest.mark.parametrize("envelope", ENVELOPES)
@pytest.mark.parametrize(("bare", "id_style"), list(zip((True, False), ID_STYLES, strict=True)))
def test_every_envelope_gives_the_same_rows(
    tmp_path: Path, envelope: str, bare: bool, id_style: str
):
    shape = {"envelope": envelope, "bare": bare, "id_style": id_style}
    with Bench(tmp_path, server_options=shape) as bench:
        assert bench.sync().exit_code == 0
        assert bench.in_force() == bench.expected()
        assert bench.query("SELECT friendly_id, name FROM classes") == [("friendly-c1", "Class c1")]


@pytest.mark.parametrize("login_shape", LOGIN_SHAPES)
@pytest.mark.parametrize("auth_header", ["bearer", "authorization"])
def test_every_shape_of_token_and_header_opens_the_door(
    tmp_path: Path, login_shape: str, auth_header: str
):
    shape = {"login_shape": login_shape, "auth_header": auth_header}
    with Bench(tmp_path, server_options=shape) as bench:
        assert bench.sync().exit_code == 0


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"token": "t"}, "t"),
        ({"auth_token": "t"}, "t"),
        ({"result": {"token": "t"}}, "t"),
        ({"result": {"objects": '{"token": "t"}'}}, "t"),
        ({"result": {"objects": ['{"auth_token": "t"}']}}, "t"),
        ({"token": "", "result": {"token": "t"}}, "t"),
        ({"token": None}, None),
        ({"token": 5}, None),
        ([], None),
        ("t", None),
        ({"result": {"objects": "{"}}, None),
    ],
)
def test_login_answers(answer: Any, expected: str | None):
    assert token(answer) == expected


SHAPELESS: list[Any] = [None, 1, "x", {}, {"data": None}, {"data": {}}, [{"data": []}] * 2, ["{"]]


def test_json_of_another_shape_is_asked_for_again_then_named(bench: Bench):
    original = bench.server.answer
    bad = list(SHAPELESS)

    def answered(request, incidents):
        if "/progressions" in request.path and bad:
            return Answer(200, json.dumps(bad.pop()).encode())
        return original(request, incidents)

    bench.server.answer = answered  # type: ignore[method-assign]
    assert bench.sync(max_attempts=len(bad) + 1).exit_code == 0
    assert bench.in_force() == bench.expected()
    bad += SHAPELESS
    report = bench.sync(max_attempts=2)
    assert report.exit_code == 5
    assert failure(report).startswith("Failed to fetch progressions: the answer ")


@pytest.mark.parametrize("answer", SHAPELESS, ids=repr)
def test_json_of_another_shape_is_no_page_and_no_list(answer: Any):
    for parse in (lambda a: progressions_page(a, 0), class_list):
        with pytest.raises(EnvelopeError):
            parse(answer)


def test_nesting_and_numbers_without_end_are_bounded():
    for body in (b"[" * 1_000_000, b'{"a":' * 500_000, b'"' + b'\\"' * 1_000_000):
        started = time.monotonic()
        with pytest.raises(EnvelopeError):
            decode(body)
        assert time.monotonic() - started < 5
    page = b'{"data":[{"_id":"a","x":' + b"[" * 5000 + b'"]"' + b"]" * 5000 + b'},{"_id":"b"}]}'
    assert [raw["_id"] for raw in decode(page)["data"]] == ["a", "b"]
    assert decode(b'{"n":' + b"9" * 5000 + b',"s":"\\ud800"}')["n"] == float("inf")


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        at_night({"total": "45"}),
        at_night({"total": -1}),
        {"total": 10**30},
        {"total": None, "results_per_page": "10", "can_load_more": "yes", "page": []},
        at_night({"results_per_page": -3}),
        {"results_per_page": 10**18, "total": 45},
        "x",
    ],
    ids=repr,
)
def test_metadata_of_odd_types_is_not_trusted(bench: Bench, metadata: Any):
    original = bench.server.answer

    def answered(request, incidents):
        answer = original(request, incidents)
        if "/progressions" in request.path and answer.status == 200:
            page = {**json.loads(answer.body), "metadata": metadata}
            return type(answer)(200, json.dumps(page).encode(), answer.headers)
        return answer

    bench.server.answer = answered  # type: ignore[method-assign]
    for _ in range(2):
        report = bench.sync()
        assert bench.in_force() == bench.expected()
        assert report.exit_code == 0 or not report.classes[0].result.verified
    assert len(bench.pages()) < 40


def test_class_detail_shapes():
    for answer in ({"id": "c"}, {"data": [{"id": "c"}]}, [{"id": "c"}], ['{"id": "c"}']):
        assert class_detail(answer) == {"id": "c"}
    for broken in (None, 5, "x", [], [1, 2]):
        with pytest.raises(EnvelopeError):
            class_detail(broken)


@pytest.mark.parametrize("detail", ["no_units", "forbidden", "missing"])
def test_class_detail_that_is_refused_costs_only_the_curriculum(tmp_path: Path, detail: str):
    with Bench(tmp_path, server_options={"class_detail": detail}) as bench:
        assert bench.sync().exit_code == 0
        assert bench.in_force() == bench.expected()
