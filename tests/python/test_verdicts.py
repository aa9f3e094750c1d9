"""What a mentor must see in small classes of which it can be said at a glance.

Each expectation is asked of the recomputation and of the tables.
"""

from datetime import date, datetime, timedelta
from itertools import pairwise

import pytest

from verdict_cohort import SYNCED_AT, day, students
from verdict_cohorts import BREAKS, FORTNIGHTLY, WEEKLY
from verdict_views import ClassView, from_recomputed, from_warehouse


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """Return what reads the tables of all classes, built once."""
    return from_warehouse(tmp_path_factory.mktemp("verdicts"))


@pytest.fixture(params=["recomputed", "tables"])
def see(request):
    """Return what shows a class by its name."""
    read = from_recomputed
    if request.param == "tables":
        read = request.getfixturevalue("tables")
    return lambda name: ClassView(read, name)


def on(name: str, moment: datetime) -> ClassView:
    """Return a class as it was seen at an earlier moment."""
    return ClassView(lambda mart, class_id: from_recomputed(mart, class_id, moment), name)


def all_low(seen: ClassView) -> bool:
    return set(seen.tiers().values()) == {"low"}


def nobody_is_flagged(seen: ClassView) -> bool:
    """Nobody is silent, stuck, at risk or to be called, and nothing blocks."""
    warned = [seen.flagged(signal) for signal in ("inactivity", "stuck", "momentum", "progress")]
    return all_low(seen) and not any([*warned, seen.call_list(), seen.stuck(), seen.blockers()])


# Who stops, and who goes on.


@pytest.mark.parametrize("name", ["massdrop", "survey", "retired_lesson"])
def test_who_stopped_together_is_critical_and_blocks_where_they_stopped(see, name):
    seen = see(name)
    stopped = students(10)[6:]
    assert seen.tiers() == {s: "critical" if s in stopped else "low" for s in students(10)}
    assert seen.call_list() == dict.fromkeys(stopped, "gone_quiet")
    # lesson 4 was first begun 49 days ago
    assert seen.stuck() == dict.fromkeys(stopped, ("4", 49))
    assert seen.blockers() == ["4"]
    assert seen.blocker("4")["stuck"] == 4
    assert seen.blocker("4")["reason_codes"] == "stuck"
    assert {seen.health()[s]["days_behind"] for s in stopped} == {52}


def test_the_one_who_still_works_sets_the_pace(see):
    seen = see("one_of_five_works")
    others = students(5)[1:]
    assert seen.tiers() == {"s01": "low", **dict.fromkeys(others, "critical")}
    assert seen.call_list() == dict.fromkeys(others, "gone_quiet")
    assert seen.blockers() == ["4"]
    assert [s for s, row in seen.health().items() if row["is_peer"]] == ["s01"]


def test_a_class_of_one_begins_with_its_student(see):
    seen = see("class_of_one")
    assert seen.summary()["begins_on"] == day(58)
    assert nobody_is_flagged(seen)


def test_of_two_the_slower_is_not_at_risk_of_being_slower(see):
    assert nobody_is_flagged(see("two_peers"))
    assert see("two_peers").health()["s01"]["class_score"] > 75


def test_who_stopped_more_than_35_days_before_the_others_sets_no_pace(see):
    health = see("peer_window").health()
    assert [s for s, row in health.items() if not row["is_peer"]] == ["without"]
    assert (health["within"]["excess_silence"], health["without"]["excess_silence"]) == (35, 36)
    # both had been away before, and came back for one lesson
    back = {s for s, event in see("peer_window").events() if event == "back_after_silence"}
    assert back == {"within", "without"}


def test_what_seven_of_ten_have_done_is_expected_and_six_is_not(see):
    seen = see("share_of_peers")
    missing = students(10)[7:]
    assert {row["expected_assignments"] for row in seen.health().values()} == {5}
    assert {s: t for s, t in seen.tiers().items() if t != "low"} == dict.fromkeys(missing, "medium")
    assert {seen.health()[s]["days_behind"] for s in missing} == {2}
    assert seen.blockers() == ["3", "4"]
    assert seen.blocker("3")["reason_codes"] == "skipped"
    assert seen.blocker("5")["status"] == "clear"
    # two weeks ago the three missed one of two lessons
    assert {(s, "entered_at_risk") for s in missing} < seen.events()
    assert {(s, "recovered") for s in missing} < seen.events()


