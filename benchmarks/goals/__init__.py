"""The goals, one per file; each measures and judges itself."""

from collections.abc import Callable

from ..bench import Bench
from ..results import Goal
from . import commands, first_sync, later_sync, many_classes, marts, side_by_side, throughput

GOALS: dict[str, Callable[[Bench], Goal]] = {
    "first": first_sync.measure,
    "later": later_sync.measure,
    "commands": commands.measure,
    "classes": many_classes.measure,
    "throughput": throughput.measure,
    "marts": marts.measure,
    "side": side_by_side.measure,
}
