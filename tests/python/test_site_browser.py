"""The pages in a real browser: to log in, open a card, write a contact down, and see it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from axe_playwright_python.sync_playwright import Axe

from browser import running_browser
from cohort_tracker.raw.contacts import current_contacts
from site_pages import CLASS, MENTOR, NIGHT, Site, serving, student_path

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
OF_NIGHT = f"/classes/{CLASS}/nights/{NIGHT}"


@pytest.fixture(scope="module")
def browser():
    with running_browser() as browser:
        yield browser


@pytest.fixture
def site(served_data: Path, tmp_path: Path) -> Iterator[Site]:
    with serving(served_data, tmp_path) as running:
        yield running


@contextmanager
def window(browser, site: Site, who: str, **options) -> Iterator:
    """A page of somebody who has logged in by a link, or by the form without scripts."""
    context = browser.new_context(**options)
    page = context.new_page()
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text))
    page.on("pageerror", lambda error: refused.append(str(error)))
    if options.get("java_script_enabled", True):
        page.goto(f"{site.served.url}/login#{site.keys[who]}")
    else:
        page.goto(f"{site.served.url}/login")
        page.get_by_label("Your key").fill(site.keys[who])
        page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{site.served.url}/")
    yield page
    context.close()
    assert [text for text in refused if "Policy" in text or "Error" in text] == []


@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize("width", [320, 1200])
def test_a_mentor_writes_down_a_contact_and_sees_it(
    browser, site: Site, today: date, scripts: bool, width: int
):
    options = {"java_script_enabled": scripts, "viewport": {"width": width, "height": 800}}
    with window(browser, site, "mentor", **options) as page:
        page.get_by_role("link", name=NIGHT).first.click()
        page.wait_for_url(f"{site.served.url}{OF_NIGHT}")
        card = page.locator(".card").first
        name = card.locator("h4").inner_text()
        card.get_by_text("Write down a contact").click()
        card.get_by_label("How").select_option("chat")
        card.get_by_label("Note").fill("wants to change the night")
        card.get_by_role("button", name="Write it down").click()
        page.wait_for_url(f"{site.served.url}{OF_NIGHT}#s*")
        told = f"Written to in the chat on {today.day} {today:%B}"
        card = page.locator(".card", has=page.get_by_role("heading", name=name)).first
        assert told in card.inner_text()
        assert f"by {MENTOR}: wants to change the night" in card.inner_text()
        card.get_by_role("link", name=name).click()
        assert page.locator("h1").inner_text() == name
        page.get_by_label("On", exact=True).fill("2001-01-01")
        page.get_by_label("Note", exact=True).fill("kept")
        page.get_by_role("button", name="Write it down").click()
        page.get_by_role("alert").wait_for()
        assert "more than two years ago" in page.get_by_role("alert").inner_text()
        assert page.locator("textarea").input_value() == "kept"
        assert len(current_contacts(site.data / "raw.db")) == 1
        page.get_by_role("button", name="Take back").click()
        page.get_by_text("Nobody has noted a contact").wait_for()
        assert current_contacts(site.data / "raw.db") == []
        page.get_by_role("button", name="Log out").click()
        page.wait_for_url(f"{site.served.url}/login")
        page.goto(f"{site.served.url}{OF_NIGHT}")
        assert page.url == f"{site.served.url}/login"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_can_be_used_by_everybody(browser, site: Site, scheme: str):
    student = student_path(site.people(f"friendly_id = '{CLASS}' and s.night = '{NIGHT}'")[0])
    [work] = site.rows(
        "select assignment_id from marts.blockers join marts.class_summary using (class_id)"
        f" where friendly_id = '{CLASS}' and blocker_rank = 1"
    )
    weeks = site.rows(
        "select week_starts_on from marts.progress_over_time join marts.class_summary"
        f" using (class_id) where friendly_id = '{CLASS}' order by week_number desc limit 2"
    )
    paths = (
        *("/", f"/classes/{CLASS}", OF_NIGHT, student, "/nothing"),
        f"/classes/{CLASS}/assignments/{work['assignment_id']}",
        *(f"/classes/{CLASS}/weeks/{week['week_starts_on']}" for week in weeks),
    )
    with window(browser, site, "lead", bypass_csp=True, color_scheme=scheme) as page:
        for width in (320, 1200):
            page.set_viewport_size({"width": width, "height": 800})
            for path in paths:
                page.goto(f"{site.served.url}{path}")
                for fold in page.locator("details").all():
                    fold.evaluate("fold => fold.open = true")
                found = Axe().run(page, options=RULES).response["violations"]
                assert [(item["id"], item["nodes"][0]["html"]) for item in found] == [], path
                assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_the_keyboard_is_enough(browser, site: Site):
    with window(browser, site, "mentor") as page:
        page.goto(f"{site.served.url}{OF_NIGHT}")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.locator("summary", has_text="Write down a contact").first.focus()
        page.keyboard.press("Enter")
        for _ in range(8):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.tagName") == "TEXTAREA":
                break
        page.keyboard.type("by keys alone")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_url(f"{site.served.url}{OF_NIGHT}#s*")
        assert "by keys alone" in page.locator("main").inner_text()


def test_a_form_that_is_open_is_right_after_the_tables_are_published_anew(browser, site: Site):
    with window(browser, site, "mentor") as page:
        page.goto(f"{site.served.url}{OF_NIGHT}")
        names = page.locator(".card h4").all_inner_texts()
        first = page.locator(".card h4 a").first.get_attribute("href").rpartition("/")[2]
        card = page.locator(".card", has=page.get_by_role("heading", name=names[-1])).last
        card.get_by_text("Write down a contact").click()
        card.get_by_label("Note").fill("for the last one")
        site.publish_without(first)
        card.get_by_role("button", name="Write it down").click()
        page.wait_for_url(f"{site.served.url}{OF_NIGHT}#s*")
        assert page.locator(".card h4").all_inner_texts() == names[1:]
        assert "for the last one" in page.locator(".card:target").inner_text()
        assert page.locator(".card:target h4").inner_text() == names[-1]


class Elsewhere(BaseHTTPRequestHandler):
    """A page of another site that sends a form of ours by itself."""

    aim = ""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        today = datetime.now(UTC).date()
        self.wfile.write(
            f'<form method="post" action="{self.aim}"><input name="how" value="call">'
            f'<input name="on" value="{today}"></form>'
            "<script>document.forms[0].submit()</script>".encode()
        )

    def log_message(self, *_: object) -> None:
        pass


def test_a_page_of_another_site_writes_nothing_in_a_real_browser(browser, site: Site):
    student = student_path(site.people(f"friendly_id = '{CLASS}'")[0])
    with (
        ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as other,
        window(browser, site, "lead") as page,
    ):
        Thread(target=other.serve_forever, daemon=True).start()
        Elsewhere.aim = f"{site.served.url}{student}/contacts"
        with page.expect_response(Elsewhere.aim) as answered:
            page.goto(f"http://127.0.0.1:{other.server_port}/")
        other.shutdown()
        # The cookie is sent along: the port makes another origin, and no other site.
        assert "cohort-tracker=" in answered.value.request.all_headers()["cookie"]
        assert answered.value.status == 403
        page.goto(f"{site.served.url}{student}")
        page.get_by_text("Nobody has noted a contact").wait_for()
    assert current_contacts(site.data / "raw.db") == []
