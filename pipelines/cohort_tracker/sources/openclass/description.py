"""What a class is called and what it consists of, out of the objects that OpenClass sends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..api import ClassInfo, CurriculumEntry
from ..values import identifier
from .envelope import class_id_of


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


def _assignment_id(item: Any) -> str | None:
    if isinstance(item, dict) and "$oid" not in item:
        item = item.get("id", item.get("_id"))
    return _clean_text(identifier(item))


def _clean_text(value: Any) -> str | None:
    """Text that a database can hold; what describes a class is never worth failing for."""
    if not isinstance(value, str):
        return None
    return value.encode("utf-8", "replace").decode().replace("\0", "") or None
