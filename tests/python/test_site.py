"""The pages over HTTP: every link leads somewhere, and nobody meets people of others."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import permutations
from pathlib import Path
from urllib.parse import quote

import pytest

from cohort_tracker.reading.overview import GroupFigures
from cohort_tracker.reading.scope import Group
from cohort_tracker.web.site.links import Links, names_in_addresses
from html_page import check_structure, parse
from site_pages import CLASS, NIGHT, Site, serving, student_path, traces

OWN = f"friendly_id = '{CLASS}' and s.night = '{NIGHT}'"
ROLES = ("lead", "mentor", "program", "lead without names", "mentor without names")


@pytest.fixture(scope="module")
def site(served_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serving(served_data, tmp_path_factory.mktemp("site")) as running:
        yield running


@pytest.fixture(scope="module")
def crawled(site: Site) -> dict[str, dict[str, str]]:
    """All pages of everybody."""
    return {who: site.crawl(who) for who in ROLES}


def test_every_link_of_every_page_leads_to_a_page(site: Site, crawled: dict[str, dict[str, str]]):
    students = site.people("true")
    works = site.rows(
        "select friendly_id, assignment_id from marts.assignment_completion"
        " join marts.class_summary using (class_id)"
    )
    for who, of_class in (("lead", "true"), ("mentor", OWN)):
        paths = set(crawled[who])
        assert {student_path(one) for one in students} & paths == {
            student_path(one) for one in site.people(of_class)
        }
        assert f"/classes/{CLASS}/nights/{NIGHT}" in paths
        assert (f"/classes/{CLASS}" in paths) == (who == "lead")
    all_works = {f"/classes/{w['friendly_id']}/assignments/{w['assignment_id']}" for w in works}
    assert all_works <= set(crawled["lead"])
    assert set(crawled["program"]) >= {"/", f"/classes/{CLASS}", "/classes/web-m1"}
    assert not any("/students/" in path or "/nights/" in path for path in crawled["program"])
    for pages in crawled.values():
        for path, page in pages.items():
            tree = parse(page)
            check_structure(tree)
            assert "None" not in tree.one("body").text.split(), path


def test_a_mentor_meets_nobody_of_another_night(site: Site, crawled: dict[str, dict[str, str]]):
    own = site.people(OWN)
    ids = {one["student_id"] for one in own}
    others = [one for one in site.people("true") if one["student_id"] not in ids]
    assert own and len(others) > 2 * len(own)
    night = f"/classes/{CLASS}/nights/{NIGHT}"
    pages = crawled["mentor"] | {f"{night} of the lead": crawled["lead"][night]}
    everything = "\n".join(pages.values())
    assert all(one["student_id"] in everything for one in own)
    for path, page in pages.items():
        for one in others:
            assert traces(one, own, page) == [], path
    mentors = {one["mentor"] for one in others if one["mentor"]} - {one["mentor"] for one in own}
    assert mentors and not [name for name in mentors if name in html.unescape(everything)]


def test_the_program_meets_nobody(site: Site, crawled: dict[str, dict[str, str]]):
    people = site.people("true")
    for path, page in crawled["program"].items():
        for one in people:
            assert traces(one, [], page) == [], path
            assert not one["mentor"] or one["mentor"] not in html.unescape(page)


@pytest.mark.parametrize("who", ["lead without names", "mentor without names"])
def test_hidden_names_are_on_no_page(who: str, site: Site, crawled: dict[str, dict[str, str]]):
    people = site.people("true")
    assert len(crawled[who]) > 10
    for path, page in crawled[who].items():
        assert "Names are hidden" in page
        assert "mailto:" not in page and "@example" not in page and "/contacts" not in page
        for one in people:
            assert traces(one, [], page) == [], path
            assert quote(one["student_id"]) not in path


def test_what_is_not_theirs_is_not_there(site: Site):
    own = {student_path(one) for one in site.people(OWN)}
    every = {student_path(one) for one in site.people("true")}
    assert own < every
    for path in sorted(every):
        expected = 200 if path in own else 404
        assert site.get(path, "mentor").status_code == expected, path
        assert site.get(path, "program").status_code == 404
    elsewhere = {path.replace(CLASS, "web-m1") for path in own} - every
    assert elsewhere and {site.get(path, "lead").status_code for path in elsewhere} == {404}
    for night in ("Monday", "Thursday", "(no night)", "tuesday ' or true --"):
        path = f"/classes/{CLASS}/nights/{quote(night, safe='')}"
        assert site.get(path, "mentor").status_code == 404, night
        assert site.get(f"/classes/web-m1/nights/{NIGHT}", "mentor").status_code == 404
    for path in ("/classes/web-m1", "/classes/nothing", "/nothing", "/classes//students/x"):
        assert site.get(path, "mentor").status_code == 404, path
    work = site.rows(
        "select friendly_id, assignment_id from marts.assignment_completion"
        " join marts.class_summary using (class_id)"
    )
    for one in work:
        path = f"/classes/{one['friendly_id']}/assignments/{one['assignment_id']}"
        expected = 200 if one["friendly_id"] == CLASS else 404
        assert site.get(path, "mentor").status_code == expected


def test_a_mentor_is_led_to_the_own_night(site: Site):
    answer = site.get(f"/classes/{CLASS}", "mentor")
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"/classes/{CLASS}/nights/{NIGHT}"
    assert (
        site.tree(f"/classes/{CLASS}/nights/{NIGHT.lower()}", "mentor")
        .one("h1")
        .text.endswith(NIGHT)
    )
    page = site.get("/", "mentor of nobody").text
    assert "No night is yours in these tables" in page
    assert "Pathway" not in page


def test_whoever_is_not_logged_in_sees_nothing(site: Site):
    for path in ("/", f"/classes/{CLASS}", "/nothing", f"/classes/{CLASS}/nights/{NIGHT}"):
        answer = site.served.get(path, None, Accept="text/html")
        assert (answer.status_code, answer.headers["Location"]) == (303, "/login")
        assert answer.content == b""
        assert site.served.get(path, "ct_wrong", Accept="text/html").status_code == 401


def test_one_address_has_a_page_and_an_answer(site: Site):
    own = site.people(OWN)[0]
    for path in (f"/classes/{CLASS}", student_path(own)):
        assert site.get(path).headers["Content-Type"].startswith("text/html")
        for accept in ("*/*", "application/json", "application/json, text/html"):
            answer = site.get(path, Accept=accept)
            assert answer.headers["Content-Type"] == "application/json", accept
            assert "Accept" in answer.headers["Vary"]
        assert "Accept" in site.get(path).headers["Vary"]
    for path in (f"/classes/{CLASS}/students", "/classes", "/health", "/api/v1/classes"):
        assert site.get(path).headers["Content-Type"] == "application/json", path
    assert site.served.ask("HEAD", "/", site.keys["lead"], Accept="text/html").status_code == 200


def test_the_start_page_says_what_the_tables_say(site: Site):
    classes = site.rows(
        "select class_name, stuck_students as stuck, overdue_reviews as overdue, students,"
        " critical_students + high_students as risk, active_students as active,"
        " (select count(*) from marts.student_health as h where h.class_id = c.class_id"
        "  and call_list is not null) as called,"
        " (select count(*) from marts.student_health as h where h.class_id = c.class_id"
        "  and call_list is not null and is_newly_called) as newly"
        " from marts.class_summary as c order by called desc, stuck desc"
    )
    tree = site.tree("/")
    rows = tree.one("div", aria_label="Groups that run").all("tr")[1:]
    told = [[cell.text for cell in row.children[:8]] for row in rows]
    assert told == [
        [
            c["class_name"],
            *(
                str(c[k])
                for k in ("called", "newly", "stuck", "overdue", "risk", "students", "active")
            ),
        ]
        for c in classes
    ]
    [once] = site.rows(
        "select count(distinct student_id) filter (is_enrolled) as students,"
        " count(distinct student_id) filter (call_list is not null) as called,"
        " count(*) filter (is_enrolled) as places from marts.student_health"
    )
    assert once["students"] < once["places"], "somebody is in two classes"
    assert f"{once['students']} students, {once['called']} to reach out to" in tree.text
    weeks = site.rows(
        "select max(week_in_program) as week from marts.cohort_comparison"
        " where is_complete group by class_id, class_name order by class_name"
    )
    cohorts = tree.one("div", aria_label="Classes by week of the program").all("tr")[1:]
    assert [row.children[2].text for row in cohorts] == [str(one["week"]) for one in weeks]


def test_who_needs_somebody_most_comes_first():
    group = Group("a", "A", None, None, is_over=False)
    least = GroupFigures(
        group, 9, 9, 0, 0, 0, 0, 0, 0.5, datetime.now(UTC), "UTC", None, is_stale=False
    )
    ordered = [
        replace(least, to_reach=2),
        replace(least, to_reach=1, stuck=2),
        replace(least, to_reach=1, stuck=1, overdue_reviews=2),
        replace(least, to_reach=1, stuck=1, overdue_reviews=1, is_stale=True),
        replace(least, to_reach=1, stuck=1, overdue_reviews=1),
        replace(least, at_risk=9),
        replace(least, to_reach=9, stuck=9, group=replace(group, is_over=True)),
    ]
    for three in permutations(ordered, 3):
        assert sorted(three, key=lambda one: one.need) == sorted(three, key=ordered.index)
    risky, well = (replace(least, to_reach=None, at_risk=number) for number in (2, 1))
    assert risky.need < well.need


def test_a_students_page_says_what_the_tables_say(site: Site):
    person = site.people(f"{OWN} and has_started")[0]
    values = [person["class_id"], person["student_id"]]
    tree = site.tree(student_path(person), "mentor")
    signals = site.rows(
        "select signal, reason from marts.student_signals where class_id = ? and student_id = ?",
        *values,
    )
    rows = tree.one("div", aria_label="Signals").all("tr")[1:]
    assert sorted(row.children[-1].text for row in rows) == sorted(s["reason"] for s in signals)
    weeks = site.rows(
        "select round(score, 1) as score from marts.student_health_weekly"
        " where class_id = ? and student_id = ? order by week_number desc",
        *values,
    )
    shown = [
        row.children[1].text
        for row in tree.one("div", aria_label="Scores as a table").all("tr")[1:]
    ]
    assert shown == ["–" if w["score"] is None else f"{w['score']:g}" for w in weeks]
    work = site.rows(
        "select a.name, c.state, grade from core.student_assignments as c"
        " join core.assignments as a on a.id = c.assignment_id"
        " where class_id = ? and student_id = ? and is_assigned order by position",
        *values,
    )
    done = [
        row.children[3].text != "–"
        for row in tree.one("div", aria_label="Assignments").all("tr")[1:]
    ]
    assert done == [one["state"] == "completed" for one in work]


def test_somebody_in_two_classes_has_a_page_in_each(site: Site):
    twice = site.rows("select student_id from core.class_students group by all having count(*) > 1")
    assert twice
    both = site.people(f"student_id = '{twice[0]['student_id']}'")
    for one, other in permutations(both):
        links = {a.attributes["href"] for a in site.tree(student_path(one)).all("a")}
        assert student_path(other) in links
    for one in both:  # a mentor of one of the nights learns nothing of the other class
        if one["friendly_id"] == CLASS and one["night"] == NIGHT:
            assert "Also in" not in site.get(student_path(one), "mentor").text


def test_who_is_stuck_or_waits_for_a_review_is_a_way_to_the_page(site: Site):
    for page, of_night in (
        (f"/classes/{CLASS}", "true"),
        (f"/classes/{CLASS}/nights/{NIGHT}", f"s.night = '{NIGHT}'"),
    ):
        tree = site.tree(page)
        places = tree.one("section", aria_labelledby="stuck").all("li")
        stuck = 0
        for place in places:
            work, *people = (a.attributes["href"] for a in place.all("a"))
            expected = site.rows(
                "select student_id, friendly_id from marts.stuck_students as s"
                " join marts.class_summary using (class_id)"
                f" where friendly_id = '{CLASS}' and assignment_id = ? and {of_night}"
                " order by days_waiting desc, last_name, first_name, student_id limit 8",
                work.rpartition("/")[2],
            )
            assert people == [student_path(one) for one in expected]
            stuck += len(people)
        assert stuck > 0
        first = tree.one("section", aria_labelledby="reviews").all("li")[0]
        [review, *_] = site.rows(
            "select student_id, friendly_id, assignment_id from marts.review_queue as s"
            f" join marts.class_summary using (class_id) where friendly_id = '{CLASS}'"
            f" and {of_night} order by review_rank, student_id"
        )
        assert [a.attributes["href"] for a in first.all("a")] == [
            student_path(review),
            f"/classes/{CLASS}/assignments/{review['assignment_id']}",
        ]


def test_an_assignments_page_says_who_is_where(site: Site):
    [work] = site.rows(
        "select assignment_id, class_id, stuck, completed, reached from marts.blockers"
        f" join marts.class_summary using (class_id) where friendly_id = '{CLASS}'"
        " and blocker_rank = 1"
    )
    tree = site.tree(f"/classes/{CLASS}/assignments/{work['assignment_id']}")
    first = tree.one("div", aria_label="How far each group is").all("tr")[1]
    assert [first.children[place].text for place in (0, 2, 6)] == [
        "Whole class",
        str(work["reached"]),
        str(work["stuck"]),
    ]
    told = {s.attributes["aria-labelledby"]: len(s.all("li")) for s in tree.all("section")}
    counted = {
        row["state"]: row["n"]
        for row in site.rows(
            "select case when is_stuck then 'stuck' else state end as state, count(*) as n"
            " from core.student_assignments join core.class_students using (class_id, student_id)"
            " where class_id = ? and assignment_id = ? and is_assigned and is_enrolled group by 1",
            work["class_id"],
            work["assignment_id"],
        )
    }
    assert told["stuck"] == counted["stuck"] == work["stuck"] > 0
    assert told.get("completed", 0) + told.get("low", 0) == counted["completed"]
    mentors = site.tree(f"/classes/{CLASS}/assignments/{work['assignment_id']}", "mentor")
    names = [row.children[0].text for row in mentors.all("tr")[1:]]
    assert names == ["Whole class", NIGHT]


def test_the_policy_stands_in_the_header_and_in_the_page(
    crawled: dict[str, dict[str, str]], site: Site
):
    for path in [*list(crawled["lead"])[:6], "/nothing"]:
        answer = site.get(path)
        told = parse(answer.text).all("meta")[1].attributes["content"]
        header = answer.headers["Content-Security-Policy"]
        assert header == f"{told}; frame-ancestors 'none'"
        rules = dict(rule.strip().split(" ", 1) for rule in told.split(";"))
        for tag, rule in (("style", "style-src"), ("script", "script-src")):
            [content] = re.findall(rf"<{tag}>(.*?)</{tag}>", answer.text, re.DOTALL)
            digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
            assert rules.pop(rule) == f"'sha256-{digest}'"
        assert (rules.pop("img-src"), rules.pop("form-action")) == ("data:", "'self'")
        assert set(rules.values()) == {"'none'"}
    for pages in crawled.values():
        for page in pages.values():
            for element in parse(page).walk():
                assert element.tag not in {"link", "img", "iframe", "object", "base"}
                assert not [a for a in element.attributes if a.startswith("on") or a == "style"]


def test_a_page_that_the_browser_has_is_not_sent_again(site: Site):
    person = site.people(OWN)[0]
    tags = {}
    for path in (
        "/",
        f"/classes/{CLASS}",
        f"/classes/{CLASS}/nights/{NIGHT}",
        student_path(person),
    ):
        first = site.get(path)
        assert first.headers["Cache-Control"] == "private, no-cache"
        tags[path] = first.headers["ETag"]
        again = site.get(path, If_None_Match=tags[path])
        assert (again.status_code, again.content) == (304, b"")
        for header in ("ETag", "Cache-Control", "Vary", "Content-Security-Policy"):
            assert again.headers[header] == first.headers[header]
        for who in ("mentor", "lead without names"):
            assert site.get(path, who, If_None_Match=tags[path]).status_code != 304
    assert len(set(tags.values())) == 4


def test_addresses_have_a_name_only_where_it_means_one_class(site: Site):
    del site
    found = [
        Group(id_, id_, friendly, None, is_over=False)
        for id_, friendly in (
            ("1", "data"),
            ("2", "web"),
            ("3", "WEB"),
            ("4", "a/b"),
            ("5", None),
            ("six", "7"),
            ("7", "fine"),
            ("8", ".."),
        )
    ]
    names = names_in_addresses(found)  # type: ignore[arg-type]
    assert names == {
        "1": "data",
        "2": "2",
        "3": "3",
        "4": "4",
        "5": "5",
        "six": "six",
        "7": "fine",
        "8": "8",
    }
    links = Links({"1": "data"}, sees_classes=True, here="/")
    assert links.of_night("1", "Mon/Wed ?#%") == "/classes/data/nights/Mon%2FWed%20%3F%23%25"
    assert links.of_night("1", "(no night)") is None
    assert links.of_class("2") is None
    assert replace(links, sees_classes=False).of_class("1") is None
