"""The report's page in a real browser: for everybody, on every width, with nothing from outside."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe

from browser import opened, running_browser
from cohort_tracker.sandbox import generate
from fixed_moment import MOMENT, OF_ANY_AGE, build, read_for
from support import Bench

HOSTILE = (
    ("<img src=x onerror=alert(1)>", "</script><script>alert(2)</script>"),
    ('"onmouseover="alert(3)', "'><svg onload=alert(4)>"),
    ("\u202egnp\u2066", "Ma\u0308rz\u200b"),
    ("ليلى عبد الرحمن", "الحداد"),
    ("W" * 600, "Long"),
    ("{{ 7*7 }}", "${alert(5)}"),
)
LESSON = "<b>Joins</b> & <script>alert(6)</script> \u202e tears"
RULES_THAT_MATTER = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}


@pytest.fixture(scope="module")
def browser():
    with running_browser() as browser:
        yield browser


def make_hostile(world, classroom):
    """Give some people and a lesson names that would like to be more than text."""
    people = [item.student_id for item in world.progressions(classroom)]
    chosen = list(dict.fromkeys(people))[: len(HOSTILE)]
    for student, (first, last) in zip(chosen, HOSTILE, strict=True):
        world.rename_student(student, first_name=first, last_name=last)
    for number, lesson in enumerate(world.classroom(classroom).assignments):
        world.rename_assignment(lesson, f"{LESSON} {number} {'x' * (300 if number == 3 else 3)}")


@pytest.fixture(scope="module")
def pages(browser, tmp_path_factory):
    """Files by name: the page of a class of fifty, the same with hostile names, of a night, …"""
    home = tmp_path_factory.mktemp("browser")
    world = generate(seed=11, classes=1, students=50, end=MOMENT)
    classroom = next(iter(world.class_list("plain")))["id"]
    world.write_roster(home / "roster.csv")
    world.write_mentors(home / "mentors.csv")
    files = {"roster": home / "roster.csv", "mentors": home / "mentors.csv"}
    with Bench(home, world, options={**files, **OF_ANY_AGE}) as bench:
        read_for(bench.settings(), MOMENT)
        build(bench.settings())
        made = bench.command("report", "--html", str(home / "plain.html"))
        assert made.returncode == 0, made.stderr
        make_hostile(world, classroom)
        read_for(bench.settings(), MOMENT, full=True)
        build(bench.settings())
        for name, words, options in (
            ("class", (), {}),
            ("night", ("--night", "Thursday"), {}),
            ("hidden", ("--hide-names",), {}),
            ("stale", (), {"stale_after_hours": 0.00001}),
        ):
            made = bench.command("report", *words, "--html", str(home / f"{name}.html"), **options)
            assert made.returncode == 0, made.stderr
    return {path.stem: path for path in home.glob("*.html")}


NAMES = ("class", "night", "hidden", "stale")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 320])
@pytest.mark.parametrize("name", NAMES)
def test_nothing_keeps_anybody_out(browser, pages, name, width, scheme):
    with opened(browser, pages[name], width=width, scheme=scheme) as watched:
        for fold in (False, True):
            watched.page.evaluate(
                "(open) => document.querySelectorAll('details')"
                ".forEach(fold => { fold.open = open })",
                fold,
            )
            found = Axe().run(watched.page, options=RULES_THAT_MATTER)
            assert found.violations_count == 0, found.generate_report()
        assert found.response["passes"], "axe looked at something"


@pytest.mark.parametrize("name", NAMES)
def test_page_asks_for_nothing_and_its_policy_refuses_nothing(browser, pages, name):
    with opened(browser, pages[name]) as watched:
        watched.page.wait_for_timeout(300)
        assert watched.requests == [pages[name].as_uri()]
        assert watched.errors == []
        assert watched.dialogs == []


@pytest.mark.parametrize("width", [320, 375, 768])
@pytest.mark.parametrize("name", NAMES)
def test_page_is_as_wide_as_the_window(browser, pages, name, width):
    with opened(browser, pages[name], width=width) as watched:
        watched.page.evaluate(
            "() => document.querySelectorAll('details').forEach(fold => { fold.open = true })"
        )
        assert watched.page.evaluate("() => document.scrollingElement.scrollWidth") <= width


def test_everything_is_there_without_scripts(browser, pages):
    with opened(browser, pages["class"]) as with_scripts:
        expected = with_scripts.page.locator("main bdi").all_text_contents()
    with opened(browser, pages["class"], scripts=False) as without:
        assert without.page.locator("main bdi").all_text_contents() == expected
        assert without.page.locator("input, select, button").count() == 0, "nothing is dead"
    assert len(expected) > 50


def test_hostile_names_are_only_text(browser, pages):
    with opened(browser, pages["class"]) as watched:
        text = watched.page.evaluate("() => document.body.textContent")
        assert "<img src=x onerror=alert(1)>" in text
        assert "<b>Joins</b> & <script>alert(6)</script>" in text
        assert watched.page.locator("img, iframe, object, embed, form, link[href]").count() == 0
        assert watched.page.locator("b", has_text=re.compile("^Joins$")).count() == 0
        assert watched.page.locator("script").count() == 1
        assert not re.search("[\u202a-\u202e\u2066-\u2069\u200b]", text), "nothing steers"
        assert watched.dialogs == []


def test_names_keep_their_own_direction(browser, pages):
    with opened(browser, pages["class"]) as watched:
        arabic = watched.page.locator("bdi", has_text="ليلى عبد الرحمن").first
        assert arabic.evaluate("name => getComputedStyle(name).unicodeBidi") == "isolate"
        assert arabic.evaluate("name => getComputedStyle(name.parentElement).direction") == "ltr"


def test_keyboard_alone_reaches_and_opens_everything(browser, pages):
    with opened(browser, pages["class"]) as watched:
        page = watched.page
        page.keyboard.press("Tab")
        assert page.evaluate("() => document.activeElement.getAttribute('href')") == "#main"
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        assert page.evaluate("() => document.activeElement.closest('main') !== null")
        seen = set()
        for _ in range(400):
            state = page.evaluate(
                "() => { const e = document.activeElement, s = getComputedStyle(e);"
                " return [e.tagName, [...document.querySelectorAll('*')].indexOf(e),"
                " s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0] }"
            )
            if state[0] == "BODY" or state[1] in seen:
                break
            seen.add(state[1])
            assert state[2], f"focus on {state[0]} cannot be seen"
            page.keyboard.press("Tab")
        focusable = page.evaluate(
            "() => [...document.querySelectorAll('main summary, main a[href], main input,"
            " main select')].filter(e => e.checkVisibility()).length"
        )
        assert len(seen) >= min(focusable, 390)
        summary = page.locator("main details > summary").first
        summary.focus()
        page.keyboard.press("Enter")
        assert summary.evaluate("e => e.parentElement.open")


def test_list_of_everyone_can_be_searched_and_sorted(browser, pages):
    with opened(browser, pages["class"]) as watched:
        page = watched.page
        rows = page.locator("#all > *")
        everybody = rows.count()
        assert everybody > 40
        first = rows.first.locator("bdi").first.text_content() or ""
        find = page.get_by_label("Find")
        find.fill(first[:12])
        shown = [row for row in rows.all() if row.is_visible()]
        assert 1 <= len(shown) < everybody
        assert first in (shown[0].text_content() or "")
        find.fill("")
        page.get_by_label("Sort").select_option("name")
        names = [row.locator("bdi").first.text_content() for row in rows.all()]
        assert names == page.evaluate(
            "names => [...names].sort((a, b) => a.localeCompare(b))", names
        )


@pytest.mark.parametrize(("name", "sheets"), [("plain", 2), ("night", 2)])
def test_print_is_short(browser, pages, name, sheets, tmp_path):
    with opened(browser, pages[name]) as watched:
        watched.page.pdf(path=tmp_path / "page.pdf", format="A4")
    counted = [
        int(found) for found in re.findall(rb"/Count (\d+)", (tmp_path / "page.pdf").read_bytes())
    ]
    assert max(counted) <= sheets


def test_red_box_stands_on_top_of_a_stale_page(browser, pages):
    with (
        opened(browser, pages["stale"], width=320) as stale,
        opened(browser, pages["class"]) as fresh,
    ):
        warning = stale.page.locator(".alarm")
        assert warning.is_visible()
        box = warning.bounding_box()
        assert box is not None
        assert box["y"] < 700
        assert fresh.page.locator(".alarm").count() == 0
