"""The ready questions in analyses/, each compiled and asked of an invented cohort's warehouse."""

import re
import shlex
import sqlite3
from collections import defaultdict
from contextlib import closing
from datetime import timedelta

import pytest

from cohort_tracker.config import Settings
from cohort_tracker.raw.contacts import add_contact
from cohort_tracker.sandbox import SandboxServer, generate
from fixed_moment import MOMENT, OF_ANY_AGE, build, read_for
from warehouse_fixture import PROJECT, rows, run_dbt

QUESTIONS = sorted((PROJECT / "analyses").glob("*.sql"))


def note_contacts(raw_db):
    """Every third student was called for five weeks, some weeks ago."""
    with closing(sqlite3.connect(raw_db)) as db:
        found = db.execute("SELECT DISTINCT user_id FROM progressions ORDER BY user_id").fetchall()
    for (student,) in found[::3]:
        for days in (21, 28, 35, 42, 49):
            on = (MOMENT - timedelta(days=days)).date()
            add_contact(raw_db, student, contacted_on=on, how="call", now=MOMENT)


@pytest.fixture(scope="module")
def answered(tmp_path_factory):
    """A warehouse of two syncs a week apart, and the questions compiled against it."""
    directory = tmp_path_factory.mktemp("analyses")
    data_dir = directory / "data"
    world = generate(seed=7, classes=2, students=45, end=MOMENT - timedelta(days=7))
    world.write_roster(directory / "roster.csv")
    world.write_mentors(directory / "mentors.csv")
    with SandboxServer(world) as server:
        settings = Settings(
            email=server.desk.email,
            password=server.desk.password,
            api_base=server.url,
            data_dir=data_dir,
            page_delay=0,
            roster=directory / "roster.csv",
            mentors=directory / "mentors.csv",
            **OF_ANY_AGE,
        )
        read_for(settings, world.now)
        note_contacts(data_dir / "raw.db")
        world.grow(days=7)
        read_for(settings, world.now)
        build(settings)
    done = run_dbt(data_dir, "compile", "--select", "resource_type:analysis")
    assert done.returncode == 0, done.stdout
    compiled = directory / "data-target" / "compiled" / "cohort_tracker" / "analyses"
    return data_dir / "warehouse.duckdb", compiled


