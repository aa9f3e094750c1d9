"""The API's answers: the right rows, in order, page by page, and refusals that say why."""

from __future__ import annotations

import csv
import io

import pytest

from api_server import CLASS, NIGHT, OTHER_NIGHT, ApiServer, at, problem_of, query
from cohort_tracker.web.api.routes import PREFIX, ROUTES

HEALTH = f"/classes/{CLASS}/metrics/student-health"


@pytest.fixture(scope="session")
def class_id(api: ApiServer) -> str:
    [row] = query(api.data, "select id from core.classes where friendly_id = ?", CLASS)
    return str(row["id"])


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
def test_every_route_answers_alike_with_and_without_the_prefix(
    api: ApiServer, route, student_id: str
):
    bare = api.ask(at(route.path, student_id))
    prefixed = api.ask(PREFIX + at(route.path, student_id))
    assert bare.status_code == prefixed.status_code == 200
    assert bare.content == prefixed.content
    assert bare.headers["ETag"] == prefixed.headers["ETag"]
    told = bare.json()
    assert told.keys() == {"data", "page", "build"}
    assert told["data"], "a route that tells nothing of the demo is not tested"
    assert told["build"].keys() == {"id", "as_of", "is_stale"}


def test_a_class_is_found_by_either_of_its_names(api: ApiServer, class_id: str):
    by_id = api.ask(f"/classes/{class_id}")
    assert by_id.json()["data"]["class_id"] == class_id
    assert by_id.json() == api.ask(f"/classes/{CLASS.upper()}").json()


def test_build_tells_which_tables_these_are(api: ApiServer, class_id: str):
    [build] = query(api.data, "select id from core.build")
    [known] = query(api.data, "select as_of from marts.class_summary where class_id = ?", class_id)
    told = api.ask(HEALTH).json()["build"]
    as_of = known["as_of"].isoformat(timespec="microseconds")
    assert told == {"id": build["id"], "as_of": f"{as_of}Z", "is_stale": False}


# Filters.


@pytest.mark.parametrize(
    ("parameters", "condition"),
    [
        ({"night": NIGHT.lower()}, f"night = '{NIGHT}'"),
        ({"night": [NIGHT, OTHER_NIGHT]}, f"night in ('{NIGHT}', '{OTHER_NIGHT}')"),
        ({"tier": ["critical", "high"]}, "tier in ('critical', 'high')"),
        ({"tier": "low", "night": NIGHT}, f"tier = 'low' and night = '{NIGHT}'"),
        ({"call_list": "gone_quiet"}, "call_list = 'gone_quiet'"),
        ({"is_enrolled": "true"}, "is_enrolled"),
        ({"is_enrolled": "false"}, "not is_enrolled"),
        ({"region": "Nowhere"}, "false"),
    ],
)
def test_filters_leave_the_rows_that_were_asked_for(
    api: ApiServer, class_id: str, parameters: dict, condition: str
):
    expected = query(
        api.data,
        f"select student_id from marts.student_health where class_id = ? and {condition}",
        class_id,
    )
    answer = api.ask(HEALTH, params=parameters).json()
    assert {row["student_id"] for row in answer["data"]} == {r["student_id"] for r in expected}
    assert answer["page"]["total"] == len(expected)


@pytest.mark.parametrize(
    ("parameters", "condition"),
    [
        ({"night": NIGHT}, f"s.night = '{NIGHT}'"),
        ({"type": "quiz"}, "a.assignment_type = 'quiz'"),
        (
            {"section": "sql", "night": OTHER_NIGHT},
            f"a.section = 'SQL' and s.night='{OTHER_NIGHT}'",
        ),
        ({"state": "in_progress"}, "w.state = 'in_progress'"),
    ],
)
def test_progressions_are_filtered_by_what_is_known_of_student_and_assignment(
    api: ApiServer, class_id: str, parameters: dict, condition: str
):
    expected = query(
        api.data,
        "select p.id from core.progressions p"
        " left join core.class_students s using (class_id, student_id)"
        " left join core.student_assignments w using (class_id, student_id, assignment_id)"
        " left join marts.assignment_completion a using (class_id, assignment_id)"
        f" where p.class_id = ? and {condition}",
        class_id,
    )
    found = [
        row["id"]
        for page in api.pages(f"/classes/{CLASS}/progressions", limit=1000, **parameters)
        for row in page["data"]
    ]
    assert sorted(found) == sorted(row["id"] for row in expected)
    assert found


