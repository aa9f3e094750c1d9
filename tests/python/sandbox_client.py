"""A plain client for the sandbox: it trusts nothing and hides nothing."""

import json
from datetime import UTC, datetime
from typing import Any

import requests

from cohort_tracker.sandbox import DEFAULT_EMAIL, DEFAULT_PASSWORD, SandboxServer, World, generate

END = datetime(2026, 3, 6, 15, 30, tzinfo=UTC)
LOGIN = {"email": DEFAULT_EMAIL, "password": DEFAULT_PASSWORD}


def small_world(seed: int = 7, students: int = 12) -> World:
    return generate(seed, 2, students, end=END)


def unwrap(body: Any) -> Any:
    if isinstance(body, dict) and "result" in body:
        body = body["result"]["objects"]
    if isinstance(body, list) and len(body) == 1 and isinstance(body[0], str):
        body = body[0]
    return json.loads(body) if isinstance(body, str) else body


def token_of(answer: dict[str, Any]) -> str:
    if "result" in answer:
        return answer["result"]["token"]
    return answer.get("token") or answer["auth_token"]


class Client:
    def __init__(self, server: SandboxServer) -> None:
        self.server = server
        self.http = requests.Session()
        self.http.trust_env = False

    def login(self, **given: str) -> requests.Response:
        answer = self.http.post(f"{self.server.url}/v1/auth/login", data=LOGIN | given, timeout=5)
        if answer.ok:
            self.http.headers["bearer"] = token_of(answer.json())
        return answer

    def get(self, path: str, timeout: float = 5, **query: Any) -> requests.Response:
        if "bearer" not in self.http.headers:
            self.login()
        return self.http.get(
            f"{self.server.url}{path}", params=query, timeout=timeout, allow_redirects=False
        )

    def page(self, key: str, page: int = 0, count: int = 50, **query: Any) -> Any:
        answer = self.get(
            f"/v1/classes/{key}/progressions",
            page=page,
            return_count=count,
            **{"sort_by_completed_at": -1, **query},
        )
        assert answer.status_code == 200, answer.text
        return unwrap(answer.json())

    def everything(self, key: str, count: int = 50, most: int = 500) -> list[Any]:
        records: list[Any] = []
        for number in range(most):
            page = self.page(key, number, count)
            records += page["data"]
            if not page["metadata"]["can_load_more"]:
                return records
        raise AssertionError("no last page")


def record_id(record: Any) -> str:
    return record["_id"]["$oid"] if isinstance(record["_id"], dict) else record["_id"]
