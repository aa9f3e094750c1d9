"""The way around from one page: up, to the groups beside it, and down."""

from __future__ import annotations

from dataclasses import replace

from ...reading.scope import Group
from ...reading.seen import Seen, SeenClass
from .links import START, Links, names_in_addresses
from .visits import Visit


def way_around(
    visit: Visit,
    seen: Seen,
    here: str,
    found: SeenClass | None = None,
    night: str | None = None,
) -> Links:
    """The links of a page, with the way up from what is below a class, or a night of it."""
    by_night = visit.viewer.nights is not None
    links = Links(names_in_addresses(seen.classes), not by_night, here, logs_out=visit.logs_out)
    trail = [("Your groups" if by_night else "All classes", START)] if found else []
    if found is not None:
        above = [(found.name, links.of_class(found.class_id))]
        if night is None and by_night and len(found.nights) == 1:
            [night] = found.nights
        if night in found.nights and night is not None:
            above.append((night, links.of_night(found.class_id, night)))
        trail += [(label, to) for label, to in above if to is not None and to != here]
    return replace(links, trail=tuple(trail))


def groups_beside(links: Links, seen: Seen, group: Group) -> list[tuple[str, str]]:
    """The groups beside one: the nights of its class, and the other classes that run."""
    found: list[tuple[str, str | None]] = []
    for other in seen.classes:
        is_own = other.class_id == group.class_id
        if not is_own and not other.is_over:
            found.append((other.name, links.of_class(other.class_id)))
        if is_own or not links.sees_classes:
            found += [
                (f"{other.name}, {night}", links.of_night(other.class_id, night))
                for night in other.nights
                if not is_own or night != group.night
            ]
    return [(label, to) for label, to in found if to is not None]
