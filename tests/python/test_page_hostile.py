"""Names from outside can do nothing to the page but be read."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from cohort_tracker.reading.briefing import (
    Briefing,
    Reason,
    Recovery,
    Review,
    StuckPlace,
    Student,
    Waiting,
)
from cohort_tracker.reading.contacts import Contact
from cohort_tracker.reading.details import Regrade, Section, Signal, StudentDetails, Work
from cohort_tracker.reading.freshness import Freshness
from cohort_tracker.warehouse.fingerprint import FailedBuild
from cohort_tracker.web.page import Page, render
from html_page import Element, check_structure, parse
from page_cohort import Cohort

MARKUP = [
    "</script><script>alert(1)</script>",
    "</style><img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)',
    "' autofocus onfocus='alert(1)",
    "</bdi></h4></article></main><h1>Injected</h1>",
    "<!-- ",
    "]]>",
    "&lt;b&gt; &amp; &#60;script&#62;",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:alert(1)",
    "https://evil.example/?q=",
]
STEERING = [
    "a\u202eevil\u202c",  # right-to-left override
    "a\u2066isolate",
    "a\u200fmark\u200e",
    "a\x00nul\x1b[31mred",
    "a\ud800surrogate",
    "a\u2028line\u2029paragraph\nfeed\r\ttab\x0bvertical",
    "a\ufeffmark\u00adsoft\U000e0041tag",
]
HARMLESS = [
    "ليلى الحداد",
    "שרה כהן",
    "می‌خواهم",  # Persian is written with joiners
    "👩‍🏫 Ada 🎓",
    "李小龍",
    "Nguyễn Thị Ánh",
    'O\'Neil "Kim" <3',
]


@pytest.fixture(scope="module")
def group(cohort: Cohort) -> Page:
    """The page of a whole class."""
    return cohort.page("data-m1")


def filled_with(page: Page, text: str) -> Page:
    """The page with a text from outside everywhere where one can stand."""
    contact = Contact("c", date(2026, 11, 2), text, text, text)

    def told(student: Student, **fields: Any) -> Student:
        return replace(
            student,
            name=text,
            email=text,
            night=text,
            mentor=text,
            n_a_reason=text,
            start_name=text,
            reasons=(Reason("silent", text), Reason("stuck", text + "2"), Reason("x", text + "3")),
            contacts=(contact, contact),
            **fields,
        )

    some = page.briefing.everyone[:4]
    called = told(some[0], call_list="slipping")
    plain = told(some[1], call_list=None)
    without = replace(told(some[2], call_list=None, tier="n_a"), night=None)
    details = StudentDetails(
        signals=(Signal("stuck", "fail", text, "days", 9.0, 1.0, 7.0, 14.0),),
        sections=(Section(text, 2, 1, 1, 1, 0.5),),
        work=(
            Work("a1", text, text, "completed", 0.1, False, False, False, date(2026, 11, 2), None),
            Work("a1", text, text, "in_progress", None, False, False, True, None, 3),
        ),
        regrades=(Regrade(text, 0.1, 0.2, page.made_at),),
    )
    briefing: Briefing = replace(
        page.briefing,
        group=replace(page.briefing.group, name=text, night=None, friendly_id=text),
        mentors=text,
        slipping=(called,),
        gone_quiet=(),
        never_started=(),
        everyone=(called, plain, without),
        recovered=(Recovery("r", text, text, "recovered", text),),
        places=(StuckPlace("p", text, text, 9, 2, 1, 4, 1, 3.0, text, (Waiting("r", text, 4),)),),
        reviews=(Review("r", text, "p", text, 9, is_overdue=True),),
        nights=tuple({**row, "night": text, "mentor": text} for row in page.briefing.nights),
        cohorts=tuple({**row, "class_name": text} for row in page.briefing.cohorts * 2),
    )
    fresh = Freshness(
        page.made_at, page.made_at, text, FailedBuild(page.made_at, page.made_at, text), True
    )
    return replace(
        page,
        briefing=briefing,
        freshness=fresh,
        details={student.student_id: details for student in some},
        version=text,
        build_id=text,
    )


def shape(tree: Element) -> list[tuple[str, tuple[str, ...]]]:
    """The elements and their attributes' names, in order: what is left when texts are taken out."""
    return [
        (element.tag, tuple(sorted(element.attributes)))
        for element in tree.walk()
        if (element.tag, element.attributes.get("href", "")[:7]) != ("a", "mailto:")
    ]


