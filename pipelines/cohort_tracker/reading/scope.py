"""From what was typed to who asks: classes, nights and mentors by the names that people use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import ClassNotFoundError, ConfigError
from .published import DATABASE
from .viewer import Viewer

NO_NIGHT = "(no night)"
"""What the tables by night call those of whom the roster says none: they are the lead's."""

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class Group:
    """A class, or the group of one of its nights.

    Args:
        class_id: the class.
        name: its name.
        friendly_id: what people call it by.
        night: the night as people write it; None: the whole class.
        is_over: whether the class is over.
    """

    class_id: str
    name: str
    friendly_id: str | None
    night: str | None
    is_over: bool

    @property
    def shown(self) -> str:
        """What to call the class by on the command line."""
        return self.friendly_id or self.class_id


def all_groups(connection: DuckDBPyConnection) -> list[Group]:
    """Every class, each followed by its nights; by name."""
    rows = connection.execute(
        f"SELECT c.class_id, c.class_name, c.friendly_id, c.is_class_over, n.night"  # noqa: S608
        f" FROM {DATABASE}.marts.class_summary AS c INNER JOIN"
        f" (SELECT class_id, night FROM {DATABASE}.marts.night_summary WHERE night <> ?"
        f" UNION ALL SELECT class_id, NULL FROM {DATABASE}.marts.class_summary) AS n"
        " ON c.class_id = n.class_id"
        " ORDER BY c.class_name, c.class_id, n.night NULLS FIRST",
        [NO_NIGHT],
    ).fetchall()
    return [Group(id_, name, friendly, night, over) for id_, name, friendly, over, night in rows]


def viewer_for(
    connection: DuckDBPyConnection,
    *,
    classes: Sequence[str] = (),
    night: str | None = None,
    mentor: str | None = None,
    hide_names: bool = False,
) -> Viewer:
    """Who reads with these options: a lead, or with `night` or `mentor` (an address) a mentor.

    A mentor sees the own nights in classes that are not over. Raises ClassNotFoundError for a class
    that is not in the tables, ConfigError for a night or mentor that is not.
    """
    groups = all_groups(connection)
    chosen = _classes(groups, classes)
    class_ids = frozenset(chosen) if classes else None
    if night is None and mentor is None:
        return Viewer("lead", class_ids, None, hide_names)
    if night is not None and mentor is not None:
        raise ConfigError("--night and --mentor exclude each other", "Leave one out.")
    if night is not None:
        nights = _of_night(groups, chosen, night)
    else:
        assert mentor is not None
        nights = _of_mentor(connection, groups, chosen, mentor)
    return Viewer("mentor", class_ids, frozenset(nights), hide_names)


def groups_of(connection: DuckDBPyConnection, viewer: Viewer) -> list[Group]:
    """What the viewer gets a report of: whole classes for a lead, groups for a mentor.

    Without classes of the viewer's own the ones that are over are left out.
    """
    return [
        group
        for group in all_groups(connection)
        if (group.class_id in viewer.classes if viewer.classes is not None else not group.is_over)
        and (
            group.night is None
            if viewer.nights is None
            else group.night is not None and (group.class_id, key_of(group.night)) in viewer.nights
        )
    ]


def narrowed(viewer: Viewer, group: Group) -> Viewer:
    """Who reads a page of the group: of a night its mentor, who sees nobody else."""
    if group.night is None:
        return viewer
    nights = frozenset({(group.class_id, key_of(group.night))})
    return Viewer("mentor", frozenset({group.class_id}), nights, viewer.hide_names)


def key_of(night: str) -> str:
    """A night as it is compared."""
    return " ".join(night.split()).lower()


def _classes(groups: list[Group], typed: Sequence[str]) -> list[str]:
    """The ids of the classes that were named, of all where none was."""
    known = {group.class_id: group for group in groups if group.night is None}
    if not typed:
        return list(known)
    found = []
    for word in typed:
        wanted = word.strip().casefold()
        ids = [
            id_
            for id_, group in known.items()
            if wanted in (id_.casefold(), (group.friendly_id or "").casefold())
        ]
        if not ids:
            named = ", ".join(group.shown for group in known.values()) or "none"
            raise ClassNotFoundError(f"No class {word!r} is in the tables", f"There are: {named}.")
        found += ids
    return found


def _of_night(groups: list[Group], classes: list[str], night: str) -> list[tuple[str, str]]:
    there = [group for group in groups if group.class_id in classes and group.night is not None]
    wanted = key_of(night)
    found = [
        (group.class_id, wanted) for group in there if group.night and key_of(group.night) == wanted
    ]
    if not found:
        names = ", ".join(sorted({group.night for group in there if group.night})) or "none"
        raise ConfigError(
            f"Nobody meets on {night!r}",
            f"Nights of the roster and the mentors file: {names}.",
        )
    return found


def _of_mentor(
    connection: DuckDBPyConnection, groups: list[Group], classes: list[str], mentor: str
) -> list[tuple[str, str]]:
    lines = connection.execute(
        f"SELECT night_key, class_id FROM {DATABASE}.core.mentors"  # noqa: S608
        " WHERE lower(trim(email)) = lower(trim(?))",
        [mentor],
    ).fetchall()
    if not lines:
        raise ConfigError(
            f"No line of the mentors file has the address {mentor!r}",
            "Add it (docs/roster.md) and run `cohort-tracker sync`, or use --night.",
        )
    running = {group.class_id for group in groups if not group.is_over} & {*classes}
    return [
        (class_id, night_key)
        for night_key, of_class in lines
        for class_id in sorted(running)
        if of_class is None or of_class == class_id
    ]
