"""From a request to its answer: who asks, what for, whether it is known already, the rows."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import Response
from pydantic import BaseModel, ValidationError

from ...config import Settings
from ...export.answer import Answer
from ...export.text import csv_parts
from ...reading.pages import count, everything, page
from ...reading.pool import Pool
from ...reading.reader import Reader
from ...reading.seen import Seen, SeenClass
from ...reading.viewer import Viewer
from ..tags import has_tag
from .cursors import Cursors
from .freshness import BuildNote, LastSyncs, now
from .problems import Problem, not_found, of_validation, wrong_parameters
from .questions import Question, digest, question_of
from .routes import Route
from .schema import Schema

# Naive times of the tables are UTC and are written so: 2026-03-01T12:00:00Z.
_JSON = orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z
_FOR_ONE_ONLY = {
    "Cache-Control": "private, no-cache",
    "Vary": "Accept, Authorization, Cookie",
}


@dataclass(frozen=True)
class Asked:
    """One request: the route, who asks, the class and student of the path, the parameters."""

    route: Route
    viewer: Viewer
    class_name: str | None
    student_id: str | None
    given: dict[str, Any]
    known_tags: str
    is_csv: bool


class Answers:
    """Answers requests from the published file.

    Args:
        settings: where the tables are.
        schema: what they have.
        pool: the way to them.
    """

    def __init__(self, settings: Settings, schema: Schema, pool: Pool) -> None:
        self._schema = schema
        self._pool = pool
        self._syncs = LastSyncs(settings)
        self._cursors = Cursors()

    def answer(self, asked: Asked) -> Response:
        """The rows, or that they are those the client has.

        Raises a problem, or an error of this package.
        """
        with self._pool.file() as file:
            seen = file.seen_by(asked.viewer)
            classes = _classes(seen, asked.class_name)
            place = _place(asked, classes)
            question = question_of(
                asked.route, self._schema, seen, asked.viewer, asked.given, place
            )
            note = self._syncs.note(file.build_id, classes, now())
            tag = self._tag(asked, question, note)
            if has_tag(asked.known_tags, tag):
                return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=_headers(tag))
            with self._pool.reading(file, asked.viewer) as reader:
                if asked.is_csv:
                    return _csv(reader, asked, question, place, tag)
                told = self._told(reader, asked, question, place, note)
            return Response(
                orjson.dumps(told, option=_JSON),
                headers=_headers(tag),
                media_type="application/json",
            )

    def _tag(self, asked: Asked, question: Question, note: BuildNote) -> str:
        parts = (
            note.id,
            str(note.is_stale),
            question.bound_to(asked.viewer),
            str(asked.given.get("cursor")),
            str(question.limit),
            str(asked.is_csv),
        )
        return f'"{digest(*parts)}"'

    def _told(
        self,
        reader: Reader,
        asked: Asked,
        question: Question,
        place: dict[str, str],
        note: BuildNote,
    ) -> dict[str, Any]:
        if "student_id" in place:
            _require_student(reader, place)
        if asked.route.is_one:
            return {
                "data": self._one(reader, asked.route, question, place),
                "page": None,
                "build": asdict(note),
            }
        bound_to, cursor = question.bound_to(asked.viewer), asked.given.get("cursor")
        after = None if cursor is None else self._cursors.place(bound_to, note.id, cursor)
        rows, last = page(reader, question.rows, question.limit, after)
        is_all = after is None and last is None
        return {
            "data": rows,
            "page": {
                "limit": question.limit,
                "next": None if last is None else self._cursors.sealed(bound_to, note.id, last),
                "total": len(rows) if is_all else count(reader, question.rows),
            },
            "build": asdict(note),
        }

    def _one(
        self, reader: Reader, route: Route, question: Question, place: dict[str, str]
    ) -> dict[str, Any]:
        found, _ = page(reader, question.rows, 1)
        if not found:
            raise not_found()
        if not route.parts:
            return found[0]
        told: dict[str, Any] = {"work": found[0]}
        for name, table in route.parts.items():
            key = self._schema.key(table)
            rows = reader.rows(
                table,
                where=" AND ".join(f'"{column}" = ?' for column in place),
                parameters=[*place.values()],
                order=", ".join(f'"{column}"' for column in key),
            )
            told[name] = rows if {*key} - {*place} else rows[0] if rows else None
        return told


def _headers(tag: str) -> dict[str, str]:
    return {"ETag": tag, **_FOR_ONE_ONLY}


def _csv(
    reader: Reader, asked: Asked, question: Question, place: dict[str, str], tag: str
) -> Response:
    """All rows as the export writes them: no cell is a formula."""
    paged = [name for name in ("limit", "cursor") if name in asked.given]
    if paged:
        raise wrong_parameters(dict.fromkeys(paged, "A CSV has all rows: leave it out."))
    if "student_id" in place:
        _require_student(reader, place)
    if asked.route.is_one and not count(reader, question.rows):
        raise not_found()
    with everything(reader, question.rows) as found:
        body = b"".join(csv_parts(Answer(found)))
    name = f'attachment; filename="{asked.route.file_name}.csv"'
    return Response(
        body, headers={**_headers(tag), "Content-Disposition": name}, media_type="text/csv"
    )


def _classes(seen: Seen, name: str | None) -> Sequence[SeenClass]:
    """The class of the path, or all that the viewer sees. Raises a problem."""
    if name is None:
        return seen.classes
    found = seen.classes_called(name)
    if not found:
        raise not_found()
    if len(found) > 1:
        ids = ", ".join(one.class_id for one in found)
        raise Problem(HTTPStatus.NOT_FOUND, f"Several classes are called so: take an id of {ids}.")
    return found


def _place(asked: Asked, classes: Sequence[SeenClass]) -> dict[str, str]:
    """What the path fixes, by column. A student is known by what the viewer sees: id or alias."""
    place: dict[str, str] = {}
    if asked.class_name is not None:
        place["class_id"] = classes[0].class_id
    if asked.student_id is not None:
        place["student_id"] = asked.student_id
    return place


def _require_student(reader: Reader, place: dict[str, str]) -> None:
    """Raise 404 unless the viewer may see the student in the class."""
    found = reader.rows(
        "core.class_students",
        ("class_id",),
        where='"class_id" = ? AND "student_id" = ?',
        parameters=[place["class_id"], place["student_id"]],
        limit=1,
    )
    if not found:
        raise not_found()


def wants_csv(accept: str) -> bool:
    """Whether CSV is what a client would rather have than JSON."""
    best, wanted = 0.0, ""
    for part in accept.split(","):
        kind, *options = (word.strip().lower() for word in part.split(";"))
        weight = next((_weight(o[2:]) for o in options if o.startswith("q=")), 1.0)
        if kind in ("text/csv", "application/json", "application/*", "*/*") and weight > best:
            best, wanted = weight, kind
    return wanted == "text/csv"


def _weight(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def given_in(
    question: type[BaseModel], several: Container[str], pairs: Sequence[tuple[str, str]]
) -> dict[str, Any]:
    """The parameters that were given, by name. Raises a problem for what cannot be used.

    Args:
        question: the parameters that there are.
        several: those of them that may be given several times.
        pairs: names and values as they came.
    """
    given: dict[str, Any] = {}
    for name, value in pairs:
        if name in several:
            given.setdefault(name, []).append(value)
        elif name in given:
            raise wrong_parameters({name: "It counts once and is given several times."})
        else:
            given[name] = value
    if not given:
        return given
    try:
        return question.model_validate(given).model_dump(exclude_unset=True)
    except ValidationError as error:
        raise of_validation(error.errors(), [*question.model_fields]) from None
