"""Students of a group as rows of the marts tell of them, and the way to such rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from .briefing import Reason, Student, WeekScore
from .contacts import contacts_by_student
from .reader import Reader, Row
from .scope import Group, key_of

WEEKS_SHOWN = 8


class Asked:
    """Questions about one group, with the group's condition in each.

    Args:
        reader: of whoever asks.
        group: whose rows are asked for.
        student_id: as it is shown; where it is given, rows of persons are that student's only.
    """

    def __init__(self, reader: Reader, group: Group, student_id: str | None = None) -> None:
        self._reader = reader
        self._group = group
        self._student_id = student_id
        self.of_night = group.night is not None

    def rows(
        self,
        table: str,
        *columns: str,
        where: str = "true",
        values: Sequence[Any] = (),
        order: str = "",
    ) -> list[Row]:
        """Rows of a table about the group's class, or its night where the table has one.

        `where` and `order` are SQL of this package; `values` are bound to it.
        """
        there = self._reader.table(table)
        condition, parameters = "class_id = ?", [self._group.class_id]
        if self._group.night is not None and there.kind in ("person", "night"):
            night = "night" if "night" in there.column_names else "night_key"
            condition += f" AND lower({night}) = ?"
            parameters.append(key_of(self._group.night))
        if self._student_id is not None and there.kind == "person":
            condition += " AND student_id = ?"
            parameters.append(self._student_id)
        return self._reader.rows(
            table,
            columns,
            where=f"{condition} AND ({where})",
            parameters=[*parameters, *values],
            order=order,
        )


def students_of(
    reader: Reader, asked: Asked, weeks_shown: int = WEEKS_SHOWN
) -> tuple[Student, ...]:
    """Everybody of the group, who is in the class first, then by risk and name."""
    reasons: dict[str, list[Reason]] = defaultdict(list)
    for row in asked.rows(
        "marts.student_reasons", "student_id", "code", "sentence", order="student_id, reason_rank"
    ):
        reasons[row["student_id"]].append(Reason(row["code"], row["sentence"]))
    weeks: dict[str, list[WeekScore]] = defaultdict(list)
    for row in asked.rows(
        "marts.student_health_weekly",
        *("student_id", "week_ends_on", "measured_on", "score", "tier", "is_complete"),
        order="student_id, week_number",
    ):
        weeks[row.pop("student_id")].append(WeekScore(**row))
    done = {
        row["student_id"]: row
        for row in asked.rows("marts.student_completion", "student_id", "completed", "assignments")
    }
    contacts = contacts_by_student(reader)
    found = []
    for row in asked.rows(
        "marts.student_health",
        *("student_id", "first_name", "last_name", "email", "night", "mentor", "is_enrolled"),
        *("is_finished", "tier", "previous_tier", "n_a_reason", "score", "class_score"),
        *("risk_rank", "call_list", "is_newly_called", "days_silent", "days_behind"),
        *("start_assignment_id", "start_assignment_name", "start_days_waiting"),
        order="is_enrolled DESC, risk_rank NULLS LAST, last_name, first_name, student_id",
    ):
        id_ = row["student_id"]
        work = done.get(id_, {})
        found.append(
            Student(
                name=full_name(row),
                completed=work.get("completed", 0),
                assignments=work.get("assignments", 0),
                start_id=row.pop("start_assignment_id"),
                start_name=row.pop("start_assignment_name"),
                start_days=row.pop("start_days_waiting"),
                reasons=tuple(reasons[id_]),
                weeks=tuple(weeks[id_][-weeks_shown:]),
                contacts=tuple(contacts.get(id_, ())),
                **{key: row[key] for key in row if key not in ("first_name", "last_name")},
            )
        )
    return tuple(found)


def full_name(row: Row) -> str:
    """The full name; the id of who has none. Where names are hidden the first one is the alias."""
    return " ".join(filter(None, (row["first_name"], row["last_name"]))) or row["student_id"]
