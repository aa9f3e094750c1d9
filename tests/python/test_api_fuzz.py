"""Questions that nobody would think of, by the schema that is served, for each role.

Classes, students and assignments are those of whoever asks: a fuzzer that knows no id meets 404 and
nothing else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import APIOperation, Case
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api_server import CLASS, NIGHT, OTHER_NIGHT, query
from cohort_tracker.web.api.app import HEALTH, OPENAPI
from cohort_tracker.web.api.routes import PREFIX, ROUTES
from served import Place, Served

EXAMPLES = 8
CHECKED = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
OF_CLASS = f"select id from core.classes where friendly_id = '{CLASS}'"
OF_CLASSES = {
    *("Build", "Classes", "Class", "Assignments", "Completion", "Blockers", "ProgressOverTime"),
    *("Cohorts", "Activity", "GradeDistribution", "ProgressSummary"),
}
EVERYTHING = {route.name for route in ROUTES}
TOLD = {"lead": EVERYTHING, "mentor": EVERYTHING - {"Mentors"}, "program": OF_CLASSES}


@pytest.fixture(scope="module")
def place(served_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Place:
    data = tmp_path_factory.mktemp("fuzz") / "data"
    return Place.copied(served_data, data, requests_per_minute=100_000)


@pytest.fixture(scope="module")
def served(place: Place) -> Iterator[Served]:
    with place.serving() as running:
        yield running


def with_ids(told: dict[str, Any], data: Path) -> dict[str, Any]:
    """The schema with real ids for what is free text in it, and without cursors."""
    values = {
        "class_id": [
            CLASS,
            _ids(data, f"select id from core.classes where friendly_id='{CLASS}'")[0],
        ],
        "student_id": _ids(
            data,
            "select distinct student_id as id from marts.student_events where night = ?"
            " and class_id = (select id from core.classes where friendly_id = ?) limit 6",
            *(NIGHT, CLASS),
        ),
        "assignment_id": _ids(data, "select id from core.assignments order by 1 limit 6"),
        "night": [NIGHT, OTHER_NIGHT, NIGHT.upper(), "(no night)", "none"],
        "section": _ids(data, "select distinct section as id from marts.assignment_completion"),
    }
    schemas = told["components"]["schemas"]
    for path, methods in told["paths"].items():
        operation = methods["get"]
        kept = [one for one in operation.get("parameters", ()) if one["name"] != "cursor"]
        for parameter in kept:
            given_ = values.get(parameter["name"])
            found = parameter["schema"]
            if given_ and found.get("type") == "array":
                found["items"] = {"enum": given_}
            elif given_:
                parameter["schema"] = {"enum": given_}
            elif parameter["name"] == "sort":
                row = schemas[operation["operationId"] + "Answer"]["properties"]["data"]["items"]
                columns = [*schemas[row["$ref"].rpartition("/")[2]]["properties"]]
                parameter["schema"] = {"enum": [s + c for c in columns for s in ("", "-")] + ["x"]}
        operation["parameters"] = kept
        assert path.startswith(PREFIX)
    return told


def _ids(data: Path, sql: str, *values: str) -> list[str]:
    return [str(row["id"]) for row in query(data, sql, *values) if row["id"] is not None]


def statuses(operation: APIOperation, url: str, headers: dict[str, str]) -> Counter[int]:
    """How often which status was answered; each answer must be as the schema says."""
    counted: Counter[int] = Counter()

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=[*HealthCheck],
    )
    @given(case=operation.as_strategy())
    def ask(case: Case) -> None:
        answer = case.call(base_url=url, headers=headers)
        case.validate_response(answer, checks=CHECKED)
        counted[answer.status_code] += 1

    ask()
    return counted


@pytest.mark.parametrize("who", ["lead", "mentor", "program", "nobody"])
def test_any_question_is_answered_as_the_schema_says(who: str, place: Place, served: Served):
    lead = place.grant()[1]
    [class_id] = _ids(place.data, OF_CLASS)
    key = {
        "lead": lead,
        "mentor": place.grant("mentor", "m@x", class_ids=(class_id,), nights=(NIGHT,))[1],
        "program": place.grant("program", "Board")[1],
        "nobody": "ct_aaaaaaaa_" + "A" * 43,
    }[who]
    told = with_ids(served.get(OPENAPI, lead).json(), place.data)
    schema = schemathesis.openapi.from_dict(told)
    headers = {} if who == "nobody" else {"Authorization": f"Bearer {key}"}
    met: dict[str, Counter[int]] = {}
    for result in schema.get_all_operations():
        assert isinstance(result, Ok)
        operation = result.ok()
        met[operation.definition.raw["operationId"]] = statuses(operation, served.url, headers)
    if who == "nobody":
        assert met.pop("Health").keys() == {200}
        assert {status for counted in met.values() for status in counted} == {401}
        return
    assert {name for name, counted in met.items() if counted[200]} == TOLD[who] | {"Health"}
    assert met.keys() == EVERYTHING | {"Health"}, HEALTH
