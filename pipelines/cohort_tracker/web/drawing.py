"""Small drawings in SVG: where the lines go, and the same in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..reading.briefing import WeekProgress, WeekScore
from .text import day, number, percent

_STEP, _TOP, _HEIGHT = 10, 2, 16
BAR_WEEKS = 26
_BAR, _BARS_HEIGHT = 10, 100


@dataclass(frozen=True)
class Sparkline:
    """The score of some weeks.

    Args:
        label: the same in words.
        path: the weeks that are over, `running`: from there to where the running one stands.
        end: where the running week stands; None where the last week is over.
        width: of the drawing; it is 20 high.
    """

    label: str
    path: str
    running: str
    end: tuple[int, int] | None
    width: int


def sparkline(weeks: Sequence[WeekScore]) -> Sparkline | None:
    """The drawing of weeks, the oldest first; None where none of them has a score."""
    points = [
        None if week.score is None else (_STEP * place + 2, _height(week.score))
        for place, week in enumerate(weeks)
    ]
    if not any(points):
        return None
    is_running = not weeks[-1].is_complete and points[-1] is not None
    over = points[:-1] if is_running else points
    end = points[-1] if is_running else None
    start = over[-1] if over else None
    return Sparkline(
        label=scores_in_words(weeks),
        path=_path(over),
        running=f"M{start[0]} {start[1]}L{end[0]} {end[1]}" if start and end else "",
        end=end,
        width=_STEP * max(len(weeks) - 1, 1) + 4,
    )


def scores_in_words(weeks: Sequence[WeekScore]) -> str:
    """The scores week by week, the oldest first; the running week is said to run."""
    over = " ".join(_score(week) for week in weeks if week.is_complete)
    running = [_score(week) for week in weeks if not week.is_complete]
    so_far = f"this week so far {running[0]}" if running else ""
    return "Score by week: " + ", ".join(filter(None, (over, so_far)))


def _score(week: WeekScore) -> str:
    return "none" if week.score is None else f"{week.score:.0f}"


def _height(score: float) -> int:
    return _TOP + round(_HEIGHT * (100 - min(max(score, 0), 100)) / 100)


def _path(points: Sequence[tuple[int, int] | None]) -> str:
    """Lines through the points, broken where there is none; a point alone is a dot."""
    parts = []
    for place, point in enumerate(points):
        if point is None:
            continue
        goes_on = place > 0 and points[place - 1] is not None
        ends = place + 1 == len(points) or points[place + 1] is None
        parts.append(f"{'L' if goes_on else 'M'}{point[0]} {point[1]}")
        if ends and not goes_on:
            parts.append("h0")
    return "".join(parts)


@dataclass(frozen=True)
class Bar:
    """A bar of a week: its place, and whether the week still runs."""

    x: int
    y: int
    height: int
    is_running: bool


@dataclass(frozen=True)
class Bars:
    """Bars by week, 100 high, with a line beside them; `label` says the same in words."""

    label: str
    bars: tuple[Bar, ...]
    width: int
    line: str = ""


def shown_weeks(weeks: Sequence[WeekProgress]) -> Sequence[WeekProgress]:
    """The weeks that are drawn: the last ones."""
    return weeks[-BAR_WEEKS:]


def completions_by_week(weeks: Sequence[WeekProgress]) -> Bars:
    """How much was completed in each of the weeks."""
    weeks = shown_weeks(weeks)
    most = max((week.completions for week in weeks), default=0) or 1
    return Bars(
        label=_in_words(
            "Assignments completed each week", weeks, [number(week.completions) for week in weeks]
        ),
        bars=_bars(weeks, [week.completions / most for week in weeks]),
        width=_BAR * len(weeks),
    )


def done_by_week(weeks: Sequence[WeekProgress]) -> Bars:
    """Which share of all work was done by the end of each week, and in other classes."""
    weeks = shown_weeks(weeks)
    rates = [week.completion_rate or 0.0 for week in weeks]
    others = [week.others_rate for week in weeks]
    label = _in_words("Share of all work done by week", weeks, [percent(rate) for rate in rates])
    last = next((rate for rate in reversed(others) if rate is not None), None)
    if last is not None:
        label += f" Other classes stood at {percent(last)} at the last full week."
    return Bars(
        label=label,
        bars=_bars(weeks, rates),
        width=_BAR * len(weeks),
        line=_path(
            [
                None
                if rate is None
                else (_BAR * place + _BAR // 2, _BARS_HEIGHT - round(100 * rate))
                for place, rate in enumerate(others)
            ]
        ),
    )


def _bars(weeks: Sequence[WeekProgress], shares: Sequence[float]) -> tuple[Bar, ...]:
    heights = [round(_BARS_HEIGHT * share) for share in shares]
    return tuple(
        Bar(_BAR * place + 1, _BARS_HEIGHT - height, height, not week.is_complete)
        for place, (week, height) in enumerate(zip(weeks, heights, strict=True))
    )


def _in_words(what: str, weeks: Sequence[WeekProgress], values: Sequence[str]) -> str:
    over = [value for week, value in zip(weeks, values, strict=True) if week.is_complete]
    running = [value for week, value in zip(weeks, values, strict=True) if not week.is_complete]
    so_far = f"this week so far {running[0]}" if running else ""
    since = f", from the week of {day(weeks[0].week_starts_on)}: " if weeks else ": "
    return what + since + "; ".join(filter(None, (", ".join(over), so_far))) + "."
