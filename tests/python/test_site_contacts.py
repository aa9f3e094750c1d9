"""Contacts that are typed on a page: shown at once, and the only thing that is written."""

from __future__ import annotations

import html
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from cohort_tracker.raw.contacts import Contact, current_contacts
from html_page import check_structure, parse
from site_pages import CLASS, LEAD, MENTOR, NIGHT, Site, serving, student_path
from support import NOW

DAY = NOW.date()
TYPED = {"how": "call", "on": DAY.isoformat(), "by": "", "note": "back on Sunday"}
HOSTILE = "</textarea></li><script>alert(1)</script>\"'><b onclick=x>& {{ 7*7 }} \u202e\x07"


@pytest.fixture
def site(served_data: Path, tmp_path: Path) -> Iterator[Site]:
    with serving(served_data, tmp_path) as running:
        yield running


def send(
    site: Site, path: str, fields: dict[str, str], who: str = "lead", **headers: str
) -> requests.Response:
    """A form as a browser sends it from a page of ours, with the session of somebody."""
    cookie = site.served.session(site.keys[who])
    own = {"Origin": site.served.url, "Sec-Fetch-Site": "same-origin", "Accept": "text/html"}
    given = {name: value for name, value in (own | headers).items() if value}
    return site.served.ask("POST", path, None, fields, Cookie=f"cohort-tracker={cookie}", **given)


def stored(site: Site) -> list[Contact]:
    return current_contacts(site.data / "raw.db")


def called(site: Site, where: str = "true") -> dict[str, Any]:
    """Somebody of the night who is on a call list."""
    return site.people(
        f"friendly_id = '{CLASS}' and s.night = '{NIGHT}' and {where} and (class_id, student_id)"
        " in (select class_id, student_id from marts.student_health where call_list is not null)"
    )[0]


def test_a_contact_is_shown_at_once_with_who_and_when(site: Site):
    person = called(site)
    path = student_path(person)
    pages = (path, f"/classes/{CLASS}", f"/classes/{CLASS}/nights/{NIGHT}")
    before = {page: site.get(page).headers["ETag"] for page in pages}
    answer = send(site, f"{path}/contacts", TYPED, "mentor")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{path}#contacts")
    [contact] = stored(site)
    assert (contact.student_id, contact.how, contact.note) == (
        person["student_id"],
        "call",
        "back on Sunday",
    )
    assert (contact.contacted_by, contact.contacted_on) == (MENTOR, DAY)
    assert abs(datetime.now(UTC) - contact.noted_at) < timedelta(minutes=1)
    for page in pages:
        answer = site.get(page, If_None_Match=before[page])
        assert answer.status_code == 200
        assert f"by {MENTOR}: back on Sunday" in parse(answer.text).text
    send(site, f"{path}/contacts", TYPED | {"by": "Ada", "how": "meeting"})
    assert {c.contacted_by for c in stored(site)} == {MENTOR, "Ada"}
    send(site, f"{path}/contacts", TYPED)
    assert LEAD in {c.contacted_by for c in stored(site)}


def test_the_card_leads_back_to_the_card(site: Site, today: date):
    person = called(site)
    night = f"/classes/{CLASS}/nights/{NIGHT}"
    [form] = [
        form
        for form in site.tree(night, "mentor").all("form")
        if person["student_id"] in form.attributes["action"]
    ]
    given = {
        field.attributes["name"]: field.attributes["value"]
        for field in form.all("input")
        if "value" in field.attributes
    }
    back = given["back"]
    assert given == {"on": today.isoformat(), "back": back} and back.startswith(f"{night}#s")
    answer = send(site, form.attributes["action"], given | {"how": "mail"}, "mentor")
    assert answer.headers["Location"] == back
    card = site.tree(night, "mentor").by_id(back.partition("#")[2])
    assert f"Written to on {today.day} {today:%B}" in card.text
    mark = back.removeprefix(night)
    for back in (
        f"https://evil.example{mark}",
        f"//evil.example{mark}",
        f"/classes/{CLASS}{mark}",
        f"{night}{mark}\r\nSet-Cookie: a=b",
        f"{night}{mark}{mark}",
        f"{night}#s1",
        f"{night} {mark}",
        night,
        f"/logout{mark}",
        mark,
    ):
        answer = send(site, form.attributes["action"], TYPED | {"back": back}, "mentor")
        assert answer.headers["Location"] == f"{student_path(person)}#contacts", back


