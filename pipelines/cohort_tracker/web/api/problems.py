"""What goes wrong, as RFC 9457 has it: what happened and what to do, and nothing of the inside."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import Response
from starlette.exceptions import HTTPException

from ...errors import CohortTrackerError, StoreError
from ...reading.pool import BusyError, TooSlowError
from ...reading.reader import NotAllowedError

MEDIA_TYPE = "application/problem+json"
_A_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,39}")
_RETRY_SECONDS = 5


class Problem(Exception):
    """A request that cannot be answered.

    Args:
        status: of the answer.
        detail: what happened and what to do, for who asked.
        parameters: of each parameter that is wrong, what is.
        headers: more headers of the answer.
    """

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        *,
        parameters: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.parameters = dict(parameters or {})
        self.headers = dict(headers or {})

    def response(self) -> Response:
        """The answer that tells it."""
        told: dict[str, Any] = {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": self.status.value,
            "detail": self.detail,
        }
        if self.parameters:
            told["errors"] = [
                {"parameter": name, "detail": detail} for name, detail in self.parameters.items()
            ]
        return Response(
            orjson.dumps(told), self.status, {**self.headers, "Content-Type": MEDIA_TYPE}
        )


def not_found() -> Problem:
    """Nothing there, or not for who asks: the two are not told apart."""
    return Problem(HTTPStatus.NOT_FOUND, "There is nothing here, or not for you.")


def wrong_parameters(parameters: Mapping[str, str]) -> Problem:
    """Parameters that are unknown or cannot be used."""
    return Problem(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "The question cannot be answered as it was put: see `errors`.",
        parameters=parameters,
    )


def of_exception(error: HTTPException) -> Problem:
    """What the web framework says by a number, or who identifies in words of its own."""
    status = HTTPStatus(error.status_code)
    if status == HTTPStatus.NOT_FOUND:
        return not_found()
    is_said = error.detail != status.phrase
    detail = error.detail if is_said else f"{status.description or status.phrase}."
    headers = dict(error.headers or {})
    if "Allow" in headers:
        headers["Allow"] = "GET, HEAD"  # HEAD is answered as GET
    return Problem(status, detail, headers=headers)


def of_error(error: CohortTrackerError) -> Problem:
    """What an error of this package means for who asks: never its own words."""
    if isinstance(error, NotAllowedError):
        return not_found()
    retry = {"Retry-After": str(_RETRY_SECONDS)}
    if isinstance(error, BusyError | TooSlowError):
        return Problem(
            HTTPStatus.SERVICE_UNAVAILABLE, f"{error.message}. {error.hint}", headers=retry
        )
    what = "cannot be read" if isinstance(error, StoreError) else "are not there yet"
    return Problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        f"The tables {what}. Whoever runs the server finds out with `cohort-tracker status`.",
        headers=retry,
    )


def unforeseen() -> Problem:
    """What nobody thought of."""
    return Problem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "Something went wrong that nobody foresaw. Whoever runs the server finds it in its log.",
    )


def of_validation(errors: Sequence[Any], known: Sequence[str]) -> Problem:
    """What the parameters of a question are wrong in, as pydantic lists it."""
    told: dict[str, str] = {}
    for error in errors:
        name = str(error["loc"][0])
        if error["type"] == "extra_forbidden":
            # What somebody typed comes back only where it is a word.
            shown = name if _A_NAME.fullmatch(name) else "?"
            told[shown] = f"Unknown here. This route takes {', '.join(known) or 'no parameters'}."
        else:
            told[name] = f"{error['msg']}."
    return wrong_parameters(told)
