"""Which class a name means, and whether what is known of it changed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import orjson

from ..errors import ClassNotFoundError
from .api import ClassInfo


def find_class(classes: Iterable[ClassInfo], key: str) -> ClassInfo | None:
    """The class that `key` names by id or friendly id."""
    known = list(classes)
    by_id = [info for info in known if info.class_id == key]
    by_friendly_id = [info for info in known if info.friendly_id == key]
    return next(iter(by_id + by_friendly_id), None)


def find_classes(classes: Iterable[ClassInfo], keys: Iterable[str]) -> list[ClassInfo]:
    """The classes that `keys` name, each once. Raises ClassNotFoundError naming the unknown."""
    known = list(classes)
    found = {key: find_class(known, key) for key in keys}
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
