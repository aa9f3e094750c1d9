"""The pages of weeks: what the tables say of each, beside the week before, and to whom."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from html_page import Element
from site_pages import CLASS, NIGHT, Site, serving, student_path

WEEK = timedelta(days=7)
FIGURES = "completions, active_students, enrolled_students, cumulative_completion_rate"
MOVED = {
    "stopped": "previous_completions desc",
    "silent": "days_silent desc",
    "moved": "completions desc, previous_completions desc",
    "finished": "previous_completions desc",
}
CHANGED = {
    "got-worse": ("got_worse", "entered_at_risk"),
    "got-better": ("recovered", "back_after_silence"),
    "newly-finished": ("finished",),
}


@pytest.fixture(scope="module")
def site(served_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serving(served_data, tmp_path_factory.mktemp("site")) as running:
        yield running


@pytest.fixture(scope="module")
def class_id(site: Site) -> str:
    [found] = site.rows(f"select class_id from marts.class_summary where friendly_id = '{CLASS}'")
    return str(found["class_id"])


@pytest.fixture(scope="module")
def weeks(site: Site, class_id: str) -> list[dict[str, Any]]:
    """The weeks of the class, the first one first; the last one still runs."""
    found = site.rows(
        "select week_starts_on, week_ends_on, is_complete from marts.progress_over_time"
        " where class_id = ? order by week_number",
        class_id,
    )
    assert len(found) > 8 and [week["is_complete"] for week in found[-2:]] == [True, False]
    return found


def path_of(week: date, class_name: str = CLASS) -> str:
    return f"/classes/{class_name}/weeks/{week.isoformat()}"


def shown(value: float | None) -> str:
    return "–" if value is None else str(value)


def share(rate: float | None) -> str:
    return "–" if rate is None else f"{rate:.0%}"


def told(tree: Element) -> list[list[str]]:
    """The table of the groups."""
    rows = tree.one("div", aria_label="What each group did").all("tr")[1:]
    return [[cell.text for cell in row.children] for row in rows]


def named(tree: Element, section: str) -> list[str]:
    """To whose pages a section leads, in its order."""
    return [
        element.one("a").attributes["href"]
        for found in tree.all("section", aria_labelledby=section)
        for element in found.all("li")
    ]


def test_groups_stand_beside_their_week_before(
    site: Site, class_id: str, weeks: list[dict[str, Any]]
):
    for number, week in enumerate(weeks):
        expected = []
        for table, night in (("progress_over_time", "null"), ("night_progress", "night")):
            of_day = [
                {
                    row["night"]: row
                    for row in site.rows(
                        f"select {night} as night, {FIGURES} from marts.{table}"
                        " where class_id = ? and week_starts_on = ? order by night",
                        class_id,
                        day,
                    )
                }
                for day in (week["week_starts_on"], week["week_starts_on"] - WEEK)
            ]
            for key, now in of_day[0].items():
                before = of_day[1].get(key, dict.fromkeys(now))
                line = [key or "Whole class"]
                for name in FIGURES.split(", "):
                    write = share if name.endswith("rate") else shown
                    line += [write(now[name]), write(before[name])]
                expected.append(line)
        assert len(expected) == 4
        tree = site.tree(path_of(week["week_starts_on"]))
        assert told(tree) == expected
        beside = [
            a.attributes["href"] for item in tree.all("ul", class_="beside") for a in item.all("a")
        ]
        assert beside == [
            path_of(other["week_starts_on"])
            for other in (weeks[number - 1 : number] + weeks[number + 1 : number + 2])
        ]
        assert ("still runs" in tree.text) == (not week["is_complete"])


def test_who_moved_and_who_stopped_is_who_the_tables_say(
    site: Site, class_id: str, weeks: list[dict[str, Any]]
):
    met = set()
    for week in weeks:
        tree = site.tree(path_of(week["week_starts_on"]))
        for movement, order in MOVED.items():
            people = site.rows(
                "select w.*, friendly_id from marts.student_health_weekly as w"
                " join marts.class_summary using (class_id)"
                f" where class_id = ? and week_ends_on = ? and movement = '{movement}'"
                f" order by {order}, days_silent desc, last_name, first_name, student_id",
                class_id,
                week["week_ends_on"],
            )
            assert named(tree, movement) == [student_path(one) for one in people], movement
            met |= {movement} if people else set()
            for section in tree.all("section", aria_labelledby=movement):
                assert section.one("span", class_="n").text == str(len(people))
                said = [item.text for item in section.all("li")]
                words = {
                    "moved": "· {completions}"
                    + (" ({previous_completions})" if week != weeks[0] else ""),
                    "stopped": "· {previous_completions} the week before",
                    "silent": "· {days_silent} day",
                    "finished": "",
                }[movement]
                for one, text in zip(people, said, strict=True):
                    assert one["previous_completions"] is None or words.format(**one) in text
                    assert (f"{one['tier']} risk" in text) == (one["tier"] in ("critical", "high"))
    assert met == {*MOVED}


def test_what_changed_is_said_of_each_once(site: Site, class_id: str, weeks: list[dict[str, Any]]):
    met = set()
    for week in weeks:
        tree = site.tree(path_of(week["week_starts_on"]))
        for section, events in CHANGED.items():
            people = site.rows(
                "select student_id, friendly_id, max_by(sentence, event) as sentence"
                " from marts.student_events join marts.class_summary using (class_id)"
                f" where class_id = ? and week_starts_on = ? and event in {(*events, '')}"
                " group by all order by max(last_name), max(first_name), student_id",
                class_id,
                week["week_starts_on"],
            )
            assert named(tree, section) == [student_path(one) for one in people]
            lines = [
                e.text for s in tree.all("section", aria_labelledby=section) for e in s.all("li")
            ]
            for one, line in zip(people, lines, strict=True):
                assert line.endswith(one["sentence"])
            met |= {section} if people else set()
    assert met >= {"got-worse", "got-better"}


def test_a_mentor_finds_the_own_night_and_the_program_figures(
    site: Site, class_id: str, weeks: list[dict[str, Any]]
):
    own = {
        student_path(one) for one in site.people(f"friendly_id = '{CLASS}' and s.night = '{NIGHT}'")
    }
    for week in weeks:
        path = path_of(week["week_starts_on"])
        of_lead, of_mentor = site.tree(path), site.tree(path, "mentor")
        assert [row[0] for row in told(of_mentor)] == ["Whole class", NIGHT]
        assert told(of_mentor) == [row for row in told(of_lead) if row[0] in ("Whole class", NIGHT)]
        for section in (*MOVED, *CHANGED):
            assert named(of_mentor, section) == [to for to in named(of_lead, section) if to in own]
        assert told(site.tree(path, "program")) == told(of_lead)[:1]
        assert site.tree(path, "program").all("section")[1:] == []
        hidden = site.tree(path, "lead without names")
        assert len(hidden.all("li")) == len(of_lead.all("li"))
    assert site.get(path_of(weeks[0]["week_starts_on"], "web-m1"), "mentor").status_code == 404
    assert site.get(path_of(weeks[0]["week_starts_on"]), "mentor of nobody").status_code == 404


def test_only_weeks_of_the_class_are_there(site: Site, weeks: list[dict[str, Any]]):
    first, last = weeks[0]["week_starts_on"], weeks[-1]["week_starts_on"]
    written = [(day).isoformat() for day in (first - WEEK, last + WEEK, last + timedelta(days=1))]
    week = last.isocalendar()
    written += [f"{week.year}-W{week.week}-1", f"{last:%Y%m%d}", "9999-12-27", "0001-01-01", "x"]
    for text in (*written, f"{last}%20", f"{last}T00:00", "%00", "' or true --"):
        answer = site.get(f"/classes/{CLASS}/weeks/{text}")
        assert answer.status_code == 404, text
    assert site.get(path_of(last)).status_code == 200


def test_weeks_are_reached_from_the_group_and_from_the_student(
    site: Site, weeks: list[dict[str, Any]]
):
    paths = {path_of(week["week_starts_on"]) for week in weeks}
    student = student_path(site.people(f"friendly_id = '{CLASS}' and s.night = '{NIGHT}'")[0])
    for page in (f"/classes/{CLASS}", f"/classes/{CLASS}/nights/{NIGHT}", student):
        for who in ("lead", "mentor"):
            if who == "lead" or page != f"/classes/{CLASS}":
                links = {a.attributes["href"] for a in site.tree(page, who).all("a")}
                assert paths <= links if "students" not in page else len(paths & links) > 8, page
    [row, *_] = site.tree(student).one("div", aria_label="Scores as a table").all("tr")[1:]
    assert row.one("a").attributes["href"] == path_of(weeks[-1]["week_starts_on"])


def test_a_week_that_the_browser_has_is_not_sent_again(site: Site, weeks: list[dict[str, Any]]):
    path = path_of(weeks[-2]["week_starts_on"])
    tag = site.get(path).headers["ETag"]
    assert site.get(path, If_None_Match=tag).status_code == 304
    assert site.get(path, "mentor", If_None_Match=tag).status_code == 200
    assert site.get(path_of(weeks[-1]["week_starts_on"]), If_None_Match=tag).status_code == 200
