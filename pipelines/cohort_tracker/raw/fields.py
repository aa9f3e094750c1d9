"""The fields of a progression: the one list of what is read of a record, how, and as what stored.

Another field of the API is another entry at the end of `PROGRESSION_FIELDS`, plus the models that
use it. The table of the raw store, the reader of records and the dlt source go by this list.
"""

from __future__ import annotations

from dataclasses import dataclass

TYPES = {
    "id": "text",
    "text": "text",
    "grade": "double",
    "number": "double",
    "count": "bigint",
    "truth": "bool",
    "time": "timestamp",
}
"""How a value is read, and dlt's type as which it is stored.

`id`: text or a whole number, or one of them in {"$oid": …}. `grade`: a number from 0 to 1.
`count`: a whole number. `truth`: true or false. `time`: ISO 8601 or {"$date": …}, in UTC where it
names no offset. A value that cannot be read so rejects its record, or is set aside alone.
"""


@dataclass(frozen=True)
class Field:
    """A field of a progression.

    Args:
        name: the column.
        read: how its value is read, a key of `TYPES`.
        at: where it stands in a record: a key, or `object.key`.
        or_at: the key beside it that counts where `at` is absent.
        required: a record without it is rejected; so is one without the object it stands in.
        makes_version: a change of it is stored as a new version of the record. Without, the value
            is stored as it was when something else changed.
        hash_null: null counts in the hash, too. So it is for the fields that were there when the
            first hashes were stored. A later one counts where it has a value, so that a field that
            is empty for all changes no hash.
        set_aside: a value that cannot be read leaves this field empty and keeps the record.
            Without, it rejects the record.
    """

    name: str
    read: str
    at: str
    or_at: str | None = None
    required: bool = False
    makes_version: bool = True
    hash_null: bool = False
    set_aside: bool = False

    @property
    def type(self) -> str:
        """The type of its column, in dlt's words."""
        return TYPES[self.read]


def _first(
    name: str,
    read: str,
    at: str,
    or_at: str | None = None,
    required: bool = False,
    set_aside: bool = False,
) -> Field:
    return Field(name, read, at, or_at, required, hash_null=True, set_aside=set_aside)


PROGRESSION_FIELDS = (
    _first("user_id", "id", "user.id", "_id", required=True),
    _first("user_first_name", "text", "user.first_name"),
    _first("user_last_name", "text", "user.last_name"),
    _first("user_email", "text", "user.email"),
    _first("assignment_id", "id", "assignment.id", "_id", required=True),
    _first("assignment_name", "text", "assignment.name"),
    _first("assignment_type", "text", "assignment.type"),
    _first("grade", "grade", "grade", set_aside=True),
    _first("started_at", "time", "started_assignment_at", set_aside=True),
    _first("completed_at", "time", "completed_assignment_at"),
    _first("reviewed_at", "time", "reviewed_at", set_aside=True),
)
