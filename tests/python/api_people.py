"""Who sees whom over the API, and what would tell of somebody else."""

from __future__ import annotations

import json

from api_server import CLASS, NIGHT, ApiServer, query

# Who sees which students, as a condition on core.class_students.
SEES = {
    "lead": "true",
    "lead of one class": f"friendly_id = '{CLASS}'",
    "mentor": f"friendly_id = '{CLASS}' and night = '{NIGHT}'",
    "mentor of nobody": "false",
    "program": "false",
    "lead without names": "false",
    "mentor without names": "false",
}


def traces_of(api: ApiServer) -> dict[str, set[str]]:
    """Per viewer: what would tell of a student whom the viewer may not see."""
    students = query(
        api.data,
        "select s.*, c.friendly_id from core.class_students s join core.classes c"
        " on s.class_id = c.id",
    )
    found: dict[str, set[str]] = {}
    for who, condition in SEES.items():
        seen = query(
            api.data,
            "select student_id from core.class_students s join core.classes c"
            f" on s.class_id = c.id where {condition}",
        )
        ids = {row["student_id"] for row in seen}
        hidden = [row for row in students if row["student_id"] not in ids]
        shown = [row for row in students if row["student_id"] in ids]
        found[who] = {text for row in hidden for text in told_of(row)} - {
            text for row in shown for text in told_of(row)
        }
    return found


def told_of(student: dict) -> list[str]:
    full_name = f"{student['first_name']} {student['last_name']}"
    return [t for t in (student["student_id"], student["email"], full_name) if t]


def hidden_in(text: str, traces: set[str]) -> set[str]:
    """What an answer tells of people who are not to be seen."""
    told = {
        str(value)
        for row in rows_of(json.loads(text))
        for value in [*row.values(), f"{row.get('first_name')} {row.get('last_name')}"]
    }
    return (told & traces) | {trace for trace in traces if trace in text}


def rows_of(told: object) -> list[dict]:
    if isinstance(told, list):
        return [row for part in told for row in rows_of(part)]
    if isinstance(told, dict):
        return [told] + [row for part in told.values() for row in rows_of(part)]
    return []
