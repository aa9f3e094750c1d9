"""Small drawings in SVG: where the lines go, and the same in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..reading.briefing import WeekProgress, WeekScore
from ..reading.overview import CohortWeek
from .text import day, number, percent

_STEP, _TOP, _HEIGHT = 9, 2, 16
_COHORT_STEP = 4
BAR_WEEKS = 26
_BAR, _BARS_HEIGHT = 10, 100

_Point = tuple[int, int]


@dataclass(frozen=True)
class Sparkline:
    """The score of some weeks.

    Args:
        label: the same in words.
        path: the weeks that are over; `running`: from the last of them to where the week stands
            that still runs, empty where none does.
        width: of the drawing; it is 20 high.
    """

    label: str
    path: str
    running: str
    width: int


def sparkline(weeks: Sequence[WeekScore]) -> Sparkline | None:
    """The drawing of weeks, the oldest first; None where none of them has a score."""
    points = [
        None if week.score is None else (_STEP * place + 3, _height(week.score))
        for place, week in enumerate(weeks)
    ]
    if not any(points):
        return None
    is_running = not weeks[-1].is_complete
    return Sparkline(
        label=scores_in_words(weeks),
        path=_path(points[:-1] if is_running else points),
        running=_path(points[-2:]) if is_running and points[-1] else "",
        width=_STEP * max(len(weeks) - 1, 1) + 6,
    )


def scores_in_words(weeks: Sequence[WeekScore]) -> str:
    """The scores week by week, the oldest first; the running week is said to run."""
    over = " ".join(_score(week) for week in weeks if week.is_complete)
    running = [_score(week) for week in weeks if not week.is_complete]
    so_far = f"this week so far {running[0]}" if running else ""
    return "Scores " + ", ".join(filter(None, (over, so_far)))


def _score(week: WeekScore) -> str:
    return "none" if week.score is None else f"{week.score:.0f}"


def _height(score: float) -> int:
    return _TOP + round(_HEIGHT * (100 - min(max(score, 0), 100)) / 100)


def cohort_line(weeks: Sequence[CohortWeek], longest: int) -> Sparkline | None:
    """What a class had done by the end of each week, all classes beginning at the same place.

    `longest` is the last week of all of them. None where no week tells anything.
    """
    points: list[_Point | None] = [None] * longest
    for week in weeks:
        if week.rate is not None and 1 <= week.week <= longest:
            points[week.week - 1] = _COHORT_STEP * (week.week - 1) + 3, _height(100 * week.rate)
    if not any(points):
        return None
    told = [f"{percent(week.rate)}" for week in weeks if week.rate is not None]
    label = f"Done by week of the program: {', '.join(told)}"
    return Sparkline(label, _path(points), "", _COHORT_STEP * max(longest - 1, 1) + 6)


def _path(points: Sequence[_Point | None]) -> str:
    """Lines through the points, broken where there is none; a point alone is a dot."""
    path = ""
    for place, point in enumerate(points):
        before = points[place - 1] if place else None
        goes_on = place + 1 < len(points) and points[place + 1] is not None
        if point is None:
            continue
        if before is None:
            path += f"M{point[0]} {point[1]}" + ("l" if goes_on else "h0")
        else:
            path += f"{point[0] - before[0]} {point[1] - before[1]} "
    return path.strip().replace(" -", "-").replace(" M", "M")


@dataclass(frozen=True)
class Bars:
    """Bars by week, 100 high and 10 wide each.

    Args:
        label: the same in words.
        path: the bars of the weeks that are over; `running`: that of the running one.
        width: of the drawing.
        line: what to compare them with, by week.
    """

    label: str
    path: str
    running: str
    width: int
    line: str = ""


def shown_weeks(weeks: Sequence[WeekProgress]) -> Sequence[WeekProgress]:
    """The weeks that are drawn: the last ones."""
    return weeks[-BAR_WEEKS:]


def completions_by_week(weeks: Sequence[WeekProgress]) -> Bars:
    """How much was completed in each of the weeks."""
    weeks = shown_weeks(weeks)
    most = max((week.completions for week in weeks), default=0) or 1
    label = _in_words(
        "Assignments completed each week", weeks, [number(week.completions) for week in weeks]
    )
    return _bars(weeks, [week.completions / most for week in weeks], label)


def done_by_week(weeks: Sequence[WeekProgress]) -> Bars:
    """Which share of all work was done by the end of each week, and in other classes."""
    weeks = shown_weeks(weeks)
    rates = [week.completion_rate or 0.0 for week in weeks]
    label = _in_words("Share of all work done by week", weeks, [percent(rate) for rate in rates])
    others = [week.others_rate for week in weeks]
    last = next((rate for rate in reversed(others) if rate is not None), None)
    if last is not None:
        label += f" Other classes stood at {percent(last)} at the same week of their program."
    line = _path(
        [
            None if rate is None else (_BAR * place + _BAR // 2, _from_top(rate))
            for place, rate in enumerate(others)
        ]
    )
    return replace(_bars(weeks, rates, label), line=line)


def _bars(weeks: Sequence[WeekProgress], shares: Sequence[float], label: str) -> Bars:
    drawn = [
        (
            week.is_complete,
            f"M{_BAR * place + 1} {_BARS_HEIGHT}V{_from_top(share)}h8V{_BARS_HEIGHT}",
        )
        for place, (week, share) in enumerate(zip(weeks, shares, strict=True))
    ]
    return Bars(
        label=label,
        path="".join(bar for is_complete, bar in drawn if is_complete),
        running="".join(bar for is_complete, bar in drawn if not is_complete),
        width=_BAR * len(weeks),
    )


def _from_top(share: float) -> int:
    return round(_BARS_HEIGHT * (1 - share))


def _in_words(what: str, weeks: Sequence[WeekProgress], values: Sequence[str]) -> str:
    over = [value for week, value in zip(weeks, values, strict=True) if week.is_complete]
    running = [value for week, value in zip(weeks, values, strict=True) if not week.is_complete]
    so_far = f"this week so far {running[0]}" if running else ""
    since = f", from the week of {day(weeks[0].week_starts_on)}: " if weeks else ": "
    return what + since + "; ".join(filter(None, (", ".join(over), so_far))) + "."
