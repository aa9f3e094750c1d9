"""What `init` asks at a terminal though it could do without: each is skipped with Enter."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..config import ENV_PREFIX, Settings, with_overrides
from ..errors import ConfigError
from ..runtime.printing import ask, say
from ..sources.files.tables import read_mentors, read_roster

_REMOVE = "-"
_FILES: dict[str, Callable[[Path], object]] = {"roster": read_roster, "mentors": read_mentors}
_QUESTIONS = {
    "timezone": "Time zone of your classes",
    "roster": "Roster, a CSV file of who is enrolled",
    "mentors": "Mentors, a CSV file of nights and who takes them",
    "exclude": "Staff and test accounts to leave out (e-mails, @domains, names; commas between)",
}


def ask_for_the_rest(settings: Settings, changes: dict[str, Any]) -> None:
    """Ask for what neither an option nor the environment gives; note the answers in `changes`."""
    keys = [
        key
        for key in _QUESTIONS
        if key not in changes and not os.environ.get(f"{ENV_PREFIX}{key.upper()}")
    ]
    if keys:
        say("Enter takes what stands in brackets, or nothing.", err=True)
    for key in keys:
        value = _answer(settings, key)
        if value == _REMOVE:
            changes[key] = None
        elif value:
            changes[key] = value


def _answer(settings: Settings, key: str) -> Any:
    """What the user wants, as it is written to the settings; asked again until it is good."""
    default = _default(settings, key)
    question = _QUESTIONS[key]
    if default and key != "timezone":
        question += f" ({_REMOVE} for none)"
    while True:
        answer = ask(question, default=default, optional=True)
        if not answer or (answer == _REMOVE and key != "timezone"):
            return answer
        try:
            return _good(settings, key, answer)
        except ConfigError as error:
            say(error.message, err=True)


def _good(settings: Settings, key: str, answer: str) -> Any:
    """The answer as the settings file has it. Raises ConfigError where it is not to be used."""
    value: Any = answer
    if key == "exclude":
        value = [part.strip() for part in answer.split(",") if part.strip()]
    checked = getattr(with_overrides(settings, **{key: value}), key)
    if key in _FILES:
        _FILES[key](checked)
        return str(checked)
    return value


def _default(settings: Settings, key: str) -> str | None:
    value = getattr(settings, key)
    if key == "exclude":
        return ", ".join(value)
    if key == "timezone" and value == Settings.timezone:
        return _zone_of_this_machine(settings)
    return str(value) if value else None


def _zone_of_this_machine(settings: Settings) -> str:
    """The machine's own time zone, where it has a name that can be set; else UTC."""
    linked = Path("/etc/localtime").resolve()
    candidates = [os.environ.get("TZ", "").removeprefix(":")]
    if "zoneinfo" in linked.parts:
        candidates.append("/".join(linked.parts[linked.parts.index("zoneinfo") + 1 :]))
    for name in filter(None, candidates):
        try:
            return with_overrides(settings, timezone=name).timezone
        except ConfigError:
            continue
    return Settings.timezone
