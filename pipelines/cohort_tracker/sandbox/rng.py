"""Random streams that depend on a seed and a label only, never on the order of the calls."""

import random
from datetime import datetime


def stream(*parts: object) -> random.Random:
    """Return a generator of its own for the given parts: equal parts give equal numbers.

    Separate streams keep one student's life the same when another's gets one more draw.
    """
    # Text seeds are hashed by Python in a way that is the same in every process.
    return random.Random("/".join(str(part) for part in parts))  # noqa: S311


def object_id(rng: random.Random, at: datetime) -> str:
    """Return 24 hex digits in the form of an ObjectId created at `at` (aware)."""
    return f"{int(at.timestamp()) & 0xFFFFFFFF:08x}{rng.getrandbits(64):016x}"
