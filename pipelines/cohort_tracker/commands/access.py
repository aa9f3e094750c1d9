"""`access`: who may see what of the tables that are served."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ..access.grants import Grant
from ..access.keys import new_id, new_key
from ..access.store import FILE_NAME, AccessStore
from ..access.viewers import viewer_of
from ..config import Settings
from ..errors import ConfigError
from ..reading.published import opened
from ..reading.scope import key_of, viewer_for
from ..reading.viewer import Role
from ..runtime.printing import say, say_json, say_table, say_warning
from ..sync import prepare_data_dir
from .ages import parse_age
from .settings import settings_of

_LONGEST = timedelta(days=3660)


def run_access_add(
    config_path: Path | None,
    *,
    mentor: str | None,
    lead: str | None,
    program: str | None,
    classes: Sequence[str],
    nights: Sequence[str],
    expires: str,
    hide_names: bool,
) -> None:
    """Give out a key, and show it this once.

    Raises ConfigError, ClassNotFoundError or StoreError; then no key was made.
    """
    role, name = _who(mentor=mentor, lead=lead, program=program)
    if nights and role != "mentor":
        raise ConfigError("--night goes with --mentor", "Leave it out: a lead sees all nights.")
    lasts = parse_age(expires, "--expires")
    if not timedelta(0) < lasts <= _LONGEST:
        raise ConfigError(
            f"--expires {expires}: a key lasts longer than nothing, and ten years at most",
            "Write it like 90d.",
        )
    settings = settings_of(config_path)
    prepare_data_dir(settings.data_dir)
    store = AccessStore(settings.data_dir / FILE_NAME)
    now = datetime.now(UTC)
    grant = Grant(
        id=new_id(),
        role=role,
        name=name,
        created_at=now,
        expires_at=now + lasts,
        class_ids=_class_ids(settings, classes),
        nights=tuple(dict.fromkeys(map(key_of, nights))),
        hide_names=hide_names,
    )
    sees_nobody = _sees_nobody(settings, grant)
    by_proxy = settings.serve.auth == "proxy"
    key = None if by_proxy else new_key(grant.id)
    store.create()
    store.add(grant, key)
    _say_added(settings, grant, key)
    if sees_nobody:
        say_warning(
            f"{name} sees nobody yet: the tables know no night of theirs in a class that is not"
            " over. It changes with the mentors file (docs/roster.md) and the next sync."
        )


def run_access_list(config_path: Path | None, *, as_json: bool) -> None:
    """Print who may see what. Raises StoreError where access.db cannot be read."""
    store = AccessStore(settings_of(config_path).data_dir / FILE_NAME)
    grants = store.grants() if store.path.exists() else []
    now = datetime.now(UTC)
    if as_json:
        say_json({"grants": [_as_json(grant, now) for grant in grants]})
        return
    if not grants:
        say("Nobody has a key. Give one out: cohort-tracker access add --mentor EMAIL")
        return
    say_table(
        [(grant.id, grant.role, _until(grant, now), _reach(grant), grant.name) for grant in grants],
        headings=("Id", "Role", "Until", "Sees", "Who"),
    )


def run_access_revoke(config_path: Path | None, grant_id: str) -> None:
    """Take a key back. Raises ConfigError where there is none of that id, or StoreError."""
    store = AccessStore(settings_of(config_path).data_dir / FILE_NAME)
    given = grant_id.strip().removeprefix("ct_").partition("_")[0]
    revoked = store.revoke(given, datetime.now(UTC))
    if revoked is None:
        raise ConfigError(
            f"There is no key with the id {given!r}", "`cohort-tracker access list` shows all."
        )
    say(f"Revoked: {revoked.role} {revoked.name}. The next request with it is refused.")


def _who(*, mentor: str | None, lead: str | None, program: str | None) -> tuple[Role, str]:
    given: list[tuple[Role, str]] = []
    if mentor is not None:
        given.append(("mentor", mentor.strip()))
    if lead is not None:
        given.append(("lead", lead.strip()))
    if program is not None:
        given.append(("program", program.strip()))
    if len(given) != 1:
        raise ConfigError(
            "Say for whom: one of --mentor EMAIL, --lead NAME, --program NAME",
            "A mentor sees the own nights, a lead everybody, program figures without names.",
        )
    role, name = given[0]
    if not name or not name.isprintable():
        raise ConfigError(f"--{role} needs a name", "It is shown by `cohort-tracker access list`.")
    if role == "mentor" and "@" not in name:
        raise ConfigError(
            f"--mentor {name!r} is no e-mail address",
            "Name the one of the mentors file: the nights are found by it.",
        )
    return role, name


def _class_ids(settings: Settings, typed: Sequence[str]) -> tuple[str, ...]:
    """The ids of the classes that were named. Raises ClassNotFoundError or ConfigError."""
    if not typed:
        return ()
    with opened(settings.warehouse_path) as connection:
        return tuple(sorted(viewer_for(connection, classes=typed).classes or ()))


def _sees_nobody(settings: Settings, grant: Grant) -> bool:
    if grant.role != "mentor":
        return False
    if not settings.warehouse_path.exists():
        return True
    with opened(settings.warehouse_path) as connection:
        return not viewer_of(connection, grant).nights


def _say_added(settings: Settings, grant: Grant, key: str | None) -> None:
    hidden = ", names hidden" if grant.hide_names else ""
    say(
        f"Access for {grant.role} {grant.name}{hidden}, until {grant.expires_at:%Y-%m-%d};"
        f" its id is {grant.id}."
    )
    if key is None:
        say("The proxy logs people in: whoever it calls by this name comes in, without a key.")
        return
    url = settings.serve.public_url
    say("The key, shown this once. Who has it sees all of this: send it as you would a password.")
    say(key, indent=2)
    if url is not None:
        say("A link that logs a browser in:")
        say(f"{url}/login#{key}", indent=2)
    else:
        say("In the browser it is typed into the page that `cohort-tracker serve` names.")
    say(f"Take it back: cohort-tracker access revoke {grant.id}")


def _until(grant: Grant, now: datetime) -> str:
    state = grant.state(now)
    return f"{grant.expires_at:%Y-%m-%d}" if state == "valid" else state


def _reach(grant: Grant) -> str:
    classes = ", ".join(grant.class_ids) or "all classes"
    if grant.role == "mentor":
        nights = ", ".join(grant.nights) or "own nights"
        seen = f"{nights}, {classes}" if grant.class_ids else nights
    else:
        seen = classes
    return f"{seen}, names hidden" if grant.hide_names else seen


def _as_json(grant: Grant, now: datetime) -> dict[str, Any]:
    return {
        "id": grant.id,
        "role": grant.role,
        "name": grant.name,
        "classes": list(grant.class_ids),
        "nights": list(grant.nights),
        "hide_names": grant.hide_names,
        "created_at": grant.created_at.isoformat(),
        "expires_at": grant.expires_at.isoformat(),
        "revoked_at": grant.revoked_at and grant.revoked_at.isoformat(),
        "state": grant.state(now),
    }
