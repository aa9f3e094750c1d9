"""Of whom a channel hears: its groups, with what there is to say and how students are called."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from ..channels import Channel
from ..config import Settings
from ..reading.briefing import Briefing, Student
from ..reading.freshness import freshness_of
from ..reading.reader import Reader
from ..reading.scope import Group, key_of
from ..runtime.run_note import read_run_note
from .harmless import harmless

QUIET_DAYS = 7
"""Who was reached out to so few days ago is left out of messages."""


@dataclass(frozen=True)
class Audience:
    """A group that a channel hears of, as the tables have it.

    `reader` sees names and ids, `page_reader` what the channel's page may show. `names` are what
    to call students by id, harmless. `now` is aware.
    """

    reader: Reader
    page_reader: Reader
    group: Group
    briefing: Briefing
    names: dict[str, str]
    now: datetime

    @property
    def about(self) -> str:
        """What the ledger knows the group by."""
        return "|".join([self.group.class_id, key_of(self.group.night or "")])

    @property
    def title(self) -> str:
        """Class and night, as a title begins."""
        night = f" · {harmless(self.group.night)}" if self.group.night else ""
        return f"{harmless(self.group.name)[:100]}{night}"

    @property
    def data_on(self) -> date:
        """The day of the data, where the class is: days are told by it, never by the clock."""
        at = self.briefing.as_of or self.now
        return at.astimezone(ZoneInfo(self.briefing.timezone)).date()

    @property
    def foot(self) -> str:
        """Of when the data are."""
        at = self.briefing.as_of
        if at is None:
            return ""
        local = at.astimezone(ZoneInfo(self.briefing.timezone))
        return f"Data up to {local:%A} {local.day} {local:%B %Y, %H:%M}."

    def name(self, student_id: str) -> str:
        """What to call a student."""
        return self.names.get(student_id, "Somebody")

    def is_quiet(self, student: Student) -> bool:
        """Whether somebody reached out to the student only lately."""
        today = self.now.astimezone(ZoneInfo(self.briefing.timezone)).date()
        return any((today - contact.on).days < QUIET_DAYS for contact in student.contacts)


def why_not(settings: Settings, audience: Audience) -> str | None:
    """Why nothing is said of a group now, in words; None where there is no reason. StoreError."""
    if audience.group.is_over:
        return "the class is over"
    fresh = freshness_of(settings, audience.briefing, audience.now)
    if fresh.failed_sync is not None:
        return "its last sync failed"
    if read_run_note(settings.data_dir).read_nothing:
        return "the last sync failed before it came to a class"
    if fresh.failed_build is not None:
        return "its tables could not be rebuilt"
    if fresh.is_stale or audience.briefing.is_stale:
        return "its data are stale"
    return None


def hears_of(channel: Channel) -> bool:
    """Whether a channel hears of students at all."""
    return bool(channel.mentor_rules) or channel.digest is not None
