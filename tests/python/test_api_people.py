"""Who sees whom over the API: by every route, parameter and cursor, byte by byte."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from fastapi.routing import APIRoute

from api_people import SEES, hidden_in, traces_of
from api_server import CLASS, NIGHT, OTHER_NIGHT, ApiServer, problem_of, query
from cohort_tracker.web import api as api_package
from cohort_tracker.web.api.app import HEALTH, OPENAPI
from cohort_tracker.web.api.routes import PREFIX, ROUTES, Route

CLASSES = [CLASS, "web-m1"]


@pytest.fixture(scope="session")
def traces(api: ApiServer) -> dict[str, set[str]]:
    return traces_of(api)


def paths_of(api: ApiServer, route: Route) -> list[str]:
    """The route's path with each class, and each student of both."""
    if "{class_id}" not in route.path:
        return [route.path]
    if "{student_id}" not in route.path:
        return [route.path.format(class_id=name) for name in CLASSES]
    students = query(
        api.data,
        "select friendly_id, student_id from core.class_students s join core.classes c"
        " on s.class_id = c.id order by student_id",
    )
    return [
        route.path.format(class_id=row["friendly_id"], student_id=row["student_id"])
        for row in students
    ]


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
@pytest.mark.parametrize("who", SEES)
def test_no_byte_tells_of_others(api: ApiServer, traces, who: str, route: Route):
    for path in paths_of(api, route):
        limit = {} if route.is_one else {"limit": 1000}
        answer = api.ask(path, who, params=limit)
        assert answer.status_code in (200, 404), answer.text
        assert hidden_in(answer.text, traces[who]) == set(), path
        assert not any(trace in str(answer.headers) for trace in traces[who])


def test_the_search_for_bytes_finds_them(api: ApiServer, traces):
    """What a lead sees would be found, were it shown to a mentor."""
    text = api.ask(f"/classes/{CLASS}/students", params={"limit": 1000}).text
    assert len(hidden_in(text, traces["mentor"])) > 20
    assert hidden_in(text, traces["lead"]) == set()


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
def test_each_role_sees_its_rows_and_no_fewer(api: ApiServer, route: Route):
    """Of students the own ones, of classes the whole figures, and otherwise nothing at all."""
    if route.is_one or "{student_id}" in route.path:
        return
    path = route.path.format(class_id=CLASS)
    everything = all_rows(api, path, "lead")
    is_of_people = "student_id" in everything[0]
    is_of_nights = route.table == "marts.night_summary"
    nights = {
        row["student_id"]: row["night"]
        for row in query(api.data, "select student_id, night from core.class_students")
    }
    for who in ("mentor", "mentor of nobody", "program"):
        answer = api.ask(path, who, params={"limit": 1000})
        if route.path == "/mentors" or (who == "program" and (is_of_people or is_of_nights)):
            assert answer.status_code == 404
            continue
        if who == "mentor of nobody" and "{class_id}" in route.path:
            assert answer.status_code == 404  # in none of whose classes is a night of theirs
            continue
        rows = all_rows(api, path, who)
        if who == "mentor of nobody":
            assert rows == []
        elif is_of_people:
            own = [row for row in everything if nights.get(row["student_id"]) == NIGHT]
            assert sorted(map(str, rows)) == sorted(map(str, own))
            assert answer.json()["page"]["total"] == len(own)
        elif is_of_nights:
            assert rows == [row for row in everything if row["night"] == NIGHT]
        elif "{class_id}" in route.path or who == "program":
            assert rows == everything


def all_rows(api: ApiServer, path: str, who: str) -> list[dict]:
    return [row for page in api.pages(path, who, limit=1000) for row in page["data"]]


@pytest.mark.parametrize("path", ["metrics/blockers", "metrics/student-health", "students"])
def test_another_night_is_empty_for_a_mentor(api: ApiServer, path: str):
    """However it is asked for: by itself, beside the own one, or by a person of it."""
    there = f"/classes/{CLASS}/{path}"
    assert api.rows(there, night=OTHER_NIGHT), "the lead sees it"
    assert api.rows(there, "mentor", night=OTHER_NIGHT) == []
    both = api.rows(there, "mentor", night=[NIGHT, OTHER_NIGHT], limit=1000)
    assert {row["night"] for row in both} == {NIGHT}
    summary = f"/classes/{CLASS}/progress-summary"
    assert api.ask(f"{summary}?night={OTHER_NIGHT}", "mentor").status_code == 404
    assert api.ask(f"{summary}?night={NIGHT}", "mentor").status_code == 200


def test_others_students_are_not_there(api: ApiServer):
    """The same answer as for somebody who does not exist: nobody learns who is in the class."""
    others = query(api.data, "select student_id from core.class_students where night <> ?", NIGHT)
    nobody = api.ask(f"/classes/{CLASS}/students/nobody", "mentor")
    for row in others[:10]:
        for end in ("", "/assignments", "/weeks", "/events", "/sections", "/types"):
            answer = api.ask(f"/classes/{CLASS}/students/{row['student_id']}{end}", "mentor")
            assert (answer.status_code, answer.content) == (404, nobody.content)
        found = api.rows(
            f"/classes/{CLASS}/metrics/student-health", "mentor", student_id=row["student_id"]
        )
        assert found == []


def test_own_student_in_another_class_is_not_there(api: ApiServer):
    [own] = query(
        api.data,
        "select student_id from core.class_students where night = ? and class_id ="
        " (select id from core.classes where friendly_id = ?) order by 1 limit 1",
        *(NIGHT, CLASS),
    )
    assert api.ask(f"/classes/{CLASS}/students/{own['student_id']}", "mentor").status_code == 200
    for who in ("lead", "mentor"):
        path = f"/classes/web-m1/students/{own['student_id']}"
        assert api.ask(path, who).status_code == 404