def test_since_and_until_take_their_day_in(api: ApiServer, class_id: str):
    path = f"/classes/{CLASS}/progressions"
    [middle] = query(
        api.data,
        "select median(completed_at)::date as day from core.progressions where class_id = ?",
        class_id,
    )
    [counted] = query(
        api.data,
        "select count(*) filter (completed_at::date >= $2) as since,"
        " count(*) filter (completed_at::date <= $2) as until,"
        " count(*) filter (completed_at::date = $2) as both from core.progressions"
        " where class_id = $1",
        *(class_id, middle["day"]),
    )

    def total(**parameters: str) -> int:
        return int(api.ask(path, params=parameters).json()["page"]["total"])

    day = str(middle["day"])
    assert total(since=day) == counted["since"]
    assert total(until=day) == counted["until"]
    assert total(since=day, until=day) == counted["both"] > 0


def test_night_reads_the_table_of_the_night(api: ApiServer, class_id: str):
    for path, table in (
        ("metrics/blockers", "night_blockers"),
        ("metrics/completion", "night_assignment_completion"),
        ("metrics/progress-over-time", "night_progress"),
    ):
        expected = query(
            api.data,
            f"select count(*) as n from marts.{table} where class_id = ? and night = ?",
            *(class_id, NIGHT),
        )
        rows = api.rows(f"/classes/{CLASS}/{path}", night=NIGHT.upper(), limit=1000)
        assert {row["night"] for row in rows} == {NIGHT}
        assert len(rows) == expected[0]["n"]
    summary = api.ask(f"/classes/{CLASS}/progress-summary?night={NIGHT}").json()["data"]
    [expected_summary] = query(
        api.data,
        "select students from marts.night_summary where class_id = ? and night = ?",
        *(class_id, NIGHT),
    )
    assert (summary["night"], summary["students"]) == (NIGHT, expected_summary["students"])
    assert api.ask(f"/classes/{CLASS}/progress-summary?night=Nowhere").status_code == 404


# Refusals.


@pytest.mark.parametrize(
    ("path", "parameters", "parameter"),
    [
        (HEALTH, {"nigth": "Monday"}, "nigth"),
        (HEALTH, {"Night": "Monday"}, "Night"),
        (HEALTH, {"tier": "awful"}, "tier"),
        (HEALTH, {"night": ""}, "night"),
        (HEALTH, {"limit": "0"}, "limit"),
        (HEALTH, {"limit": "1001"}, "limit"),
        (HEALTH, {"limit": "ten"}, "limit"),
        (HEALTH, {"limit": ["1", "2"]}, "limit"),
        (HEALTH, {"sort": ["score", "tier"]}, "sort"),
        (HEALTH, {"sort": "nothing"}, "sort"),
        (HEALTH, {"sort": ""}, "sort"),
        (HEALTH, {"sort": "score,-score"}, "sort"),
        (HEALTH, {"sort": "--score"}, "sort"),
        (HEALTH, {"sort": 'score"; drop table x'}, "sort"),
        (HEALTH, {"sort": "risk_rank desc"}, "sort"),
        (HEALTH, {"since": "yesterday"}, "since"),
        (HEALTH, {"since": "2026-02-30"}, "since"),
        (HEALTH, {"until": "1700000000"}, "until"),
        (HEALTH, {"is_enrolled": "maybe"}, "is_enrolled"),
        (HEALTH, {"state": "completed"}, "state"),
        (f"/classes/{CLASS}/metrics/activity", {"night": NIGHT}, "night"),
        (f"/classes/{CLASS}/metrics/cohorts", {"night": NIGHT}, "night"),
        (f"/classes/{CLASS}/metrics/activity", {"hour": "9999999999999999999"}, "hour"),
        (f"/classes/{CLASS}/progress-summary", {"limit": "1"}, "limit"),
        ("/classes", {"night": NIGHT}, "night"),
    ],
)
def test_what_cannot_be_used_is_refused_and_never_ignored(
    api: ApiServer, path: str, parameters: dict, parameter: str
):
    answer = api.ask(path, params=parameters)
    assert answer.status_code == 422
    assert [error["parameter"] for error in problem_of(answer)["errors"]] == [parameter]


def test_unknown_parameter_is_told_what_there_is(api: ApiServer):
    [error] = problem_of(api.ask(HEALTH, params={"nigth": "x"}))["errors"]
    assert "night" in error["detail"]


