"""Made-up cohorts with every kind of dirt, as raw tables, from a seed."""

import random
from datetime import date, datetime, timedelta
from typing import Any

from raw_fixture import run

START = datetime(2026, 1, 5, 9, 0)
SYNCED_AT = datetime(2026, 4, 15, 18, 30)
NAMES = ["Ana", "Zoë", "O'Neil", "李", 'Kim "K"', "Ørsted", "Müller", "D'Arcy", "Ñandú", "Ali"]

Tables = dict[str, list[dict[str, Any]]]


def cohort_tables(seed: int = 7, *, tied: bool = False) -> Tables:
    """Return four classes: with units, without, with a roster only, and one that no list names.

    tied: everything happens at local midnight, so that order has to be decided without times.
    """
    rng = random.Random(seed)
    tables: Tables = {
        "progressions": [],
        "classes": [
            {"class_id": "units", "friendly_id": "web-1", "name": "Web 1", "units_hash": "new"},
            {
                "class_id": "units",
                "friendly_id": "old",
                "name": "Old",
                "units_hash": "old",
                "version_no": 0,
            },
            {"class_id": "west", "friendly_id": "web-2", "name": None},
            {"class_id": "paper", "friendly_id": "web-3", "name": "On paper"},
        ],
        "class_units": [
            {
                "class_id": "units",
                "units_hash": "new",
                "position": position,
                "section_position": 1 + position // 4,
                "section_name": f"Unit {1 + position // 4}",
                "assignment_id": f"units-{position}",
            }
            for position in range(1, 13)
        ]
        + [
            {"class_id": "units", "units_hash": "old", "position": 1, "assignment_id": "dropped"},
            {"class_id": "units", "units_hash": "new", "position": 13, "assignment_id": "units-1"},
        ],
        "sync_runs": [
            run("units", SYNCED_AT),
            run("west", SYNCED_AT, timezone="America/Los_Angeles"),
            run(
                "west",
                SYNCED_AT + timedelta(hours=5),
                timezone="America/Los_Angeles",
                status="failed",
            ),
            run("paper", SYNCED_AT, status="unverified"),
        ],
        "roster": [],
    }
    for class_id, students in (("units", 25), ("west", 12), ("unlisted", 1)):
        add_progressions(rng, tables, class_id, students)
    if tied:
        for record in tables["progressions"]:
            for name in ("started_at", "completed_at", "reviewed_at"):
                if record[name]:
                    record[name] = record[name].replace(hour=8, minute=0, second=0, microsecond=0)
    _add_roster(tables)
    return tables


def add_progressions(rng: random.Random, tables: Tables, class_id: str, students: int) -> None:
    """Add the work of some students on fourteen assignments."""
    for number in range(students):
        # some students are in two classes
        user = f"u{number}" if number % 5 == 0 else f"{class_id}-u{number}"
        pace = rng.choice([0, 3, 6, 7, 9, 12])
        quits_after = rng.choice([1, 4, 8, 14, 14, 14])
        moment = START + timedelta(days=rng.choice([0, 0, 1, 30]), hours=rng.randrange(24))
        for position in range(1, 15):
            if position > quits_after or pace == 0:
                break
            moment += timedelta(days=pace * rng.uniform(0.3, 1.4), hours=rng.randrange(24))
            if rng.random() < 0.1:
                continue
            assignment = f"{class_id}-{position}"
            for attempt in range(rng.choice([1, 1, 1, 1, 1, 2])):
                _add_record(rng, tables, class_id, user, assignment, attempt, moment)


def _add_record(
    rng: random.Random,
    tables: Tables,
    class_id: str,
    user: str,
    assignment: str,
    attempt: int,
    moment: datetime,
) -> None:
    started = moment - timedelta(hours=rng.randrange(100)) if rng.random() < 0.8 else None
    completed = moment + timedelta(days=attempt) if rng.random() < 0.85 else None
    number = sum(map(ord, user))
    record = {
        "class_id": class_id,
        # the same id may stand in two classes
        # the class that no list names was last heard of three days before the others
        "first_seen_at": SYNCED_AT - timedelta(days=3 if class_id == "unlisted" else 0),
        "record_id": f"{user.split('-')[-1]}/{assignment.split('-')[-1]}/{attempt}",
        "user_id": user,
        "user_first_name": NAMES[number % len(NAMES)],
        "user_last_name": user,
        "user_email": None if number % 7 == 0 else f"{user}@Example.org",
        "assignment_id": assignment,
        "assignment_name": f"Lesson {assignment}",
        "assignment_type": "quiz" if assignment.endswith(("3", "6", "9")) else "lesson",
        "grade": rng.choice([None, 0.7, 0.69, 1, 0.4, 0.95]),
        "started_at": started,
        "completed_at": completed,
        "reviewed_at": completed and rng.choice([None, completed + timedelta(days=1)]),
    }
    records = tables["progressions"]
    if len(records) % 13 == 1:
        record["started_at"] = datetime(1970, 1, 1)
    if completed and len(records) % 17 == 2:
        record |= {"completed_at": datetime(1, 1, 1), "reviewed_at": datetime(1, 1, 1)}
    if completed and len(records) % 19 == 3:
        record |= {"started_at": datetime(1, 1, 1), "completed_at": datetime(9999, 12, 31)}
    version = len(records) + 1
    if rng.random() < 0.15:
        records.append({**record, "grade": 0.1, "completed_at": None, "version_no": version})
        version += 1
    records.append({**record, "version_no": version})
    if rng.random() < 0.1:
        records.append({**record, "version_no": version})
    if len(records) % 11 == 0:
        version += 1
        aside = {"grade": None, "started_at": None, "rejected_fields": "grade,started_at"}
        records.append({**record, **aside, "version_no": version})
    if rng.random() < 0.04:
        gone = dict.fromkeys(record)
        gone |= {f: record[f] for f in ("class_id", "record_id", "first_seen_at")}
        records.append({**gone, "is_removed": True, "version_no": version + 1})
    # room, so that the next record's versions are newer
    while len(records) < version + 1:
        records.append({**records[-1]})


def _add_roster(tables: Tables) -> None:
    lines: list[dict[str, Any]] = [
        {"class": "WEB-1", "email": "units-U1@example.ORG", "night": "Mon", "region": "North"},
        {"class": "units", "email": "units-u2@example.org", "left_on": date(2026, 3, 1)},
        {"class": "units", "email": "units-u3@example.org", "role": "Staff"},
        {"class": "units", "email": "idle@example.org", "first_name": "Idle", "last_name": "Hands"},
        {"class": "units", "email": "late@example.org", "started_on": date(2026, 4, 12)},
        {"class": "units", "email": "tomorrow@example.org", "started_on": date(2026, 5, 1)},
        {"class": "units", "email": "units-u8@example.org", "night": "monday"},
        {"class": "units", "email": "u5@example.org", "night": "Mon"},
        {"class": "units", "email": "units-u6@example.org", "night": "MON", "region": "South"},
        {"class": "web-2", "email": "u5@example.org", "night": "Mon"},
        {"class": "web-2", "email": "west-u1@example.org", "left_on": date(2026, 2, 20)},
        {"class": "paper", "first_name": "Only", "last_name": "Name"},
        {"class": "paper", "email": "idle@example.org"},
        {"class": "nowhere", "email": "lost@example.org"},
    ]
    tables["roster"] = [
        {"line": 2, "class": "units", "email": "outdated@example.org", "file_version": 1},
        *(
            {"line": number, "file_version": 2, **line}
            for number, line in enumerate(lines, start=2)
        ),
    ]