def ask(answered, question):
    warehouse, compiled = answered
    return rows(warehouse, (compiled / question.name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda path: path.stem)
def test_question_is_one_and_can_be_asked(answered, question):
    heading = question.read_text(encoding="utf-8").splitlines()[0]
    assert heading.startswith("-- ")
    assert heading.endswith("?")
    ask(answered, question)


def as_the_readme_says(name):
    """The words after `dbt` of the line with which the README asks a question, for another."""
    lines = re.findall(r"`dbt (show .*?)`", (PROJECT / "README.md").read_text(encoding="utf-8"))
    [line] = [line for line in lines if "who_to_call_tonight" in line]
    return shlex.split(line.replace("who_to_call_tonight", name))


def test_every_question_can_be_asked_as_the_readme_says(answered):
    warehouse, _ = answered
    names = " ".join(question.stem for question in QUESTIONS)
    done = run_dbt(warehouse.parent, *as_the_readme_says(names))
    assert done.returncode == 0, done.stdout


def test_whom_to_call_fits_the_window_and_says_why(answered):
    warehouse, _ = answered
    words = as_the_readme_says("who_to_call_tonight")
    shown = run_dbt(warehouse.parent, *words).stdout
    lines = [line for line in shown.splitlines() if line.startswith("|")]
    told = [[word.strip() for word in line.strip("|").split("|")] for line in lines]
    assert told[0] == ["student", "night", "reason", "start_at"], "nothing is left out"
    assert len(lines) > 5
    assert max(map(len, lines)) <= 80
    called = rows(
        warehouse,
        "select first_name || ' ' || last_name as name, call_list, reasons, start_assignment_name"
        " from marts.student_health where call_list is not null",
    )
    assert sorted(row[0][:17] for row in told[2:]) == sorted(row["name"][:17] for row in called)
    assert all(row[2] and not row[2].endswith(("...", "…")) for row in told[2:])
    nowhere = sum(row["start_assignment_name"] is None for row in called)
    assert all(row[3] for row in told[2:])
    assert sum(row[3] == "nothing is missing" for row in told[2:]) == nowhere, (
        "who misses nothing has no place to start"
    )
    of_list: dict[str, set[str]] = {}
    for row in called:
        of_list.setdefault(row["name"][:17], set()).add(row["call_list"])
    [night] = {row[1] for row in told[2:3]}
    lists = [of_list[row[0][:17]] for row in told[2:] if row[1] == night]
    order = ["slipping", "gone_quiet", "never_started"]
    plain = [order.index(next(iter(found))) for found in lists if len(found) == 1]
    assert plain == sorted(plain)


def test_running_week_is_not_shown_as_a_fall(answered):
    warehouse, _ = answered
    changed = rows(
        warehouse,
        "select w.first_name || ' ' || w.last_name as student, w.measured_on"
        " from marts.student_health_weekly as w inner join marts.student_health as h"
        " on w.class_id = h.class_id and w.student_id = h.student_id"
        " where w.is_worsened and h.tier <> 'n_a' and w.is_complete and w.week_ends_on = ("
        "   select max(c.week_ends_on) from core.class_weeks as c"
        "   where c.class_id = w.class_id and c.is_complete)",
    )
    found = ask(answered, PROJECT / "analyses" / "who_got_worse_this_week.sql")
    told = [{name: row[name] for name in ("student", "measured_on")} for row in found]
    assert sorted(told, key=str) == sorted(changed, key=str)


def test_who_was_slipping_tells_of_each_what_became(answered):
    warehouse, _ = answered
    was = rows(
        warehouse,
        "select concat_ws(' ', h.first_name, h.last_name) as student, h.call_list"
        " from marts.student_health_weekly as w inner join"
        " (select class_id, week_number from core.class_weeks where is_latest) as l"
        " on w.class_id = l.class_id and w.week_number = l.week_number - 1"
        " inner join marts.student_health as h"
        " on w.class_id = h.class_id and w.student_id = h.student_id"
        " where w.call_list = 'slipping'",
    )
    found = ask(answered, PROJECT / "analyses" / "who_was_slipping_last_week.sql")
    told = [(row["student"], row["became"] == "still slipping") for row in found]
    assert sorted(told) == sorted((row["student"], row["call_list"] == "slipping") for row in was)
    assert {is_still for _, is_still in told} == {True, False}
    assert all(row["became"] for row in found)


def test_days_that_lessons_cost_are_counted_per_student(answered):
    warehouse, _ = answered
    found = ask(answered, PROJECT / "analyses" / "which_lessons_cost_most_days.sql")
    assert len(found) == 20, "ten of each class"
    for row in found:
        works = rows(
            warehouse,
            "select w.started_on, w.first_completed_on, w.is_waiting, w.days_waiting"
            " from core.student_assignments as w"
            " inner join core.assignments as a on w.assignment_id = a.id"
            " inner join core.classes as c on w.class_id = c.id"
            f" where c.name = '{row['class_name']}' and a.name = $${row['assignment_name']}$$",
        )
        done = [
            (work["first_completed_on"] - work["started_on"]).days
            for work in works
            if work["first_completed_on"]
            and work["started_on"]
            and work["started_on"] <= work["first_completed_on"]  # else it was opened again
        ]
        waiting = [work["days_waiting"] for work in works if work["is_waiting"]]
        assert row["days_spent"] == sum(done) + sum(waiting), row
        assert (row["students"], row["students_done"]) == (len(done + waiting), len(done)), row
    for first in (0, 10):
        days = [row["days_spent"] for row in found[first : first + 10]]
        assert days == sorted(days, reverse=True)


def test_night_with_most_to_call_for_a_mentor_comes_first(answered):
    found = ask(answered, PROJECT / "analyses" / "which_nights_need_a_second_mentor.sql")
    load = [row["to_call"] / max(row["mentors"], 1) for row in found]
    assert len(load) > 2 and load == sorted(load, reverse=True) and load[0] > load[-1]
    assert {row["mentors"] for row in found} != {0}


def test_those_contacted_stand_beside_those_on_the_list_who_were_not(answered):
    warehouse, _ = answered
    weeks = rows(
        warehouse,
        "select w.class_id, c.name, w.student_id, w.week_number, w.tier, w.call_list, w.is_complete"
        " from marts.student_health_weekly as w inner join core.classes as c on w.class_id = c.id",
    )
    by_week = {(w["class_id"], w["student_id"], w["week_number"]): w for w in weeks}
    called = {
        (row["class_id"], row["student_id"], row["week_number"])
        for row in rows(warehouse, "select * from marts.student_contacts")
    }
    counted: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for (class_id, student, number), week in by_week.items():
        after = [by_week.get((class_id, student, number + n)) for n in (1, 2)]
        of_class = any(c == class_id and n == number for c, _, n in called)
        if not (of_class and week["call_list"] and after[1] and after[1]["is_complete"]):
            continue
        is_called, *later = ((class_id, student, number + n) in called for n in (0, 1, 2))
        if any(later) and not is_called:
            continue
        judged = [w for w in after if w and w["tier"] != "n_a"]
        is_at_risk = week["tier"] in ("critical", "high")
        row = counted[week["name"], "contacted" if is_called else "not contacted"]
        row[0] += 1
        row[1] += any(not w["call_list"] for w in judged)
        row[2] += is_at_risk
        row[3] += is_at_risk and any(w["tier"] in ("medium", "low") for w in judged)
    found = ask(answered, PROJECT / "analyses" / "did_contacting_help.sql")
    assert {
        (r["class_name"], r["they_were"]): [
            *(r["on_a_list"], r["came_off_it"], r["at_risk"], r["recovered"])
        ]
        for r in found
    } == counted
    assert {row["they_were"] for row in found} == {"contacted", "not contacted"}
    assert len({row["class_name"] for row in found}) == 2
    for row in found:
        assert row["share_off_it"] == pytest.approx(row["came_off_it"] / row["on_a_list"], abs=0.01)
        if row["at_risk"]:
            share = row["recovered"] / row["at_risk"]
            assert row["share_recovered"] == pytest.approx(share, abs=0.01)
    assert sum(row["came_off_it"] for row in found) and sum(row["recovered"] for row in found)


def test_most_questions_have_an_answer(answered):
    # "nobody" is a good answer to some of them, on some days
    silent = {question.stem for question in QUESTIONS if not ask(answered, question)}
    assert len(QUESTIONS) >= 12
    assert len(silent) <= len(QUESTIONS) // 2, silent
    assert not silent & {
        "who_to_call_tonight",
        "what_to_review_first",
        "where_the_class_gets_stuck",
    }
