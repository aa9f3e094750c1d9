"""The API over real HTTP on loopback, for people with different rights, on an invented cohort."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import requests
import uvicorn
from fastapi import HTTPException, Request

from cohort_tracker.config import Settings
from cohort_tracker.reading.published import opened
from cohort_tracker.reading.scope import viewer_for
from cohort_tracker.reading.viewer import Viewer
from cohort_tracker.web.api.app import create_app
from fixed_moment import OF_ANY_AGE

WHO = "X-Who"
"""The header by which the tests say who asks."""

CLASS = "data-m1"
NIGHT = "Thursday"
OTHER_NIGHT = "Monday"


def settings_of(data: Path) -> Settings:
    """Settings that publish into a directory."""
    return replace(Settings(), data_dir=data, **OF_ANY_AGE)


def viewers(data: Path) -> dict[str, Viewer]:
    """Real viewers by the names that the tests give them."""
    with opened(settings_of(data).warehouse_path) as connection:
        lead = Viewer()
        thursday = viewer_for(connection, classes=[CLASS], night=NIGHT)
        return {
            "lead": lead,
            "lead of one class": viewer_for(connection, classes=[CLASS]),
            "mentor": thursday,
            "mentor of nobody": replace(thursday, nights=frozenset()),
            "program": Viewer("program"),
            "lead without names": replace(lead, hide_names=True),
            "mentor without names": replace(thursday, hide_names=True),
        }


class ApiServer:
    """The API of a data directory, served until closed.

    Args:
        data: the directory, which a sync has filled.
    """

    def __init__(self, data: Path) -> None:
        self.data = data
        self.settings = settings_of(data)
        self.viewers = viewers(data)
        self.app = create_app(self.settings, self._identify)
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        config = uvicorn.Config(self.app, log_config=None, access_log=False)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],))

    def _identify(self, request: Request) -> Viewer:
        who = request.headers.get(WHO)
        if who not in self.viewers:
            raise HTTPException(401, "Say who.", headers={"WWW-Authenticate": "Bearer"})
        return self.viewers[who]

    def __enter__(self) -> ApiServer:
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(20)
        self._socket.close()

    def ask(
        self, path: str, who: str | None = "lead", method: str = "GET", **options: Any
    ) -> requests.Response:
        """What is answered to somebody; redirects are not followed."""
        headers = ({WHO: who} if who else {}) | options.pop("headers", {})
        return requests.request(
            method,
            self.url + path,
            headers=headers,
            timeout=30,
            allow_redirects=False,
            **options,
        )

    def rows(self, path: str, who: str = "lead", **parameters: Any) -> list[dict[str, Any]]:
        """The rows of a good answer."""
        answer = self.ask(path, who, params=parameters)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["data"]
        return found

    def pages(self, path: str, who: str = "lead", **parameters: Any) -> Iterator[dict[str, Any]]:
        """All pages of an answer."""
        cursor: dict[str, str] = {}
        while True:
            answer = self.ask(path, who, params=parameters | cursor)
            assert answer.status_code == 200, answer.text
            page = answer.json()
            yield page
            if page["page"]["next"] is None:
                return
            cursor = {"cursor": page["page"]["next"]}


def query(data: Path, sql: str, *values: Any) -> list[dict[str, Any]]:
    """Rows of the published file, past everything that filters."""
    with closing(duckdb.connect()) as connection:
        connection.execute(f"ATTACH '{settings_of(data).warehouse_path}' AS warehouse (READ_ONLY)")
        connection.execute("USE warehouse")
        cursor = connection.execute(sql, [*values])
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def publish_another(data: Path, build_id: str, *changes: str) -> None:
    """Put another file in the place of the published one, as a sync does."""
    there = settings_of(data).warehouse_path
    fresh = data / f"{build_id}.duckdb"
    fresh.write_bytes(there.read_bytes())
    fresh.chmod(0o600)
    with closing(duckdb.connect(str(fresh))) as connection:
        connection.execute("UPDATE core.build SET id = ?", [build_id])
        for change in changes:
            connection.execute(change)
    fresh.replace(there)


def problem_of(answer: requests.Response) -> dict[str, Any]:
    """What a refusal says, which is a problem as RFC 9457 has it."""
    assert answer.headers["Content-Type"] == "application/problem+json", answer.text
    told: dict[str, Any] = json.loads(answer.text)
    assert {"type", "title", "status", "detail"} <= told.keys()
    assert told["status"] == answer.status_code
    return told


def at(path: str, student_id: str) -> str:
    """The path of a route, of the class and this student."""
    return path.format(class_id=CLASS, student_id=student_id)
