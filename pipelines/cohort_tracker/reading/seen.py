"""What one viewer finds in a published file: the tables, and the classes by the names they have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from .reader import Reader
from .tables import Table


@dataclass(frozen=True)
class SeenClass:
    """A class that the viewer may see. Times are aware.

    Args:
        class_id: its id in the tables.
        friendly_id: what people call it by.
        is_over: whether it is over.
        is_retired: whether it is not read any more.
        as_of: up to when its tables tell.
        last_synced_at: when it was last read to its end, as the file has it.
    """

    class_id: str
    friendly_id: str | None
    is_over: bool
    is_retired: bool
    as_of: datetime
    last_synced_at: datetime | None


class Seen:
    """What there is for one viewer in one published file.

    Args:
        reader: of the file, for the viewer.
    """

    def __init__(self, reader: Reader) -> None:
        self.tables: Mapping[str, Table] = reader.tables
        self.relation = reader.relation
        self.columns: Mapping[str, tuple[str, ...]] = {
            name: reader.columns(table) for name, table in reader.tables.items()
        }
        retired = {row["id"] for row in reader.rows("core.classes", ("id",), where='"is_retired"')}
        self.classes = tuple(
            SeenClass(
                row["class_id"],
                row["friendly_id"],
                row["is_class_over"],
                row["class_id"] in retired,
                row["as_of"].replace(tzinfo=UTC),
                row["last_synced_at"] and row["last_synced_at"].replace(tzinfo=UTC),
            )
            for row in reader.rows(
                "marts.class_summary",
                ("class_id", "friendly_id", "is_class_over", "as_of", "last_synced_at"),
                order="class_id",
            )
        )

    def classes_called(self, name: str) -> list[SeenClass]:
        """The class with the id, or else all with the friendly id, in any case of letters."""
        by_id = [found for found in self.classes if found.class_id == name]
        wanted = name.casefold()
        return by_id or [
            found for found in self.classes if (found.friendly_id or "").casefold() == wanted
        ]
