"""The picture of the page: how many of each tier failed or left."""

from __future__ import annotations

from html import escape
from typing import Any

COLOURS = {
    "critical": "#a11d2c",
    "high": "#d9713c",
    "medium": "#e3b94f",
    "low": "#6aa5c9",
    "n_a": "#b8b8b8",
}


def picture(results: dict[str, Any]) -> str:
    """Return the share of students who failed or left in each tier, as SVG."""
    bars = [
        (share, row["tier"], row["failed_or_left"], row["students"])
        for share, rows in results["tiers"].items()
        for row in rows
    ]
    height = 40 + 26 * len(bars) + 20 * len(results["tiers"])
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="720" height="{height}"'
        ' font-family="sans-serif" font-size="13">',
        '<rect width="100%" height="100%" fill="white"/>',
        '<text x="16" y="22" font-weight="bold">'
        "Share of students who failed or left, by tier</text>",
    ]
    y = 36
    shown = ""
    for share, tier, failed, students in bars:
        if share != shown:
            shown = share
            parts.append(
                f'<text x="16" y="{y + 16}" fill="#444">at {escape(share)} of the course</text>'
            )
            y += 22
        width = 440 * failed
        parts += [
            f'<text x="16" y="{y + 15}">{escape(tier)}</text>',
            f'<rect x="90" y="{y}" width="440" height="20" fill="#f2f2f2"/>',
            f'<rect x="90" y="{y}" width="{width:.1f}" height="20" fill="{COLOURS[tier]}"/>',
            f'<text x="540" y="{y + 15}">{failed:.0%} of {students:,}</text>',
        ]
        y += 26
    return "\n".join([*parts, "</svg>"]) + "\n"
