"""`report` as pages: what a page is called, how it is written, and how it is opened."""

from __future__ import annotations

import hashlib
import platform
import re
import shlex
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from .. import __version__
from ..reading.briefing import Briefing
from ..reading.details import details_of
from ..reading.freshness import Freshness
from ..reading.reader import Reader
from ..reading.scope import Group, key_of
from ..runtime.printing import say
from ..runtime.whole_file import whole_file

_LONGEST = 80
_PLAIN = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def write_page(
    file: Path,
    reader: Reader,
    briefing: Briefing,
    freshness: Freshness,
    *,
    made_at: datetime,
    build_id: str,
) -> None:
    """Write the page of a group; the reader's viewer is who may read it.

    Raises ConfigError or StoreError where it cannot be written.
    """
    from ..web.page import Page, render

    page = Page(
        briefing=briefing,
        freshness=freshness,
        details=details_of(reader, briefing.group),
        viewer=reader.viewer,
        version=__version__,
        made_at=made_at,
        build_id=build_id,
    )
    content = render(page).encode()
    with whole_file(file) as stream:
        stream.write(content)


def page_names(groups: Iterable[Group]) -> dict[Group, str]:
    """The file name of each group's page, like `data-m1-thursday.html`.

    In plain letters, and the same each time. A name that would lose something, or be that of
    another group too, ends in a few characters that are the group's own.
    """
    plain = {group: _plain(group) for group in groups}
    times = Counter(name for name, _ in plain.values())
    return {
        group: f"{name}.html" if is_whole and times[name] == 1 else f"{name}-{_mark(group)}.html"
        for group, (name, is_whole) in plain.items()
    }


def _plain(group: Group) -> tuple[str, bool]:
    """The name in plain letters, and whether nothing of it was lost."""
    words = f"{group.shown} {group.night or ''}".lower().split()
    text = "-".join(words)
    name = re.sub(r"[^a-z0-9]+", "-", text).strip("-")[:_LONGEST].strip("-")
    return name or "page", _PLAIN.fullmatch(text) is not None and name == text


def _mark(group: Group) -> str:
    key = f"{group.class_id}\0{key_of(group.night or '')}"
    return hashlib.sha256(key.encode()).hexdigest()[:6]


def left_over(folder: Path, written: Iterable[Path]) -> list[Path]:
    """The pages in a folder that were not written now."""
    return sorted({*folder.glob("*.html")} - {*written})


def open_page(file: Path) -> None:
    """Open a page in the browser; where there is none, say how to get it to one."""
    import webbrowser

    place = file.resolve()
    try:
        is_open = webbrowser.get().open(place.as_uri())
    except webbrowser.Error:
        is_open = False
    if not is_open:
        say("No browser was found here. To open the page on another machine, type there:")
        say(f"scp {platform.node()}:{shlex.quote(str(place))} .", indent=2)
