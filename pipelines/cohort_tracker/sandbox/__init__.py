"""An OpenClass-compatible server on loopback, with cohorts to serve and faults to show.

`generate` and `load_data_dir` make a `World`, `bulk_world` a cheap and very large one;
`SandboxServer` serves it, `Faults` spoils it.
Standard library and orjson only.
"""

from .bulk import BulkWorld, bulk_world
from .cohort import generate
from .errors import SandboxError
from .faults import BadRecord, Faults, Incident
from .model import Assignment, Classroom, Growth, Mentor, Progression, RosterRow, Student, Unit
from .replay import load_data_dir
from .requestlog import LogEntry, RequestLog
from .run import describe, open_world, serve
from .server import DEFAULT_EMAIL, DEFAULT_PASSWORD, SandboxServer
from .world import Source, World

__all__ = [
    "DEFAULT_EMAIL",
    "DEFAULT_PASSWORD",
    "Assignment",
    "BadRecord",
    "BulkWorld",
    "Classroom",
    "Faults",
    "Growth",
    "Incident",
    "LogEntry",
    "Mentor",
    "Progression",
    "RequestLog",
    "RosterRow",
    "SandboxError",
    "SandboxServer",
    "Source",
    "Student",
    "Unit",
    "World",
    "bulk_world",
    "describe",
    "generate",
    "load_data_dir",
    "open_world",
    "serve",
]