def test_another_site_writes_nothing(site: Site):
    path = f"{student_path(called(site))}/contacts"
    for headers in (
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
        {"Origin": site.served.url, "Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": ""},
        {"Origin": "", "Sec-Fetch-Site": ""},
        {"Origin": "null", "Sec-Fetch-Site": "same-site"},
    ):
        assert send(site, path, TYPED, **headers).status_code == 403, headers
    assert site.served.ask("POST", path, None, TYPED, Origin=site.served.url).status_code == 401
    assert site.get(path).status_code == 303, "to open it writes nothing"
    assert stored(site) == []


def test_who_only_reads_has_no_form_and_writes_nothing(site: Site):
    path = student_path(called(site))
    for who in ("program", "lead without names", "mentor without names"):
        assert send(site, f"{path}/contacts", TYPED, who).status_code == 403, who
        assert send(site, f"{path}/contacts/x/withdraw", {}, who).status_code == 403, who
    for page in (f"/classes/{CLASS}/nights/{NIGHT}", f"/classes/{CLASS}"):
        forms = site.tree(page, "lead without names").all("form")
        assert [form.attributes["action"] for form in forms] == ["/logout"]
    assert stored(site) == []


def test_nobody_writes_about_people_of_others(site: Site):
    own = {
        student_path(one) for one in site.people(f"friendly_id = '{CLASS}' and s.night = '{NIGHT}'")
    }
    others = sorted({student_path(one) for one in site.people("true")} - own)
    key = site.keys["mentor"]
    for path in [*others, "/classes/nix/students/x", f"/classes/{CLASS}/students/x"]:
        answer = site.served.ask("POST", f"{path}/contacts", key, TYPED)
        assert answer.status_code == 404, path
    assert stored(site) == []


def test_what_cannot_be_kept_is_said_and_what_was_typed_stays(site: Site):
    path = student_path(called(site))
    wrong = {
        "still to come": {"on": (DAY + timedelta(days=3)).isoformat()},
        "more than two years ago": {"on": "2001-01-01"},
        "is no day": {"on": "soon"},
        "How you reached out is missing": {"how": "pigeon"},
        "has 1,001 characters": {"note": "x" * 1001},
        "has 101 characters": {"by": "x" * 101},
    }
    for words, fields in wrong.items():
        answer = send(site, f"{path}/contacts", TYPED | {"by": "Ada", "note": "a < b"} | fields)
        assert answer.status_code == 422, words
        assert "ETag" not in answer.headers
        tree = parse(answer.text)
        check_structure(tree)
        assert words in tree.one("p", role="alert").text
        assert fields.get("note", "a < b") == tree.one("textarea").text
        assert fields.get("by", "Ada") == tree.one("input", name="by").attributes["value"]
        assert fields.get("on", TYPED["on"]) == tree.one("input", name="on").attributes["value"]
    assert stored(site) == []
    for body in ("%ff=1", "note=%ED%A0%80&how=call", "&".join(f"a{n}=1" for n in range(20))):
        cookie = site.served.session(site.keys["lead"])
        answer = site.served.ask(
            "POST",
            f"{path}/contacts",
            None,
            body,
            Origin=site.served.url,
            Cookie=f"cohort-tracker={cookie}",
        )
        assert answer.status_code == 400, body
    assert stored(site) == []


def test_taken_back_it_is_gone(site: Site):
    person = called(site)
    [other, *_] = site.people(f"friendly_id = '{CLASS}' and student_id <> '{person['student_id']}'")
    path = student_path(person)
    send(site, f"{path}/contacts", TYPED, "mentor")
    [contact] = stored(site)
    wrong = f"{student_path(other)}/contacts/{contact.contact_id}/withdraw"
    assert send(site, wrong, {}).status_code == 404
    [form] = site.tree(path).all("form", class_="take")
    action = form.attributes["action"]
    assert action == f"{path}/contacts/{contact.contact_id}/withdraw"
    assert send(site, action, {}, Origin="https://evil.example").status_code == 403
    assert stored(site) == [contact]
    answer = send(site, action, {}, "mentor")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{path}#contacts")
    assert stored(site) == []
    assert "back on Sunday" not in site.get(path).text
    assert send(site, action, {}).status_code == 404


