"""The API as an application: one route for each line of the table, and none beside them.

No `from __future__ import annotations` here: FastAPI reads the types of the handlers' parameters
when it is given them.
"""

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Path, Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from ... import __version__
from ...config import Settings
from ...errors import CohortTrackerError
from ...reading.pool import Pool
from ...reading.published import mark_of
from ...reading.viewer import Viewer
from .answers import Answers, Asked, given_in, wants_csv
from .contracts import Contracts
from .paths import Paths
from .problems import (
    MEDIA_TYPE,
    Problem,
    of_error,
    of_exception,
    unforeseen,
)
from .routes import PREFIX, ROUTES, Route
from .schema import ProblemDetails, Schema

Identify = Callable[[Request], Viewer]
"""Who asks; it raises HTTPException (401) for nobody that it knows."""

HEALTH = "/health"
OPENAPI = f"{PREFIX}/openapi.json"
_CLASS = Annotated[str, Path(description="The class's id, or its friendly id.")]
_STUDENT = Annotated[str, Path(description="The student's id.")]
_TOLD = {
    401: "No key, or none that is good.",
    404: "Nothing there, or not for who asks.",
    414: "A query of more than 4096 bytes.",
    422: "Parameters that are unknown or cannot be used.",
    429: "Too many requests with a key: wait for Retry-After.",
    503: "No tables yet, or too many ask at once.",
}


FIRST_WORDS = frozenset(path.split("/")[1] for path in (HEALTH, *(r.path for r in ROUTES)))
"""What the paths begin with that are answered without the prefix too."""


class Api(FastAPI):
    """The application. The models of its answers are made when somebody wants the schema.

    Args:
        schema: the models of all routes.
    """

    def __init__(self, schema: Schema, **settings: Any) -> None:
        super().__init__(**settings)
        self._schema = schema

    def openapi(self) -> dict[str, Any]:
        """The schema, made once."""
        if self.openapi_schema is None:
            found = super().openapi()
            models = {route.path: self._schema.answer(route) for route in ROUTES}
            mode: Literal["serialization"] = "serialization"
            all_models: list[type[BaseModel]] = [*models.values(), ProblemDetails]
            references, definitions = models_json_schema(
                [(model, mode) for model in all_models], ref_template=_COMPONENTS + "{model}"
            )
            found["components"]["schemas"] |= definitions["$defs"]
            for route in ROUTES:
                told = found["paths"][PREFIX + route.path]["get"]
                told.setdefault("parameters", []).extend(self._schema.parameters(route))
                content = told["responses"]["200"]["content"]
                content["application/json"]["schema"] = references[models[route.path], mode]
            self.openapi_schema = found
        return self.openapi_schema


