"""Who visits a page, what they may do there, and whether they have it already."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from fastapi import Request, Response
from fastapi.responses import HTMLResponse

from ... import __version__
from ...access.grants import Grant
from ...access.identify import Identifier
from ...reading.viewer import Viewer
from ..page import policy
from ..tags import has_tag

_FOR_ONE_ONLY = {
    "Cache-Control": "private, no-cache",
    "Vary": "Accept, Authorization, Cookie",
    # With no-referrer browsers would send "Origin: null" along with forms.
    "Referrer-Policy": "same-origin",
}


@dataclass(frozen=True)
class Visit:
    """One request: who asks by which grant, and which version of the page the browser has."""

    grant: Grant
    viewer: Viewer
    known_tags: str
    logs_out: bool
    """Whether there is a session to end."""

    @property
    def may_write(self) -> bool:
        """Whether contacts can be written down: by whoever sees whom they are about."""
        return self.viewer.role in ("lead", "mentor") and not self.viewer.hide_names

    def may_take_back(self, by: str | None) -> bool:
        """Whether a contact that somebody wrote can be taken back: a mentor the own ones only."""
        name = self.grant.name.strip().casefold()
        is_own = by is not None and by.strip().casefold() == name
        return self.may_write and (self.viewer.role == "lead" or is_own)

    def tag(self, *parts: object) -> str:
        """What tells this page from another state of it: whatever it is made of."""
        viewer = self.viewer
        who = (
            *(self.grant.id, self.grant.name, viewer.role, viewer.hide_names),
            viewer.classes and sorted(viewer.classes),
            viewer.nights and sorted(viewer.nights),
        )
        text = repr((__version__, who, parts))
        return f'"{hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]}"'

    def has(self, tag: str) -> bool:
        """Whether the browser has the page with this tag."""
        return has_tag(self.known_tags, tag)


def visit_of(identifier: Identifier, request: Request) -> Visit:
    """Who visits. Raises HTTPException for nobody that is known."""
    grant, viewer = identifier.known(request)
    return Visit(grant, viewer, request.headers.get("if-none-match", ""), not identifier.by_proxy)


def page(content: str, tag: str | None = None, status: int = 200, **headers: str) -> Response:
    """A page as an answer, for this person only."""
    tagged = {"ETag": tag} if tag else {}
    return HTMLResponse(content, status, {**_fixed(), **tagged, **headers})


def unchanged(tag: str) -> Response:
    """That the browser has the page already."""
    return Response(status_code=304, headers={**_fixed(), "ETag": tag})


def _fixed() -> Mapping[str, str]:
    return {"Content-Security-Policy": policy(is_served=True), **_FOR_ONE_ONLY}


def mark(path: Path) -> tuple[int, ...]:
    """What changes whenever a file is written; () where there is none."""
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_ino, found.st_size, found.st_mtime_ns


def today_in(timezone: str) -> str:
    """The day it is there, as fields of forms have it."""
    return datetime.now(UTC).astimezone(ZoneInfo(timezone)).date().isoformat()
