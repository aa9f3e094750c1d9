"""The start page of a lead with thirty classes: which of them needs somebody most."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe

from browser import running_browser
from cohort_tracker.web.text import percent
from hostile_site import serving_tables
from html_page import Element
from many_classes import CLASSES, OVER, PAUSED, class_name, many_tables
from site_pages import Site
from test_site_browser import RULES, window


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serving_tables(tmp_path_factory.mktemp("many"), many_tables()) as running:
        yield running


@pytest.fixture(scope="module")
def start(site: Site) -> Element:
    return site.tree("/")


def lines(start: Element, label: str) -> list[list[Element]]:
    return [row.children for row in start.one("div", aria_label=label).all("tr")[1:]]


def test_who_needs_somebody_most_comes_first(site: Site, start: Element):
    expected = site.rows(
        "select class_name, count(*) filter (call_list is not null) as called,"
        " any_value(stuck_students) as stuck, any_value(overdue_reviews) as overdue"
        " from marts.class_summary left join marts.student_health using (class_id, class_name)"
        " where not is_class_over group by class_name"
        " order by called desc, stuck desc, overdue desc, class_name"
    )
    assert len(expected) == CLASSES - len(OVER) and len({e["called"] for e in expected}) > 4
    told = [[cell.text for cell in row] for row in lines(start, "Groups that run")]
    assert [(row[0], int(row[1]), int(row[3])) for row in told] == [
        (e["class_name"], e["called"], e["stuck"]) for e in expected
    ]
    assert [row[0] for row in told if "pauses since" in row[-1]] == [
        f"Pathway {class_name(PAUSED)}, evenings"
    ]
    assert sorted(row[0].text for row in lines(start, "Classes that are over")) == [
        f"Pathway {class_name(number)}, evenings" for number in OVER
    ]


def test_who_is_in_two_classes_counts_once(site: Site, start: Element):
    rows = lines(start, "Groups that run")
    called, students = (sum(int(row[place].text) for row in rows) for place in (1, 6))
    assert f"{students - 1} students, {called - 1} to reach out to" in start.text
    [twice] = site.rows("select count(*) as n from marts.student_health where student_id = 'both'")
    assert twice["n"] == 2


def test_classes_are_aligned_by_week_of_their_program(site: Site, start: Element):
    weeks: dict[str, list[dict[str, object]]] = {}
    for week in site.rows(
        "select class_name, cumulative_completion_rate as rate, week_in_program as week,"
        " is_complete, is_class_over from marts.cohort_comparison"
        " join marts.class_summary using (class_id, class_name)"
        " order by is_class_over, class_name, week_in_program"
    ):
        weeks.setdefault(str(week["class_name"]), []).append(week)
    rows = lines(start, "Classes by week of the program")
    assert [row[0].text for row in rows] == [*weeks]
    widths = set()
    for row, told in zip(rows, weeks.values(), strict=True):
        drawing = row[1].one("svg")
        widths.add(drawing.attributes["width"])
        assert drawing.one("path").attributes["d"].startswith("M3 "), "each at the same place"
        shares = drawing.attributes["aria-label"].partition(": ")[2].split(", ")
        assert shares == [percent(float(str(one["rate"]))) for one in told]
        complete = [one for one in told if one["is_complete"]] or told
        assert row[2].text == str(complete[-1]["week"])
    assert len(widths) == 1, "and has the same scale"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_start_page_can_be_used_by_everybody(site: Site, scheme: str):
    with (
        running_browser() as browser,
        window(browser, site, "lead", bypass_csp=True, color_scheme=scheme) as page,
    ):
        for width in (320, 1200):
            page.set_viewport_size({"width": width, "height": 800})
            page.goto(f"{site.served.url}/")
            found = Axe().run(page, options=RULES).response["violations"]
            assert [(item["id"], item["nodes"][0]["html"]) for item in found] == []
            assert page.evaluate("document.documentElement.scrollWidth") <= width
