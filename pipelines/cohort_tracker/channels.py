"""Where messages go, and which: the tables `[[notify.channels]]` of the settings file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MENTOR_RULES = ("entered_at_risk", "got_worse", "newly_stuck", "never_started")
"""What mentors hear of, by the names of the events in `marts.student_events`."""

OPERATOR_RULES = (
    "sync_failed_twice",
    "data_stale",
    "not_published",
    "many_refused",
    "backup_failed",
)
"""What those hear of who keep the syncs running."""

DIGESTS = ("day", "week")
NAMES = ("short", "full", "none")

_KEYS = ("name", "url_env", "url", "class", "night", "rules", "digest", "names", "page")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Channel:
    """A place where messages go.

    Args:
        name: what it is called in the settings, in errors and in the ledger.
        url_env: the environment variable that holds its apprise URL.
        url: the URL itself; one of the two is given.
        classes: ids or friendly ids of the classes it hears of; none: all that run.
        night: the night whose students it hears of; None: whole classes.
        rules: what it hears of at once.
        digest: how often it gets what is on the page: `day`, `week` or None.
        names: how students are called: `short`, `full` or `none` (aliases).
        page: whether the page of the group goes with its digest, by mail.
    """

    name: str
    url_env: str | None = None
    url: str | None = field(default=None, repr=False)
    classes: tuple[str, ...] = ()
    night: str | None = None
    rules: tuple[str, ...] = MENTOR_RULES
    digest: str | None = None
    names: str = "short"
    page: bool = False

    @property
    def mentor_rules(self) -> tuple[str, ...]:
        """Its rules about students."""
        return tuple(rule for rule in self.rules if rule in MENTOR_RULES)

    @property
    def operator_rules(self) -> tuple[str, ...]:
        """Its rules about syncs."""
        return tuple(rule for rule in self.rules if rule in OPERATOR_RULES)


def parsed_channels(value: Any) -> tuple[Channel, ...]:
    """The channels of the table `[notify]`. Raises TypeError or ValueError naming the channel."""
    if not isinstance(value, dict):
        raise TypeError("must be written as tables, each headed [[notify.channels]]")
    for key in value:
        if key != "channels":
            raise ValueError(f"unknown key {key!r}; write tables headed [[notify.channels]]")
    tables = value.get("channels", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise TypeError("channels must be tables, each headed [[notify.channels]]")
    found: dict[str, Channel] = {}
    for number, table in enumerate(tables, start=1):
        given = table.get("name")
        # What is no name may be a secret in the wrong place.
        is_name = isinstance(given, str) and _NAME.fullmatch(given)
        where = f"channel {given!r}" if is_name else f"channel {number}"
        try:
            channel = _channel(table)
        except (TypeError, ValueError) as error:
            raise type(error)(f"{where}: {error}") from None
        if channel.name.casefold() in found:
            raise ValueError(f"{where}: two channels have this name")
        found[channel.name.casefold()] = channel
    return tuple(found.values())


def _channel(table: Mapping[str, Any]) -> Channel:
    for key in table:
        if key not in _KEYS:
            raise ValueError(f"unknown key {key!r}; a channel has {', '.join(_KEYS)}")
    name = _text(table, "name")
    if name is None or not _NAME.fullmatch(name):
        raise ValueError("name must be letters, digits, '.', '-' or '_', like \"thursday\"")
    url, url_env = _text(table, "url"), _text(table, "url_env")
    if (url is None) == (url_env is None):
        raise ValueError(
            "give either url_env, the name of the environment variable that holds the URL, or url"
        )
    if url_env is not None and not _VARIABLE.fullmatch(url_env):
        # Whoever wrote the URL here by mistake must not see it in a log.
        raise ValueError("url_env must be the name of an environment variable, like CT_SLACK")
    channel = Channel(
        name=name,
        url_env=url_env,
        url=url,
        classes=_texts(table, "class") or (),
        night=_text(table, "night"),
        rules=_rules(table),
        digest=_choice(table, "digest", DIGESTS),
        names=_choice(table, "names", NAMES) or "short",
        page=_truth(table, "page"),
    )
    if channel.page and (channel.digest is None or channel.names == "short"):
        raise ValueError(
            "page goes with a digest, and names people in full or not at all: give digest, and"
            ' names = "full" or "none"'
        )
    if not channel.rules and channel.digest is None:
        raise ValueError("nothing would ever be sent: give it rules or a digest")
    return channel


def _rules(table: Mapping[str, Any]) -> tuple[str, ...]:
    given = _texts(table, "rules")
    if given is None:
        return MENTOR_RULES
    for rule in given:
        if rule not in (*MENTOR_RULES, *OPERATOR_RULES):
            raise ValueError(
                f"unknown rule {rule!r}; there are {', '.join((*MENTOR_RULES, *OPERATOR_RULES))}"
            )
    return tuple(dict.fromkeys(given))


def _text(table: Mapping[str, Any], key: str) -> str | None:
    value = table.get(key)
    if value is None:
        return None
    if not isinstance(value, str):
        raise TypeError(f"{key} must be text in quotes")
    if not value.strip():
        raise ValueError(f"{key} must not be empty")
    if not value.isprintable():
        raise ValueError(f"{key} must not contain control characters")
    return value.strip()


def _texts(table: Mapping[str, Any], key: str) -> tuple[str, ...] | None:
    value = table.get(key)
    if value is None:
        return None
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(item, str) for item in values):
        raise TypeError(f"{key} must be text or a list of texts")
    if not all(item.strip() for item in values):
        raise ValueError(f"{key} must not hold an empty text")
    return tuple(item.strip() for item in values)


def _choice(table: Mapping[str, Any], key: str, choices: tuple[str, ...]) -> str | None:
    value = _text(table, key)
    if value is not None and value not in choices:
        words = ", ".join(f'"{choice}"' for choice in choices)
        raise ValueError(f"{key} must be one of {words}, not {value!r}")
    return value


def _truth(table: Mapping[str, Any], key: str) -> bool:
    value = table.get(key, False)
    if not isinstance(value, bool):
        raise TypeError(f"{key} must be true or false")
    return value
