"""What all peers share: their arguments, the pace, the login, the pages, and a record laid flat."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

COLUMNS = {
    "id": "text",
    "class_id": "text",
    "user_id": "text",
    "first_name": "text",
    "last_name": "text",
    "email": "text",
    "assignment_id": "text",
    "assignment_name": "text",
    "assignment_type": "text",
    "grade": "real",
    "started_at": "text",
    "completed_at": "text",
    "reviewed_at": "text",
}


@dataclass(frozen=True)
class Job:
    """What to fetch from where, and the file to store it in."""

    url: str
    email: str
    password: str
    class_ids: list[str]
    page_size: int
    delay: float
    out: Path


def read_job() -> Job:
    """The job on the command line."""
    parser = argparse.ArgumentParser()
    for name in ("url", "email", "password", "classes", "out"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--page-size", type=int, required=True)
    parser.add_argument("--delay", type=float, required=True)
    given = parser.parse_args()
    return Job(
        given.url,
        given.email,
        given.password,
        given.classes.split(","),
        given.page_size,
        given.delay,
        Path(given.out),
    )


class PacedSession(requests.Session):
    """A session that keeps the starts of two requests `delay` seconds apart."""

    def __init__(self, delay: float) -> None:
        super().__init__()
        self._delay = delay
        self._next_start = 0.0

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Send `request` when its turn has come."""
        if (remaining := self._next_start - time.monotonic()) > 0:
            time.sleep(remaining)
        self._next_start = time.monotonic() + self._delay
        return super().send(request, **kwargs)


def login(session: requests.Session, job: Job) -> str:
    """Fetch a token."""
    response = session.post(
        f"{job.url}/v1/auth/login",
        data={"email": job.email, "password": job.password},
        timeout=30,
    )
    response.raise_for_status()
    token: str = response.json()["token"]
    return token


def signed_session(job: Job) -> PacedSession:
    """A session that is logged in."""
    session = PacedSession(job.delay)
    session.headers["Authorization"] = f"Bearer {login(session, job)}"
    return session


def pages(session: requests.Session, job: Job, class_id: str) -> Iterator[list[dict[str, Any]]]:
    """The records of a class, page by page."""
    page = 0
    while True:
        response = session.get(
            f"{job.url}/v1/classes/{class_id}/progressions",
            params={"page": page, "return_count": job.page_size, "sort_by_completed_at": -1},
            timeout=30,
        )
        response.raise_for_status()
        answer = response.json()
        yield answer["data"]
        if not answer["metadata"]["can_load_more"]:
            return
        page += 1


def flat(record: dict[str, Any], class_id: str) -> dict[str, Any]:
    """A record as one row, in the order of `COLUMNS`."""
    user, assignment = record["user"], record["assignment"]
    return {
        "id": record["_id"],
        "class_id": class_id,
        "user_id": user["id"],
        "first_name": user["first_name"],
        "last_name": user["last_name"],
        "email": user["email"],
        "assignment_id": assignment["id"],
        "assignment_name": assignment["name"],
        "assignment_type": assignment["type"],
        "grade": record.get("grade"),
        "started_at": record.get("started_assignment_at"),
        "completed_at": record.get("completed_assignment_at"),
        "reviewed_at": record.get("reviewed_at"),
    }