@pytest.fixture(scope="module")
def plain_shape(group: Page) -> list[tuple[str, tuple[str, ...]]]:
    """The shape of the page where all these texts are one harmless word."""
    return shape(parse(render(filled_with(group, "Word"))))


@pytest.mark.parametrize("text", MARKUP + STEERING + HARMLESS)
def test_no_text_changes_the_shape_of_the_page(
    group: Page, plain_shape: list[tuple[str, tuple[str, ...]]], text: str
):
    document = render(filled_with(group, text))
    document.encode()  # no surrogate is left
    tree = parse(document)
    check_structure(tree)
    assert shape(tree) == plain_shape
    assert all(a.attributes["href"].startswith(("#", "mailto:")) for a in tree.all("a"))


@pytest.mark.parametrize("text", MARKUP + HARMLESS)
def test_a_text_is_read_as_it_is(group: Page, text: str):
    tree = parse(render(filled_with(group, text)))
    wanted = " ".join(text.split())
    assert tree.one("article").one("h4").one("bdi").text == wanted
    assert wanted in tree.one("h1").text
    assert wanted in tree.one("section", aria_labelledby="stuck").text
    assert wanted in tree.one("section", aria_labelledby="reviews").text
    assert wanted in tree.one("title").text


@pytest.mark.parametrize("text", STEERING)
def test_what_steers_is_left_out(group: Page, text: str):
    document = render(filled_with(group, text))
    assert not {*document} & {*"\x00\x1b\r\t\x0b\u2028\u2029\u202e\u202c\u2066\u200f\u200e\ufeff"}
    assert not {*document} & {*"\u00ad\ud800\U000e0041"}
    assert parse(document).one("article").one("h4").text.startswith("a")


def test_a_name_from_the_right_moves_nothing_beside_it(group: Page):
    name = "ليلى الحداد"
    page = filled_with(group, "Word")
    briefing = page.briefing
    everyone = tuple(replace(student, name=name) for student in briefing.everyone)
    briefing = replace(
        briefing,
        everyone=everyone,
        slipping=everyone[:1],
        recovered=tuple(replace(one, name=name) for one in briefing.recovered),
        places=tuple(
            replace(place, who=(Waiting("a", name, 4), Waiting("b", name, 3)))
            for place in briefing.places
        ),
        reviews=tuple(replace(review, name=name) for review in briefing.reviews),
    )
    tree = parse(render(replace(page, briefing=briefing)))
    around = [
        e.tag
        for e in tree.walk()
        if any(isinstance(part, str) and name in part for part in e.content)
    ]
    assert around.count("bdi") == len(around) == 11


def test_a_name_of_ten_thousand_letters_is_cut_where_one_sees_it(group: Page):
    name = "Wolfeschlegelstein" * 600
    document = render(filled_with(group, name + "\u202e"))
    assert "\u202e" not in document
    assert len(document.encode()) < 130_000
    tree = parse(document)
    card = tree.one("article")
    assert card.one("h4").text == name[:59] + "…"
    assert f"Full name: {name}" in card.one("details").text
    assert document.count(name) == 3  # of each student once
    assert tree.one("title").text == name[:59] + "…"


def test_who_has_no_name_is_said_to_have_none(group: Page):
    tree = parse(render(filled_with(group, "\u202e ")))
    assert tree.one("article").one("h4").text == "(without a name)"