def test_tiers_compare_with_the_class(see):
    seen = see("slipping")
    risks = {s: tier for s, tier in seen.tiers().items() if tier != "low"}
    assert risks == {"half": "high", "bad-grades": "high", "middling": "medium"}
    assert seen.call_list() == {"half": "slipping", "bad-grades": "slipping"}
    # 100 x (20 x 1 + 50 x 0.3 + 15 x 1 + 15 x 1) / 100, the class having 95
    scores = {s: float(row["score"]) for s, row in seen.health().items()}
    assert (scores["bad-grades"], scores["middling"], scores["s01"]) == (65, 85, 95)
    # 100 x (20 x 0.5 + 50 x 0.45 + 15 x (1 - 3 / 60) + 15 x 0.5) / 100
    assert scores["half"] == 54.3


def test_who_did_neither_of_the_last_two_has_gone_quiet(see):
    seen = see("last_two_missing")
    assert seen.call_list()["misses-both"] == "gone_quiet"
    assert set(seen.flagged("inactivity")) == {"misses-both", "misses-18", "misses-19"}
    # both lessons were first opened 8 days ago; the class's own silence is one day
    assert seen.stuck() == {"misses-both": ("18", 8), "misses-19": ("19", 8)}
    assert seen.flagged("stuck") == dict.fromkeys(seen.stuck(), "watch")
    # silent as long, and worse than two weeks ago
    assert seen.call_list()["misses-18"] == "slipping"
    assert seen.call_list()["misses-19"] == "slipping"


def test_two_peers_are_compared_and_one_is_compared_with_nobody(see):
    two = see("two_with_grades")
    # 85 is below 95 % of their median of 90
    assert {s: float(row["score"]) for s, row in two.health().items()} == {"s01": 95, "s02": 85}
    assert two.tiers() == {"s01": "low", "s02": "medium"}
    one = see("one_peer")
    assert [s for s, row in one.health().items() if row["is_peer"]] == ["s01"]
    # 100 x (20 x 1 + 50 x 0.9 + 15 x (1 - 40 / 60) + 15 x 1) / 100: no less than 75
    assert float(one.health()["s02"]["score"]) == 85
    assert one.tiers() == {"s01": "low", "s02": "low"}
    # worth a call all the same
    assert one.call_list() == {"s02": "gone_quiet"}


def test_finishers_stay_peers_and_nobody_recovers_because_they_are_done(see):
    seen = see("finishers")
    behind = students(20)[14:]
    assert seen.tiers() == {s: "high" if s in behind else "low" for s in students(20)}
    assert seen.call_list() == dict.fromkeys(behind, "slipping")
    assert all(row["is_peer"] for row in seen.health().values())
    assert not {event for _, event in seen.events()} & {"recovered", "back_after_silence"}
    assert {s for s, event in seen.events() if event == "finished"} == set(students(20)[:14])
    assert len(seen.event_keys("finished")) == 14
    # for months, whatever day it is
    since_then = [r for r in seen.weekly() if r["week_ends_on"] > day(70)]
    assert {r["tier"] for r in since_then if r["student"] in behind} == {"critical", "high"}


def test_who_has_finished_makes_nobody_elses_silence_usual(see):
    seen = see("quiet_among_finishers")
    # the class was last at work yesterday
    assert seen.flagged("inactivity") == {"quiet": "watch"}
    assert seen.health()["quiet"]["excess_silence"] == 11
    assert not {*seen.call_list(), *seen.stuck()} & set(students(6))


def test_an_early_bird_is_never_late(see):
    seen = see("early_bird")
    assert seen.health()["bird"]["timeliness_share"] == 1
    assert seen.call_list() == {"bird": "gone_quiet"}
    assert seen.blockers() == ["6"]
    assert seen.stuck() == {"bird": ("6", 25)}
    assert seen.summary()["begins_on"] == day(40)


def test_one_who_began_long_before_does_not_begin_the_class(see):
    seen = see("very_early_bird")
    assert seen.summary()["begins_on"] == day(13)
    bird = seen.health()["bird"]
    assert (bird["tier"], bird["days_silent"], bird["days_behind"]) == ("low", 13, 0)
    assert bird["timeliness_share"] == 1
    assert seen.flagged("inactivity") == {"bird": "watch"}
    assert not seen.call_list()


def test_two_begin_a_class_of_which_they_are_a_tenth(see):
    assert see("two_birds_of_twenty").summary()["begins_on"] == day(62)
    assert see("two_birds_of_twenty_one").summary()["begins_on"] == day(20)


