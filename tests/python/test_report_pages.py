"""`report` as pages: who is in the bytes of which file, and where files go."""

from __future__ import annotations

import json
import re
import stat
import string
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from cohort_tracker.commands.report_pages import page_names
from cohort_tracker.reading.scope import Group, key_of, narrowed
from cohort_tracker.reading.viewer import Viewer
from report_cohorts import MENTORS, NAMES, ReportData, words_of
from support import wait_for

CLASSES = ("fresh-1", "many-1", "one-1", "paused-1", "three-1", "web-1")
PAGES = {f"{name}.html" for name in CLASSES} | {"web-1-monday.html", "web-1-thursday.html"}


def mode(path: Path) -> int:
    """The permissions of a file or folder."""
    return stat.S_IMODE(path.stat().st_mode)


def test_each_night_has_a_page_with_nobody_of_another_night(
    report_data: ReportData, tmp_path: Path
):
    folder = tmp_path / "new" / "pages"
    done = report_data.report("--each-night", str(folder))
    assert (done.returncode, done.stderr) == (0, "")
    assert {path.name for path in folder.iterdir()} == PAGES
    assert mode(folder) == 0o700 and {mode(path) for path in folder.iterdir()} == {0o600}
    assert f"{folder}/web-1-monday.html: 3 to reach out to\n" in done.stdout
    assert f"{folder}/one-1.html: nobody to reach out to\n" in done.stdout
    for night in ("Monday", "Thursday"):
        page = (folder / f"web-1-{night.lower()}.html").read_text(encoding="utf-8")
        assert MENTORS[night][0] in page
        others = words_of(report_data, "Monday" if night == "Thursday" else "Thursday")
        others |= words_of(report_data, None) | {"many-1", "quiet00"}
        others |= {word for other, mentor in MENTORS.items() if other != night for word in mentor}
        assert not [word for word in others if word in page]
    lead = (folder / "web-1.html").read_text(encoding="utf-8")
    assert "no-night" in lead and "monday-quiet" in lead and "Paper" in lead


def test_a_mentor_gets_the_own_nights_and_no_page_of_the_class(
    report_data: ReportData, tmp_path: Path
):
    done = report_data.report("--mentor", "ole@example.org", "--each-night", str(tmp_path / "p"))
    assert done.returncode == 0, done.stderr
    assert [path.name for path in (tmp_path / "p").iterdir()] == ["web-1-monday.html"]


def test_hidden_names_are_in_no_page(report_data: ReportData, tmp_path: Path):
    done = report_data.report("--each-night", str(tmp_path / "p"), "--hide-names")
    assert done.returncode == 0, done.stderr
    words = {word for mentor in MENTORS.values() for word in mentor}
    words |= {word for names in NAMES.values() for word in names} | {"Paper", "quiet00", "@"}
    words |= {
        value
        for row in report_data.rows("select id, email from core.students")
        for value in row
        if value
    }
    for page in (tmp_path / "p").iterdir():
        text = page.read_text(encoding="utf-8").replace("@media", "").replace("@page", "")
        assert not [word for word in words if word in text], page.name


def test_a_page_of_nobody_any_more_is_named_and_stays(report_data: ReportData, tmp_path: Path):
    old = tmp_path / "web-1-friday.html"
    old.write_text("of last year")
    done = report_data.report("--each-night", str(tmp_path))
    assert "over or no more: web-1-friday.html." in " ".join(done.stdout.split())
    assert old.read_text() == "of last year"
    some = report_data.report("--each-night", str(tmp_path), "--class", "one-1", "--json")
    found = json.loads(some.stdout)
    assert found["pages"] == [str(tmp_path / "one-1.html")] and found["pages_left"] == []


def test_one_page_takes_the_place_of_the_old_one(report_data: ReportData, tmp_path: Path):
    file = tmp_path / "page.html"
    file.write_text("old")
    file.chmod(0o644)
    done = report_data.report("--class", "web-1", "--night", "Monday", "--html", str(file))
    assert (done.returncode, done.stderr) == (0, "")
    assert "Ole Berg" in file.read_text(encoding="utf-8") and mode(file) == 0o600
    assert [path.name for path in tmp_path.iterdir() if path.suffix != ""] == ["page.html"]