def test_class_that_is_not_the_viewers_is_not_there(api: ApiServer):
    for who in ("mentor", "lead of one class"):
        there = api.ask("/classes/web-m1", who)
        assert (there.status_code, there.content) == (
            404,
            api.ask("/classes/nothing", who).content,
        )
        assert {row["friendly_id"] for row in api.rows("/classes", who)} == {CLASS}


# Where names are hidden.


@pytest.mark.parametrize("who", ["lead without names", "mentor without names"])
def test_alias_leads_to_the_same_student(api: ApiServer, who: str):
    health = f"/classes/{CLASS}/metrics/student-health"
    shown = api.rows(health, who, sort="score,risk_rank", limit=1000)
    named = api.rows(health, who.removesuffix(" without names"), sort="score,risk_rank", limit=1000)
    assert [row["score"] for row in shown] == [row["score"] for row in named]
    for row in shown[:3]:
        alias = row["student_id"]
        assert row["first_name"] == alias
        assert not {"email", "last_name", "mentor", "region"} & row.keys()
        [again] = api.rows(health, who, student_id=alias)
        assert again == row
        told = api.ask(f"/classes/{CLASS}/students/{alias}", who).json()["data"]
        assert told["health"] == row
        assert api.rows(f"/classes/{CLASS}/students/{alias}/weeks", who)


def test_real_id_opens_nothing_where_names_are_hidden(api: ApiServer):
    [row] = query(
        api.data,
        "select student_id, email from core.class_students where night = ? and class_id ="
        " (select id from core.classes where friendly_id = ?) and email is not null limit 1",
        *(NIGHT, CLASS),
    )
    for who in ("lead without names", "mentor without names"):
        path = f"/classes/{CLASS}/students/{row['student_id']}"
        assert api.ask(path, who).status_code == 404
        health = f"/classes/{CLASS}/metrics/student-health"
        assert api.rows(health, who, student_id=row["student_id"]) == []


@pytest.mark.parametrize(
    "asked",
    [
        {"sort": "last_name"},
        {"sort": "email"},
        {"region": "Old Town"},
        {"mentor": "Omar Abara"},
        {"sort": "risk_rank,-region"},
    ],
)
def test_what_is_hidden_is_no_filter_and_no_order(api: ApiServer, asked: dict):
    path = f"/classes/{CLASS}/metrics/student-health"
    assert api.ask(path, params=asked).status_code == 200
    answer = api.ask(path, "lead without names", params=asked)
    assert answer.status_code == 422
    assert problem_of(answer)["errors"][0]["parameter"] == next(iter(asked))


def test_order_of_aliases_tells_nothing_of_names(api: ApiServer):
    for sort in ("first_name", "-student_name"):
        rows = api.rows(f"/classes/{CLASS}/students", "lead without names", sort=sort, limit=1000)
        aliases = [row[sort.lstrip("-")] for row in rows]
        assert aliases == sorted(aliases, reverse=sort.startswith("-"))


# No way around the filter.


def test_every_route_asks_who_it_is(api: ApiServer):
    """Each route of the application, found there and not in a list of ours."""
    there = {route.path for route in api.app.routes if isinstance(route, APIRoute)}
    assert there == {PREFIX + route.path for route in ROUTES} | {PREFIX + HEALTH, OPENAPI}
    assert all(isinstance(route, APIRoute) for route in api.app.routes)
    for path in there:
        concrete = path.format(class_id=CLASS, student_id="x")
        for method in ("GET", "HEAD"):
            answer = api.ask(concrete, who=None, method=method)
            expected = 200 if path == PREFIX + HEALTH else 401
            assert answer.status_code == expected, path
            if expected == 401:
                assert answer.headers["WWW-Authenticate"]
                assert answer.headers["Content-Type"] == "application/problem+json"


def test_nobody_learns_what_is_wrong_with_a_question(api: ApiServer):
    for path in (f"/classes/{CLASS}/students?nothing=1", "/nothing", "/classes/nothing"):
        answer = api.ask(path, who=None)
        assert answer.status_code == 401
        assert answer.content == api.ask("/classes", who=None).content


def test_health_tells_nothing_but_that_it_is_well(api: ApiServer):
    for path in ("/health", PREFIX + "/health"):
        answer = api.ask(path, who=None)
        assert answer.json() == {"status": "ok"}


def test_rows_come_by_the_reader_alone():
    """No module of the API opens a file or a database: only the pool's readers give rows."""
    folder = Path(api_package.__file__).parent
    allowed = {"pages", "pool", "published", "seen", "viewer", "reader", "masking", "tables"}
    for path in folder.glob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        plain = [n.name for x in ast.walk(tree) if isinstance(x, ast.Import) for n in x.names]
        assert not {"duckdb", "sqlite3"} & {*plain, *(node.module or "" for node in imports)}
        for node in imports:
            parts = (node.module or "").split(".")
            if node.level == 3 and parts[0] == "reading":
                assert parts[1] in allowed, path.name
            if node.level == 3 and parts == ["reading", "published"]:
                assert {alias.name for alias in node.names} <= {"mark_of"}, path.name
            if node.level == 3 and parts == ["reading", "reader"]:
                assert {alias.name for alias in node.names} <= {"NotAllowedError", "Reader"}


@pytest.mark.parametrize("who", ["mentor", "mentor without names", "program"])
def test_tag_of_a_lead_is_good_for_no_one_else(api: ApiServer, who: str):
    for path in ("/classes", f"/classes/{CLASS}/metrics/student-health"):
        tag = api.ask(path).headers["ETag"]
        answer = api.ask(path, who, headers={"If-None-Match": tag})
        assert answer.status_code in (200, 404)
