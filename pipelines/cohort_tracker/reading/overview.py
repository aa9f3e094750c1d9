"""All groups of a viewer side by side: which of them needs somebody most.

Everything is a row of the marts, or a count of such rows. Nobody is named.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from .reader import Reader, Row
from .scope import NO_NIGHT, Group, key_of

_HEALTH = "marts.student_health"


@dataclass(frozen=True)
class GroupFigures:
    """A class, or the group of a night, in figures.

    Args:
        group: which.
        students: who is in it, and `active`: who did something lately.
        to_reach: how many are on a call list, and `newly`: for the first time this week. None for
            whoever sees no students.
        stuck, at_risk, overdue_reviews: how many; at risk are the tiers critical and high.
        completion_rate: of all work, done.
        as_of: up to when its tables tell, aware, to be shown in `timezone`.
        paused_since: since when nobody in the class completed anything, where that is long.
        is_stale: whether its last good sync is too long ago.
    """

    group: Group
    students: int
    active: int
    to_reach: int | None
    newly: int | None
    stuck: int
    at_risk: int
    overdue_reviews: int
    completion_rate: float | None
    as_of: datetime
    timezone: str
    paused_since: date | None
    is_stale: bool

    @property
    def need(self) -> tuple[object, ...]:
        """What to sort by: who needs somebody most comes first, what is over last."""
        called = self.at_risk if self.to_reach is None else self.to_reach
        return (
            self.group.is_over,
            -called,
            -self.stuck,
            -self.overdue_reviews,
            not self.is_stale,
            self.group.name,
            self.group.class_id,
            self.group.night or "",
        )


@dataclass(frozen=True)
class CohortWeek:
    """A class at the end of a week of its program; `others_rate` is that of the others then."""

    week: int
    rate: float | None
    others_rate: float | None
    at_risk_rate: float | None
    active_rate: float | None
    is_complete: bool


@dataclass(frozen=True)
class Overview:
    """What the start page says.

    Args:
        groups: whole classes, or a mentor's nights; the neediest first, those that are over last.
        cohorts: each class with its weeks from the first one on.
        students: how many people are in groups that run, each once, though in two classes.
        to_reach: how many of them are on a call list. None for whoever sees no students.
    """

    groups: tuple[GroupFigures, ...]
    cohorts: tuple[tuple[Group, tuple[CohortWeek, ...]], ...]
    students: int | None = None
    to_reach: int | None = None
    running: tuple[GroupFigures, ...] = field(init=False)
    over: tuple[GroupFigures, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "running", tuple(g for g in self.groups if not g.group.is_over))
        object.__setattr__(self, "over", tuple(g for g in self.groups if g.group.is_over))


def overview(reader: Reader, stale: Container[str]) -> Overview:
    """Read it. `stale` are the ids of the classes whose last good sync is too long ago."""
    summaries = {row["class_id"]: row for row in reader.rows("marts.class_summary")}
    by_night = reader.viewer.nights is not None
    called = _called(reader, by_night=by_night)
    rows = _nights(reader, summaries) if by_night else summaries.values()
    groups = sorted(
        (_figures(row, summaries, called, stale, by_night=by_night) for row in rows),
        key=lambda figures: figures.need,
    )
    running = [group.group.class_id for group in groups if not group.group.is_over]
    students, to_reach = _people(reader, running) or (None, None)
    return Overview(tuple(groups), tuple(_cohorts(reader, summaries)), students, to_reach)


def _nights(reader: Reader, summaries: Mapping[str, Row]) -> list[Row]:
    """The nights of a mentor."""
    rows = reader.rows("marts.night_summary", where="night <> ?", parameters=[NO_NIGHT])
    return [row for row in rows if row["class_id"] in summaries]


def _called(reader: Reader, *, by_night: bool) -> Mapping[tuple[str, str], tuple[int, int]] | None:
    """How many are on a call list, and how many newly, by class and night."""
    if _HEALTH not in reader.tables:
        return None
    night = "coalesce(lower(night), '')" if by_night else "''"
    sql = (
        f"SELECT class_id, {night}, count(*), count(*) FILTER (is_newly_called)"  # noqa: S608
        f" FROM {reader.relation(_HEALTH)} WHERE call_list IS NOT NULL GROUP BY ALL"
    )
    found: dict[tuple[str, str], tuple[int, int]] = defaultdict(lambda: (0, 0))
    with reader.answer(sql) as answer:
        for class_id, night_key, number, newly in answer.fetchall():
            found[class_id, night_key] = number, newly
    return found


def _figures(
    row: Row,
    summaries: Mapping[str, Row],
    called: Mapping[tuple[str, str], tuple[int, int]] | None,
    stale: Container[str],
    *,
    by_night: bool,
) -> GroupFigures:
    summary = summaries[row["class_id"]]
    group = _group(summary, row["night"] if by_night else None)
    to_reach = newly = None
    if called is not None:
        to_reach, newly = called[group.class_id, key_of(group.night or "")]
    return GroupFigures(
        group=group,
        students=row["students"],
        active=row["active_students"],
        to_reach=to_reach,
        newly=newly,
        stuck=row["stuck_students"],
        at_risk=row["critical_students"] + row["high_students"],
        overdue_reviews=row["overdue_reviews"],
        completion_rate=row["completion_rate"],
        as_of=summary["as_of"].replace(tzinfo=UTC),
        timezone=summary["timezone"],
        paused_since=summary["paused_since_on"],
        is_stale=group.class_id in stale,
    )


def _group(summary: Row, night: str | None = None) -> Group:
    return Group(
        summary["class_id"],
        summary["class_name"],
        summary["friendly_id"],
        night,
        summary["is_class_over"],
    )


def _people(reader: Reader, running: Iterable[str]) -> tuple[int, int] | None:
    """How many people are in these classes, and how many of them on a call list: each once."""
    if _HEALTH not in reader.tables:
        return None
    sql = (
        "SELECT count(DISTINCT student_id) FILTER (is_enrolled),"  # noqa: S608
        " count(DISTINCT student_id) FILTER (call_list IS NOT NULL)"
        f" FROM {reader.relation(_HEALTH)} WHERE class_id IN (SELECT unnest(?::VARCHAR[]))"
    )
    with reader.answer(sql, [sorted(set(running))]) as answer:
        [(students, called)] = answer.fetchall()
    return students, called


def _cohorts(
    reader: Reader, summaries: Mapping[str, Row]
) -> Iterable[tuple[Group, tuple[CohortWeek, ...]]]:
    """Each class week by week, those that run first, then by name."""
    weeks: dict[str, list[CohortWeek]] = defaultdict(list)
    for class_id, *values in (
        row.values()
        for row in reader.rows(
            "marts.cohort_comparison",
            (
                *("class_id", "week_in_program", "cumulative_completion_rate"),
                *("other_classes_completion_rate", "at_risk_rate", "active_rate", "is_complete"),
            ),
            order="class_id, week_in_program",
        )
    ):
        weeks[class_id].append(CohortWeek(*values))
    groups = sorted(
        (_group(summaries[class_id]) for class_id in weeks if class_id in summaries),
        key=lambda group: (group.is_over, group.name, group.class_id),
    )
    return [(group, tuple(weeks[group.class_id])) for group in groups]
