"""Logging in with a real browser: links, forms, and a page of another site that tries."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

from browser import running_browser
from served import ME, Place, Served

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}


@pytest.fixture(scope="module")
def browser():
    with running_browser() as browser:
        yield browser


@pytest.fixture
def place(served_data: Path, tmp_path: Path) -> Place:
    return Place.copied(served_data, tmp_path / "data")


@contextmanager
def window(browser, **options) -> Iterator:
    """A page of a new window, and what its console said against it."""
    context = browser.new_context(**options)
    page = context.new_page()
    refused: list[str] = []
    page.on(
        "console",
        lambda message: refused.append(message.text) if "Policy" in message.text else None,
    )
    yield page
    context.close()
    assert refused == [], "our own policy stops nothing of ours"


def who(page, served: Served) -> int:
    return page.request.get(f"{served.url}{ME}").status


def test_a_link_logs_in_and_leaves_no_key_behind(browser, place: Place):
    _, key = place.grant()
    with place.serving() as served, window(browser) as page:
        sent: list[str] = []
        page.on("request", lambda request: sent.append(request.url))
        page.goto(f"{served.url}/login#{key}")
        page.wait_for_url(f"{served.url}/")
        assert who(page, served) == 200
        assert key not in "".join(sent) + page.url
        (cookie,) = page.context.cookies()
        assert cookie["httpOnly"] and cookie["sameSite"] == "Strict"
        assert page.evaluate("document.cookie") == ""
        page.go_back()
        assert key not in page.url


def test_the_owners_link_and_the_form_and_logout(browser, place: Place):
    _, key = place.grant()
    with place.serving() as served:
        with window(browser) as page:
            page.goto(f"{served.url}/login#{served.owner_token}")
            page.wait_for_url(f"{served.url}/")
            assert who(page, served) == 200
            page.goto(f"{served.url}/login")
            page.get_by_role("button", name="Log out").click()
            page.wait_for_url(f"{served.url}/login")
            assert who(page, served) == 401
        for scripts in (True, False):
            with window(browser, java_script_enabled=scripts) as page:
                page.goto(f"{served.url}/login")
                page.get_by_label("Your key").fill("ct_wrong")
                page.keyboard.press("Enter")
                page.get_by_role("alert").wait_for()
                page.get_by_label("Your key").fill(key)
                page.get_by_role("button", name="Log in").click()
                page.wait_for_url(f"{served.url}/")
                assert who(page, served) == 200


def test_a_strangers_link_makes_nobody_somebody_else(browser, place: Place):
    _, own = place.grant("lead", "own")
    _, strange = place.grant("program", "strange")
    with place.serving() as served, window(browser) as page:
        page.goto(f"{served.url}/login#{own}")
        page.wait_for_url(f"{served.url}/")
        page.goto(f"{served.url}/login#{strange}")
        page.get_by_text("You are logged in").wait_for()
        page.wait_for_timeout(500)
        assert strange not in page.url, "nor does the address keep it"
        assert page.request.get(f"{served.url}{ME}").json()["role"] == "lead"


def test_a_page_of_another_site_changes_and_reads_nothing(browser, place: Place):
    _, key = place.grant()
    with place.serving() as served:
        evil = (
            f'<form id="f" method="post" action="{served.url}/logout"></form>'
            f'<iframe src="{served.url}/login"></iframe>'
            f"<script>fetch('{served.url}{ME}', {{credentials: 'include'}})"
            ".then(a => a.text()).then(t => document.title = t)"
            ".catch(() => document.title = 'refused')"
            ".finally(() => setTimeout(() => f.submit(), 300))</script>"
        )

        class Evil(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(evil.encode())

            def log_message(self, *_: object) -> None:
                """Nothing."""

        site = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Evil)
        threading.Thread(target=site.serve_forever, daemon=True).start()
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"{served.url}/login#{key}")
        page.wait_for_url(f"{served.url}/")
        page.goto(f"http://localhost:{site.server_address[1]}/")
        page.wait_for_function("document.title !== ''")
        assert page.title() == "refused"
        page.wait_for_url(f"{served.url}/logout")
        assert "another site" in page.content()
        assert who(page, served) == 200, "still logged in"
        context.close()
        site.shutdown()
        site.server_close()


@pytest.mark.parametrize("width", [320, 1200])
def test_the_form_can_be_used_by_everybody(browser, place: Place, width: int):
    with place.serving() as served:
        context = browser.new_context(viewport={"width": width, "height": 700}, bypass_csp=True)
        page = context.new_page()
        page.goto(f"{served.url}/login")
        found = Axe().run(page, options=RULES).response["violations"]
        assert [item["id"] for item in found] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == "key"
        context.close()
