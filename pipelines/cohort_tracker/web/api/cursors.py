"""Cursors: where the next page begins, sealed, so that it is read and written here alone."""

from __future__ import annotations

import base64
import json

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from ...reading.pages import Place
from .problems import Problem, wrong_parameters

LONGEST_CURSOR = 4000
_KEY_BITS = 256
_NOT_OURS = (
    "It is of another question or another viewer, or of before the server was started:"
    " start again, without `cursor`."
)
_ANOTHER_BUILD = "The tables were built anew since: start again, without `cursor`."


class Cursors:
    """Seals places of rows into cursors, each good for one question of one viewer on one build.

    A place holds values of a row, names among them, and cursors travel in addresses, which proxies
    keep in their logs: so it is encrypted (AES-SIV, RFC 5297). The same place gives the same
    cursor, so that the same page has the same bytes. The key is of this process: cursors end with
    it.
    """

    def __init__(self) -> None:
        self._cipher = AESSIV(AESSIV.generate_key(_KEY_BITS))

    def sealed(self, bound_to: str, build_id: str, place: Place) -> str:
        """The cursor of the rows after a place; `bound_to`: the question and the viewer."""
        text = json.dumps([build_id, *place], ensure_ascii=False)
        hidden = self._cipher.encrypt(text.encode("utf-8", "surrogatepass"), [bound_to.encode()])
        return _written(hidden)

    def place(self, bound_to: str, build_id: str, cursor: str) -> Place:
        """The place in a cursor. Raises a problem for one that was not sealed here for this, and
        for one of another build: no answer mixes two.
        """
        try:
            content = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
            text = self._cipher.decrypt(content, [bound_to.encode()])
        except (ValueError, InvalidTag):
            raise _refused(_NOT_OURS) from None
        if _written(content) != cursor:
            raise _refused(_NOT_OURS)
        sealed: list[str | int | float | bool | None]
        sealed = json.loads(text.decode("utf-8", "surrogatepass"))
        if sealed[0] != build_id:
            raise _refused(_ANOTHER_BUILD)
        return sealed[1:]


def _written(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _refused(why: str) -> Problem:
    return wrong_parameters({"cursor": why})