def test_what_was_typed_comes_back_only_where_it_is_a_word(api: ApiServer):
    answer = api.ask(HEALTH + "?<script>alert(1)</script>=1")
    assert answer.status_code == 422
    assert b"script" not in answer.content


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_nothing_but_reading_is_allowed(api: ApiServer, method: str):
    answer = api.ask(HEALTH, method=method)
    assert answer.status_code == 405
    assert problem_of(answer)
    assert answer.headers["Allow"] == "GET, HEAD"
    assert not any("access-control" in name.lower() for name in answer.headers)


def test_pages_of_other_sites_may_not_read(api: ApiServer):
    answer = api.ask(HEALTH, headers={"Origin": "https://evil.example"})
    assert not any("access-control" in name.lower() for name in answer.headers)


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/docs",
        "/redoc",
        "/openapi.json",
        "/classes/",
        "//classes",
        "/api/v1",
        "/api/v1/",
        "/api/v2/classes",
        "/api/v1/api/v1/classes",
        f"/classes/{CLASS}/",
        f"/classes/{CLASS}/metrics",
        f"/classes/{CLASS}/metrics/student-health/",
        f"/classes/{CLASS}/../../etc/passwd",
        f"/classes/{CLASS}%2f..%2f..%2fetc/metrics/student-health",
        f"/classes/%00{CLASS}/metrics/student-health",
        "/classes/' or '1'='1/metrics/student-health",
        "/classes/%27%20or%20true--/students",
        f"/classes/{CLASS}/students/' or true --",
        f"/classes/{CLASS}/students/%F0%9F%90%8D",
        f"/classes/{CLASS}/students/%ff%fe",
    ],
)
def test_path_that_is_none_is_not_there(api: ApiServer, path: str):
    answer = api.ask(path)
    assert answer.status_code == 404
    assert problem_of(answer)["detail"] == "There is nothing here, or not for you."
    assert api.ask(path, who=None).status_code == 401


def test_name_of_a_class_can_be_too_long_to_be_one(api: ApiServer):
    assert api.ask(f"/classes/{'x' * 10_000}").status_code == 404


def test_query_of_ten_kilobytes_is_refused(api: ApiServer):
    answer = api.ask(HEALTH + "?night=" + "x" * 10_000)
    assert answer.status_code == 414
    assert problem_of(answer)
    many = api.ask(HEALTH, params={"night": ["x"] * 51})
    assert many.status_code == 422


# What a client has already.


def test_answer_that_the_client_has_is_not_sent_again(api: ApiServer):
    answer = api.ask(HEALTH)
    tag = answer.headers["ETag"]
    assert tag.startswith('"'), "a strong one"
    assert answer.headers["Cache-Control"] == "private, no-cache"
    for known in (tag, f'"other", {tag}', f"W/{tag}"):
        again = api.ask(HEALTH, headers={"If-None-Match": known})
        assert again.status_code == 304
        assert again.content == b""
        assert again.headers["ETag"] == tag
        assert again.headers["Cache-Control"] == "private, no-cache"
    for known in ('"other"', "*", f"W/{tag}x"):
        assert api.ask(HEALTH, headers={"If-None-Match": known}).status_code == 200


def test_every_answer_has_a_tag_of_its_own(api: ApiServer):
    asked = [
        api.ask(HEALTH),
        api.ask(HEALTH, "lead of one class"),
        api.ask(HEALTH, "mentor"),
        api.ask(HEALTH, "lead without names"),
        api.ask(HEALTH, params={"night": NIGHT}),
        api.ask(HEALTH, params={"night": OTHER_NIGHT}),
        api.ask(HEALTH, params={"limit": "7"}),
        api.ask(HEALTH, params={"sort": "score"}),
        api.ask(HEALTH, params={"cursor": api.ask(HEALTH + "?limit=2").json()["page"]["next"]}),
        api.ask(HEALTH.replace(CLASS, "web-m1")),
    ]
    assert {answer.status_code for answer in asked} == {200}
    assert len({answer.headers["ETag"] for answer in asked}) == len(asked)


def test_head_tells_the_same_without_the_rows(api: ApiServer):
    got, told = api.ask(HEALTH), api.ask(HEALTH, method="HEAD")
    assert told.status_code == 200
    assert told.content == b""
    for name in ("ETag", "Content-Length", "Content-Type", "Cache-Control", "Vary"):
        assert told.headers[name] == got.headers[name]
    assert api.ask(HEALTH, who=None, method="HEAD").status_code == 401


