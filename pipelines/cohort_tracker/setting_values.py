"""How single values of the settings are read, from TOML and from the environment.

What cannot be read raises TypeError or ValueError that says what it must be.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import Any


class EnvText(str):
    """A value from the environment: text that may stand for a number, a truth or a list."""


def text(value: Any) -> str:
    """Text that says something."""
    if not isinstance(value, str):
        raise TypeError(f"must be text in quotes, not {kind_of(value)}")
    if not value.strip():
        raise ValueError("must not be empty")
    if any(ord(character) < 32 for character in value):
        raise ValueError("must not contain control characters")
    return str(value)


def texts(value: Any) -> tuple[str, ...]:
    """A list of texts; in the environment blanks and commas part them."""
    if isinstance(value, str):
        parts = re.split(r"[,\s]+", value) if isinstance(value, EnvText) else [value]
        # The Rust tracker's first versions wrote an empty class_id: none chosen.
        return tuple(part.strip() for part in parts if part.strip())
    if not isinstance(value, list):
        raise TypeError(f"must be text or a list of texts, not {kind_of(value)}")
    return tuple(text(part).strip() for part in value)


def truth(value: Any) -> bool:
    """True or false."""
    if isinstance(value, EnvText) and value.lower() in {"1", "true", "yes", "on"}:
        return True
    if isinstance(value, EnvText) and value.lower() in {"0", "false", "no", "off"}:
        return False
    if not isinstance(value, bool):
        raise TypeError("must be true or false")
    return value


def number(low: float, high: float, *, whole: bool = False) -> Callable[[Any], Any]:
    """What reads a number between two others."""
    kind = "a whole number" if whole else "a number"

    def parse(value: Any) -> Any:
        if isinstance(value, EnvText):
            try:
                value = int(value) if whole else float(value)
            except ValueError:
                raise ValueError(f"must be {kind}, not {str(value)!r}") from None
        if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
            raise TypeError(f"must be {kind}, not {kind_of(value)}")
        if not low <= value <= high:  # also refuses NaN
            raise ValueError(f"must be between {low:g} and {high:g}, not {value:g}")
        return value if whole else float(value)

    return parse


def kind_of(value: Any) -> str:
    """What a value is, in words."""
    if isinstance(value, str):
        return "text"
    names = {
        bool: "true/false",
        int: "a number",
        float: "a number",
        list: "a list",
        dict: "a table",
    }
    return names.get(type(value), type(value).__name__)


def is_loopback(host: str | None) -> bool:
    """Whether `host` is this machine, by a name or address that leads nowhere else."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
