"""Which classes to read, and what is known of each: its names and its curriculum."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from ..errors import ClassNotFoundError
from .envelope import class_id_of, identifier


@dataclass(frozen=True)
class ClassInfo:
    """A class as the API describes it; everything but the id may be unknown."""

    class_id: str
    friendly_id: str | None = None
    name: str | None = None
    school: str | None = None
    is_published: bool | None = None


@dataclass(frozen=True)
class CurriculumEntry:
    """One assignment of a class, in curriculum order; positions are 1-based."""

    position: int
    section_position: int
    section_name: str | None
    assignment_id: str


def class_info(item: Mapping[str, Any]) -> ClassInfo:
    """Describe a class out of the API's object, which must have an id."""
    class_id = class_id_of(dict(item))
    if class_id is None:
        raise ValueError("a class without an id")
    published = item.get("is_published")
    return ClassInfo(
        class_id=class_id,
        friendly_id=_clean_text(item.get("friendly_id")),
        name=_clean_text(item.get("name")),
        school=_clean_text(identifier(item.get("school"))),
        is_published=published if isinstance(published, bool) else None,
    )


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


def curriculum(detail: Mapping[str, Any]) -> list[CurriculumEntry]:
    """The assignments of a class in curriculum order, out of its `units`.

    Without units, the class's plain list of assignments counts as one section without a name.
    An assignment that stands twice keeps its first place.
    """
    units = detail.get("units")
    if not isinstance(units, list) or not any(isinstance(unit, dict) for unit in units):
        units = [{"assignments": detail.get("assignments")}]
    entries: dict[str, CurriculumEntry] = {}
    section_position = 0
    for unit in units:
        if not isinstance(unit, dict):
            continue
        section_position += 1
        assignments = unit.get("assignments")
        for item in assignments if isinstance(assignments, list) else []:
            assignment_id = _assignment_id(item)
            if assignment_id is not None and assignment_id not in entries:
                entries[assignment_id] = CurriculumEntry(
                    len(entries) + 1,
                    section_position,
                    _clean_text(unit.get("name")),
                    assignment_id,
                )
    return list(entries.values())


def content_hash(content: Any) -> str:
    """A hash that is equal for equal content."""
    return hashlib.blake2b(orjson.dumps(content), digest_size=16).hexdigest()


def _assignment_id(item: Any) -> str | None:
    if isinstance(item, dict) and "$oid" not in item:
        item = item.get("id", item.get("_id"))
    return _clean_text(identifier(item))


def _clean_text(value: Any) -> str | None:
    """Text that a database can hold; what describes a class is never worth failing for."""
    if not isinstance(value, str):
        return None
    return value.encode("utf-8", "replace").decode().replace("\0", "") or None