# What one student's page needs.


def test_student_in_one_answer(api: ApiServer, class_id: str, student_id: str):
    told = api.ask(f"/classes/{CLASS}/students/{student_id}").json()["data"]
    assert told["work"]["student_id"] == told["health"]["student_id"] == student_id
    assert {row["student_id"] for row in told["reasons"] + told["signals"]} == {student_id}
    assert [row["reason_rank"] for row in told["reasons"]] == [*range(1, len(told["reasons"]) + 1)]
    assert len(told["signals"]) == 7


def test_work_of_a_student_has_names(api: ApiServer, class_id: str, student_id: str):
    names = {
        row["assignment_id"]: (row["assignment_name"], row["assignment_type"], row["section"])
        for row in query(
            api.data, "select * from marts.assignment_completion where class_id = ?", class_id
        )
    }
    rows = api.rows(f"/classes/{CLASS}/students/{student_id}/assignments", limit=1000)
    assert {row["assignment_id"] for row in rows} == names.keys()
    for row in rows:
        told = (row["assignment_name"], row["assignment_type"], row["section"])
        assert told == names[row["assignment_id"]]


def test_students_rows_are_the_students_alone(api: ApiServer, student_id: str):
    for route in ROUTES:
        if "{student_id}" in route.path and not route.is_one:
            rows = api.rows(at(route.path, student_id), limit=1000)
            assert {row["student_id"] for row in rows} == {student_id}, route.path


# As a file.


def test_csv_has_the_rows_of_all_pages(api: ApiServer):
    answer = api.ask(HEALTH, params={"night": NIGHT}, headers={"Accept": "text/csv"})
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="student-health.csv"'
    assert answer.content.startswith(b"\xef\xbb\xbf")
    told = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))
    rows = api.rows(HEALTH, night=NIGHT, limit=1000)
    assert [row["student_id"] for row in told] == [row["student_id"] for row in rows]
    assert [row["last_name"] for row in told] == [row["last_name"] for row in rows]
    assert [row["score"] for row in told] == [
        "" if row["score"] is None else str(row["score"]) for row in rows
    ]
    assert [*told[0]] == [*rows[0]]


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
def test_every_route_gives_csv(api: ApiServer, route, student_id: str):
    path = at(route.path, student_id)
    answer = api.ask(path, headers={"Accept": "text/csv"})
    assert answer.status_code == 200
    told = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))
    whole = api.ask(path).json()
    assert len(told) == (1 if route.is_one else whole["page"]["total"])
    assert answer.headers["ETag"] != api.ask(path).headers["ETag"]
    known = {"Accept": "text/csv", "If-None-Match": answer.headers["ETag"]}
    assert api.ask(path, headers=known).status_code == 304


@pytest.mark.parametrize("parameters", [{"limit": "10"}, {"cursor": "a.b.1"}])
def test_csv_has_no_pages(api: ApiServer, parameters: dict):
    answer = api.ask(HEALTH, params=parameters, headers={"Accept": "text/csv"})
    assert answer.status_code == 422
    [error] = problem_of(answer)["errors"]
    assert error["parameter"] == next(iter(parameters))


def test_csv_of_what_is_not_there(api: ApiServer):
    for path, who in (
        (f"/classes/{CLASS}/students/nobody/weeks", "lead"),
        (f"/classes/{CLASS}/progress-summary?night=Nowhere", "lead"),
        (f"/classes/{CLASS}/students", "program"),
    ):
        answer = api.ask(path, who, headers={"Accept": "text/csv"})
        assert answer.status_code == 404
        assert problem_of(answer)


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("text/csv", "text/csv"),
        ("text/csv;q=0.5, application/json", "application/json"),
        ("application/json;q=0.5, text/csv;q=0.9", "text/csv"),
        ("text/csv, */*;q=0.1", "text/csv"),
        ("*/*, text/csv", "application/json"),
        ("text/csv;q=0", "application/json"),
        ("text/csv;q=x", "application/json"),
        ("text/html", "application/json"),
        ("", "application/json"),
    ],
)
def test_what_the_client_would_rather_have(api: ApiServer, accept: str, kind: str):
    answer = api.ask("/classes", headers={"Accept": accept})
    assert answer.headers["Content-Type"].split(";")[0] == kind