def test_one_lesson_left_out_is_a_few_days_behind(see):
    seen = see("one_missed")
    assert {s: row["days_behind"] for s, row in seen.health().items() if row["days_behind"]} == {
        "s10": 5
    }
    assert all_low(seen)
    assert not seen.stuck()
    assert seen.blocker("2")["skipped"] == 1


def test_opening_it_again_does_not_reset_the_clock(see):
    seen = see("reopener")
    assert seen.stuck() == {"opener": ("4", 54)}
    assert seen.signal("stuck")["opener"] == "fail"
    # since the week of the 29th of January
    assert seen.event_keys("newly_stuck") == ["reopener|reopener/opener|newly_stuck|2026-01-26"]
    assert seen.blockers() == ["4"]


def test_waiting_begins_when_it_is_opened_on_the_day_it_was_reached(see):
    assert see("opens_at_once").stuck() == {"opener": ("4", 60)}


def test_nobody_is_stuck_at_what_nobody_has_opened(see):
    seen = see("front_runner")
    assert seen.flagged("inactivity") == {"fast": "fail"}
    assert not seen.stuck()
    assert not seen.flagged("stuck")
    assert seen.blocker("17")["reached"] == 0
    assert seen.tiers()["fast"] == "low"


# Work that is done again.


def test_redoing_work_leaves_the_past_as_it_was(see):
    seen = see("redo")
    weeks = seen.progress()
    assert [w["cumulative_completions"] for w in weeks] == [6, 12, 18, 24, 30, 36, 42, 48, 54]
    assert [w["completions"] for w in weeks] == [6] * 9
    assert nobody_is_flagged(seen)


def test_the_newest_grade_counts_and_the_first_day(see):
    seen = see("redone_for_a_grade")
    assert all_low(seen)
    assert len({row["score"] for row in seen.health().values()}) == 1
    scores = {r["week_ends_on"]: r["score"] for r in seen.weekly() if r["student"] == "s06"}
    # done again on a Monday: the week before knew nothing of it
    redone_on = day(15)
    assert scores[redone_on - timedelta(days=1)] < scores[redone_on + timedelta(days=6)]
    assert [w["completions"] for w in seen.progress()] == [6] * 9


# Meetings and breaks.


@pytest.mark.parametrize("name", [*WEEKLY, *FORTNIGHTLY])
def test_who_missed_one_meeting_is_watched_and_two_fails_on_whatever_day(see, name):
    seen = see(name)
    assert seen.flagged("inactivity") == {"missed-one": "watch", "missed-two": "fail"}
    excess = {s: row["excess_silence"] for s, row in seen.health().items()}
    # of a fortnight eight days count: that of the meeting, and seven of the break after it
    meetings_apart = 7 if name in WEEKLY else 8
    assert excess["missed-one"] == meetings_apart
    assert excess["missed-two"] == 2 * meetings_apart
    assert {excess[s] for s in students(8)} == {0}
    assert seen.call_list()["missed-two"] == "gone_quiet"
    assert set(seen.call_list()) <= {"missed-one", "missed-two"}
    assert {s for s, tier in seen.tiers().items() if tier == "low"} == set(students(8))
    # the lesson after the missed one is where to start again, but nobody is stuck at the newest
    assert set(seen.stuck()) == {"missed-two"}
    assert {lesson for lesson, _ in seen.stuck().values()} == set(seen.blockers())


def test_a_meeting_a_week_is_enough(see):
    seen = see("weekly_all_there")
    assert nobody_is_flagged(seen)
    assert set(seen.signal("inactivity").values()) == {"pass"}
    assert seen.summary()["active_students"] == 7
    assert seen.summary()["paused_since_on"] is None


@pytest.mark.parametrize("name", [b for b, days in BREAKS.items() if days < 60])
def test_a_break_of_all_flags_nobody(see, name):
    seen = see(name)
    pauses = BREAKS[name] > 7
    assert nobody_is_flagged(seen)
    assert set(seen.signal("inactivity").values()) == {"n_a" if pauses else "pass"}
    assert seen.summary()["paused_since_on"] == (day(BREAKS[name]) if pauses else None)
    assert {row["excess_silence"] for row in seen.health().values()} == {0}
    assert not seen.events()