def test_a_mentor_takes_back_the_own_ones_only(site: Site):
    path = student_path(called(site))
    send(site, f"{path}/contacts", TYPED | {"by": MENTOR.upper()}, "mentor")
    send(site, f"{path}/contacts", TYPED)
    send(site, f"{path}/contacts", TYPED | {"by": "Ada"}, "mentor")
    ids = {contact.contacted_by: contact.contact_id for contact in stored(site)}
    assert ids.keys() == {MENTOR.upper(), LEAD, "Ada"}
    ways = {by: f"{path}/contacts/{contact_id}/withdraw" for by, contact_id in ids.items()}

    def shown(who: str) -> set[str]:
        return {
            form.attributes["action"] for form in site.tree(path, who).all("form", class_="take")
        }

    assert shown("mentor") == {ways[MENTOR.upper()]}
    assert shown("lead") == {*ways.values()}
    for by in (LEAD, "Ada"):
        assert send(site, ways[by], {}, "mentor").status_code == 403
    assert len(stored(site)) == 3
    assert send(site, ways[MENTOR.upper()], {}, "mentor").status_code == 303
    assert send(site, ways["Ada"], {}).status_code == 303
    assert [contact.contacted_by for contact in stored(site)] == [LEAD]


def test_what_is_typed_is_text_and_nothing_else(site: Site):
    path = student_path(called(site))
    send(site, f"{path}/contacts", TYPED | {"note": HOSTILE, "by": HOSTILE})
    refused = send(site, f"{path}/contacts", TYPED | {"note": HOSTILE, "how": HOSTILE})
    pages = [site.get(page).text for page in (path, f"/classes/{CLASS}")]
    for page in [*pages, refused.text]:
        tree = parse(page)
        check_structure(tree)
        assert len(tree.all("script")) == 1
        assert not [
            e for e in tree.walk() for a in e.attributes if a.startswith("on") and a != "on"
        ]
        assert "\u202e" not in page and "\x07" not in page
    assert "<script>alert(1)</script>" in html.unescape(pages[0])
    assert "{{ 7*7 }}" in pages[0]


def test_the_log_names_nobody(site: Site):
    person = called(site)
    send(site, f"{student_path(person)}/contacts", TYPED, "mentor")
    site.get(student_path(person))
    log = site.served.log
    assert "303 POST /classes/{class_name}/students/{student_id}/contacts" in log
    for trace in (person["student_id"], CLASS, MENTOR, "Sunday"):
        assert trace not in log


def test_a_form_is_still_right_when_the_tables_are_published_anew(site: Site):
    night = f"/classes/{CLASS}/nights/{NIGHT}"
    forms = site.tree(night, "mentor").all("form")[1:]
    first, *_, last = forms
    paths = [form.attributes["action"] for form in (first, last)]
    gone, stays = (
        next(one for one in site.people("true") if f"{student_path(one)}/contacts" == path)
        for path in paths
    )
    given = {
        field.attributes["name"]: field.attributes["value"]
        for field in last.all("input")
        if "value" in field.attributes
    }
    site.publish_without(gone["student_id"])
    answer = send(site, paths[1], given | {"how": "mail", "note": "meant for them"}, "mentor")
    assert answer.status_code == 303
    [contact] = stored(site)
    assert (contact.student_id, contact.note) == (stays["student_id"], "meant for them")
    tree = site.tree(night, "mentor")
    assert f"{student_path(gone)}/contacts" not in {
        form.attributes["action"] for form in tree.all("form")
    }
    page, _, card = answer.headers["Location"].partition("#")
    assert page == night
    assert "meant for them" in tree.by_id(card).text
    assert student_path(stays) in {a.attributes["href"] for a in tree.by_id(card).all("a")}
    assert send(site, paths[0], TYPED, "mentor").status_code == 404, "nobody of theirs any more"
    assert len(stored(site)) == 1
