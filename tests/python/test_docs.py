"""The pages for people: their links lead somewhere, and what is said twice is said alike."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from cohort_tracker import __version__

ROOT = Path(__file__).parents[2]
PAGES = [
    *ROOT.glob("*.md"),
    *(ROOT / "docs").rglob("*.md"),
    ROOT / "benchmarks" / "README.md",
]


def without_code(text: str) -> str:
    """The page without its blocks of code."""
    return re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """The anchors that a Git host gives to the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", without_code(page.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_and_headings_that_exist(page: Path):
    text = re.sub(r"`[^`\n]*`", "", without_code(page.read_text("utf-8")))
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"\w+:", link):
            continue
        place, _, anchor = link.partition("#")
        target = (page.parent / place).resolve() if place else page
        assert target.exists(), link
        assert target.is_relative_to(ROOT), link
        assert not anchor or anchor in anchors(target), link


def test_every_page_in_docs_can_be_found_from_the_readme():
    text = (ROOT / "README.md").read_text("utf-8")
    for page in (ROOT / "docs").glob("*.md"):
        assert f"(docs/{page.name})" in text, page.name


def test_newest_heading_of_the_changelog_is_this_version():
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    headings = re.findall(r"^## \[(.*?)\]( - \d{4}-\d\d-\d\d)?$", text, re.MULTILINE)
    versions = [name for name, _ in headings if name != "Unreleased"]
    assert versions[0] == __version__
    assert [name for name, day in headings if not day] in ([], ["Unreleased"])


def test_python_versions_are_the_same_everywhere():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    named = [
        tuple(map(int, found[1].split(".")))
        for text in project["classifiers"]
        if (found := re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", text))
    ]
    (oldest, newest) = (min(named), max(named))
    assert named == [(3, minor) for minor in range(oldest[1], newest[1] + 1)]
    assert project["requires-python"] == f">=3.{oldest[1]},<3.{newest[1] + 1}"

    ci = (ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8")
    matrices = re.findall(r"python: \[(.*?)\]", ci)
    assert matrices
    assert set(matrices) == {f'"3.{oldest[1]}", "3.{newest[1]}"'}
    for single in re.findall(r'python-version: "(3\.\d+)"', ci):
        assert tuple(map(int, single.split("."))) in named

    said = f"Python 3.{oldest[1]} to 3.{newest[1]}"
    for place in ("README.md", "CONTRIBUTING.md", "Makefile"):
        assert said in (ROOT / place).read_text("utf-8"), place
