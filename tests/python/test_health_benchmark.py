"""What the benchmark of the health score counts, and how it changes the courses."""

import random
import sys
from datetime import datetime

import pytest

from warehouse_fixture import PROJECT

sys.path.insert(0, str(PROJECT))
from benchmarks.health.breaks import moved
from benchmarks.health.copies import by_change, copies, drawn, with_break
from benchmarks.health.courses import Learner, Moment
from benchmarks.health.measures import auc, five_worst, per_tier, small_classes
from benchmarks.health.tables import is_in_class, moment_of, week_end_before

ROOM = {"class_id": "one", "starts_at": "2025-09-01", "ends_at": "2025-09-21"}


def learner(score, tier="low", *, failed=False, call_list=None):
    return Learner(score, tier, call_list, (None,) * 4, failed)


def course(students=1):
    # half of the class has passed on 11 September, a Thursday: the week before ended on the 7th
    work = [
        ("a", "2025-09-07T23:59:59Z", "0.4"),
        ("b", "2025-09-08T00:00:00Z", ""),
    ]
    return {
        "classes": [dict(ROOM)],
        "assignments": [{"class_id": "one", "assignment_id": key, "due_at": ""} for key in "ab"],
        "enrollments": [
            {
                "class_id": "one",
                "student_id": f"{number}",
                "registered_at": "2025-09-01",
                "unregistered_at": "2025-09-09T00:00:00Z" if number == 0 else "",
            }
            for number in range(students)
        ],
        "progressions": [
            {
                "class_id": "one",
                "progression_id": f"{number}{key}",
                "student_id": f"{number}",
                "assignment_id": key,
                "grade": grade,
                "completed_at": completed_at,
            }
            for number in range(students)
            for key, completed_at, grade in work
        ],
    }


def test_auc_counts_ties_half():
    assert auc([3, 2, 1], [True, False, False]) == 1
    assert auc([1, 2, 3], [True, False, False]) == 0
    assert auc([1, 1, 1], [True, False, True]) == 0.5
    assert auc([2, 1, 1, 0], [True, True, False, False]) == 0.875


def test_the_week_before_a_moment_is_over_by_then():
    assert str(week_end_before(datetime(2025, 9, 8, 0, 0))) == "2025-09-07"
    assert str(week_end_before(datetime(2025, 9, 7, 23, 59))) == "2025-08-31"
    assert moment_of(ROOM, 0.5) == datetime(2025, 9, 11)


def test_who_left_by_the_moment_is_not_in_the_class():
    moment = datetime(2025, 9, 11)
    enrolment = {"registered_at": "2025-09-11T00:00:00Z", "unregistered_at": ""}
    assert is_in_class(enrolment, moment)
    assert not is_in_class({**enrolment, "registered_at": "2025-09-11T00:00:01Z"}, moment)
    assert not is_in_class({**enrolment, "unregistered_at": "2025-09-11T00:00:00Z"}, moment)
    assert is_in_class({**enrolment, "unregistered_at": "2025-09-11T00:00:01Z"}, moment)


def test_a_break_moves_all_that_came_after_the_week_by_three_weeks():
    paused = with_break(course(), 0.5)
    completed = [row["completed_at"] for row in paused["progressions"]]
    assert completed == ["2025-09-07T23:59:59Z", "2025-09-29T00:00:00+00:00"]
    [enrolment] = paused["enrollments"]
    assert enrolment["registered_at"] == "2025-09-01"
    assert enrolment["unregistered_at"] == "2025-09-30T00:00:00+00:00"
    assert paused["classes"][0]["starts_at"] == "2025-09-01"
    assert paused["classes"][0]["ends_at"] == "2025-10-12T00:00:00+00:00"


def test_grades_are_dropped_or_the_best_and_missing_ones_stay_missing():
    found = copies(course(), (0.5,), 1)
    grades = {
        kind: [row["grade"] for row in found["progressions"] if row["class_id"] == f"one.{kind}"]
        for kind in ("no-grades", "best-grades", "break-50")
    }
    assert grades == {"no-grades": ["", ""], "best-grades": ["1", ""], "break-50": ["0.4", ""]}


