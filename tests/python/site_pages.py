"""The pages as `cohort-tracker serve` gives them, to people with different rights."""

from __future__ import annotations

import html
from collections import deque
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile, copytree
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import duckdb
import requests

from api_server import query
from html_page import Element, parse
from served import Place, Served

CLASS = "data-m1"
NIGHT = "Tuesday"
LEAD = "Grace"
MENTOR = "tuesday@example.org"
PAGE = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@dataclass
class Site:
    """A server with a key for each kind of person; `data` is where its tables are."""

    served: Served
    place: Place
    keys: dict[str, str]

    @property
    def data(self) -> Path:
        return self.place.data

    def get(self, path: str, who: str = "lead", **headers: str) -> requests.Response:
        """A page, as a browser asks for it."""
        return self.served.get(path, self.keys[who], **(PAGE | headers))

    def tree(self, path: str, who: str = "lead") -> Element:
        """A page that is there, as it was read."""
        answer = self.get(path, who)
        assert answer.status_code == 200, (who, path, answer.status_code)
        return parse(answer.text)

    def crawl(self, who: str) -> dict[str, str]:
        """Every page to which links lead from the start, by path; each must be there."""
        found: dict[str, str] = {}
        waiting = deque(["/"])
        while waiting:
            path = waiting.popleft()
            if path in found:
                continue
            answer = self.get(path, who)
            assert answer.status_code == 200, (who, path, answer.status_code)
            assert answer.headers["Content-Type"] == "text/html; charset=utf-8", path
            found[path] = answer.text
            for link in parse(answer.text).all("a"):
                to = link.attributes["href"]
                if not to.startswith(("#", "mailto:")):
                    assert not urlsplit(to).netloc and to.startswith("/"), to
                    waiting.append(urljoin(path, to).partition("#")[0])
        return found

    def rows(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        """Rows of the published file, past everything that filters."""
        return query(self.data, sql, *values)

    def people(self, where: str) -> list[dict[str, Any]]:
        """Who is in a class, by a condition."""
        return self.rows(
            "select student_id, class_id, friendly_id, first_name, last_name, email, s.night,"
            " mentor from core.class_students as s join marts.class_summary using (class_id)"
            f" where {where} order by student_id, class_id"
        )

    def publish_without(self, student_id: str) -> None:
        """Publish the tables anew, as after a sync with which somebody left all classes."""
        made = self.data / "next.duckdb"
        copyfile(self.data / "warehouse.duckdb", made)
        with closing(duckdb.connect(str(made))) as db:
            for table in ("marts.student_health", "core.class_students"):
                db.execute(f"delete from {table} where student_id = ?", [student_id])
            db.execute("update core.build set id = 'the next one'")
        made.replace(self.data / "warehouse.duckdb")


@contextmanager
def serving(data: Path, home: Path) -> Iterator[Site]:
    """A server on a copy of the data, so that contacts are nobody else's."""
    copytree(data, home / "data")
    place = Place(home / "data", {"COHORT_TRACKER_SERVE_REQUESTS_PER_MINUTE": "100000"})
    [found] = query(
        place.data, f"select class_id from marts.class_summary where friendly_id = '{CLASS}'"
    )
    night = {"class_ids": (found["class_id"],), "nights": (NIGHT,)}
    keys = {
        "lead": place.grant("lead", LEAD)[1],
        "mentor": place.grant("mentor", MENTOR, **night)[1],
        "mentor of nobody": place.grant("mentor", "nobody@example.org")[1],
        "program": place.grant("program", "Board")[1],
        "lead without names": place.grant("lead", "Ole", hide_names=True)[1],
        "mentor without names": place.grant("mentor", MENTOR, hide_names=True, **night)[1],
    }
    with place.serving() as served:
        yield Site(served, place, keys)


def student_path(person: dict[str, Any]) -> str:
    """Where the page of somebody in a class is."""
    return f"/classes/{person['friendly_id']}/students/{quote(person['student_id'], safe='')}"


def traces(person: dict[str, Any], own: list[dict[str, Any]], page: str) -> list[str]:
    """What on a page tells of somebody, where it does not tell of one of the own people."""
    names = {f"{one['first_name']} {one['last_name']}" for one in own}
    name = f"{person['first_name']} {person['last_name']}"
    told = [person["student_id"], person["email"], *([] if name in names else [name])]
    text = html.unescape(page)
    return [trace for trace in told if trace in text]
