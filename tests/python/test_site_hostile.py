"""Names from outside can do nothing to any page that is served but be read."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hostile_site import LONG, id_of, page_of, serving_tables, tables_of
from html_page import check_structure, parse
from site_pages import Site
from test_page_hostile import HARMLESS, MARKUP, STEERING, shape

# A surrogate alone is in no file that SQLite reads.
TEXTS = [*MARKUP, *HARMLESS, *(text for text in STEERING if "\ud800" not in text)]
KINDS = ("/students/", "/nights/", "/assignments/", "/weeks/")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serving_tables(tmp_path_factory.mktemp("hostile"), tables_of(TEXTS)) as site:
        yield site


@pytest.fixture(scope="module")
def pages(hostile: Site) -> dict[str, str]:
    """Every page of the lead."""
    found = hostile.crawl("lead")
    for kind in KINDS:
        assert sum(kind in path for path in found) > 1, kind
    return found


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The same pages where all these texts are harmless words."""
    words = [f"Word {chr(65 + number)}" for number in range(len(TEXTS))]
    with serving_tables(tmp_path_factory.mktemp("plain"), tables_of(words)) as site:
        return site.crawl("lead")


def test_no_text_changes_the_shape_of_any_page(pages: dict[str, str], plain: dict[str, str]):
    assert set(pages) == set(plain)
    for path, page in pages.items():
        page.encode()
        tree = parse(page)
        check_structure(tree)
        assert shape(tree) == shape(parse(plain[path])), path
        assert len(tree.all("script")) == len(tree.all("h1")) == 1
        assert not [a for e in tree.walk() for a in e.attributes if a.startswith("on")]
        for link in tree.all("a"):
            assert link.attributes["href"].startswith(("#", "/", "mailto:"))


def test_what_steers_is_on_no_page(pages: dict[str, str]):
    steering = {*"\x00\x1b\r\t\x0b\u2028\u2029\u202e\u202c\u2066\u200f\u200e\ufeff\u00ad\U000e0041"}
    for path, page in pages.items():
        assert not {*page} & steering, path


def test_each_name_is_read_as_it_is(pages: dict[str, str]):
    met = 0
    for number, text in enumerate(TEXTS):
        if text in STEERING:
            continue
        path = page_of(f"s{number:02}")
        tree = parse(pages[path])
        name = " ".join(f"{number:02} {text}".split())
        assert tree.one("h1").text == name
        assert name in tree.one("title").text
        assert f": {' '.join(text.split())}" in tree.one("section", aria_labelledby="contacts").text
        met += 1
        for other in pages:
            for link in parse(pages[other]).all("a") if "/weeks/" in other else ():
                if link.attributes["href"] == path:
                    assert link.text == name
    assert met > 15


def test_a_name_that_is_too_long_or_cannot_be_seen_breaks_no_page(pages: dict[str, str]):
    tree = parse(pages[page_of("long")])
    assert tree.one("h1").text == f"98{LONG}"[:59] + "…"
    assert f"Full name: 98{LONG}" in tree.text
    assert parse(pages[page_of("nameless")]).one("h1").text == id_of("nameless")
    for path, page in pages.items():
        assert page.count(LONG) <= 1, path
        assert len(page.encode()) < 130_000, path


def test_the_program_reads_class_names_only(hostile: Site):
    for path, page in hostile.crawl("program").items():
        check_structure(parse(page))
        assert not [text for text in ("@first.example", "Wolfe") if text in page], path
