"""Who a key or a session stands for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request

from ..reading.viewer import Viewer

ME = "/api/v1/me"


def me_routes(identify: Callable[[Request], Viewer]) -> APIRouter:
    """The route that tells whoever asks what they may see."""
    router = APIRouter(include_in_schema=False)

    @router.get(ME)
    def me(request: Request) -> dict[str, Any]:
        viewer = identify(request)
        return {
            "role": viewer.role,
            "classes": None if viewer.classes is None else sorted(viewer.classes),
            "nights": None if viewer.nights is None else sorted(viewer.nights),
            "hide_names": viewer.hide_names,
        }

    return router
