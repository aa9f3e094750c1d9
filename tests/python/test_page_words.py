"""What the page says: whom to reach out to and why, what is wrong, and plain words for nothing."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from cohort_tracker.reading.briefing import Reason, Recovery, Student, WeekScore
from cohort_tracker.reading.contacts import Contact
from cohort_tracker.reading.details import Regrade, Signal, StudentDetails
from cohort_tracker.reading.freshness import Freshness
from cohort_tracker.warehouse.fingerprint import FailedBuild
from cohort_tracker.web.page import Page, render
from html_page import Element, check_structure, parse
from page_cohort import Cohort

AT = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)
FRESH = Freshness(AT, AT, None, None, is_stale=False)


@pytest.fixture(scope="module")
def group(cohort: Cohort) -> Page:
    """The page of the group of a night."""
    return replace(cohort.page("data-m1", "Thursday"), freshness=FRESH)


@pytest.fixture(scope="module")
def somebody(group: Page) -> Student:
    """A student at high risk, as last week, without a contact."""
    some = next(s for s in group.briefing.everyone if s.weeks and s.score is not None)
    return replace(
        some,
        student_id="x1",
        name="Ada Example",
        email="ada@example.org",
        tier="high",
        previous_tier="high",
        call_list="slipping",
        is_newly_called=False,
        reasons=tuple(Reason(f"code{n}", f"Reason number {n}") for n in range(1, 5)),
        start_name="Joins Without Tears",
        start_days=42,
    )


def with_students(page: Page, *students: Student, **details: StudentDetails) -> Page:
    """The page with only these students, each on the list that the student is on."""
    lists = ("slipping", "gone_quiet", "never_started")
    called: dict[str, Any] = {n: tuple(s for s in students if s.call_list == n) for n in lists}
    briefing = replace(
        page.briefing,
        everyone=students,
        students=len(students),
        judged=sum(s.tier != "n_a" for s in students),
        recovered=(),
        places=(),
        stuck_students=0,
        reviews=(),
        open_reviews=0,
        overdue_reviews=0,
        **called,
    )
    return replace(page, briefing=briefing, details=details)


def tree_of(page: Page) -> Element:
    tree = parse(render(page))
    check_structure(tree)
    return tree


def test_a_card_says_who_why_what_changed_and_where_to_start(group: Page, somebody: Student):
    tree = tree_of(with_students(group, somebody))
    card = tree.one("article")
    assert card.one("h4").one("bdi").text == "Ada Example"
    state, start, mail = (p.text for p in card.all("p") if p.parent is card)
    assert state == "high risk as last week"
    assert [item.text for item in card.all("li")] == ["Reason number 1", "Reason number 2"]
    assert start == "Start here: Joins Without Tears (42 days)"
    assert mail == "ada@example.org"
    assert card.one("a").attributes["href"] == "mailto:ada@example.org"
    fold = card.one("details")
    assert "Reason number 3" in fold.text and "Reason number 4" in fold.text
    assert "Reason number 1" not in fold.text


@pytest.mark.parametrize(
    ("tier", "previous", "is_new", "said"),
    [
        ("critical", "medium", True, "critical risk was medium last week new"),
        ("low", "n_a", False, "low risk no verdict last week"),
        ("low", None, True, "low risk new"),
        ("medium", "medium", False, "medium risk as last week"),
    ],
)
def test_what_changed_is_said(
    group: Page, somebody: Student, tier: str, previous: str | None, is_new: bool, said: str
):
    student = replace(somebody, tier=tier, previous_tier=previous, is_newly_called=is_new, weeks=())
    card = tree_of(with_students(group, student)).one("article")
    assert card.all("p")[0].text == said


def test_of_who_has_gone_quiet_the_silence_is_said_once(group: Page, somebody: Student):
    quiet = replace(somebody, call_list="gone_quiet", days_silent=15)
    card = tree_of(with_students(group, quiet)).one("article")
    assert card.all("p")[0].text == "high risk as last week · 15 days silent"
    reasons = (quiet.reasons[0], replace(quiet.reasons[1], code="silent"), *quiet.reasons[2:])
    card = tree_of(with_students(group, replace(quiet, reasons=reasons))).one("article")
    assert card.all("p")[0].text == "high risk as last week"


def test_who_fell_two_weeks_back_was_better_then(group: Page, somebody: Student):
    day = group.briefing.as_of.date() if group.briefing.as_of else None
    assert day is not None
    weeks = tuple(WeekScore(day, day, 70.0, tier, True) for tier in ("low", "medium", "medium"))
    student = replace(somebody, tier="medium", previous_tier="medium", weeks=weeks)
    card = tree_of(with_students(group, student)).one("article")
    assert card.all("p")[0].text == "medium risk as last week, low the week before"
    high = replace(student, tier="high", previous_tier="high")
    assert tree_of(with_students(group, high)).one("article").all("p")[0].text == (
        "high risk as last week"
    )


@pytest.mark.parametrize(
    ("tier", "said"),
    [("medium", "Got worse within the last two weeks."), ("high", "No single reason stands out.")],
)
def test_a_card_without_a_reason_says_so(group: Page, somebody: Student, tier: str, said: str):
    card = tree_of(with_students(group, replace(somebody, tier=tier, reasons=()))).one("article")
    assert said in [p.text for p in card.all("p")]


def test_where_to_start_needs_no_days(group: Page, somebody: Student):
    one = replace(somebody, start_days=None)
    none = replace(somebody, student_id="x2", name="Bo", start_name=None, start_days=None)
    first, second = tree_of(with_students(group, one, none)).all("article")
    assert "Start here: Joins Without Tears" in [p.text for p in first.all("p")]
    assert "Start here" not in second.text


def test_contacts_stand_on_the_card_the_newest_first(group: Page, somebody: Student):
    old = Contact("c1", date(2026, 11, 2), "mail", None, None)
    new = Contact("c2", date(2026, 11, 12), "call", "Mei", "will come on Monday")
    card = tree_of(with_students(group, replace(somebody, contacts=(new, old)))).one("article")
    texts = [p.text for p in card.all("p") if p.parent is card]
    assert "Called on 12 November by Mei: will come on Monday" in texts
    assert "Written to on 2 November" not in texts
    assert "Written to on 2 November" in card.one("details").text
    assert "Called" not in card.one("details").text
    other = replace(somebody, student_id="x2", call_list=None, contacts=(old,))
    tree = tree_of(with_students(group, somebody, other))
    assert "Nobody has noted a contact with any of them." in tree.text
    assert "Written to on 2 November" in tree.by_id("all").one("details").text
    tree = tree_of(with_students(group, replace(somebody, contacts=(old,))))
    assert "Nobody has noted a contact" not in tree.text


@pytest.mark.parametrize(
    ("address", "link"),
    [
        ("o'neil+1@example.org", "mailto:o%27neil%2B1@example.org"),
        ("a?cc=b&x@example.org", "mailto:a%3Fcc%3Db%26x@example.org"),
        ("zoë@example.org", "mailto:zo%C3%AB@example.org"),
        ("a@b@example.org", None),
        ("no address", None),
        ("a b@example.org", None),
        ("x" * 200 + "@example.org", None),
    ],
)
def test_a_mail_link_leads_to_one_address_only(
    group: Page, somebody: Student, address: str, link: str | None
):
    card = tree_of(with_students(group, replace(somebody, email=address))).one("article")
    assert [a.attributes["href"] for a in card.all("a")] == ([link] if link else [])
    assert address[:50] in card.text


def test_more_than_eight_are_folded_with_their_count(group: Page, somebody: Student):
    for count, folded in ((8, 0), (9, 1), (12, 4)):
        students = [replace(somebody, student_id=f"x{n}", name=f"S {n}") for n in range(count)]
        tree = tree_of(with_students(group, *students))
        more = tree.all("details", class_="more")
        assert len(tree.all("article")) == count
        if folded:
            assert more[0].children[0].text == f"{folded} more who are slipping"
            assert len(more[0].all("article")) == folded
        else:
            assert not more


def test_only_counts_that_are_not_nothing_stand_on_top(group: Page, somebody: Student):
    assert not tree_of(with_students(group, replace(somebody, call_list=None))).all(
        "ul", class_="counts"
    )
    quiet = replace(somebody, student_id="x2", call_list="gone_quiet", is_newly_called=True)
    never = replace(somebody, student_id="x3", call_list="never_started")
    tree = tree_of(with_students(group, somebody, quiet, never))
    assert [li.text for li in tree.one("ul", class_="counts").all("li")] == [
        "3 to reach out to",
        "1 new since last week",
    ]
    briefing = replace(
        with_students(group, somebody).briefing,
        recovered=(Recovery("x9", "Bo", None, "recovered", "Risk is low, was high"),),
        stuck_students=2,
        places=group.briefing.places,
        reviews=group.briefing.reviews,
        open_reviews=12,
        overdue_reviews=1,
    )
    tree = tree_of(replace(group, briefing=briefing, details={}))
    assert [li.text for li in tree.one("ul", class_="counts").all("li")] == [
        "1 to reach out to",
        "1 recovered",
        "2 stuck",
        "1 review overdue",
    ]
    assert "Bo: Risk is low, was high" in tree.one("section", aria_labelledby="recovered").text
    assert "And 7 more that wait less long; 1 of all 12 are overdue." in tree.text


def test_times_are_those_of_the_class(group: Page):
    briefing = replace(group.briefing, as_of=AT, timezone="America/Los_Angeles")
    text = tree_of(replace(group, briefing=briefing)).one("header").text
    assert "data up to Mon 23 November 2026, 15:30 · last sync Mon 23 November" in text
    assert "times are those of America/Los_Angeles" in text


def test_what_is_wrong_stands_on_top_in_red(group: Page):
    assert not tree_of(group).all("div", class_="alarm")
    failed = FailedBuild(AT, AT + timedelta(hours=1), "a test of the tables failed")
    for bad, words in (
        (replace(FRESH, is_stale=True), "The class was last read Mon 23 November 2026"),
        (replace(FRESH, is_stale=True, synced_at=None), "The class was never read to its end."),
        (replace(FRESH, failed_sync="503 (tried 5 times)"), "failed: 503 (tried 5 times)"),
        (replace(FRESH, failed_build=failed), "so these are older ones: a test of the tables"),
    ):
        [alarm] = tree_of(replace(group, freshness=bad)).all("div", class_="alarm")
        assert words in alarm.text and len(alarm.all("li")) == 1
    stale = replace(group.briefing, is_stale=True)
    assert tree_of(replace(group, briefing=stale)).all("div", class_="alarm")


def test_a_class_that_is_over_or_pauses_is_said_to(group: Page, somebody: Student):
    left = replace(somebody, tier="n_a", call_list=None, n_a_reason="the class is over")
    page = with_students(group, left)
    over = replace(page.briefing, group=replace(page.briefing.group, is_over=True))
    tree = tree_of(replace(page, briefing=over))
    assert "This class is over" in tree.one("header").text
    assert "Nobody: the class is over." in tree.one("main").text
    assert not tree.all("article") and not tree.all("ul", class_="counts")
    paused = replace(page.briefing, paused_since=date(2026, 11, 9))
    assert "pauses since 9 November" in tree_of(replace(page, briefing=paused)).one("header").text


def test_who_has_no_verdict_is_told_with_the_reason(group: Page, somebody: Student):
    new = replace(somebody, tier="n_a", call_list=None, n_a_reason="in the first days")
    bo = replace(new, student_id="x2", name="Bo", n_a_reason=None)
    page = with_students(group, new, bo, replace(bo, student_id="x3", name="Cy"))
    tree = tree_of(page)
    assert "Nobody has a verdict yet" in tree.one("section", aria_labelledby="reach").text
    section = tree.one("section", aria_labelledby="no-verdict")
    assert [dt.text for dt in section.all("dt")] == ["Not known 2", "In the first days 1"]
    assert [dd.text for dd in section.all("dd")] == ["Bo, Cy", "Ada Example"]


def test_a_group_without_anybody_or_anything_gets_plain_words(group: Page, somebody: Student):
    empty = with_students(group)
    assert "Nobody is in this group yet." in tree_of(empty).one("main").text
    bare = replace(somebody, call_list=None, weeks=(), reasons=(), assignments=0, completed=0)
    bare = replace(bare, days_silent=None, class_score=None)
    page = with_students(group, bare)
    tree = tree_of(replace(page, briefing=replace(page.briefing, weeks=(), as_of=None)))
    assert "Nobody needs a call tonight." in tree.text
    assert "no work yet" in tree.by_id("all").text
    headings = [h.text for h in tree.one("main").all("h2")]
    assert headings == ["Reach out first", "Everyone 1"]
    gone = replace(bare, is_enrolled=False, tier="n_a")
    assert (
        tree_of(with_students(group, gone))
        .by_id("all")
        .one("summary")
        .text.startswith("Ada Example left")
    )


def test_a_small_class_is_told_that_tiers_mean_little(group: Page, somebody: Student):
    for count, told in ((1, True), (9, True), (10, False)):
        students = [replace(somebody, student_id=f"x{n}", name=f"S {n}") for n in range(count)]
        text = tree_of(with_students(group, *students)).one("footer").text
        assert (f"n = {count}." in text) is told


def test_what_the_score_was_worth_is_told(group: Page):
    text = tree_of(group).one("footer").text
    assert "critical risk 96%, high risk 63%, medium risk 46%, low risk 12% failed" in text
    assert "In a class of 40 chance alone moves that figure by about 6%" in text
    assert f"by Cohort Tracker 1.2.3, from build {group.build_id}" in text


def test_signs_are_told_with_their_limits_and_no_sentence_twice(group: Page, somebody: Student):
    signals = (
        Signal("inactivity", "fail", "Reason number 1", "days", 20.0, 5.0, 7.0, 14.0),
        Signal("progress", "watch", "3 of 5 done", "share", 0.6, 0.9, 0.75, 0.5),
        Signal("momentum", "fail", "Nothing lately", "completions", 0.0, 3.0, 1.5, 0.75),
        Signal("grades", "pass", "All grades are fine", "share", 0.0, 0.1, 0.25, 0.5),
    )
    regrades = (Regrade("Joins", 0.5, 0.75, AT), Regrade("Loops", None, None, AT))
    details = StudentDetails(signals=signals, regrades=regrades)
    fold = tree_of(with_students(group, somebody, x1=details)).one("article").one("details")
    told = [p.text for p in fold.all("p")]
    assert "Silence (warning from 14 days)" in told
    assert "3 of 5 done (worth a look below 75%)" in told
    assert "Nothing lately (warning below 0.8)" in told
    assert "All grades are fine" not in fold.text
    zone = "Mon 23 November 2026, 23:30"
    assert f"Grade changed {zone}: Joins, from 50% to 75%" in told
    assert f"Grade changed {zone}: Loops" in told


def test_the_marks_of_work_say_what_the_tables_say(cohort: Cohort, group: Page):
    marks = {"completed": "=", "in_progress": "~", "not_started": "."}
    tree = parse(render(group))
    numbers = {s.student_id: n for n, s in enumerate(group.briefing.everyone, start=1)}
    rows = tree.by_id("all").children
    for student in group.briefing.everyone:
        work = cohort.rows(
            "select state, is_passed, section from core.student_assignments"
            " join core.curriculum using (class_id, assignment_id)"
            f" where student_id = '{student.student_id}'"
            f" and class_id = '{group.briefing.group.class_id}'"
            " order by core.curriculum.position"
        )
        place = numbers[student.student_id]
        where = tree.by_id(f"s{place}") if student.call_list else rows[place - 1]
        line = where.one("p", class_="w")
        drawn = line.one("span").text.replace(" ", "")
        assert drawn == "".join(
            "x" if row["state"] == "completed" and not row["is_passed"] else marks[row["state"]]
            for row in work
        )
        counts = re.findall(r"(\d+)/(\d+)", line.text)
        assert sum(int(done) for done, _ in counts) == student.completed
        assert sum(int(all_) for _, all_ in counts) == student.assignments
        gaps = line.one("span").text.split(" ")
        assert [len(part) for part in gaps] == [int(all_) for _, all_ in counts]


@pytest.mark.parametrize(
    ("share", "said"),
    [(0.0, "0%"), (0.001, "1%"), (0.014, "1%"), (0.994, "99%"), (0.9999, "99%"), (1.0, "100%")],
)
def test_nearly_all_is_not_all_and_little_is_not_nothing(group: Page, share: float, said: str):
    [*_, last] = group.briefing.weeks
    briefing = replace(group.briefing, weeks=(replace(last, completion_rate=share),))
    section = tree_of(replace(group, briefing=briefing)).one("section", aria_labelledby="moves")
    assert section.all("td")[3].text == said


def test_of_a_long_course_the_last_weeks_are_drawn(group: Page):
    [*_, last] = group.briefing.weeks
    for count, told in ((26, False), (27, True)):
        weeks = tuple(replace(last, completions=n, is_complete=True) for n in range(count))
        briefing = replace(group.briefing, weeks=weeks)
        section = tree_of(replace(group, briefing=briefing)).one("section", aria_labelledby="moves")
        assert ("Shown are the last 26 of 27 weeks." in section.text) is told
        [completed, _] = section.all("svg", class_="bars")
        assert completed.attributes["aria-label"].endswith(f", {count - 1}.")
        assert len(section.all("tr")) == 27


@pytest.mark.parametrize(
    ("scores", "over", "running", "said"),
    [
        ([80.0], [], ["M3 5h0"], "Scores this week so far 80"),
        ([80.0, 70.0], ["M3 5h0"], ["M3 5l9 2"], "Scores 80, this week so far 70"),
        ([None, 80.0, 70.0], ["M12 5h0"], ["M12 5l9 2"], "Scores none 80, this week so far 70"),
        ([80.0, None, 70.0], ["M3 5h0"], ["M21 7h0"], "Scores 80 none, this week so far 70"),
        ([80.0, 70.0, None], ["M3 5l9 2"], [], "Scores 80 70, this week so far none"),
        ([0.0, 100.0, 50.0], ["M3 18l9-16"], ["M12 2l9 8"], "Scores 0 100, this week so far 50"),
    ],
)
def test_weeks_without_a_score_are_gaps(
    group: Page,
    somebody: Student,
    scores: list[float | None],
    over: list[str],
    running: list[str],
    said: str,
):
    week = somebody.weeks[-1]
    weeks = tuple(
        replace(week, score=score, is_complete=place < len(scores) - 1)
        for place, score in enumerate(scores)
    )
    student = replace(somebody, call_list=None, weeks=weeks)
    svg = tree_of(with_students(group, student)).by_id("all").one("svg")
    assert svg.attributes["aria-label"] == said
    drawn = [(path.attributes.get("class"), path.attributes["d"]) for path in svg.all("path")]
    assert drawn == [(None, d) for d in over] + [("r", d) for d in running]