def test_a_class_is_over_after_sixty_days(see):
    seen = see("break_60")
    assert set(seen.tiers().values()) == {"n_a"}
    assert set(seen.signal("grades").values()) == {"n_a"}
    assert not seen.call_list()
    # the week of the last completion is shown, and its verdicts stay
    assert {row["measured_on"] for row in seen.health().values()} == {date(2026, 1, 25)}
    assert {r["tier"] for r in seen.weekly() if r["is_latest"]} == {"low"}
    assert max(r["week_ends_on"] for r in seen.weekly()) == date(2026, 3, 22)
    assert len(seen.progress()) == 13
    assert not see("break_59").events()
    assert all_low(see("break_59"))


def test_nobody_is_to_be_called_when_the_class_is_over(see):
    seen = see("over_without_one")
    assert seen.tiers()["gone"] == "n_a"
    assert not seen.call_list()
    # the last week is there as it was
    last = {r["student"]: r for r in seen.weekly() if r["is_latest"]}
    assert (last["gone"]["tier"], last["gone"]["call_list"]) == ("critical", "gone_quiet")
    assert ("gone", "entered_at_risk") in seen.events()


def test_when_one_is_back_nobody_moves(see):
    seen = see("one_is_back")
    assert nobody_is_flagged(seen)
    assert set(seen.signal("inactivity").values()) == {"pass"}
    assert not any(r["is_worsened"] or r["is_recovered"] for r in seen.weekly())


def test_when_six_are_back_the_other_four_are_missed(see):
    seen = see("six_are_back")
    assert seen.flagged("inactivity") == dict.fromkeys(students(10)[6:], "fail")
    assert seen.call_list() == dict.fromkeys(students(10)[6:], "gone_quiet")
    assert set(seen.stuck()) == set(students(10)[6:])
    assert seen.blockers() == ["13"]


def test_a_class_resumes_after_summer(see):
    seen = see("resumed")
    missing = students(10)[8:]
    assert {s for s, tier in seen.tiers().items() if tier != "low"} == set(missing)
    assert seen.call_list() == dict.fromkeys(missing, "gone_quiet")
    # weeks from 60 silent days on are not judged; earlier ones are there as they were
    judged = sorted({r["week_ends_on"] for r in seen.weekly()})
    gaps = [(b - a).days for a, b in pairwise(judged)]
    assert sorted(gaps)[-2:] == [7, 28]
    assert len(seen.progress()) == 17


# The plan.


def test_optional_work_is_not_needed_to_finish(see):
    seen = see("bonus")
    assert nobody_is_flagged(seen)
    assert all(row["is_finished"] for row in seen.health().values())
    assert {s for s, event in seen.events() if event == "finished"} == set(students(10))
    assert {row["remaining_assignments"] for row in seen.health().values()} == {0}
    assert seen.blocker("8")["status"] == "n_a"
    assert (seen.lesson("8")["completed"], seen.lesson("8")["students"]) == (3, 10)


def test_work_outside_the_units_has_no_position(see):
    row = see("survey").lesson("survey")
    assert (row["position"], row["students"], row["completion_rate"]) == (None, 0, None)
    assert row["completed"] == 4
    row = see("retired_lesson").lesson("2")
    assert (row["position"], row["students"], row["completed"]) == (None, 0, 10)
    assert see("retired_lesson").lesson("3")["position"] == 2
    assert see("survey").summary()["completions"] == 6 * 20 + 4 * 3


def test_work_outside_the_units_is_activity(see):
    seen = see("survey_only")
    assert seen.health()["s01"]["days_silent"] == 1
    assert seen.health()["s02"]["days_silent"] == 16
    assert seen.summary()["active_students"] == 1
    assert seen.summary()["paused_since_on"] is None
    assert nobody_is_flagged(seen)


def test_units_are_believed_when_they_cover_half_of_the_work(see):
    assert see("units_cover_half").lesson("5")["position"] is None
    assert see("units_cover_half").lesson("4")["position"] == 4
    assert [see("units_cover_less").lesson(str(n))["position"] for n in range(1, 10)] == list(
        range(1, 10)
    )


def test_a_due_date_alone_decides(see):
    seen = see("due_dates")
    shares = {s: row["completion_share"] for s, row in seen.health().items()}
    # due and over: lessons 1, 2 and 4; lesson 3, done by all, is due today
    assert shares["s01"] == 1
    assert [shares[s] for s in students(10)[1:]] == pytest.approx([2 / 3] * 9)
    expected = {r["expected_assignments"] for r in seen.weekly() if r["is_latest"]}
    assert expected == {3}