def test_where_no_page_can_be_written_is_said_in_a_line(report_data: ReportData, tmp_path: Path):
    for place, code, words in (
        ("/proc/page.html", 1, "/proc/page.html cannot be written"),
        (str(tmp_path), 2, "is no file"),
        (str(report_data.data / "raw.db"), 2, "for the program's own files"),
    ):
        done = report_data.report("--class", "one-1", "--html", place)
        assert done.returncode == code and words in done.stderr, done.stderr
        assert len(done.stderr.splitlines()) == 2
    done = report_data.report("--each-night", "/proc/pages")
    assert done.returncode == 2 and "/proc/pages cannot be made" in done.stderr
    done = report_data.report("--each-night", str(report_data.data / "pages"))
    assert done.returncode == 2 and "program's own files" in done.stderr
    assert not (report_data.data / "pages").exists()


def test_no_page_is_made_of_old_data(report_data: ReportData, tmp_path: Path):
    done = report_data.report("--each-night", str(tmp_path / "p"), "--max-age", "36h")
    assert done.returncode == 7 and not (tmp_path / "p").exists()


def test_a_page_of_several_groups_names_what_to_add(report_data: ReportData, tmp_path: Path):
    file = str(tmp_path / "page.html")
    done = report_data.report("--html", file)
    assert done.returncode == 2 and ", ".join(CLASSES) in done.stderr
    assert "--each-night" in done.stderr and not Path(file).exists()
    done = report_data.report("--night", "Friday", "--html", file)
    assert done.returncode == 2 and "no class of these is running" in done.stderr


def test_open_leads_to_the_browser_or_says_how_to_get_the_page(
    report_data: ReportData, tmp_path: Path
):
    data = report_data.copied_to(tmp_path)
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/opened\n')
    browser.chmod(0o755)
    done = data.report("--class", "web-1", "--night", "Monday", "--open", BROWSER=f"{browser} %s")
    assert done.returncode == 0, done.stderr
    place = data.data / "reports" / "web-1-monday.html"
    opened = tmp_path / "opened"
    wait_for(lambda: opened.exists() and opened.read_text().strip())
    assert opened.read_text().strip() == place.as_uri()
    assert mode(place) == 0o600 and mode(place.parent) == 0o700
    none = {"BROWSER": "", "PATH": str(tmp_path / "nothing"), "DISPLAY": "", "WAYLAND_DISPLAY": ""}
    done = data.report("--class", "one-1", "--html", str(tmp_path / "x.html"), "--open", **none)
    assert done.returncode == 0 and re.search(rf"scp \S+:{tmp_path}/x\.html \.", done.stdout)


# A night of which nothing is seen is none: the tables have no such.
LETTERS = st.text(alphabet=string.ascii_letters + " -é/.\0\u202e李", min_size=1)
NIGHTS = st.none() | LETTERS.filter(key_of)
GROUPS = st.lists(st.tuples(st.sampled_from(["a-1", "a-1-b", "B", "../x"]), NIGHTS), max_size=6)


@given(GROUPS)
def test_file_names_are_plain_each_its_own_and_the_same_each_time(typed):
    groups = {
        (class_id, None if night is None else key_of(night)): Group(
            class_id, class_id, class_id, night, False
        )
        for class_id, night in typed
    }
    names = page_names(groups.values())
    assert len({*names.values()}) == len(groups)
    for name in names.values():
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*\.html", name) and len(name) < 100
    assert page_names(reversed([*groups.values()])) == names


def test_file_names_are_those_that_people_expect():
    group = Group("6a58", "Data", "data-m1", "Thursday", False)
    other = Group("6a58", "Data", "data-m1", "Dienstag & Freitag", False)
    names = page_names([group, other])
    assert names[group] == "data-m1-thursday.html"
    assert re.fullmatch(r"data-m1-dienstag-freitag-[0-9a-f]{6}\.html", names[other])


def test_a_page_of_a_night_is_read_with_the_rights_of_its_mentor():
    lead = Viewer("lead", hide_names=True)
    mentor = narrowed(lead, Group("6a58", "Data", "data-m1", "Late  Thursday", False))
    assert mentor.role == "mentor" and mentor.nights == frozenset({("6a58", "late thursday")})
    assert mentor.classes == frozenset({"6a58"}) and mentor.hide_names
    assert narrowed(lead, Group("6a58", "Data", "data-m1", None, False)) == lead
