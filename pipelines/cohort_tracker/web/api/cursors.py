"""Cursors: where the next page begins, sealed, so that it is read and written here alone."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets

from ...reading.pages import Place
from .problems import Problem, wrong_parameters

LONGEST_CURSOR = 4000
_MARK_BYTES = 16


class Cursors:
    """Seals places of rows into cursors, each good for one question of one viewer.

    A place holds values of a row, names among them, and cursors travel in addresses, which proxies
    keep in their logs. So it is encrypted as well as marked: the mark is a hash of everything with
    a key, and the text is hidden by a stream that is made of the mark and another key (the
    construction SIV, RFC 5297, with the hashes of the standard library). The same place gives the
    same cursor, so that the same page has the same bytes. The keys are of this process: cursors
    end with it.
    """

    def __init__(self) -> None:
        self._mark_key, self._stream_key = secrets.token_bytes(32), secrets.token_bytes(32)

    def sealed(self, bound_to: str, place: Place) -> str:
        """The cursor of the rows after a place; `bound_to`: the question and the viewer."""
        text = json.dumps(place, ensure_ascii=False).encode("utf-8", "surrogatepass")
        mark = self._mark(bound_to, text)
        return _written(mark + self._hidden(mark, text))

    def place(self, bound_to: str, cursor: str) -> Place:
        """The place in a cursor. Raises a problem for one that was not sealed here for this."""
        try:
            content = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        except ValueError:
            raise _not_ours() from None
        mark, hidden = content[:_MARK_BYTES], content[_MARK_BYTES:]
        text = self._hidden(mark, hidden)
        is_ours = hmac.compare_digest(mark, self._mark(bound_to, text))
        if not is_ours or _written(content) != cursor:
            raise _not_ours()
        place: Place = json.loads(text.decode("utf-8", "surrogatepass"))
        return place

    def _mark(self, bound_to: str, text: bytes) -> bytes:
        """What nobody else can make of this text for this question."""
        message = len(bound_to).to_bytes(8) + bound_to.encode() + text
        return hmac.digest(self._mark_key, message, "sha256")[:_MARK_BYTES]

    def _hidden(self, mark: bytes, text: bytes) -> bytes:
        """The text, hidden; of what was hidden, the text."""
        stream = hashlib.shake_256(self._stream_key + mark).digest(len(text))
        return bytes(one ^ other for one, other in zip(text, stream, strict=True))


def _written(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _not_ours() -> Problem:
    return wrong_parameters(
        {
            "cursor": "It is of another question or another viewer, or of before the server was"
            " started: start again, without `cursor`."
        }
    )
