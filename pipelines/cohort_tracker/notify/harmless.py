"""Text from outside, made harmless for every service that draws messages.

Names, lessons and sentences come from strangers. In a chat they could call everybody, lead to a
page or pose as a heading. What a service could act on is replaced by a character that looks alike,
so that the text reads as it was and nothing in it works: one rule for all services, also for those
that nobody here has heard of.
"""

from __future__ import annotations

import re
import unicodedata

_LONGEST = 200
_STEERING = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Part of how Persian, Hindi and others are written, and of many emoji.
_JOINERS = frozenset("\u200c\u200d")
# Mentions, tags, code, escapes, strike-through, emphasis.
_ALIKE = str.maketrans(
    {
        "@": "＠",
        "<": "‹",
        ">": "›",
        "`": "ˋ",
        "\\": "＼",
        "*": "∗",
        "~": "∼",
    }
)
_PATTERNS = (
    (re.compile(r"\|(?=\|)|(?<=\|)\|"), "¦"),  # a hidden text
    (re.compile(r"(?<![^\W_])_|_(?![^\W_])"), "＿"),  # emphasis; snake_case stays
    (re.compile(r"\](?=[(\[])"), "］"),  # a link with a label
    (re.compile(r"(?<=\w):(?=/)"), "∶"),  # an address
    (re.compile(r"\b(mailto|tel|javascript|data|xmpp|slack|discord):", re.IGNORECASE), r"\1∶"),
    (re.compile(r"(?<=\w)\.(?=[^\W\d_]{2})"), "․"),  # a host, which many services make a link
    (re.compile(r":(?=[\w+-]+:)"), "∶"),  # an emoji by its name
    (re.compile(r"^#"), "＃"),  # a heading
    (re.compile(r"(?<=\s)#(?=\w)"), "＃"),  # a channel
)


def harmless(text: str | None) -> str:
    """Text in one line in which nothing is a mention, a link, markup or a steering character."""
    kept = "".join(map(_plain, text or ""))
    line = " ".join(kept.split())
    if len(line) > _LONGEST:
        line = line[: _LONGEST - 1].rstrip() + "…"
    line = line.translate(_ALIKE)
    for pattern, instead in _PATTERNS:
        line = pattern.sub(instead, line)
    return line


def _plain(character: str) -> str:
    if character.isspace():
        return " "
    steers = unicodedata.category(character) in _STEERING and character not in _JOINERS
    return "" if steers else character
