"""Talking to OpenClass: log in, list classes, read a class and the pages of its progressions."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import quote

from requests import PreparedRequest, Response
from requests.auth import AuthBase

from ... import __version__
from ...config import Settings
from ...errors import (
    ApiUnavailableError,
    AuthenticationError,
    ClassNotFoundError,
)
from ...raw.known import StoredPageSize
from ..adapter import TransportLimits, UnusableBodyError
from ..api import ClassInfo, Description, Page, PageSizeChangedError
from ..pace import Pace
from ..transport import PoliteSession
from . import envelope
from .class_list import read_list
from .description import class_info, curriculum
from .envelope import EnvelopeError
from .page_size import PageSizes, SizeRefusedError

_CREDENTIALS_HINT = (
    "Check that e-mail and password work on the OpenClass site; `cohort-tracker init` takes others."
)
_REACH_HINT = "Check the network and api_base. Nothing is lost: a later sync goes on from here."
_SIZE_HINT = "Set page_size to a number of records that the API gives per page."
_CLASS_HINT = (
    "Check the class id with `cohort-tracker init`, and that the account may see the class."
)
LAST_REQUEST = "last_request"
"""The file in the data directory whose time is that of the last request."""
_T = TypeVar("_T")


class TokenAuth(AuthBase):
    """Puts the token on each request; on a 401 logs in again once and repeats the request."""

    def __init__(self, client: OpenClassClient) -> None:
        self._client = client

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Sign `request`, logging in first where no token is known."""
        self._sign(request)
        request.register_hook("response", self._on_response)  # type: ignore[no-untyped-call]
        return request

    def _sign(self, request: PreparedRequest) -> None:
        token = self._client.token()
        request.headers["bearer"] = token
        request.headers["Authorization"] = f"Bearer {token}"

    def _on_response(self, response: Response, *_args: Any, **kwargs: Any) -> Response:
        request = response.request
        if response.status_code != 401:
            return response
        self._client.forget_token(str(request.headers["bearer"]))
        self._sign(request)  # retries of this request carry the new token too
        repeated: Response = response.connection.send(request, **kwargs)
        repeated.history.append(response)
        repeated.request = request
        return repeated


class _NoAuth(AuthBase):
    """Keeps `requests` from taking credentials of the host out of ~/.netrc."""

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        return request


