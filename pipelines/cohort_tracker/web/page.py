"""Pages as HTML documents: that of one group as a file, and those that are served."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from ..reading import trust
from ..reading.briefing import Briefing
from ..reading.details import StudentDetails
from ..reading.freshness import Freshness
from ..reading.viewer import Viewer
from . import drawing, text
from .site.links import Links, mark_of


@dataclass(frozen=True)
class Page:
    """What a page says.

    Args:
        briefing: what there is to say about the group.
        freshness: how far that is of now.
        details: what folds out of each student, by student id.
        viewer: who reads it.
        version: the program's.
        made_at: when the page is made, an aware time.
        build_id: which build made the tables.
        links: what leads to other pages; None: it is a file.
    """

    briefing: Briefing
    freshness: Freshness
    details: Mapping[str, StudentDetails]
    viewer: Viewer
    version: str
    made_at: datetime
    build_id: str
    links: Links | None = None


def render(page: Page) -> str:
    """The page as one self-contained HTML document."""
    ids = [student.student_id for student in page.briefing.everyone]
    marks = map(mark_of, ids) if page.links else map(str, range(1, len(ids) + 1))
    return document(
        "page.html.j2",
        page.links,
        page=page,
        briefing=page.briefing,
        group=page.briefing.group,
        fresh=page.freshness,
        viewer=page.viewer,
        numbers=dict(zip(ids, marks, strict=True)),
        nothing_more=StudentDetails(),
    )


def document(template: str, links: Links | None, **context: Any) -> str:
    """An HTML document from a template that extends the shell.

    Args:
        template: its name.
        links: what leads to other pages, and what can be written; None: it is a file.
        context: what the template says.
    """
    style, script = _asset("page.css"), _asset("page.js")
    if links is not None:
        style += _asset("site.css")
    made = (
        _environment()
        .get_template(template)
        .render(
            links=links,
            style=style,
            script=script,
            policy=policy(is_served=links is not None),
            **context,
        )
    )
    return _without_implied_ends(_compact(made))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("cohort_tracker.web"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=text.shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        cut=text.cut,
        name=text.name,
        day=text.day,
        short_day=text.short_day,
        moment=text.moment,
        percent=text.percent,
        counted=text.counted,
        number=text.number,
        limit=text.limit,
        mail_link=text.mail_link,
        contacted=text.contacted,
        by_reason=text.by_reason,
    )
    environment.tests["cut_short"] = text.is_cut
    environment.globals.update(
        tiers=text.TIERS,
        signal_names=text.SIGNALS,
        hows=text.HOW,
        trust=trust,
        sparkline=drawing.sparkline,
        scores_in_words=drawing.scores_in_words,
        cohort_line=drawing.cohort_line,
        completions_by_week=drawing.completions_by_week,
        done_by_week=drawing.done_by_week,
        shown_weeks=drawing.shown_weeks,
    )
    return environment


@cache
def _asset(name: str) -> str:
    """A file of this room, without comments and indents."""
    content = resources.files("cohort_tracker.web").joinpath(name).read_text("utf-8")
    content = re.sub(r"/\*.*?\*/", "", content, flags=re.DOTALL)
    if name.endswith(".css"):
        content = re.sub(r"\s*([{};,])\s*", r"\1", content).replace(": ", ":").replace(";}", "}")
    return _compact(content)


def policy(*, is_served: bool) -> str:
    """What a browser lets a page do: its own style and script, and nothing else.

    A page that is served also sends its forms to where it comes from.
    """
    style = _asset("page.css") + (_asset("site.css") if is_served else "")
    forms = "'self'" if is_served else "'none'"
    return (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(_asset('page.js'))}';"
        f" img-src data:; base-uri 'none'; form-action {forms}"
    )


def _hash(content: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()


def _compact(document: str) -> str:
    """Without indents and empty lines: no text that is shown has a line break."""
    return re.sub(r"\s*\n\s*", "\n", document)


def _without_implied_ends(document: str) -> str:
    """Without the end tags that HTML implies: a twentieth of a long page."""
    document = re.sub(r"</(?:li|t[dhr]|d[dt])>(?=\s*<)", "", document)
    return re.sub(r"</p>(?=\s*<(?:p|ul|ol|dl|div|/details|/article|/li|/section)\b)", "", document)
