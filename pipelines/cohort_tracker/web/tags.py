"""Tags of answers: whether a client has the one that would be sent."""

from __future__ import annotations


def has_tag(if_none_match: str, tag: str) -> bool:
    """Whether a header names the tag, also as a weak one, which a proxy that compresses makes of
    it (RFC 9110, 13.1.2).
    """
    return tag in [known.strip().removeprefix("W/") for known in if_none_match.split(",")]
