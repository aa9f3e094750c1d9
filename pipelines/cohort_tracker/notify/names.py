"""How students are called in messages: in short, in full, or by an alias."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping

from ..reading.reader import Reader
from .harmless import harmless

FullName = tuple[str | None, str | None]
_COLUMNS = ("student_id", "first_name", "last_name", "email")


def names_of(reader: Reader, page_reader: Reader, class_id: str, kind: str) -> dict[str, str]:
    """What to call each student of a class, by id, harmless: `kind` is a channel's `names`.

    `reader` is one with names: the ids are what the ledger knows students by. `page_reader` hides
    them where `kind` is `none`.
    """
    rows = reader.rows(
        "marts.student_health", _COLUMNS, where="class_id = ?", parameters=[class_id]
    )
    full = {row["student_id"]: (row["first_name"], row["last_name"]) for row in rows}
    if kind == "none":
        return {id_: harmless(page_reader.shown_id(id_)) for id_ in full}
    called = short_names(full) if kind == "short" else {id_: _whole(n) for id_, n in full.items()}
    shown = {id_: harmless(name or id_) for id_, name in called.items()}
    emails = {row["student_id"]: row["email"] or "" for row in rows} if kind == "full" else {}
    marks = told_apart(shown, emails)
    return {id_: f"{name} ({marks[id_]})" if id_ in marks else name for id_, name in shown.items()}


def told_apart(shown: Mapping[str, str], emails: Mapping[str, str]) -> dict[str, str]:
    """What tells students apart who are called by the same name, by id; of nobody else.

    It is the end of the id, which gives nothing away, or the beginning of the e-mail address where
    `emails` has one of their own for each: as much as differs, and no more.
    """
    alike: dict[str, dict[str, str]] = defaultdict(dict)
    for id_, name in shown.items():
        alike[name.casefold()][id_] = emails.get(id_, "").strip()
    marks: dict[str, str] = {}
    for group in alike.values():
        if len(group) > 1:
            marks |= _beginnings(group) or _ends(group)
    return marks


def _beginnings(emails: Mapping[str, str]) -> dict[str, str] | None:
    """The shortest beginnings of e-mail addresses that differ; None where there are none."""
    folded = [email.casefold() for email in emails.values()]
    if not all(folded) or len(set(folded)) < len(folded):
        return None
    longest = max(map(len, folded))
    length = next(n for n in range(1, 1 + longest) if len({f[:n] for f in folded}) == len(folded))
    return {id_: f"{harmless(email[:length])}…" for id_, email in emails.items()}


def _ends(ids: Collection[str]) -> dict[str, str]:
    """The shortest ends of ids that differ, of at least four characters."""
    lengths = range(4, 1 + max(4, *map(len, ids)))
    length = next(n for n in lengths if len({id_[-n:] for id_ in ids}) == len(ids))
    return {id_: f"…{harmless(id_[-length:])}" for id_ in ids}


def short_names(names: Mapping[str, FullName]) -> dict[str, str]:
    """First name and initial; of who would be called alike, as much more as tells them apart."""
    found = {id_: _short(name, 1) for id_, name in names.items()}
    for length in range(2, 1 + max((len(last or "") for _, last in names.values()), default=0)):
        called: dict[str, set[FullName]] = defaultdict(set)
        for id_, shown in found.items():
            called[shown].add(names[id_])
        for id_, shown in list(found.items()):
            if len(called[shown]) > 1:
                found[id_] = _short(names[id_], length)
    return found


def _whole(name: FullName) -> str:
    return " ".join(filter(None, name))


def _short(name: FullName, length: int) -> str:
    first, last = name
    if not first or not last:
        return _whole(name)
    kept = last[:length]
    return f"{first} {kept}." if len(kept) < len(last) else f"{first} {last}"
