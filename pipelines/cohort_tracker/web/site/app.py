"""The pages as an application: its routes, and what it says when something is wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from http import HTTPStatus
from urllib.parse import parse_qs

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException as AnyHTTPException

from ...access.identify import Identifier
from ...config import Settings
from ...errors import CohortTrackerError
from ...reading.pool import Pool
from ..api.problems import Problem, of_error, unforeseen
from ..page import document
from .contacts import Contacts
from .links import CLASSES, START, Links
from .pages import Pages
from .parts import Parts
from .visits import page, visit_of

CLASS = f"{CLASSES}/{{class_name}}"
STUDENT = f"{CLASS}/students/{{student_id}}"
CONTACTS = f"{STUDENT}/contacts"
_READING = ["GET", "HEAD"]
_MOST_FIELDS = 10


def create_site(settings: Settings, identifier: Identifier, pool: Pool) -> FastAPI:
    """The pages of the tables that these settings publish, for those whom `identifier` knows."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    pages = Pages(settings, pool)
    _add_pages(app, identifier, pages, Parts(pool))
    _add_contacts(app, identifier, Contacts(settings, pool, pages))
    _add_problems(app, identifier)
    return app


def _add_pages(app: FastAPI, identifier: Identifier, pages: Pages, parts: Parts) -> None:
    def start(request: Request) -> Response:
        return pages.start(visit_of(identifier, request))

    def whole_class(request: Request, class_name: str) -> Response:
        return pages.whole_class(visit_of(identifier, request), class_name)

    def night(request: Request, class_name: str, night: str) -> Response:
        return pages.night(visit_of(identifier, request), class_name, night)

    def student(request: Request, class_name: str, student_id: str) -> Response:
        return pages.student(visit_of(identifier, request), class_name, student_id)

    def assignment(request: Request, class_name: str, assignment_id: str) -> Response:
        return parts.assignment(visit_of(identifier, request), class_name, assignment_id)

    def week(request: Request, class_name: str, day: str) -> Response:
        return parts.week(visit_of(identifier, request), class_name, day)

    def written(request: Request) -> Response:
        """Where somebody comes who opens the address of a form anew."""
        visit_of(identifier, request)
        return RedirectResponse(request.url.path.rpartition("/contacts")[0], 303)

    routes: Mapping[str, Callable[..., Response]] = {
        START: start,
        CLASS: whole_class,
        f"{CLASS}/nights/{{night:path}}": night,
        STUDENT: student,
        f"{CLASS}/assignments/{{assignment_id:path}}": assignment,
        f"{CLASS}/weeks/{{day}}": week,
        CONTACTS: written,
    }
    for path, handler in routes.items():
        app.add_api_route(path, handler, methods=_READING, response_model=None)


def _add_contacts(app: FastAPI, identifier: Identifier, contacts: Contacts) -> None:
    async def add(request: Request, class_name: str, student_id: str) -> Response:
        typed = await _typed(request)

        def write() -> Response:
            return contacts.add(visit_of(identifier, request), class_name, student_id, typed)

        return await asyncio.to_thread(write)

    def take_back(request: Request, class_name: str, student_id: str, contact_id: str) -> Response:
        visit = visit_of(identifier, request)
        return contacts.take_back(visit, class_name, student_id, contact_id)

    app.add_api_route(CONTACTS, add, methods=["POST"], response_model=None)
    app.add_api_route(
        f"{CONTACTS}/{{contact_id}}/withdraw", take_back, methods=["POST"], response_model=None
    )


async def _typed(request: Request) -> dict[str, str]:
    """The fields of a form. Raises HTTPException for what no form sends."""
    try:
        body = (await request.body()).decode("ascii")
        fields = parse_qs(
            body, keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS
        )
    except ValueError:
        raise HTTPException(400, "This is no form of these pages.") from None
    return {name: values[0] for name, values in fields.items()}


def _add_problems(app: FastAPI, identifier: Identifier) -> None:
    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, AnyHTTPException)
        if "route" not in request.scope and error.status_code == HTTPStatus.NOT_FOUND:
            # Whoever has no key does not learn what there is.
            try:
                await run_in_threadpool(identifier, request)
            except HTTPException as unknown:
                error = unknown
        return _told(Problem(HTTPStatus(error.status_code), error.detail), error.headers)

    def own_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, CohortTrackerError)
        problem = of_error(error)
        return _told(problem, problem.headers)

    def nobody_foresaw(request: Request, error: Exception) -> Response:
        return _told(unforeseen())

    app.add_exception_handler(AnyHTTPException, refused)
    app.add_exception_handler(CohortTrackerError, own_error)
    app.add_exception_handler(Exception, nobody_foresaw)


def _told(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """A page that says what went wrong."""
    content = document(
        "problem.html.j2",
        Links({}, sees_classes=False, here=START),
        title=problem.status.phrase,
        detail=problem.detail,
    )
    return page(content, None, problem.status, **(headers or {}))
