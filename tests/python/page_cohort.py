"""A cohort of two classes with nights, read and built once, and the pages of its groups."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cohort_tracker.config import Settings
from cohort_tracker.reading.brief import brief
from cohort_tracker.reading.details import details_of
from cohort_tracker.reading.freshness import freshness_of
from cohort_tracker.reading.published import opened
from cohort_tracker.reading.reader import reader_of
from cohort_tracker.reading.scope import groups_of, viewer_for
from cohort_tracker.sandbox import World, generate
from cohort_tracker.web.page import Page
from fixed_moment import MOMENT, OF_ANY_AGE, build, read_for
from support import Bench
from warehouse_fixture import rows

STUDENTS = 50


@dataclass(frozen=True)
class Cohort:
    """The settings of a data directory that holds the cohort."""

    settings: Settings
    world: World

    def page(self, class_: str, night: str | None = None, *, hide_names: bool = False) -> Page:
        """What the page of a class, or of the group of a night, says."""
        warehouse = self.settings.warehouse_path
        with opened(warehouse) as connection:
            viewer = viewer_for(connection, classes=[class_], night=night, hide_names=hide_names)
            [group] = groups_of(connection, viewer)
        now = datetime.now(UTC)
        with reader_of(warehouse, self.settings.raw_path, viewer) as reader:
            briefing = brief(reader, group)
            return Page(
                briefing=briefing,
                freshness=freshness_of(self.settings, briefing, now),
                details=details_of(reader, group),
                viewer=viewer,
                version="1.2.3",
                made_at=now,
                build_id=reader.rows("core.build", ("id",))[0]["id"],
            )

    def rows(self, query: str) -> list[dict[str, Any]]:
        """Ask the published tables, as nobody in particular."""
        return rows(self.settings.warehouse_path, query)


def made_in(home: Path, students: int = STUDENTS) -> Cohort:
    """Sync a generated cohort, let three days pass, so that grades change, sync and build."""
    world = generate(seed=1, classes=2, students=students, end=MOMENT - timedelta(days=3))
    world.write_roster(home / "roster.csv")
    world.write_mentors(home / "mentors.csv")
    files = {name: home / f"{name}.csv" for name in ("roster", "mentors")}
    options = {**files, **OF_ANY_AGE}
    with Bench(home, source=world, options=options, server_options={"max_page_size": 200}) as bench:
        settings = bench.settings()
        read_for(settings, world.now)
        world.grow(3)
        read_for(settings, world.now)
        build(settings)
        return Cohort(settings, world)
