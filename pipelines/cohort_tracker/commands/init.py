"""`init`: log in, let the user choose classes, write the settings file."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..config import (
    ENV_PREFIX,
    Settings,
    default_config_path,
    in_home,
    load_settings,
    with_overrides,
    write_config,
)
from ..errors import ConfigError
from ..runtime.printing import ask, can_ask, say, say_error, say_table, say_warning
from .optional import ask_for_the_rest

if TYPE_CHECKING:
    from ..sources.api import ClassInfo, Source

_PROMPTS = {"email": "E-mail", "password": "Password"}
_ASKS_AGAIN = 3
_CREDENTIALS_HINT = "Check that e-mail and password work on the OpenClass site."


def run_init(
    config_path: Path | None,
    *,
    email: str | None,
    password: str | None,
    password_stdin: bool,
    class_ids: tuple[str, ...],
    api_base: str | None,
    origin: str | None,
    app_id: str | None,
    data_dir: str | None,
    timezone: str | None,
    roster: str | None,
    mentors: str | None,
    exclude: tuple[str, ...],
    schedule: str | None,
    no_verify: bool,
) -> None:
    """Ask for what is missing, verify it with the API, write it.

    Raises ConfigError, AuthenticationError, ClassNotFoundError or ApiUnavailableError; then
    nothing was written.
    """
    target = config_path or default_config_path()
    target = in_home(target, "name the file in full").absolute()
    if config_path is not None and not target.exists():
        settings = replace(load_settings(no_file=True), config_path=target)
    else:
        settings = load_settings(config_path)
    given = {
        "email": email,
        "password": _given_password(password, password_stdin),
        "class_ids": list(class_ids) or None,
        "api_base": api_base,
        "origin": origin,
        "app_id": app_id,
        "data_dir": data_dir,
        "timezone": timezone,
        "exclude": list(exclude) or None,
    }
    changes: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    places = {"data_dir": data_dir, "roster": roster, "mentors": mentors, "schedule": schedule}
    for key, path in places.items():
        if path is not None:
            changes[key] = str(Path(path).expanduser().absolute())
    _ask_for_credentials(settings, changes)
    settings = with_overrides(settings, **changes)
    chosen = settings.class_ids
    if no_verify:
        say("Not verified: the account and the class ids were not checked.", err=True)
    else:
        may_ask = not (password_stdin or password or os.environ.get(f"{ENV_PREFIX}PASSWORD"))
        settings, source = _logged_in(settings, changes, may_ask and can_ask())
        chosen = _verified_classes(settings, source, asked=bool(class_ids))
        if class_ids or chosen != settings.class_ids:
            changes["class_ids"] = list(chosen)
    if can_ask():
        ask_for_the_rest(settings, changes)
    if "class_ids" in changes:
        changes["class_id"] = None  # one key says it
    write_config(target, changes)
    say(f"Settings written to {target}")
    say("Next: cohort-tracker sync")


def _given_password(password: str | None, from_stdin: bool) -> str | None:
    if password is not None and from_stdin:
        raise ConfigError("--password and --password-stdin exclude each other")
    if password is not None:
        say_warning(
            "a password on the command line shows in the shell's history and in the"
            " process list; leave it out to be asked."
        )
        return password
    if from_stdin:
        text = sys.stdin.readline().rstrip("\r\n") if sys.stdin else ""
        if not text:
            raise ConfigError("--password-stdin: standard input is empty")
        return text
    return None


def _ask_for_credentials(settings: Settings, changes: dict[str, Any]) -> None:
    from ..sources import needs

    missing = [
        key for key in needs(settings) if key not in changes and getattr(settings, key) is None
    ]
    if missing and not can_ask():
        raise ConfigError(
            f"Missing: {' and '.join('--' + key.replace('_', '-') for key in missing)}",
            "Give the password with --password-stdin or COHORT_TRACKER_PASSWORD.",
        )
    for key in missing:
        changes[key] = ask(_PROMPTS.get(key, key), hide=key == "password")


def _logged_in(
    settings: Settings, changes: dict[str, Any], may_ask: bool
) -> tuple[Settings, Source]:
    """Log in; who mistyped the password is asked again. What was asked is noted in `changes`."""
    from ..errors import AuthenticationError
    from ..sources import connect, needs
    from ..sync import prepare_data_dir

    prepare_data_dir(settings.data_dir)  # where the source notes when it asked
    keys = [key for key in needs(settings) if key in _PROMPTS]
    left = _ASKS_AGAIN if may_ask else 0
    while True:
        source = connect(settings)
        try:
            source.log_in()
        except AuthenticationError as error:
            if not (left and keys):
                raise AuthenticationError(error.message, _CREDENTIALS_HINT) from None
            say_error(AuthenticationError(error.message, "Try again, or end with Ctrl-C."))
        else:
            if settings.email is not None:
                say(f"Logged in as {settings.email}", err=True)
            return settings, source
        left -= 1
        for key in keys:
            is_secret = key == "password"
            default = None if is_secret else getattr(settings, key)
            changes[key] = ask(_PROMPTS[key], default=default, hide=is_secret)
        settings = with_overrides(settings, **{key: changes[key] for key in keys})


def _verified_classes(settings: Settings, source: Source, *, asked: bool) -> tuple[str, ...]:
    from ..errors import ApiUnreachableError, ClassNotFoundError, CohortTrackerError
    from ..sources.api import IncompleteListError
    from ..sources.classes import find_classes

    try:
        classes = source.classes()
    except IncompleteListError as error:
        say_warning(error.message)
        classes = error.classes
    except ApiUnreachableError:
        raise
    except CohortTrackerError as error:
        if not settings.class_ids:
            raise ClassNotFoundError(
                f"The classes cannot be listed: {error.message}", "Name a class with --class-id."
            ) from error
        say(f"{error.message}; the class ids are taken unchecked", err=True)
        return settings.class_ids
    if settings.class_ids and (asked or not can_ask()):
        return tuple(info.class_id for info in find_classes(classes, settings.class_ids))
    if not classes:
        raise ClassNotFoundError(
            "The account sees no classes", "Check that it is a mentor or instructor account."
        )
    _list_classes(classes, settings.class_ids)
    if not can_ask():
        say("No class chosen: `sync` reads all of them.", err=True)
        return ()
    while True:
        answer = ask(
            "Which? (numbers or friendly ids, separated by commas, or 'all')",
            default=_numbers_of(classes, settings.class_ids) or "all",
        )
        if answer.lower() == "all":
            return tuple(info.class_id for info in classes)
        keys = re.split(r"[,\s]+", answer.strip(", \t"))
        keys = [
            classes[int(key) - 1].class_id
            if key.isdecimal() and 1 <= int(key) <= len(classes)
            else key
            for key in keys
        ]
        try:
            found = find_classes(classes, keys)
        except (ClassNotFoundError, ConfigError) as error:
            say(error.message, err=True)
            continue
        if found:
            return tuple(info.class_id for info in found)


def _numbers_of(classes: list[ClassInfo], chosen: tuple[str, ...]) -> str:
    """The places in the list of the classes that are chosen already."""
    from ..sources.classes import classes_named

    found = [info for key in chosen for info in classes_named(classes, key)]
    numbers = [str(classes.index(info) + 1) for info in found]
    return ",".join(dict.fromkeys(numbers))


def _list_classes(classes: list[ClassInfo], chosen: tuple[str, ...]) -> None:
    say("Classes of this account:", err=True)
    say_table(
        [
            (
                "*" if info.class_id in chosen or info.friendly_id in chosen else "",
                str(number),
                info.friendly_id or info.class_id,
                info.name or "",
            )
            for number, info in enumerate(classes, start=1)
        ],
        headings=("", "", "", ""),
        numbers=(1,),
        err=True,
    )
