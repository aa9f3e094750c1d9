"""Keys: `ct_<id>_<43 characters>`, of which only the hash is kept.

The 43 characters are 32 random bytes, so nobody guesses one and a slow hash would buy nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets

_ID_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
_ID_LENGTH = 8
_KEY = re.compile(rf"ct_([a-z2-9]{{{_ID_LENGTH}}})_[A-Za-z0-9_-]{{43}}", re.ASCII)
_NO_HASH = hashlib.sha256(b"").hexdigest()


def new_id() -> str:
    """An id for a key: short, and without letters that look alike."""
    return "".join(secrets.choice(_ID_LETTERS) for _ in range(_ID_LENGTH))


def new_key(grant_id: str) -> str:
    """A new key of that id."""
    return f"ct_{grant_id}_{new_secret()}"


def new_secret() -> str:
    """43 characters that nobody guesses."""
    return secrets.token_urlsafe(32)


def id_in(key: str) -> str | None:
    """The id that a key names; None for what is no key."""
    found = _KEY.fullmatch(key)
    return found and found[1]


def hashed(secret: str) -> str:
    """What is kept of a key, or of a session's id."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def is_key_of(key: str, stored: str | None) -> bool:
    """Whether the key has this hash; takes as long where there is none to compare with."""
    is_same = hmac.compare_digest(hashed(key), stored or _NO_HASH)
    return is_same and stored is not None