class Direct(APIRoute):
    """A route whose handler is given the request and what the path names, and nothing else.

    FastAPI would look for parameters, a body and dependencies that there are none of, which takes
    longer than to find out that the client has the answer already.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """What answers, in a thread of its own."""

        async def answer(request: Request) -> Response:
            found: Response = await run_in_threadpool(self.endpoint, request, **request.path_params)
            return found

        return answer


class Health(BaseModel):
    """Whether there are tables to answer from."""

    status: str


def create_app(settings: Settings, identify: Identify, pool: Pool | None = None) -> FastAPI:
    """The API of the tables that these settings publish.

    Args:
        settings: where the tables are.
        identify: tells who asks, for every route but `/health`; raises HTTPException (401) for
            nobody that it knows.
        pool: the way to the tables, where others go it as well.
    """
    schema = Schema(Contracts())
    pool = pool or Pool(settings.warehouse_path, settings.raw_path)
    answers = Answers(settings, schema, pool)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        pool.close()

    app = Api(
        schema,
        title="Cohort Tracker",
        version=__version__,
        summary="Who needs help, where a class gets stuck, how the cohort moves.",
        description="The tables that `cohort-tracker sync` publishes, each person the own rows.",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.router.route_class = Direct
    for route in ROUTES:
        _add(app, route, _handler(route, schema.question(route), answers, identify))
    _add_health(app, settings)
    _add_openapi(app, identify)
    _add_problems(app, identify)
    app.add_middleware(Paths, prefix=PREFIX, first_words=FIRST_WORDS)
    return app


def _add(app: FastAPI, route: Route, handler: Callable[..., Any]) -> None:
    """The route under the prefix; `Paths` leads the path without it, and HEAD, there too."""
    described: dict[int | str, dict[str, Any]] = {
        status: {"description": words, "content": {MEDIA_TYPE: {"schema": _REF}}}
        for status, words in _TOLD.items()
    }
    described[200] = {
        "description": "The rows; as CSV those of all pages.",
        "content": {"text/csv": {"schema": {"type": "string"}}},
    }
    described[304] = {"description": "Nothing changed since the answer with this `ETag`."}
    app.add_api_route(
        PREFIX + route.path,
        handler,
        methods=["GET"],
        operation_id=route.name,
        summary=route.title,
        response_class=JSONResponse,
        responses=described,
        tags=[_tag(route)],
    )


_COMPONENTS = "#/components/schemas/"
_REF = {"$ref": f"{_COMPONENTS}{ProblemDetails.__name__}"}


def _tag(route: Route) -> str:
    if "{student_id}" in route.path:
        return "One student"
    return "One class" if "{class_id}" in route.path else "All classes"


def _handler(
    route: Route, question: type[BaseModel], answers: Answers, identify: Identify
) -> Callable[..., Response]:
    """What answers a route. Every way to rows goes through `identify` and `answers`.

    The parameters are read here and not by FastAPI: after it is known who asks, and in a third of
    the time, which is most of what an answer costs that the client has already.
    """
    several = frozenset(
        name for name, field in question.model_fields.items() if field.default == []
    )

    def answer(
        request: Request, class_id: str | None = None, student_id: str | None = None
    ) -> Response:
        viewer = identify(request)
        return answers.answer(
            Asked(
                route,
                viewer,
                class_id,
                student_id,
                given_in(question, several, request.query_params.multi_items()),
                request.headers.get("if-none-match", ""),
                wants_csv(request.headers.get("accept", "")),
            )
        )

    def of_all(request: Request) -> Response:
        return answer(request)

    def of_class(request: Request, class_id: _CLASS) -> Response:
        return answer(request, class_id)

    def of_student(request: Request, class_id: _CLASS, student_id: _STUDENT) -> Response:
        return answer(request, class_id, student_id)

    if "{student_id}" in route.path:
        return of_student
    return of_class if "{class_id}" in route.path else of_all


def _add_health(app: FastAPI, settings: Settings) -> None:
    def health(request: Request) -> JSONResponse:
        try:
            mark_of(settings.warehouse_path)
        except CohortTrackerError:
            return JSONResponse({"status": "no tables"}, HTTPStatus.SERVICE_UNAVAILABLE)
        return JSONResponse({"status": "ok"})

    app.add_api_route(
        PREFIX + HEALTH,
        health,
        operation_id="Health",
        summary="Whether there are tables to answer from; needs no key",
        responses={200: {"model": Health}, 503: {"model": Health}},
        tags=["The server"],
    )


def _add_openapi(app: FastAPI, identify: Identify) -> None:
    def openapi(request: Request) -> JSONResponse:
        identify(request)
        return JSONResponse(app.openapi())

    app.add_api_route(OPENAPI, openapi, include_in_schema=False)


def _add_problems(app: FastAPI, identify: Identify) -> None:
    def problem(request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)
        return error.response()

    def own_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, CohortTrackerError)
        return of_error(error).response()

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED):
            # Whoever has no key does not learn what there is.
            try:
                await run_in_threadpool(identify, request)
            except HTTPException as unknown:
                error = unknown
        return of_exception(error).response()

    def nobody_foresaw(request: Request, error: Exception) -> Response:
        return unforeseen().response()

    app.add_exception_handler(Problem, problem)
    app.add_exception_handler(CohortTrackerError, own_error)
    app.add_exception_handler(HTTPException, refused)
    app.add_exception_handler(Exception, nobody_foresaw)
