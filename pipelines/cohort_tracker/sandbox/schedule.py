"""The schedule of a class: what a school that teaches it would write down."""

from collections.abc import Iterator
from datetime import timedelta

from .model import Classroom

SCHEDULE_HEADER = ["class", "assignment", "due_on", "optional", "night"]
_UNIT_DAYS = 21


def schedule_rows(room: Classroom) -> Iterator[tuple[object, ...]]:
    """Lines of the schedule file in the order of the units.

    Three weeks are for each unit: its quiz is due on the Sunday at their end. The last lesson is
    optional. Who has the API's records only knows the names of what somebody has started: the rest
    is named by id.
    """
    started = {record.assignment_id for record in room.progressions.values()}
    in_order = [item for unit in room.units for item in unit.assignment_ids]
    lessons = [item for item in in_order if room.assignments[item].type == "lesson"]
    for number, unit in enumerate(room.units, start=1):
        due_on = room.starts_at.date() + timedelta(days=_UNIT_DAYS * number - 1)
        for item in unit.assignment_ids:
            assignment = room.assignments[item]
            yield (
                room.friendly_id,
                assignment.name if item in started else item,
                due_on if assignment.type == "quiz" else "",
                "yes" if item in lessons[-1:] else "",
                "",
            )
