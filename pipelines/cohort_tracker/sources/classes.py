"""Which class is meant by an id, and whether what is known of it changed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import orjson

from ..errors import ClassNotFoundError, ConfigError
from .api import ClassInfo


def classes_named(classes: Iterable[ClassInfo], key: str) -> list[ClassInfo]:
    """The classes that `key` names: the one with this id, else all with this friendly id."""
    known = list(classes)
    by_id = [info for info in known if info.class_id == key]
    return by_id[:1] or [info for info in known if info.friendly_id == key]


def the_only(found: list[ClassInfo], key: str) -> ClassInfo | None:
    """The class found under `key`. Raises ConfigError where there are several."""
    if len(found) > 1:
        names = "; ".join(f"{info.class_id} ({info.name or 'no name'})" for info in found)
        raise ConfigError(
            f"{len(found)} classes have the friendly id {key}: {names}",
            f"Name the one that you mean by its id instead, for example {found[0].class_id}.",
        )
    return found[0] if found else None


def find_classes(classes: Iterable[ClassInfo], keys: Iterable[str]) -> list[ClassInfo]:
    """The classes that `keys` name, each once.

    Raises ClassNotFoundError naming the unknown, ConfigError for a key that names several.
    """
    known = list(classes)
    found = {key: the_only(classes_named(known, key), key) for key in keys}
    unknown = [key for key, info in found.items() if info is None]
    if unknown:
        raise ClassNotFoundError(
            f"No such class: {', '.join(unknown)}",
            "Classes of this account: "
            + (", ".join(info.friendly_id or info.class_id for info in known) or "none"),
        )
    return list({info.class_id: info for info in found.values() if info is not None}.values())


def content_hash(content: Any) -> str:
    """A hash that is equal for equal content."""
    return hashlib.blake2b(orjson.dumps(content), digest_size=16).hexdigest()
