"""What leaves the tables holds nobody whom the reader may not see: by the bytes of every file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cohort_tracker.reading.viewer import Night, Viewer
from hostile_cohort import NIGHTS, Person
from reading_fixture import FORMATS, Read, all_sql, as_bytes, built_cohort
from support import at_night

GROUPS: list[Night] = [
    (class_id, night.lower()) for class_id, nights in NIGHTS.items() for night in nights if night
]
VIEWERS = {
    "lead": Viewer(),
    "lead of a class": Viewer(classes=frozenset({"beta"})),
    "lead looking at a night": Viewer(nights=frozenset(GROUPS[:1])),
    "program": Viewer("program"),
    "mentor of nothing": Viewer("mentor", None, frozenset()),
    **{
        f"mentor of {class_id} on {night}": Viewer("mentor", None, frozenset({(class_id, night)}))
        for class_id, night in GROUPS
    },
    "mentor of two nights": Viewer("mentor", None, frozenset({GROUPS[0], GROUPS[3]})),
    "mentor of nights in a class only": Viewer("mentor", frozenset({"alpha"}), frozenset(GROUPS)),
}
# The rows are the same in every format, and some take long to write: these viewers see them all.
IN_EVERY_FORMAT = {"lead of a class", "mentor of two nights"}


@pytest.fixture(scope="module", params=[1, at_night(2), at_night(3), at_night(4)])
def read(request, tmp_path_factory) -> Read:
    """The tables of a hostile cohort."""
    return built_cohort(tmp_path_factory.mktemp("hostile"), request.param)


def may_see(person: Person, viewer: Viewer) -> bool:
    """Whether one of the person's groups is the viewer's, from the roster alone."""
    return viewer.role != "program" and any(
        (viewer.classes is None or class_id in viewer.classes)
        and (
            viewer.nights is None
            or (night is not None and (class_id, night.lower()) in viewer.nights)
        )
        for class_id, night in person.groups
    )


def hidden_words(read: Read, viewer: Viewer) -> frozenset[str]:
    """The words of everybody whom the viewer may not see."""
    cohort = read.cohort
    if viewer.hide_names:
        return cohort.everybody() | cohort.of_nobody
    seen = [
        person.words for person in (*cohort.students, *cohort.mentors) if may_see(person, viewer)
    ]
    everybody = cohort.everybody()
    if viewer == VIEWERS["lead"]:
        return frozenset()
    if viewer == VIEWERS["lead of a class"]:
        everybody -= cohort.of_the_lead  # one of the refused records is of the class
    return everybody.difference(*seen)


def words_in(content: bytes, words: Iterable[str]) -> set[str]:
    """Which of the words are in the bytes, in any case."""
    pattern = "|".join(map(re.escape, words))
    return (
        {found.decode() for found in re.findall(pattern.encode(), content.lower())}
        if pattern
        else set()
    )


@pytest.mark.parametrize("who", VIEWERS)
def test_no_file_holds_anybody_else(read: Read, who: str):
    viewer = VIEWERS[who]
    hidden = hidden_words(read, viewer)
    own = {
        word for person in read.cohort.students if may_see(person, viewer) for word in person.words
    }
    found: set[str] = set()
    with read.reader(viewer) as reader:
        for name, sql in all_sql(reader).items():
            for format_name in FORMATS if who in IN_EVERY_FORMAT else ("csv",):
                content = as_bytes(reader, sql, format_name)
                assert words_in(content, hidden) == set(), (name, format_name)
                found |= words_in(content, own)
    assert found == own, "who may be seen is seen"


@pytest.mark.parametrize(
    "viewer",
    [
        Viewer(hide_names=True),
        Viewer("mentor", None, frozenset(GROUPS[1:3]), hide_names=True),
        Viewer("program", hide_names=True),
    ],
    ids=["lead", "mentor", "program"],
)
def test_where_names_are_hidden_no_file_holds_anybody(read: Read, viewer: Viewer):
    hidden = hidden_words(read, viewer)
    assert len(hidden) > 100
    with read.reader(viewer) as reader:
        for name, sql in all_sql(reader).items():
            for format_name in FORMATS if viewer.role == "lead" else ("csv",):
                content = as_bytes(reader, sql, format_name)
                assert words_in(content, hidden) == set(), (name, format_name)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    role=st.sampled_from(["lead", "mentor"]),
    classes=st.none() | st.sets(st.sampled_from([*NIGHTS, "of nobody"])),
    nights=st.sets(st.sampled_from([*GROUPS, ("alpha", "(no night)"), ("beta", "wednesday")])),
    data=st.data(),
)
def test_no_mixture_of_classes_and_nights_shows_anybody_else(
    read: Read, role, classes, nights, data
):
    viewer = Viewer(role, None if classes is None else frozenset(classes), frozenset(nights))
    hidden = hidden_words(read, viewer)
    with read.reader(viewer) as reader:
        every = all_sql(reader)
        for name in data.draw(st.lists(st.sampled_from(sorted(every)), min_size=5, max_size=5)):
            content = as_bytes(reader, every[name], "csv")
            assert words_in(content, hidden) == set(), name


def test_lead_of_a_class_reads_what_was_refused_of_it_alone(read: Read, tmp_path: Path):
    mine, of_others = (row["record_id"] for row in reversed(read.cohort.tables["rejected_records"]))
    with read.reader(VIEWERS["lead of a class"]) as reader:
        content = b"".join(as_bytes(reader, sql, "csv") for sql in all_sql(reader).values())
    assert words_in(content, read.cohort.of_the_lead) == {mine}
    assert mine != of_others


@pytest.mark.parametrize(
    ("who", "classes"),
    [
        ("mentor of alpha on monday", {"alpha"}),
        ("mentor of two nights", {"alpha", "beta"}),
        ("mentor of nights in a class only", {"alpha"}),
        ("mentor of nothing", set()),
        ("lead looking at a night", {"alpha", "beta"}),
        ("lead of a class", {"beta"}),
    ],
)
def test_figures_of_classes_are_of_the_own_ones(read: Read, who: str, classes: set[str]):
    with read.reader(VIEWERS[who]) as reader:
        for name in ("marts.class_summary", "marts.blockers", "core.curriculum"):
            assert {row["class_id"] for row in reader.rows(name)} == classes, name
        assert {row["id"] for row in reader.rows("core.classes")} == classes
