"""Two classes with nights whose people have hostile names, and in each name a word of its own.

So that the bytes of an answer tell whose it is, whatever became of the name on the way.
"""

from __future__ import annotations

import random
import string
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from raw_fixture import roster_id, run

START = datetime(2026, 1, 5, 9)
SYNCED_AT = datetime(2026, 3, 2, 12)

# By class the nights on which groups meet; None: of whom the roster says none.
NIGHTS: dict[str, list[str | None]] = {
    "alpha": ["Monday", "Wednesday", None],
    "beta": ["monday", "Thursday, late", None],
}
BEFORE = [
    *("=", "+", "-", "@", "\t=", "\r", " =", "\u200b=", "＝", "＠", "'", '"', ",", ";", "|", "\\"),
    *("\x1b[31m", "\u202e", "<b>", "%s", "{0}", "{{", "'; DROP TABLE x; --", "#N/A", "李", "שׁ"),
    *("a\nb", "c\r\nd", '=HYPERLINK("http://x', "$(x)", "`x`", "É", "\ufeff", "🙂", "_x0041_"),
]


@dataclass(frozen=True)
class Person:
    """Somebody in the tables, by the words that must not be seen by others."""

    student_id: str
    words: frozenset[str]
    groups: frozenset[tuple[str, str | None]] = frozenset()
    """Class and night, as the roster writes it."""


@dataclass
class HostileCohort:
    """Raw tables, and who is in them."""

    seed: int
    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    students: list[Person] = field(default_factory=list)
    mentors: list[Person] = field(default_factory=list)
    of_the_lead: frozenset[str] = frozenset()
    """Words of people whom only the lead may see: in files and records that were refused."""
    of_nobody: frozenset[str] = frozenset()
    """Regions: they name nobody, and yet go where names are hidden."""

    def __post_init__(self) -> None:
        self._rng = random.Random(self.seed)
        self._befores = self._rng.sample(BEFORE, len(BEFORE)) * 4
        self.tables = {
            "classes": [
                {"class_id": id_, "friendly_id": f"{id_}-1", "name": f"Class {id_}"}
                for id_ in NIGHTS
            ],
            "sync_runs": [run(id_, SYNCED_AT) for id_ in NIGHTS],
            **{
                name: []
                for name in ("progressions", "roster", "mentors", "rejected_records", "contacts")
            },
        }
        for class_id, nights in NIGHTS.items():
            for night in nights:
                for number in range(3):
                    self._add_student([(class_id, night)], idle=number == 2)
        self._add_student([("alpha", "Monday"), ("beta", "Thursday, late")])
        self._add_student([("alpha", "Wednesday"), ("beta", "monday")])
        for class_id, nights in NIGHTS.items():
            for night in filter(None, nights):
                self._add_mentor(class_id, night)
        self._add_refused()

    def word(self) -> str:
        """A word that stands nowhere else."""
        return "".join(self._rng.choices(string.ascii_lowercase, k=12))

    def _name(self, word: str) -> str:
        return f"{self._befores.pop()}{word}"

    def _add_student(self, groups: list[tuple[str, str | None]], idle: bool = False) -> None:
        first, last, mail, id_, region = (self.word() for _ in range(5))
        names = {"first_name": self._name(first), "last_name": self._name(last)}
        email = f"{mail}@Example.org"
        records = []
        for class_id, night in groups:
            self.tables["roster"].append(
                {
                    "line": 2 + len(self.tables["roster"]),
                    "class": class_id,
                    "email": email,
                    "night": night,
                    "region": f"North {region}",
                    **names,
                }
            )
            if not idle:
                records += self._records(class_id, id_, self._rng.choice([2, 4, 6]))
        student_id = roster_id(email.lower()) if idle else f"id {id_}"
        user = {
            "user_id": student_id,
            "user_first_name": names["first_name"],
            "user_last_name": names["last_name"],
            "user_email": email,
        }
        self.tables["progressions"] += [{**record, **user} for record in records]
        note, contact = self.word(), self.word()
        self.tables["contacts"].append(
            {
                "contact_id": contact,
                "student_id": student_id,
                "contacted_on": SYNCED_AT.date() - timedelta(days=2),
                "how": "call",
                "contacted_by": self._rng.choice(["Mei", None]),
                "note": f"=was asked by {note}",
            }
        )
        words = frozenset({first, last, mail, note, contact, student_id.removeprefix("id ")})
        self.students.append(Person(student_id, words, frozenset(groups)))
        self.of_nobody |= {region}

    def _records(self, class_id: str, word: str, count: int) -> list[dict[str, Any]]:
        found = []
        for number in range(1, 8):
            done_at = START + timedelta(days=number * 4, hours=self._rng.randrange(20))
            completed = number <= count
            if number > count + 1:
                break
            record: dict[str, Any] = {
                "class_id": class_id,
                "record_id": f"{word}/{class_id}/{number}",
                "assignment_id": f"{class_id}-{number}",
                "assignment_name": f"Lesson {number}",
                "assignment_type": "quiz" if number % 3 == 0 else "lesson",
                "started_at": done_at - timedelta(hours=3),
                "first_seen_at": SYNCED_AT - timedelta(days=1),
            }
            version = 100 * (1 + len(self.tables["roster"])) + 10 * number
            if completed:
                found.append({**record, "grade": 0.4, "version_no": version})
                done = {"completed_at": done_at, "first_seen_at": SYNCED_AT}
                found.append({**record, **done, "grade": 0.9, "version_no": version + 1})
            else:
                found.append({**record, "version_no": version})
        return found

    def _add_mentor(self, class_id: str, night: str) -> None:
        name, mail = self.word(), self.word()
        self.tables["mentors"].append(
            {
                "line": 2 + len(self.tables["mentors"]),
                "mentor": self._name(name),
                "email": f"{mail}@mentors.example",
                "night": night,
                "class": class_id,
            }
        )
        self.mentors.append(Person("", frozenset({name, mail}), frozenset({(class_id, night)})))

    def _add_refused(self) -> None:
        words = [self.word() for _ in range(4)]
        record, file = words[:2], words[2:]
        self.tables["rejected_records"] = [
            {
                "class_id": class_id,
                "record_id": word,
                "reason": f"no time: {word}",
                "record_json": f'{{"user": "{word}"}}',
            }
            for class_id, word in zip(NIGHTS, record, strict=True)
        ]
        self.tables["roster"] += [
            {"line": 900 + number, "class": f"nowhere {word}", "email": f"{word}@example.org"}
            for number, word in enumerate(file)
        ]
        self.of_the_lead = frozenset(words)

    def everybody(self) -> frozenset[str]:
        """The words of all people."""
        people = (person.words for person in (*self.students, *self.mentors))
        return frozenset().union(*people, self.of_the_lead)
