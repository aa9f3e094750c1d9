"""The page: one file that asks nothing of anybody, and says what the tables say to whom it may."""

import base64
import hashlib
import html
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from cohort_tracker.reading.briefing import Student
from cohort_tracker.web import text
from cohort_tracker.web.page import Page, render
from html_page import Element, check_structure, parse
from page_cohort import Cohort, made_in
from support import at_night

GROUPS = [("data-m1", None), ("web-m1", None), ("data-m1", "Thursday"), ("web-m1", "Monday")]


@pytest.fixture(scope="module")
def pages(cohort: Cohort) -> dict[str, Page]:
    """Pages by class, night and whether names are hidden."""
    return {
        f"{class_} {night} {hide}": cohort.page(class_, night, hide_names=hide)
        for class_, night in GROUPS
        for hide in (False, True)
    }


@pytest.fixture(scope="module")
def whole(pages: dict[str, Page]) -> Page:
    """The page of a whole class, with names."""
    return pages["data-m1 None False"]


def test_every_page_is_well_formed_and_in_order(pages: dict[str, Page]):
    for page in pages.values():
        document = render(page)
        assert document.startswith('<!DOCTYPE html>\n<html lang="en">\n')
        tree = parse(document)
        check_structure(tree)
        assert "None" not in tree.one("body").text.split()
        assert [len(tree.all(tag)) for tag in ("header", "main", "footer", "h1")] == [1, 1, 1, 1]
        first = tree.one("body").children[0]
        assert first.attributes["class"] == "skip"
        assert first.attributes["href"] == f"#{tree.one('main').attributes['id']}"
        for region in tree.all("div", role="region"):
            assert region.attributes["tabindex"] == "0" and region.attributes["aria-label"]


def test_the_policy_lets_through_its_own_style_and_script_and_nothing_else(
    pages: dict[str, Page],
):
    for page in pages.values():
        document = render(page)
        policy = parse(document).all("meta")[1].attributes
        assert policy["http-equiv"] == "Content-Security-Policy"
        rules = dict(rule.strip().split(" ", 1) for rule in policy["content"].split(";"))
        for tag, rule in (("style", "style-src"), ("script", "script-src")):
            [content] = re.findall(rf"<{tag}>(.*?)</{tag}>", document, re.DOTALL)
            digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
            assert rules.pop(rule) == f"'sha256-{digest}'"
        assert rules.pop("img-src") == "data:"
        assert set(rules.values()) == {"'none'"}


def test_nothing_is_asked_of_anybody(pages: dict[str, Page]):
    for page in pages.values():
        document = render(page)
        assert "http:" not in document and "https:" not in document and "@import" not in document
        assert set(re.findall(r"url\((.)", document)) <= {"#"}
        for element in parse(document).walk():
            assert element.tag not in {"link", "img", "iframe", "object", "form", "base"}
            for name, value in element.attributes.items():
                assert name != "style" and not name.startswith("on"), (element.tag, name)
                assert name != "src"
                if name == "href":
                    assert value.startswith(("#", "mailto:"))


def test_a_page_is_small(cohort: Cohort, whole: Page, pages: dict[str, Page]):
    for class_ in ("data-m1", "web-m1"):
        page = pages[f"{class_} None False"]
        assert 45 <= page.briefing.students <= 50
        assert len(render(page).encode()) <= 60_000
    [script] = re.findall(r"<script>(.*?)</script>", render(whole), re.DOTALL)
    assert 200 < len(script.encode()) < 2_000


@pytest.mark.parametrize("students", [at_night(500)])
def test_the_page_of_a_class_of_500_is_small_enough_for_a_mail(students: int, tmp_path: Path):
    page = made_in(tmp_path, students).page("data-m1")
    assert page.briefing.students > 450
    assert len(render(page).encode()) <= 500_000


def people(cohort: Cohort, where: str) -> list[dict[str, str]]:
    return cohort.rows(
        "select student_id, class_id, first_name, last_name, email, night, mentor"
        f" from core.class_students where {where}"
    )


def test_a_mentors_page_holds_nobody_of_another_night(cohort: Cohort, pages: dict[str, Page]):
    for key, page in pages.items():
        group = page.briefing.group
        if group.night is None or page.viewer.hide_names:
            continue
        document = html.unescape(render(page))
        own = people(cohort, f"class_id = '{group.class_id}' and night = '{group.night}'")
        names = {f"{one['first_name']} {one['last_name']}" for one in own}
        assert own and all(name in document for name in names), key
        others = people(
            cohort, f"class_id <> '{group.class_id}' or night is distinct from '{group.night}'"
        )
        assert len(others) > len(own)
        ids = {one["student_id"] for one in own}
        for one in others:
            if one["student_id"] in ids:  # in two classes
                continue
            assert one["email"] not in document
            assert one["student_id"] not in document
            name = f"{one['first_name']} {one['last_name']}"
            assert name in names or name not in document, name
        assert not any(one["mentor"] in document for one in others if one["night"] != group.night)


def test_hidden_names_leave_no_trace_of_a_person(cohort: Cohort, pages: dict[str, Page]):
    everybody = people(cohort, "true")
    for key, page in pages.items():
        document = html.unescape(render(page))
        for one in everybody:
            assert one["student_id"] not in document
        if not page.viewer.hide_names:
            continue
        assert "Names are hidden. Scores and dates can still tell who it is" in document
        assert "mailto:" not in document and "@example" not in document
        body = parse(document).one("body").text
        for student in page.briefing.everyone:
            assert student.name in body
        aliases = {word for s in page.briefing.everyone for word in s.name.split()}
        for one in everybody:
            assert f"{one['first_name']} {one['last_name']}" not in document, key
            assert one["email"] not in document
            assert one["mentor"] is None or one["mentor"] not in document
            last = one["last_name"]
            assert last in aliases or not re.search(rf"\b{re.escape(last)}\b", document), last


