"""What a digest and an alert say of each person, and on which day a digest is due."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from cohort_tracker.channels import MENTOR_RULES
from cohort_tracker.notify.alerts import alert
from cohort_tracker.notify.audience import Audience
from cohort_tracker.notify.digest import digest, digest_keys
from cohort_tracker.notify.names import names_of
from cohort_tracker.reading.brief import brief
from cohort_tracker.reading.briefing import Reason, Student, WeekScore
from cohort_tracker.reading.contacts import Contact
from cohort_tracker.reading.published import opened
from cohort_tracker.reading.reader import Reader
from cohort_tracker.reading.scope import groups_of, viewer_for
from report_cohorts import ReportData

TUESDAY = datetime(2026, 3, 24, 17, tzinfo=UTC)


@pytest.fixture(scope="module")
def group(report_data: ReportData) -> Iterator[Audience]:
    """Thursday of the class with somebody on each list."""
    raw = report_data.data / "raw.db"
    with opened(report_data.data / "warehouse.duckdb") as connection:
        viewer = viewer_for(connection, classes=["web-1"], night="Thursday")
        reader = Reader(connection, viewer, raw)
        [of_night] = groups_of(connection, viewer)
        names = names_of(reader, reader, "web-1", "full")
        yield Audience(reader, reader, of_night, brief(reader, of_night), names, TUESDAY)


@pytest.fixture
def somebody(group: Audience) -> Student:
    """A student who fell, as last week."""
    [found] = [s for s in group.briefing.slipping if s.name == "Student falls"]
    return replace(
        found,
        tier="high",
        previous_tier="high",
        is_newly_called=False,
        reasons=tuple(Reason(f"code{n}", f"Reason {n}") for n in range(1, 4)),
        start_name="Joins",
        start_days=8,
    )


def said_of(group: Audience, student: Student) -> str:
    """The line of a student who is alone on the list."""
    lists: dict[str, Any] = dict.fromkeys(("slipping", "gone_quiet", "never_started"), ())
    lists[student.call_list or ""] = (student,)
    alone = replace(group, briefing=replace(group.briefing, everyone=(student,), **lists))
    lines = digest(alone, "week", ()).body(()).splitlines()
    [line] = [line for line in lines if line.startswith("• Student falls: ")]
    return line.removeprefix("• Student falls: ")


def test_it_says_who_what_changed_why_and_where_to_start(group: Audience, somebody: Student):
    assert said_of(group, somebody) == (
        "High risk. Reason 1. Reason 2. Start here: Joins (8 days)."
    )
    one_day = replace(somebody, start_days=1)
    assert said_of(group, one_day).endswith("Start here: Joins (1 day).")
    waits_nowhere = replace(somebody, start_days=None)
    assert said_of(group, waits_nowhere).endswith("Start here: Joins.")
    has_nothing_to_start = replace(somebody, start_name=None)
    assert said_of(group, has_nothing_to_start) == "High risk. Reason 1. Reason 2."


@pytest.mark.parametrize(
    ("tier", "before", "earlier", "said"),
    [
        ("critical", "medium", "low", "Critical, was medium last week."),
        ("medium", "low", "low", "Medium risk, was low last week."),
        ("medium", "medium", "low", "Medium risk, was medium last week, low the week before."),
        ("low", "medium", "low", "Low risk, was medium last week, low the week before."),
        ("medium", "n_a", "low", "Medium risk."),
        ("medium", None, "n_a", "Medium risk."),
    ],
)
def test_it_says_what_the_tier_was(
    group: Audience, somebody: Student, tier: str, before: str | None, earlier: str, said: str
):
    day = date(2026, 3, 22)
    weeks = tuple(WeekScore(day, day, 70.0, t, True) for t in (earlier, before or "n_a", tier))
    student = replace(somebody, tier=tier, previous_tier=before, weeks=weeks)
    assert said_of(group, student).startswith(f"{said} Reason 1.")


def test_it_says_who_is_new_and_how_long_the_silent_are_silent(group: Audience, somebody: Student):
    quiet = replace(somebody, call_list="gone_quiet", days_silent=15, is_newly_called=True)
    assert said_of(group, quiet).startswith("High risk. New on the list. Silent for 15 days. Rea")
    told = replace(quiet, reasons=(Reason("silent", "Nothing completed for 15 days"),))
    assert said_of(group, told).startswith("High risk. New on the list. Nothing completed for")


@pytest.mark.parametrize(
    ("tier", "call_list", "said"),
    [
        ("medium", "slipping", "Got worse within the last two weeks."),
        ("low", "slipping", "Got worse within the last two weeks."),
        ("high", "slipping", "No single reason stands out."),
        ("medium", "never_started", "No single reason stands out."),
    ],
)
def test_nobody_is_named_without_a_word_why(
    group: Audience, somebody: Student, tier: str, call_list: str, said: str
):
    student = replace(somebody, tier=tier, previous_tier=tier, call_list=call_list, reasons=())
    assert f". {said} Start here" in said_of(group, student)


def test_contacts_of_more_than_a_week_ago_are_told(group: Audience, somebody: Student):
    def met(days: int) -> Student:
        on = TUESDAY.date() - timedelta(days=days)
        return replace(somebody, contacts=(Contact("1", on, "call", "Ravi", None),))

    assert said_of(group, met(7)).endswith("Last contact 17 March.")
    with pytest.raises(ValueError, match="not enough values"):
        said_of(group, met(6))


@pytest.mark.parametrize(
    ("night", "day", "due"),
    [
        (None, 23, 23),
        (None, 24, 23),
        (None, 29, 23),
        ("Thursday", 26, 26),
        ("Thursday", 25, 19),
        ("thursdays, 6 pm", 27, 26),
        ("Blue group", 29, 23),
        ("Sunday", 28, 22),
    ],
)
def test_digest_of_a_week_is_due_on_the_day_of_the_night(
    group: Audience, night: str | None, day: int, due: int
):
    at = datetime(2026, 3, day, 17, tzinfo=UTC)
    there = replace(
        group, group=replace(group.group, night=night), briefing=replace(group.briefing, as_of=at)
    )
    about = f"web-1|{(night or '').casefold()}"
    [key] = digest_keys(there, "week")
    assert key.text == f"digest|week|2026-03-{due}|{about}"
    assert [k.text for k in digest_keys(there, "day")] == [f"digest|day|2026-03-{day}|{about}"]
    asked = [k.text.split("|")[2] for k in digest_keys(there, "week", is_asked_for=True)]
    assert asked == list(dict.fromkeys([f"2026-03-{day}", f"2026-03-{due}"]))


def test_days_are_those_of_the_class(group: Audience):
    at = datetime(2026, 3, 24, 2, tzinfo=UTC)  # still Monday in New York
    briefing = replace(group.briefing, as_of=at, timezone="America/New_York")
    there = replace(group, briefing=briefing)
    assert there.data_on == date(2026, 3, 23)
    assert there.foot == "Data up to Monday 23 March 2026, 22:00."
    assert digest_keys(there, "day")[0].text.startswith("digest|day|2026-03-23|")


@pytest.mark.parametrize(("number", "rest"), [(8, []), (9, ["• and 1 more"])])
def test_more_than_eight_of_a_list_are_counted(
    group: Audience, somebody: Student, number: int, rest: list[str]
):
    many = tuple(replace(somebody, student_id=f"s{n}") for n in range(number))
    briefing = replace(group.briefing, slipping=many, gone_quiet=(), never_started=())
    lines = digest(replace(group, briefing=briefing), "week", ()).body(()).splitlines()
    assert lines[0].startswith(f"{number} to reach out to")
    told = lines[lines.index("Slipping") + 1 :]
    told = told[: told.index("")]
    assert [line[:23] for line in told[:8]] == ["• Somebody: High risk. "] * 8
    assert told[8:] == rest


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        (MENTOR_RULES, "newly at risk"),
        (("got_worse",), "got worse"),
        (("newly_stuck", "got_worse", "entered_at_risk"), "newly at risk"),
    ],
)
def test_who_is_newly_at_risk_is_not_also_worse(
    group: Audience, rules: tuple[str, ...], words: str
):
    message = alert(group, rules, {})
    assert message is not None
    [entry] = [e for e in message.entries if any("web-1/marks" in k.text for k in e.keys)]
    first, *_ = entry.rest.split(". ")
    assert first.removeprefix(": ").split(", ")[0] == words
    assert ("got worse" in first) is (words == "got worse")
    assert "Risk is high, was medium" in entry.rest
    told = {key.text.split("|")[2] for key in entry.keys}
    assert told >= {"entered_at_risk", "got_worse"} & set(rules)
