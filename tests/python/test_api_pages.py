"""Pages of the API: each row once, in order, whatever they are sorted by."""

from __future__ import annotations

import base64
import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api_server import CLASS, NIGHT, ApiServer, at, problem_of, publish_another, query
from cohort_tracker.web.api.routes import ROUTES
from page_cohort import Cohort

STUDENTS = f"/classes/{CLASS}/students"
HEALTH = f"/classes/{CLASS}/metrics/student-health"
EVENTS = f"/classes/{CLASS}/metrics/events"
PROGRESSIONS = f"/classes/{CLASS}/progressions"
LISTS = [route for route in ROUTES if not route.is_one]
HIDDEN_KEYS = {
    EVENTS: "select event_key as key from marts.student_events",
    PROGRESSIONS: "select id as key from core.progressions",
}


def rows_of(pages: Iterator[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for page in pages for row in page["data"]]


def counting(value: Any) -> Any:
    """What of a value counts for the order: of a text the beginning."""
    return value[:100] if isinstance(value, str) else value


def is_in_order(rows: list[dict[str, Any]], sort: list[str]) -> bool:
    """Whether each row comes after the one before: by the first column in which they differ."""
    for row, following in itertools.pairwise(rows):
        for column in sort:
            name, is_down = column.removeprefix("-"), column.startswith("-")
            one, other = counting(row[name]), counting(following[name])
            if one == other:
                continue
            if one is None or (other is not None and (one > other) != is_down):
                return False
            break
    return True


@pytest.mark.parametrize("route", LISTS, ids=lambda route: route.path)
def test_pages_have_every_row_once_under_every_sort(api: ApiServer, route, student_id: str):
    path = at(route.path, student_id)
    everything = next(api.pages(path, limit=1000))
    total = everything["page"]["total"]
    columns = [c for c in everything["data"][0] if c not in ("assignment_name", "section")]
    if not route.is_named:
        columns = [*everything["data"][0]]
    limit = max(1, total // 3)
    whole = sorted(
        map(str, itertools.chain.from_iterable(p["data"] for p in api.pages(path, limit=1000)))
    )
    sortable = [c for c in columns if not (route.is_named and c == "assignment_type")]
    for column, sign in itertools.product(sortable, ("", "-")):
        pages = list(api.pages(path, limit=limit, sort=sign + column))
        rows = [row for page in pages for row in page["data"]]
        assert sorted(map(str, rows)) == whole, column
        assert {page["page"]["total"] for page in pages} == {total}
        assert all(len(page["data"]) == limit for page in pages[:-1])
        values = [row[column] for row in rows]
        there = [value for value in values if value is not None]
        assert values == [*there, *[None] * (len(values) - len(there))], "empty values come last"
        counts = [counting(value) for value in there]
        assert counts == sorted(counts, reverse=bool(sign)), sign + column


def test_several_columns_sort_in_their_order(api: ApiServer):
    rows = api.rows(HEALTH, sort="-tier,night,last_name")
    key = [(row["tier"], row["night"] or "~", row["last_name"]) for row in rows]
    assert [k[0] for k in key] == sorted((k[0] for k in key), reverse=True)
    for _, group in itertools.groupby(key, key=lambda k: k[0]):
        nights = list(group)
        assert nights == sorted(nights)


def test_last_page_ends_exactly(api: ApiServer):
    total = api.ask(HEALTH).json()["page"]["total"]
    for limit in (1, total - 1, total, total + 1):
        pages = list(api.pages(HEALTH, limit=limit))
        assert len(pages) == -(-total // limit)
        assert sum(len(page["data"]) for page in pages) == total


# Any order, any size, anybody.


@st.composite
def questions(draw: st.DrawFn, columns: dict[str, list[str]]) -> tuple[str, list[str]]:
    path = draw(st.sampled_from(sorted(columns)))
    names = draw(st.lists(st.sampled_from(columns[path]), min_size=1, max_size=3, unique=True))
    return path, [draw(st.sampled_from(("", "-"))) + name for name in names]


def columns_of(api: ApiServer, *paths: str) -> dict[str, list[str]]:
    """The columns that everybody sees, so without those that name somebody."""
    return {path: [*api.rows(path, "lead without names", limit=1)[0]] for path in paths}


def test_pages_together_are_the_whole_answer(api: ApiServer):
    columns = columns_of(api, STUDENTS, HEALTH, EVENTS, PROGRESSIONS)

    @settings(max_examples=60, deadline=None)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        path, sort = data.draw(questions(columns))
        who = data.draw(st.sampled_from(("lead", "mentor", "lead without names")))
        whole = rows_of(api.pages(path, who, sort=",".join(sort), limit=1000))
        limit = data.draw(st.integers(max(1, len(whole) // 12), min(1000, len(whole) + 2)))
        pages = list(api.pages(path, who, sort=",".join(sort), limit=limit))
        assert rows_of(iter(pages)) == whole
        assert [len(page["data"]) for page in pages[:-1]] == [limit] * (len(pages) - 1)
        assert pages[-1]["data"] or not whole
        assert {page["page"]["total"] for page in pages} == {len(whole)}
        assert is_in_order(whole, sort)

    check()


@pytest.mark.parametrize("path", [EVENTS, PROGRESSIONS, HEALTH])
@pytest.mark.parametrize("who", ["lead", "lead without names"])
def test_rows_that_are_alike_in_the_order_come_once_each(api: ApiServer, path: str, who: str):
    """All rows have one class; where names are hidden the key of two of the tables is, too."""
    whole = rows_of(api.pages(path, who, limit=1000))
    pages = list(api.pages(path, who, sort="class_id", limit=max(7, len(whole) // 9)))
    rows = rows_of(iter(pages))
    assert sorted(map(str, rows)) == sorted(map(str, whole))
    assert len(pages) > 5
    if path in HIDDEN_KEYS and who == "lead without names":
        hidden = {str(row["key"]) for row in query(api.data, HIDDEN_KEYS[path])}
        assert not hidden & {str(value) for row in rows for value in row.values()}
        assert {*rows[0]} <= {*api.rows(path, limit=1)[0]}


@pytest.mark.parametrize("letter", ["x", "\N{SNAKE}"])
def test_names_of_any_length_have_pages(cohort: Cohort, tmp_path: Path, letter: str):
    for name in ("warehouse.duckdb", "raw.db"):
        shutil.copy(cohort.settings.data_dir / name, tmp_path / name)
    long = f"UPDATE core.class_students SET last_name = repeat('{letter}', 5000) || last_name"
    publish_another(tmp_path, "long", long)
    with ApiServer(tmp_path) as server:
        pages = list(server.pages(STUDENTS, limit=9, sort="last_name,-first_name,email"))
        ids = [row["student_id"] for row in rows_of(iter(pages))]
        assert len(ids) == len({*ids}) == pages[0]["page"]["total"]
        assert len(pages[0]["page"]["next"]) < 2000


# Cursors that were not given for this.


def cursor_of(api: ApiServer, who: str = "lead", **parameters: str) -> str:
    answer = api.ask(HEALTH, who, params={"limit": "2", **parameters})
    return str(answer.json()["page"]["next"])


@pytest.mark.parametrize(
    "asked",
    [
        {"sort": "-score"},
        {"sort": "-risk_rank"},
        {"night": NIGHT},
        {"tier": "low"},
        {"is_enrolled": "true"},
        {"since": "2020-01-01"},
    ],
)
def test_cursor_of_another_question_is_refused(api: ApiServer, asked: dict):
    cursor = cursor_of(api)
    assert api.ask(HEALTH, params={"cursor": cursor, "limit": "5"}).status_code == 200
    answer = api.ask(HEALTH, params={"cursor": cursor, **asked})
    assert answer.status_code == 422
    assert "start again" in problem_of(answer)["errors"][0]["detail"]
    other = cursor_of(api, **asked)
    if other != "None":
        assert api.ask(HEALTH, params={"cursor": other}).status_code == 422


def test_cursor_of_another_viewer_or_route_is_refused(api: ApiServer):
    cursor = cursor_of(api)
    for path, who in (
        (HEALTH, "mentor"),
        (HEALTH, "lead of one class"),
        (HEALTH, "lead without names"),
        (STUDENTS, "lead"),
        (f"/classes/{CLASS}/metrics/student-activity", "lead"),
        (HEALTH.replace(CLASS, "web-m1"), "lead"),
    ):
        answer = api.ask(path, who, params={"cursor": cursor})
        assert answer.status_code == 422, (path, who)
        assert api.ask(path, who, params={"limit": "2"}).status_code == 200


def test_cursor_of_another_server_is_refused(api: ApiServer):
    cursor = cursor_of(api)
    with ApiServer(api.data) as other:
        assert other.ask(HEALTH, params={"limit": "2"}).json()["page"]["next"] != cursor
        assert other.ask(HEALTH, params={"cursor": cursor}).status_code == 422


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "1.2.3", "..", "%00", "9" * 150, "A" * 22, "x" * 4000, "ٱ", "=", "\n"],
)
def test_cursor_that_nobody_gave_is_refused(api: ApiServer, cursor: str):
    assert api.ask(HEALTH, params={"cursor": cursor}).status_code == 422


def test_cursor_that_was_changed_anywhere_is_refused(api: ApiServer):
    cursor = cursor_of(api, "mentor")
    content = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    changed = [
        base64.urlsafe_b64encode(
            content[:place] + bytes([content[place] ^ bit]) + content[place + 1 :]
        )
        .decode()
        .rstrip("=")
        for place in range(len(content))
        for bit in (1, 128)
    ]
    changed += [cursor[:size] for size in range(1, len(cursor), 5)]
    changed += [
        cursor + "=",
        cursor + "A",
        "A" + cursor,
        cursor + cursor,
        cursor + "!",
        cursor + " ",
    ]
    for one in changed:
        assert api.ask(HEALTH, "mentor", params={"cursor": one}).status_code == 422, one
    assert api.ask(HEALTH, "mentor", params={"cursor": cursor}).status_code == 200


def test_cursor_tells_nothing_of_the_row(api: ApiServer):
    """It travels in addresses, which proxies keep in their logs."""
    answer = api.ask(STUDENTS, params={"limit": "1", "sort": "email,last_name"}).json()
    cursor, [row] = answer["page"]["next"], answer["data"]
    content = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    for told in (row["email"], row["last_name"], row["student_id"], row["class_id"]):
        assert told.encode() not in content and told not in cursor
    again = api.ask(STUDENTS, params={"limit": "1", "sort": "email,last_name"}).json()
    assert again["page"]["next"] == cursor, "the same page has the same bytes"