class OpenClassClient:
    """A session with the OpenClass API; a source of cohorts.

    Args:
        settings: address, credentials, pace and bounds. The time of the last request is noted in
            the data directory, if that exists, so that the next process keeps the pace too.
    """

    name = "openclass"

    def __init__(self, settings: Settings) -> None:
        self._credentials = settings.require_credentials()
        self._sizes = PageSizes(settings.page_size)
        self._token: str | None = None
        # Whoever asks for a page ahead and for something else meanwhile asks in turn.
        self._lock = threading.RLock()
        headers = {
            "Accept": "*/*",
            "Content-Type": "application/json; charset=ISO-8859-1",
            "User-Agent": f"cohort-tracker/{__version__}",
        }
        if settings.origin:
            headers["Origin"] = settings.origin
        if settings.app_id:
            headers["X-OpenClass-App-Id"] = settings.app_id
        self._limits = TransportLimits(
            connect_timeout=settings.connect_timeout,
            read_timeout=settings.read_timeout,
            max_attempts=settings.max_attempts,
            retry_seconds=settings.retry_seconds,
            response_seconds=max(settings.retry_seconds, settings.read_timeout),
        )
        self._parse: Callable[[Any], Any] = _anything
        self._last: tuple[Response, Any] | None = None
        self.api_base = settings.api_base.rstrip("/")
        self._auth = TokenAuth(self)
        self._session = PoliteSession(
            self._limits,
            Pace(settings.page_delay, settings.data_dir / LAST_REQUEST),
            check=self._parsed,
            verify=str(settings.ca_bundle) if settings.ca_bundle else True,
        )
        self._session.headers.update(headers)

    def login(self) -> None:
        """Fetch a token. Raises AuthenticationError or ApiUnavailableError."""
        email, password = self._credentials
        form = {
            "email": email,
            "password": password,
            "invite_code": "",
            "instructor_invite_code": "",
            "mentor_invite_code": "",
        }
        # In the middle of a page, too, with the usual patience.
        usual = self._session.within(self._limits)
        with self._lock, usual, _explained("log in"), self._expecting(_anything):
            response = self._session.post(
                f"{self.api_base}/v1/auth/login",
                data=form,
                headers={"Content-Type": "application/x-www-form-urlencoded"},
                auth=_NoAuth(),
            )
        if response.status_code in (400, 401, 403, 422):
            raise AuthenticationError(
                f"Authentication failed: {response.status_code}", _CREDENTIALS_HINT
            )
        if not response.ok:
            raise ApiUnavailableError(f"Failed to log in: {response.status_code}", _REACH_HINT)
        token = envelope.token(self._parsed(response))
        if token is None:
            raise AuthenticationError(
                "Authentication failed: the answer holds no token", _CREDENTIALS_HINT
            )
        if not token.isascii() or not token.isprintable():
            raise AuthenticationError(
                "Authentication failed: the answer's token cannot be sent", _CREDENTIALS_HINT
            )
        self._token = token

    def token(self) -> str:
        """The token in force, fetched when there is none."""
        if self._token is None:
            self.login()
        assert self._token is not None
        return self._token

    def forget_token(self, token: str) -> None:
        """Note that the API refused `token`: the next request logs in again."""
        if self._token == token:
            self._token = None

    def log_in(self) -> None:
        """Make sure that there is a token; raises as `login` does."""
        self.token()

    def classes(self) -> list[ClassInfo]:
        """All classes of the account.

        Raises AuthenticationError, ClassNotFoundError (the list itself is refused),
        ApiUnavailableError, or IncompleteListError when the list has more than can be read.
        """
        return read_list(self._class_page)

    def _class_page(self, number: int, size: int | None) -> Page:
        """Page `number` of the class list; the API decides how long the first one is."""
        return self._fetch(
            "fetch classes",
            "/v1/classes",
            lambda answer: envelope.class_list(answer, number),
            None if size is None else {"page": number, "return_count": size},
        )

    def describe(self, class_id: str) -> Description:
        """Names and curriculum of one class; raises as `classes` does."""
        detail = self._fetch("fetch class", _class_path(class_id), envelope.class_detail)
        return Description(class_info({**detail, "id": class_id}), curriculum(detail))

    def page(self, class_id: str, number: int) -> Page:
        """Page `number` of a class's progressions, newest completions first.

        Raises as above, and PageSizeChangedError where the class must be begun again with pages of
        another size.
        """
        with self._lock:
            while True:
                size = self._sizes.size(class_id, number)
                page = self._page_of(class_id, number, size)
                if page is not None and self._sizes.accepts(class_id, size, page):
                    return page
                if number > 0:
                    raise PageSizeChangedError(
                        f"Failed to fetch progressions: pages of {size:,} records do not come as"
                        " they did",
                        _SIZE_HINT,
                    )

    def _page_of(self, class_id: str, number: int, size: int) -> Page | None:
        """A page of that size; None where a smaller one is to be asked for."""
        try:
            with self._session.within(self._sizes.limits(size, self._limits)):
                return self._fetch(
                    "fetch progressions",
                    f"{_class_path(class_id)}/progressions",
                    lambda answer: envelope.progressions_page(answer, number),
                    {"page": number, "return_count": size, "sort_by_completed_at": -1},
                )
        except ApiUnavailableError as error:
            # Without a token it was the login that failed.
            if self._token is not None and self._sizes.gives_way(size, error):
                return None
            if isinstance(error, SizeRefusedError):
                refused = f"{error.message} to pages of {size:,} records"
                raise SizeRefusedError(refused, _SIZE_HINT) from error
            raise

    def recall_page_size(self, known: Mapping[str, StoredPageSize]) -> None:
        """Take over what was found out before, by the address of the API."""
        self._sizes.recall(known.get(self.api_base))

    def new_page_size(self) -> StoredPageSize | None:
        """What was found out since the last call, if it is not what was known."""
        return self._sizes.news()

    def _fetch(
        self,
        what: str,
        path: str,
        parse: Callable[[Any], _T],
        params: dict[str, int] | None = None,
    ) -> _T:
        with self._lock, _explained(what), self._expecting(parse):
            response = self._session.get(f"{self.api_base}{path}", params=params, auth=self._auth)
            _raise_for_status(response, what)
            parsed: _T = self._parsed(response)
        return parsed

    @contextmanager
    def _expecting(self, parse: Callable[[Any], Any]) -> Iterator[None]:
        """Take only answers that `parse` understands; others are asked for again."""
        before, self._parse = self._parse, parse
        try:
            yield
        finally:
            self._parse = before

    def _parsed(self, response: Response) -> Any:
        """What the answer holds, parsed once. Raises UnusableBodyError."""
        if self._last is not None and self._last[0] is response:
            return self._last[1]
        try:
            parsed = self._parse(
                envelope.decode(response.content, response.headers.get("Content-Type", ""))
            )
        except EnvelopeError as error:
            raise UnusableBodyError(str(error), response=response) from error
        self._last = response, parsed
        return parsed


def _anything(answer: Any) -> Any:
    return answer


def _class_path(class_id: str) -> str:
    """The path of a class; raises ClassNotFoundError for an id that would lead elsewhere."""
    if class_id in {".", ".."}:
        raise ClassNotFoundError(f"No such class: {class_id}", _CLASS_HINT)
    return f"/v1/classes/{quote(class_id.encode('utf-8', 'replace'), safe='')}"


def _raise_for_status(response: Response, what: str) -> None:
    status = response.status_code
    if response.ok:
        return
    if status == 401:
        raise AuthenticationError(f"Authentication failed: {status}", _CREDENTIALS_HINT)
    if status in (403, 404, 410):
        raise ClassNotFoundError(f"Failed to {what}: {status}", _CLASS_HINT)
    kind = SizeRefusedError if status in (400, 413, 422) else ApiUnavailableError
    raise kind(f"Failed to {what}: {status}", _REACH_HINT)


@contextmanager
def _explained(what: str) -> Iterator[None]:
    """Say what was being done when the API could not be used."""
    try:
        yield
    except ApiUnavailableError as error:
        if error.hint is None:
            raise type(error)(f"Failed to {what}: {error.message}", _REACH_HINT) from error
        raise
    except UnusableBodyError as error:
        raise ApiUnavailableError(f"Failed to {what}: {error}", _REACH_HINT) from error
