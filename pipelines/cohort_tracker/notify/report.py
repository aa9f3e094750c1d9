"""What became of each channel."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..errors import CohortTrackerError


@dataclass
class ChannelReport:
    """What became of a channel.

    `seeded` counts the groups of which it hears from now on; `skipped` says of which it heard
    nothing, and why; `messages` are title and text of what would be sent, of a dry run.
    """

    name: str
    service: str | None = None
    sent: int = 0
    unsent: int = 0
    seeded: int = 0
    skipped: list[tuple[str, str]] = field(default_factory=list)
    messages: list[tuple[str, str]] = field(default_factory=list)
    error: CohortTrackerError | None = None

    def as_json(self) -> dict[str, Any]:
        """The object of a channel in what `notify --json` prints."""
        messages = [{"title": title, "text": text} for title, text in self.messages]
        return {
            "name": self.name,
            "service": self.service,
            "sent": self.sent,
            "unsent": self.unsent,
            "seeded": self.seeded,
            "skipped": [{"about": about, "reason": why} for about, why in self.skipped],
            "would_send": messages,
            "error": self.error.message if self.error else None,
        }
