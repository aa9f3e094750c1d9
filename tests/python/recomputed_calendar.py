"""The class's own calendar: its weeks, when it is over, and days of which breaks count little."""

from datetime import date, timedelta

from recomputed import Group, Recomputed

WEEK = timedelta(weeks=1)
SILENT_DAYS = 60
COUNTED_BREAK_DAYS = 7


def monday_of(day: date) -> date:
    """Return the Monday of a day's week."""
    return day - timedelta(days=day.weekday())


def sunday_of(day: date) -> date:
    """Return the Sunday of a day's week."""
    return monday_of(day) + timedelta(days=6)


class Calendar:
    """Weeks and class days of every class and group."""

    def __init__(self, core: Recomputed) -> None:
        self.core = core
        self._class_days: dict[Group, dict[date, int]] = {}
        self._last: dict[str, list[date]] = {}

    def weeks(self, class_id: str) -> list[date]:
        """Return the Mondays of the class, first activity to as_of."""
        today = self.core.today(class_id)
        monday = monday_of(min(self.core.active_days(class_id), default=today))
        found = []
        while monday <= today:
            found.append(monday)
            monday += WEEK
        return found

    def measured_on(self, class_id: str, day: date) -> date:
        """Return the day whose end the row of a day's week speaks of."""
        return min(sunday_of(day), self.core.today(class_id))

    def is_complete(self, class_id: str, monday: date) -> bool:
        """Return whether a week is over by as_of."""
        return sunday_of(monday) < self.core.today(class_id)

    def last_completion(self, class_id: str, on: date) -> date | None:
        """Return the day of the latest completion in the class, by anybody, known by a day."""
        if class_id not in self._last:
            found = self.core.completed_days(class_id).values()
            self._last[class_id] = sorted(d for days in found for d in days)
        return max((d for d in self._last[class_id] if d <= on), default=None)

    def is_over_on(self, class_id: str, on: date) -> bool:
        """Return whether nobody had completed anything for long."""
        last = self.last_completion(class_id, on)
        return last is not None and (on - last).days >= SILENT_DAYS

    def is_over(self, class_id: str) -> bool:
        """Return whether the class is over now."""
        return self.is_over_on(class_id, self.core.today(class_id))

    def followed(self, class_id: str) -> list[date]:
        """Return the Mondays of the weeks in which the class was not over."""
        return [
            monday
            for monday in self.weeks(class_id)
            if not self.is_over_on(class_id, self.measured_on(class_id, monday))
        ]

    def latest(self, class_id: str) -> date:
        """Return the Monday of the week that says how things stand."""
        today = self.core.today(class_id)
        last = self.last_completion(class_id, today)
        return monday_of(last) if last and self.is_over(class_id) else monday_of(today)

    def completion_days(self, group: Group) -> set[date]:
        """Return the days on which somebody of the group, while in it, completed anything."""
        class_id = group[0]
        students = set(self.core.students_of(group))
        found = set()
        for (student, _), days in self.core.completed_days(class_id).items():
            if student in students:
                left = self.core.enrollments[class_id, student]["left_on"] or date.max
                found |= {d for d in days if d < left}
        return found

    def class_day(self, group: Group, day: date) -> int:
        """Return the number of a day, of each break at most seven days counted."""
        begin = self.core.begin[group[0]]
        if begin is None or day <= begin:
            return 0
        if group not in self._class_days:
            self._class_days[group] = self._number(group, begin)
        return self._class_days[group][day]

    def _number(self, group: Group, begin: date) -> dict[date, int]:
        worked = self.completion_days(group)
        numbers, number, last, day = {}, 0, begin, begin
        while day < self.core.today(group[0]):
            day += timedelta(days=1)
            number += day in worked or (day - last).days <= COUNTED_BREAK_DAYS
            if day in worked:
                last = day
            numbers[day] = number
        return numbers

    def days_between(self, class_id: str, earlier: date, later: date) -> int:
        """Return calendar days, those before the class began not counted."""
        begin = self.core.begin[class_id]
        if begin is None or begin > later:
            return 0
        return max((later - max(earlier, begin)).days, 0)

    def class_days_between(self, group: Group, earlier: date, later: date) -> int:
        """Return class days."""
        if earlier > later:
            return 0
        return self.class_day(group, later) - self.class_day(group, earlier)
