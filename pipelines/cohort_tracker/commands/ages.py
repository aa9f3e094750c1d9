"""How old something may be, as it is typed."""

from __future__ import annotations

import re
from datetime import timedelta

from ..errors import ConfigError

_AGE = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def parse_age(text: str, option: str = "--max-age") -> timedelta:
    """An age like `90m`, `24h` or `3d`; raises ConfigError naming the option."""
    match = _AGE.fullmatch(text.strip().lower())
    if match is None:
        raise ConfigError(f"{option} {text!r} is no age", "Write it like 90m, 24h or 3d.")
    try:
        return timedelta(seconds=float(match[1]) * _SECONDS[match[2]])
    except OverflowError:
        return timedelta.max