def cards(tree: Element) -> dict[str, Element]:
    """The cards of a page by name."""
    return {card.one("h4").text: card for card in tree.all("article")}


def heights(path: str) -> list[int]:
    """The heights of the points of a line, from a drawing's path: `M3 7l9-1 9 2`."""
    found: list[int] = []
    for start, rest in re.findall(r"M\d+ (-?\d+)([^M]*)", path):
        found.append(int(start))
        for _, down in re.findall(r"(-?\d+)[ ]?(-?\d+)", rest.replace("h0", "")):
            found.append(found[-1] + int(down))
    return found


def test_a_sparkline_draws_and_says_the_scores_of_the_weeks(pages: dict[str, Page]):
    drawn = 0
    for page in pages.values():
        tree = parse(render(page))
        numbers = {s.student_id: n for n, s in enumerate(page.briefing.everyone, start=1)}
        for student in page.briefing.to_reach:
            card = tree.by_id(f"s{numbers[student.student_id]}")
            if not any(week.score is not None for week in student.weeks):
                assert not card.all("svg")
                continue
            svg = card.one("svg", role="img")
            said = tree.by_id(svg.attributes["aria-labelledby"]).text
            assert said == said_of(student)
            assert heights_of(student) == [
                height for path in svg.all("path") for height in heights(path.attributes["d"])
            ]
            drawn += 1
        rows = tree.by_id("all").all("svg", role="img")
        assert {svg.attributes["aria-label"] for svg in rows} == {
            said_of(student)
            for student in page.briefing.everyone
            if not student.call_list and any(week.score is not None for week in student.weeks)
        }
    assert drawn > 40


def said_of(student: Student) -> str:
    scores = ["none" if w.score is None else f"{w.score:.0f}" for w in student.weeks]
    if student.weeks[-1].is_complete:
        return f"Scores {' '.join(scores)}"
    over = f"{' '.join(scores[:-1])}, " if scores[:-1] else ""
    return f"Scores {over}this week so far {scores[-1]}"


def heights_of(student: Student) -> list[int]:
    """Of 20: the best score is at 2, none at all at 18; the running week goes on from the last."""
    found = [
        None if w.score is None else 2 + round(16 * (100 - w.score) / 100) for w in student.weeks
    ]
    points = [height for height in found if height is not None]
    if student.weeks[-1].is_complete or len(found) < 2 or None in found[-2:]:
        return points
    return [*points[:-1], points[-2], points[-1]]


def test_the_running_week_is_marked_and_no_other(whole: Page):
    tree = parse(render(whole))
    weeks = whole.briefing.weeks
    assert [week.is_complete for week in weeks] == [True] * (len(weeks) - 1) + [False]
    completed, done = tree.all("svg", class_="bars")
    assert completed.attributes["aria-label"].endswith(
        f"; this week so far {weeks[-1].completions}."
    )
    share = text.percent(weeks[-1].completion_rate or 0)
    assert f"; this week so far {share}." in done.attributes["aria-label"]
    for svg in (completed, done):
        over, running = (path.attributes["d"] for path in svg.all("path")[:2])
        assert (over.count("M"), running.count("M")) == (len(weeks) - 1, 1)
        assert svg.all("path")[1].attributes["class"] == "r"
    marked = [row.text for row in tree.all("tr") if "(so far)" in row.text]
    assert len(marked) == 1
    assert "The hatched week still runs: it is no fall." in tree.text

    over_page = replace(whole, briefing=replace(whole.briefing, weeks=weeks[:-1]))
    tree = parse(render(over_page))
    assert "so far" not in tree.one("section", aria_labelledby="moves").text
    for svg in tree.all("svg", class_="bars"):
        assert "so far" not in svg.attributes["aria-label"] and not svg.all("path", class_="r")


def all_near(drawn: Sequence[str | int], exact: Sequence[float]) -> bool:
    """Whether each is drawn at the whole number next to it."""
    return len(drawn) == len(exact) and all(
        abs(int(place) - value) < 0.501 for place, value in zip(drawn, exact, strict=True)
    )


def test_bars_draw_and_say_the_numbers_of_the_weeks(pages: dict[str, Page]):
    for page in pages.values():
        weeks = page.briefing.weeks
        completed, done = parse(render(page)).all("svg", class_="bars")
        numbers = re.findall(r"\d+", completed.attributes["aria-label"].split(": ")[1])
        assert [int(n) for n in numbers] == [week.completions for week in weeks]
        most = max(week.completions for week in weeks)
        tops = re.findall(
            r"V(\d+)h8V100", "".join(p.attributes["d"] for p in completed.all("path"))
        )
        assert all_near(tops, [100 - 100 * week.completions / most for week in weeks])
        rates = [week.completion_rate or 0 for week in weeks]
        shares = re.findall(r"\d+%", done.attributes["aria-label"].split(": ")[1])
        assert shares[: len(weeks)] == [text.percent(rate) for rate in rates]
        line = done.one("path", class_="l").attributes["d"]
        assert all_near(
            heights(line),
            [100 - 100 * week.others_rate for week in weeks if week.others_rate is not None],
        )