def test_a_draw_has_forty_students_who_were_there_with_all_their_work():
    tables = drawn(course(60), 0.5, random.Random(7))
    students = [row["student_id"] for row in tables["enrollments"]]
    assert len(set(students)) == 40
    assert "0" not in students  # had left
    assert sorted({row["student_id"] for row in tables["progressions"]}) == sorted(students)
    assert len(tables["progressions"]) == 80
    again = drawn(course(60), 0.5, random.Random(7))
    other = drawn(course(60), 0.5, random.Random(8))
    assert again["enrollments"] == tables["enrollments"] != other["enrollments"]


def test_every_copy_is_a_class_of_its_own():
    found = copies(course(45), (0.25, 0.5), 2)
    names = [row["class_id"] for row in found["classes"]]
    assert len(set(names)) == len(names) == 6
    kinds = by_change(names)
    assert sorted(kinds) == ["best-grades", "break-25", "break-50", "draws", "no-grades"]
    assert kinds["draws"] == ["one.draw-00", "one.draw-01"]
    ids = [row["assignment_id"] for row in found["assignments"]]
    assert len(set(ids)) == len(ids) == 12
    students = [
        {row["student_id"] for row in found["enrollments"] if row["class_id"] == name}
        for name in kinds["draws"]
    ]
    assert students[0] != students[1]


def test_a_tier_is_told_with_its_range_over_classes():
    rooms = [
        Moment("one", 0.5, "", (learner(10, "critical", failed=True), learner(90))),
        Moment("two", 0.5, "", (learner(20, "critical"), learner(90), learner(91, failed=True))),
    ]
    critical, low = per_tier(rooms)
    assert (critical["tier"], critical["students"], critical["failed_or_left"]) == (
        "critical",
        2,
        0.5,
    )
    assert critical["failed_or_left_range"] == [0, 1]
    assert critical["share_of_students_range"] == [1 / 3, 1 / 2]
    assert low["failed_or_left"] == pytest.approx(1 / 3)
    assert low["share_of_failures"] == 0.5


def test_the_five_worst_have_a_verdict_and_the_lowest_scores():
    room = [learner(score, "high", failed=score < 14) for score in range(10, 17)]
    nobody = learner(-1, "n_a", failed=True)
    slips = learner(50, "high", failed=True, call_list="slipping")
    found = five_worst([Moment("one", 0.5, "", (*room, nobody, slips))])
    assert (found["listed"], found["right"], found["share_right"]) == (5, 4, 0.8)
    found = five_worst([Moment("one", 0.5, "", (*room, nobody, slips))], "slipping")
    assert (found["listed"], found["right"]) == (1, 1)
    assert five_worst([], "slipping")["share_right"] is None


def test_the_deviation_is_between_draws_of_one_class():
    def room(name, *scores):
        return Moment(name, 0.5, "", tuple(learner(s, failed=f) for s, f in scores))

    good, bad = ((1, True), (2, False)), ((2, True), (1, False))
    rooms = [room("a.draw-00", *good), room("a.draw-01", *good)]
    rooms += [room("b.draw-00", *bad), room("b.draw-01", *good)]
    rooms += [room("b.draw-02", (1, False))]
    found = small_classes(rooms)
    assert found["classes"] == 5
    assert found["score"]["mean"] == 0.75
    # no deviation in a; 0 and 1 in b
    assert found["score"]["deviation"] == pytest.approx(0.5**0.5 / 2)


def test_worse_after_a_break_is_counted_among_those_with_two_verdicts():
    rooms = [
        [("low", "medium"), ("low", "low"), ("n_a", "critical"), ("low", "n_a")],
        [("critical", "high"), ("high", "high"), ("low", "low"), ("low", "low")],
    ]
    found = moved(rooms)
    assert found["students"] == 6
    assert found["worse"] == pytest.approx(1 / 6)
    assert found["worse_in_the_worst_class"] == 0.5
    assert found["better"] == pytest.approx(1 / 6)
