"""The API's schema: it is what the contracts say, what the tables have, and what clients know."""

from __future__ import annotations

import copy
import importlib.util
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from api_changes import breaking_changes
from api_server import CLASS, NIGHT, ApiServer, query
from cohort_tracker.project import project_dir
from cohort_tracker.web.api.contracts import Contracts
from cohort_tracker.web.api.routes import PREFIX, ROUTES, Route
from cohort_tracker.web.api.schema import Schema, examples

ROOT = Path(__file__).parents[2]


def _maker() -> Any:
    spec = importlib.util.spec_from_file_location("maker", ROOT / "docs" / "make_api_schema.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MAKER = _maker()
KNOWN = json.loads((ROOT / "docs" / "openapi.json").read_text("utf-8"))
UPDATE = "run `python docs/make_api_schema.py` and say it in CHANGELOG.md"


def test_the_schema_in_the_docs_is_the_one_that_is_served():
    told = json.loads(MAKER.openapi())
    broken = breaking_changes(KNOWN, told)
    assert not broken, f"clients would break; a new version of the paths, or {UPDATE}: {broken}"
    assert told == KNOWN, f"the docs are of another schema: {UPDATE}"


def test_server_gives_the_schema_to_who_has_a_key(api: ApiServer):
    assert api.ask(f"{PREFIX}/openapi.json").json() == KNOWN
    assert api.ask(f"{PREFIX}/openapi.json", who=None).status_code == 401
    assert KNOWN["openapi"].startswith("3.1")


def test_contracts_are_what_the_tables_have(api: ApiServer):
    contracts = Contracts()
    found: dict[str, list[tuple[Any, ...]]] = {}
    for row in query(
        api.data,
        "select schema_name || '.' || table_name as t, column_name, data_type, is_nullable"
        " from duckdb_columns() where database_name = 'warehouse'"
        " and schema_name in ('core', 'marts') order by t, column_index",
    ):
        found.setdefault(row["t"], []).append(
            (row["column_name"], row["data_type"], row["is_nullable"])
        )
    for name, columns in found.items():
        contract = contracts[name]
        types = [column.type for column in contract.table.columns]
        nullable = [column.is_nullable for column in contract.columns.values()]
        assert [*zip(contract.columns, types, nullable, strict=True)] == columns, name
        assert all(column.description for column in contract.columns.values())
        assert "{{" not in str(contract)


@pytest.mark.parametrize("who", ["lead", "mentor", "lead without names", "program"])
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
def test_answers_are_as_the_schema_says(api: ApiServer, route: Route, who: str):
    schema = Schema(Contracts())
    model = schema.answer(route)
    hidden = who.endswith("without names")
    seen = 0
    for path in paths(api, route, who):
        for night in ("", f"?night={NIGHT}"):
            if night and "night" not in schema.question(route).model_fields:
                continue
            answer = api.ask(path + night, who)
            if answer.status_code == 404:
                continue
            told = answer.json()
            checked = model.model_validate_json(answer.content, extra="forbid", strict=True)
            if not hidden and not (route.night_table and route.night_table != route.table):
                # nothing is left out, nothing is there beside it
                assert checked.model_dump(mode="json").keys() == told.keys()
            seen += 1
    assert seen or who != "lead"


def paths(api: ApiServer, route: Route, who: str) -> Iterator[str]:
    if "{student_id}" in route.path:
        answer = api.ask(f"/classes/{CLASS}/students", who, params={"limit": 5})
        for row in answer.json()["data"] if answer.status_code == 200 else []:
            yield route.path.format(class_id=CLASS, student_id=row["student_id"])
    else:
        yield route.path.format(class_id=CLASS)


def test_every_row_has_an_example_of_the_demo():
    contracts = Contracts()
    assert sorted(examples()) == MAKER.tables()
    for name, row in examples().items():
        assert [*row] == [*contracts[name].columns], UPDATE
    emails = [row["email"] for row in examples().values() if row.get("email")]
    assert emails
    assert all(email.endswith(("@example.org", "@example.com")) for email in emails)


def test_every_parameter_and_column_is_described():
    for path, answers in KNOWN["paths"].items():
        for parameter in answers["get"].get("parameters", ()):
            assert parameter["description"], (path, parameter["name"])
    for name, model in KNOWN["components"]["schemas"].items():
        if name.startswith(("Core", "Marts")):
            for column, described in model["properties"].items():
                assert described["description"], (name, column)


def test_project_that_travels_with_the_package_has_all_contracts():
    contracts = Contracts(project_dir())
    assert all(contracts[table].columns for table in MAKER.tables())


# What would break a client is seen.

HEALTH = f"{PREFIX}/classes/{{class_id}}/metrics/student-health"


def _parameters(schema: dict) -> list[dict]:
    found: list[dict] = schema["paths"][HEALTH]["get"]["parameters"]
    return found


def _columns(schema: dict) -> dict:
    found: dict = schema["components"]["schemas"]["MartsStudentHealth"]
    return found


def _without_route(schema: dict) -> None:
    del schema["paths"][HEALTH]


def _without_parameter(schema: dict) -> None:
    schema["paths"][HEALTH]["get"]["parameters"] = _parameters(schema)[:-1]


def _required_parameter(schema: dict) -> None:
    _parameters(schema)[1]["required"] = True


def _smaller_limit(schema: dict) -> None:
    [limit] = [p for p in _parameters(schema) if p["name"] == "limit"]
    limit["schema"]["maximum"] = 500


def _without_value(schema: dict) -> None:
    [tier] = [p for p in _parameters(schema) if p["name"] == "tier"]
    tier["schema"]["items"]["enum"].remove("n_a")


def _without_column(schema: dict) -> None:
    del _columns(schema)["properties"]["score"]


def _other_type(schema: dict) -> None:
    _columns(schema)["properties"]["is_enrolled"]["type"] = "string"


def _now_nullable(schema: dict) -> None:
    column = _columns(schema)["properties"]["is_enrolled"]
    column["anyOf"] = [{"type": column.pop("type")}, {"type": "null"}]


def _no_longer_there_always(schema: dict) -> None:
    _columns(schema)["required"].remove("is_enrolled")


@pytest.mark.parametrize(
    "change",
    [
        _without_route,
        _without_parameter,
        _required_parameter,
        _smaller_limit,
        _without_value,
        _without_column,
        _other_type,
        _now_nullable,
        _no_longer_there_always,
    ],
)
def test_change_that_breaks_clients_is_seen(change: Callable[[dict], None]):
    changed = copy.deepcopy(KNOWN)
    change(changed)
    assert breaking_changes(KNOWN, changed)


def test_what_is_added_breaks_nobody():
    changed = copy.deepcopy(KNOWN)
    changed["paths"][f"{PREFIX}/new"] = {"get": {"responses": {}}}
    _columns(changed)["properties"]["new"] = {"type": "string"}
    _columns(changed)["required"].append("new")
    _parameters(changed).append({"name": "new", "in": "query", "required": False, "schema": {}})
    assert breaking_changes(KNOWN, changed) == []
