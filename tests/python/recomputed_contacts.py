"""Contacts, and what became of who was contacted, by brute force; and made-up contacts to count."""

import random
from datetime import date, datetime, time, timedelta
from typing import Any

from cohorts import START, SYNCED_AT, Tables
from raw_fixture import roster_id
from recomputed_calendar import WEEK, monday_of
from recomputed_health import Health, Rows

CONTACTS = 250


def with_contacts(tables: Tables) -> Tables:
    """Return the tables with contacts of all kinds of students, some of them taken back."""
    rng = random.Random("contacts")
    students = sorted({r["user_id"] for r in tables["progressions"] if r.get("user_id")})
    students += [
        roster_id(line["email"].lower())
        for line in tables["roster"]
        if line.get("email") and line["file_version"] == 2
    ]
    days = (SYNCED_AT - START).days + 8  # some lie ahead of the class, whose read is older
    rows: list[dict[str, Any]] = []
    for number in range(CONTACTS):
        contacted_on = START.date() + timedelta(days=rng.randrange(-3, days))
        noted_at = datetime.combine(contacted_on, time(12)) + timedelta(hours=rng.randrange(90))
        contact = {
            "contact_id": f"contact{number}",
            "student_id": rng.choice(students),
            "contacted_on": contacted_on,
            "how": rng.choice(["call", "mail", "chat", "meeting"]),
            "contacted_by": rng.choice([None, "Ravi"]),
            "note": rng.choice([None, "will come", " "]),
            "first_seen_at": noted_at,
        }
        rows.append(contact)
        if rng.random() < 0.1:
            rows.append({**contact, "is_withdrawn": True, "first_seen_at": noted_at - WEEK})
    return {**tables, "contacts": rows}


class Contacts:
    """The contacts of a recomputed store that were known at its moment."""

    def __init__(self, health: Health, as_of: datetime | None) -> None:
        self.health, self.core = health, health.core
        stored: dict[str, dict[str, Any]] = {}
        for order, row in enumerate(self.core.tables.get("contacts", [])):
            if row.get("is_withdrawn"):
                del stored[row["contact_id"]]
            else:
                student = self._account(row["student_id"])
                stored[row["contact_id"]] = {**row, "student_id": student, "order": order}
        self.known = [r for r in stored.values() if as_of is None or r["first_seen_at"] <= as_of]

    def _account(self, student: str) -> str:
        """Return the account of whom the roster named alone when the contact was typed."""
        for record in self.core.records:
            if record["user_email"] and roster_id(record["user_email"].lower()) == student:
                return str(record["user_id"])
        return student

    def student_contacts(self) -> Rows:
        """Class x contact."""
        return {
            (class_id, contact["contact_id"]): self._row(class_id, student, contact)
            for class_id, student in self.core.enrollments
            for contact in self.known
            if contact["student_id"] == student
        }

    def _row(self, class_id: str, student: str, contact: dict[str, Any]) -> dict[str, Any]:
        day = contact["contacted_on"]
        mine = [c for c in self.known if c["student_id"] == student]
        last = max(mine, key=lambda c: (c["contacted_on"], c["order"]))
        weeks = self.health.calendar.weeks(class_id)
        monday = monday_of(day)
        number = weeks.index(monday) + 1 if monday in weeks else None
        return {
            "student_id": student,
            "contacted_on": day,
            "days_since": max(0, (self.core.today(class_id) - day).days),
            "how": contact["how"],
            "contacted_by": contact["contacted_by"],
            "note": (contact["note"] or "").strip() or None,
            "is_latest": contact is last,
            "week_number": number,
            "week_ends_on": monday + timedelta(days=6) if number else None,
            **self._outcome(class_id, student, monday + timedelta(days=6)),
        }

    def _outcome(self, class_id: str, student: str, sunday: date) -> dict[str, Any]:
        """Return how the student stood in the week that ends on a day, and two weeks on."""
        week, *after = (
            self.health.weekly.get((class_id, student, sunday + n * WEEK)) for n in (0, 1, 2)
        )
        row: dict[str, Any] = {name: week and week[name] for name in ("tier", "score", "call_list")}
        row |= dict.fromkeys(("is_recovered_in_two_weeks", "is_off_list_in_two_weeks"))
        if week and week["call_list"] and after[1] and after[1]["is_complete"]:
            judged = [later for later in after if later and later["tier"] != "n_a"]
            row["is_off_list_in_two_weeks"] = any(not later["call_list"] for later in judged)
            if week["tier"] in ("critical", "high"):
                tiers = {later["tier"] for later in judged}
                row["is_recovered_in_two_weeks"] = not tiers.isdisjoint({"medium", "low"})
        return row
