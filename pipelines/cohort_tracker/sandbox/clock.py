"""When people study: evenings and weekends of their own time zone."""

import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from .errors import SandboxError


@dataclass(frozen=True, slots=True)
class Habit:
    """The weekdays (0 = Monday) and local hours of a student; hours above 24 are past midnight."""

    days: frozenset[int]
    evening: tuple[float, float]
    weekend: tuple[float, float]


class Clock:
    """Local time of a school; raises SandboxError for an unknown time zone."""

    def __init__(self, timezone: str) -> None:
        try:
            self.zone = ZoneInfo(timezone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise SandboxError(f"unknown time zone {timezone!r}") from error

    def local_date(self, moment: datetime) -> date:
        """Return the local calendar day of a moment."""
        return moment.astimezone(self.zone).date()

    def at(self, day: date, hours: float) -> datetime:
        """Return the moment (UTC) at so many hours after local midnight."""
        # Arithmetic on the local time first, so that 19:00 stays 19:00 when clocks change.
        local = datetime.combine(day, time(), self.zone) + timedelta(hours=hours)
        return local.astimezone(UTC)

    def slot(self, after: datetime, habit: Habit, rng: random.Random) -> datetime:
        """Return the next moment (UTC) after `after` at which someone with this habit works."""
        today = self.local_date(after)
        # From yesterday on, whose window may run past midnight.
        for offset in range(-1, 9):
            day = today + timedelta(days=offset)
            if day.weekday() not in habit.days:
                continue
            first, last = habit.weekend if day.weekday() >= 5 else habit.evening
            opens, closes = self.at(day, first), self.at(day, last)
            if after >= closes:
                continue
            if after <= opens:
                return opens + (closes - opens) * (0.7 * rng.random())
            return after + timedelta(minutes=rng.uniform(1, 9))
        raise SandboxError("a habit needs at least one day")