def test_a_night_with_its_own_dates_is_a_group(see):
    seen = see("own_night")
    assert {s for s, tier in seen.tiers().items() if tier != "low"} == {"s10"}
    assert seen.call_list() == {"s10": "gone_quiet"}
    assert not any(seen.health()[s]["days_behind"] for s in students(9))
    expected = {r["student"]: r["expected_assignments"] for r in seen.weekly() if r["is_latest"]}
    assert (expected["s01"], expected["s07"]) == (12, 5)
    assert seen.health()["s10"]["completion_share"] == pytest.approx(0.2)


# Who joins, and who is only on paper.


def test_who_joined_late_and_is_quick_is_not_at_risk(see):
    late = see("late_join").health()["late"]
    assert late["tier"] in ("low", "medium")
    assert late["days_behind"] <= 20
    assert late["completion_share"] == 1
    assert not see("late_join").call_list()


def test_fourteen_days_are_not_late_and_fifteen_are(see):
    expected = {
        name: next(
            r["expected_assignments"]
            for r in see(name).weekly()
            if r["is_latest"] and r["student"] == "late"
        )
        for name in ("joins_after_14_days", "joins_after_15_days")
    }
    # the second has been here for 15 days: what the class did in weeks that began by its day 15
    assert expected == {"joins_after_14_days": 20, "joins_after_15_days": 16}
    assert see("joins_after_14_days").health()["late"]["days_behind"] == 16
    assert see("joins_after_15_days").health()["late"]["days_behind"] == 15


def test_who_never_came_is_told_and_changes_nothing_for_the_others(see):
    seen = see("phantoms")
    never = [f"phantom{number}" for number in range(1, 6)]
    assert seen.call_list() == dict.fromkeys(never, "never_started")
    assert seen.flagged("never_started") == dict.fromkeys(never, "fail")
    assert {seen.tiers()[s] for s in never} == {"critical"}
    assert {seen.tiers()[s] for s in students(10)} == {"low"}
    assert seen.tiers()["tomorrow"] == "n_a"
    assert {s for s, event in seen.events() if event == "never_started"} == set(never)
    assert not seen.blockers()
    assert seen.summary()["begins_on"] == day(58)


def test_a_time_that_cannot_be_does_not_begin_the_class(see):
    seen = see("zero_date")
    assert seen.summary()["begins_on"] == day(43)
    assert len(seen.progress()) == 7
    assert nobody_is_flagged(seen)


# On other days.


@pytest.mark.parametrize("days_ago", range(14))
def test_finishing_is_no_reason_to_recover_on_any_day(days_ago):
    seen = on("finishers", SYNCED_AT - timedelta(days=days_ago))
    assert {seen.tiers()[s] for s in students(20)[14:]} == {"high"}


@pytest.mark.parametrize("days_ago", range(36))
def test_nobody_moves_on_any_day_of_a_break(days_ago):
    seen = on("break_35", SYNCED_AT - timedelta(days=days_ago, hours=-2))
    assert nobody_is_flagged(seen)


@pytest.mark.parametrize("days_ago", range(15))
@pytest.mark.parametrize("name", ["weekly_1", "fortnightly_1"])
def test_who_comes_to_every_meeting_is_never_flagged(name, days_ago):
    seen = on(name, SYNCED_AT - timedelta(days=days_ago))
    regulars = set(students(8))
    assert not regulars & {*seen.flagged("inactivity"), *seen.call_list(), *seen.stuck()}
    assert {seen.tiers()[s] for s in regulars} == {"low"}


@pytest.mark.parametrize("days_ago", [1, 7, 20, 33])
def test_an_event_has_the_same_key_as_long_as_it_lasts(days_ago):
    moment = SYNCED_AT - timedelta(days=days_ago)
    now, then = ClassView(from_recomputed, "reopener"), on("reopener", moment)
    assert then.event_keys("newly_stuck") == now.event_keys("newly_stuck")
    # of complete weeks: what was told is told again
    assert set(then.event_keys("got_worse")) <= set(now.event_keys("got_worse"))


# In words, which the recomputation does not form.


def test_nobody_is_told_late_who_was_early(tables):
    assert "later than" not in ClassView(tables, "early_bird").health()["bird"]["reasons"]


def test_a_pause_is_told_with_its_day(tables):
    found = [r for r in tables("student_signals", "break_16") if r["signal"] == "inactivity"]
    assert {r["reason"] for r in found} == {"the class pauses since 8 March"}
