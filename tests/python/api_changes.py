"""What in a changed OpenAPI schema would break clients that know the old one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_BOUNDS = ("maximum", "maxLength", "maxItems")


def breaking_changes(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """What is gone, has become narrower in what it takes, or wider in what it gives."""
    return [*_of_paths(old, new), *_of_models(old, new)]


def _of_paths(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    for path, methods in old["paths"].items():
        for method, known in methods.items():
            there = new["paths"].get(path, {}).get(method)
            if there is None:
                yield f"{method} {path} is gone"
                continue
            yield from (f"{path}: {what}" for what in _of_parameters(known, there))
            old_body, new_body = (_body(answer) for answer in (known, there))
            if old_body != new_body:
                yield f"{path} answers with {new_body} instead of {old_body}"


def _body(method: dict[str, Any]) -> Any:
    answer = method["responses"].get("200", {})
    return answer.get("content", {}).get("application/json", {}).get("schema")


def _of_parameters(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    there = {parameter["name"]: parameter for parameter in new.get("parameters", ())}
    for known in old.get("parameters", ()):
        changed = there.pop(known["name"], None)
        if changed is None:
            yield f"parameter {known['name']} is gone"
        elif changed["required"] and not known["required"]:
            yield f"parameter {known['name']} is required now"
        elif _is_narrower(known["schema"], changed["schema"]):
            yield f"parameter {known['name']} takes less"
    yield from (
        f"parameter {name} is new and required" for name, p in there.items() if p["required"]
    )


def _is_narrower(old: dict[str, Any], new: dict[str, Any]) -> bool:
    """Whether a value that was taken is no longer."""
    values = _all_of(old, "enum"), _all_of(new, "enum")
    if values[1] and not {*map(str, values[0])} <= {*map(str, values[1])}:
        return True
    if values[1] and not values[0]:
        return True
    return any(
        found and (not before or min(found) < min(before))
        for bound in _BOUNDS
        for before, found in [(_all_of(old, bound), _all_of(new, bound))]
    )


def _all_of(schema: Any, key: str) -> list[Any]:
    """All that stands under a key, wherever in the schema."""
    if isinstance(schema, list):
        return [value for part in schema for value in _all_of(part, key)]
    if not isinstance(schema, dict):
        return []
    own = schema.get(key, [])
    below = [value for name, part in schema.items() if name != key for value in _all_of(part, key)]
    return [*(own if isinstance(own, list) else [own]), *below]


def _of_models(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    there = new["components"]["schemas"]
    for name, model in old["components"]["schemas"].items():
        changed = there.get(name, {}).get("properties", {})
        for column, known in model.get("properties", {}).items():
            if column not in changed:
                yield f"{name}.{column} is gone"
            elif not {*_types(changed[column])} <= {*_types(known)}:
                yield f"{name}.{column} can be {_types(changed[column])} now"
        required = {*there.get(name, {}).get("required", ())}
        lost = {*model.get("required", ())} & {*changed} - required
        yield from (f"{name}.{column} is not always there now" for column in sorted(lost))


def _types(column: dict[str, Any]) -> list[str]:
    """What a value can be, with its values where these are fixed."""
    options = column.get("anyOf", [column])
    return [
        str([option.get(key) for key in ("type", "format", "enum", "items", "$ref")])
        for option in options
    ]
