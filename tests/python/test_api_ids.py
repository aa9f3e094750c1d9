"""Every id of the data, by every filter, order and tag of every route: none leads to others."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from api_people import hidden_in, traces_of
from api_server import CLASS, NIGHT, ApiServer, query
from cohort_tracker.web.api.contracts import Contracts
from cohort_tracker.web.api.routes import ROUTES, Route
from cohort_tracker.web.api.schema import Schema

SCHEMA = Schema(Contracts())
VIEWERS = ("mentor", "lead of one class", "mentor without names")
LISTS = [route for route in ROUTES if not route.is_one]
AT_ONCE = 40


@pytest.fixture(scope="module")
def traces(api: ApiServer) -> dict[str, set[str]]:
    """Also of the other class and its mentors, for those who see one class."""
    found = traces_of(api)
    [other] = query(api.data, "select id from core.classes where friendly_id <> ?", CLASS)
    for who in VIEWERS:
        found[who].add(other["id"])
    mentors = {
        night: {row["mentor"] for row in query(api.data, MENTORS.format(night))}
        for night in (f"night = '{NIGHT}'", "true")
    }
    own = mentors[f"night = '{NIGHT}'"]
    found["mentor"] |= mentors["true"] - own
    found["mentor without names"] |= mentors["true"]
    assert all(len(words) > 20 for words in (found[who] for who in VIEWERS))
    return found


MENTORS = "select distinct mentor from core.class_students where mentor is not null and {}"


@pytest.fixture(scope="module")
def own_student(api: ApiServer) -> str:
    [row] = query(
        api.data,
        "select student_id from marts.student_events join core.classes c on class_id = c.id"
        " where c.friendly_id = ? and night = ? order by 1 limit 1",
        *(CLASS, NIGHT),
    )
    return str(row["student_id"])


def path_of(api: ApiServer, route: Route, who: str, own_student: str) -> str:
    student = own_student
    if who.endswith("without names") and "{student_id}" in route.path:
        student = api.rows(f"/classes/{CLASS}/students", who, limit=1)[0]["student_id"]
    return route.path.format(class_id=CLASS, student_id=student)


def values_of(api: ApiServer, route: Route) -> Iterator[tuple[str, list[str]]]:
    """Each filter of a route with all values that the data has, of everybody."""
    for name, found in SCHEMA.filters(route).items():
        if found.kind not in ("text", "number"):
            continue
        rows = query(
            api.data,
            f'select distinct "{found.column}" as v from {found.table}'
            f' where "{found.column}" is not null order by 1',
        )
        values = [str(row["v"]) for row in rows]
        for start in range(0, len(values), AT_ONCE):
            yield name, values[start : start + AT_ONCE]


@pytest.mark.parametrize("who", VIEWERS)
@pytest.mark.parametrize("route", LISTS, ids=lambda route: route.path)
def test_no_value_of_a_filter_shows_more(
    api: ApiServer, traces, own_student: str, who: str, route: Route
):
    path = path_of(api, route, who, own_student)
    whole = api.ask(path, who, params={"limit": 1000})
    if whole.status_code == 404:
        assert route.path == "/mentors"
        return
    own = {str(row) for page in api.pages(path, who, limit=1000) for row in page["data"]}
    asked = 0
    for name, values in values_of(api, route):
        answer = api.ask(path, who, params={name: values, "limit": 1000})
        assert answer.status_code in (200, 422), answer.text
        assert hidden_in(answer.text, traces[who]) == set(), (name, values)
        assert not any(trace in str(answer.headers) for trace in traces[who])
        asked += 1
        if answer.status_code == 200 and not (route.night_table and name == "night"):
            rows = {str(row) for row in answer.json()["data"]}
            assert rows <= own, name
    kinds = {found.kind for found in SCHEMA.filters(route).values()}
    assert asked or not kinds & {"text", "number"}


@pytest.mark.parametrize("route", LISTS, ids=lambda route: route.path)
def test_no_order_shows_more(api: ApiServer, traces, own_student: str, route: Route):
    path = path_of(api, route, "mentor", own_student)
    if route.path == "/mentors":
        assert api.ask(path, "mentor", params={"sort": "mentor"}).status_code == 404
        return
    first = api.ask(path, "mentor", params={"limit": 1000}).json()
    for column in api.rows(path, limit=1)[0]:
        answer = api.ask(path, "mentor", params={"limit": 1000, "sort": f"-{column}"})
        assert answer.json()["page"]["total"] == first["page"]["total"]
        assert hidden_in(answer.text, traces["mentor"]) == set(), column


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
def test_no_tag_of_another_is_known(api: ApiServer, own_student: str, route: Route):
    """Whether others have the same rows or not: nobody learns that they would."""
    path = route.path.format(class_id=CLASS, student_id=own_student)
    tags = {who: api.ask(path, who).headers.get("ETag") for who in ("lead", *VIEWERS, "program")}
    for who, tag in tags.items():
        others = {other for name, other in tags.items() if name != who and other}
        assert tag not in others
        answer = api.ask(path, who, headers={"If-None-Match": ", ".join(sorted(others))})
        assert answer.status_code == (200 if tag else 404)
