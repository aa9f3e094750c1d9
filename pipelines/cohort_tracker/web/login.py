"""Logging in with a browser, and out: the page, and the cookie."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import html
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from string import Template
from urllib.parse import parse_qs

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from ..access.grants import Grant
from ..access.identify import Identifier, cookie_name
from ..access.owner import OwnerLink
from ..errors import StoreError

LOGIN = "/login"
LOGOUT = "/logout"
_HERE = Path(__file__).parent
_WRONG = (
    "This key opens nothing: it is not complete, or expired, or was taken back. Copy it once more;"
    " if that does not help, ask whoever gave it to you for a new one."
)
_TOO_OFTEN = "Too many keys that open nothing came from here. Wait {} seconds, then try again."
_UNAVAILABLE = "Nobody can log in now. Whoever runs the server finds the reason in its log."


def login_routes(identifier: Identifier, owner: OwnerLink | None) -> APIRouter:
    """The routes of logging in and out, for people with a key or with the owner's link."""
    router = APIRouter(include_in_schema=False)

    @router.get(LOGIN)
    def show(request: Request) -> Response:
        try:
            is_in = identifier.grant_of(request) is not None
        except StoreError as error:
            return _unavailable(identifier, error)
        return _page(is_in=is_in)

    @router.post(LOGIN)
    async def log_in(request: Request) -> Response:
        try:
            return await asyncio.to_thread(_log_in, identifier, owner, request, await _key(request))
        except StoreError as error:
            return _unavailable(identifier, error)

    @router.post(LOGOUT)
    def log_out(request: Request) -> Response:
        name = cookie_name(request)
        try:
            identifier.sessions.end(request.cookies.get(name, ""))
        except StoreError as error:
            return _unavailable(identifier, error)
        answer = RedirectResponse(LOGIN, 303)
        _set_cookie(answer, name, "", 0)
        return answer

    return router


async def _key(request: Request) -> str:
    """The key that was sent by the form."""
    try:
        fields = parse_qs((await request.body()).decode("ascii"), max_num_fields=5)
    except ValueError:
        raise HTTPException(400) from None
    return "".join(fields.get("key", [""])[0].split())


def _log_in(
    identifier: Identifier, owner: OwnerLink | None, request: Request, key: str
) -> Response:
    grant = _grant_of(identifier, owner, key)
    if grant is None:
        wait = identifier.failed(request)
        if wait:
            return _page(_TOO_OFTEN.format(wait), 429, {"Retry-After": str(wait)})
        return _page(_WRONG, 401)
    request.state.grant_id = grant.id
    name = cookie_name(request)
    before = request.cookies.get(name)
    if before is not None:
        identifier.sessions.end(before)
    answer = RedirectResponse("/", 303)
    _set_cookie(answer, name, identifier.sessions.begin(grant), identifier.sessions.seconds)
    return answer


def _grant_of(identifier: Identifier, owner: OwnerLink | None, key: str) -> Grant | None:
    by_link = owner.redeem(key) if owner is not None else None
    return by_link or identifier.store.grant_of_key(key, datetime.now(UTC))


def _set_cookie(answer: Response, name: str, value: str, seconds: int) -> None:
    answer.set_cookie(
        name,
        value,
        max_age=seconds,
        path="/",
        httponly=True,
        samesite="strict",
        secure=name.startswith("__Host-"),
    )


def _unavailable(identifier: Identifier, error: StoreError) -> Response:
    identifier.log(error.message)
    return _page(_UNAVAILABLE, 503, {"Retry-After": "60"})


def _page(
    told: str | None = None,
    status: int = 200,
    headers: dict[str, str] | None = None,
    *,
    is_in: bool = False,
) -> Response:
    """The page with the form; `told`: why one sees it again."""
    message = f'<p class="told" role="alert">{html.escape(told)}</p>' if told else ""
    logout = ""
    if is_in:
        message = "<p>You are logged in. With another key you become somebody else here.</p>"
        logout = f'<form method="post" action="{LOGOUT}"><button>Log out</button></form>'
    style, script = _part("login.css"), _part("login.js")
    page = Template(_part("login.html")).substitute(
        style=style,
        script=script,
        message=message,
        logout=logout,
        state=" data-logged-in" if is_in else "",
    )
    policy = (
        f"default-src 'none'; style-src '{_source(style)}'; script-src '{_source(script)}';"
        " form-action 'self'; base-uri 'none'"
    )
    # With no-referrer browsers would send "Origin: null" along with the form.
    fixed = {"Content-Security-Policy": policy, "Referrer-Policy": "same-origin"}
    return HTMLResponse(page, status, {**fixed, **(headers or {})})


@cache
def _part(name: str) -> str:
    return (_HERE / name).read_text("utf-8")


def _source(text: str) -> str:
    """What a policy calls exactly this text."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
