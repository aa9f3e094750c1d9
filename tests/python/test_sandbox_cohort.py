import csv
import json
import subprocess
import sys
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from cohort_tracker.sandbox import SandboxError, SandboxServer, generate
from cohort_tracker.sandbox.cohort import DEFAULT_TIMEZONE, NIGHTS
from cohort_tracker.sandbox.curriculum import COURSES, items
from sandbox_client import END, Client, record_id, small_world


def everything(world):
    """All that a world shows, as text."""
    rooms = []
    for room in world.classes:
        view = world.view(room.id, "completed_desc", "oid")
        rooms.append(
            (
                world.class_detail(room.id, "oid"),
                json.loads(b"[" + view.text(0, len(view), escaped=False) + b"]"),
            )
        )
    return json.dumps([world.state(), rooms], ensure_ascii=False)


@pytest.fixture(scope="module")
def world():
    return generate(11, 3, end=END)


def test_same_arguments_same_world_in_another_process():
    program = (
        "import sys; sys.path[:0] = sys.argv[1:];"
        "from test_sandbox_cohort import everything, small_world;"
        "sys.stdout.buffer.write(everything(small_world(3)).encode())"
    )
    made = subprocess.run(
        [sys.executable, "-c", program, *sys.path], capture_output=True, check=True
    )
    assert made.stdout.decode() == everything(small_world(3))


def test_seed_and_end_matter():
    base = everything(small_world(3))
    assert everything(small_world(4)) != base
    assert everything(generate(3, 2, 12, end=END + timedelta(days=1))) != base


def test_end_in_any_zone_is_the_same_moment():
    abroad = END.astimezone(ZoneInfo("Asia/Tokyo"))
    assert everything(generate(3, 2, 12, end=abroad)) == everything(small_world(3))


@pytest.mark.parametrize("seed", range(6))
def test_default_size(seed):
    world = generate(seed, 2, end=END)
    for room in world.classes:
        records = list(room.progressions.values())
        assert 1150 <= len(records) <= 1650
        enrolled = [r for r in world.roster if r.class_key == room.friendly_id]
        assert 40 <= sum(row.role == "student" for row in enrolled) <= 60
        assert 5 <= len(room.units) <= 7
        assert 30 <= len(room.assignments) <= 36
        assert timedelta(weeks=11.5) < END - room.starts_at < timedelta(weeks=15)
        still_open = sum(record.completed_at is None for record in records)
        assert 0.05 <= still_open / len(records) <= 0.11


def test_all_courses_have_the_size_of_a_course():
    for course in COURSES:
        assert 5 <= len(course.units) <= 7
        assert 30 <= len(items(course)) <= 36


def test_nothing_is_from_the_future(world):
    for room in world.classes:
        for record in room.progressions.values():
            moments = [record.started_at, record.completed_at, record.reviewed_at]
            known = [moment for moment in moments if moment is not None]
            assert known == sorted(known)
            assert all(moment <= END for moment in known)
            assert all(moment.microsecond % 1000 == 0 for moment in known)


def test_grades(world):
    by_type = defaultdict(list)
    for room in world.classes:
        for record in room.progressions.values():
            if record.completed_at is not None:
                by_type[room.assignments[record.assignment_id].type].append(record.grade)
    quizzes, lessons = by_type["quiz"], by_type["lesson"]
    assert sum(grade is not None for grade in quizzes) > 0.85 * len(quizzes)
    assert sum(grade in (None, 1) for grade in lessons) > 0.85 * len(lessons)
    graded = [grade for grade in quizzes + lessons if grade is not None]
    assert all(0 <= grade <= 1 for grade in graded)
    assert any(grade < 0.7 for grade in graded)
    assert {type(grade) for grade in graded} == {int, float}


def test_second_attempts_exist(world):
    pairs = Counter(
        (room.id, record.student_id, record.assignment_id)
        for room in world.classes
        for record in room.progressions.values()
    )
    assert max(pairs.values()) == 2


def test_people_work_in_the_evening_and_at_weekends(world):
    zone = ZoneInfo(DEFAULT_TIMEZONE)
    local = [
        record.completed_at.astimezone(zone)
        for room in world.classes
        for record in room.progressions.values()
        if record.completed_at is not None and record.completed_at > room.starts_at
    ]
    free = [m for m in local if m.weekday() >= 5 or m.hour >= 17 or m.hour < 4]
    assert len(free) > 0.95 * len(local)
    # Late evenings here are the next day in UTC: a trap for whoever counts days.
    assert sum(moment.hour >= 20 for moment in local) > 0.2 * len(local)


@pytest.mark.parametrize("seed", range(6))
def test_there_is_a_blocker_and_the_other_lives(seed):
    world = generate(seed, 1, end=END)
    room = world.classes[0]
    order = [key for unit in room.units for key in unit.assignment_ids]
    done: dict[str, dict[int, datetime]] = defaultdict(dict)
    for record in room.progressions.values():
        if record.completed_at is not None:
            done[record.student_id][order.index(record.assignment_id)] = record.completed_at
    people = [row for row in world.roster if row.role == "student"]
    mails = {s.email: s.id for s in world.students.values()}
    silent = [p for p in people if mails[p.email] not in done]
    assert silent, "somebody never started"
    stuck = Counter(
        max(work) + 1
        for work in done.values()
        if max(work.values()) < END - timedelta(days=7) and max(work) + 1 < len(order)
    )
    (place, count), *others = stuck.most_common(2)
    assert count >= 3
    assert not others or others[0][1] < count, "one lesson stands out"
    assert 0.35 * len(order) <= place <= 0.65 * len(order)
    assert room.assignments[order[place]].type == "lesson"
    assert any(len(work) == len(order) or max(work) == len(order) - 1 for work in done.values())
    late = [
        p
        for p in people
        if p.started_on and p.started_on > room.starts_at.date() + timedelta(days=14)
    ]
    assert late, "somebody joined late"


def test_students_in_two_classes(world):
    rows = Counter(row.email for row in world.roster if row.role == "student")
    assert 1 <= sum(count > 1 for count in rows.values()) < 12
    assert len({student.email for student in world.students.values()}) == len(world.students)


def test_names_come_in_several_scripts(world):
    names = [f"{s.first_name} {s.last_name}" for s in world.students.values()]
    assert any(not name.isascii() for name in names)
    assert any("'" in name or "’" in name or "-" in name for name in names)
    mails = [student.email for student in world.students.values()]
    assert all(mail.isascii() and mail.endswith(("@example.org", "@example.com")) for mail in mails)


def test_roster_and_mentors_files(world, tmp_path):
    roster, mentors = tmp_path / "roster.csv", tmp_path / "mentors.csv"
    count = world.write_roster(roster)
    world.write_mentors(mentors)
    with roster.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == count
    header = "class,email,first_name,last_name,region,night,role,started_on,left_on"
    assert ",".join(rows[0]) == header
    assert {row["role"] for row in rows} == {"student", "staff", "test"}
    assert {row["night"] for row in rows if row["role"] == "student"} == {n for n, _ in NIGHTS}
    assert {row["class"] for row in rows} == {room.friendly_id for room in world.classes}
    by_mail = {s.email: (s.first_name, s.last_name) for s in world.students.values()}
    # Who was renamed since keeps the old name on the roster; the e-mail is the link.
    same = [by_mail[r["email"]] == (r["first_name"], r["last_name"]) for r in rows]
    assert sum(same) > 0.9 * len(same)
    for row in rows:
        for column in ("started_on", "left_on"):
            if row[column]:
                assert datetime.fromisoformat(row[column]).date() <= END.date()
    with mentors.open(encoding="utf-8", newline="") as file:
        staff = list(csv.DictReader(file))
    assert ",".join(staff[0]) == "mentor,night,email"
    assert {row["night"] for row in staff} == {night for night, _ in NIGHTS}


def test_growth_does_not_depend_on_the_steps():
    once, twice = small_world(5), small_world(5)
    whole = once.grow(7)
    parts = [twice.grow(3), twice.grow(4)]
    assert everything(once) == everything(twice)
    assert whole.added == sum(part.added for part in parts) > 0
    assert whole.now == parts[1].now == END + timedelta(days=7)


def test_growth_is_what_a_later_end_does_not_undo():
    world = generate(2, 2, end=END)
    before = {r.id: r for room in world.classes for r in room.progressions.values()}
    counts = [world.grow(7) for _ in range(4)]
    after = {r.id: r for room in world.classes for r in room.progressions.values()}
    both = before.keys() & after.keys()
    assert sum(count.added for count in counts) > 20
    assert sum(count.removed for count in counts) >= 1
    assert sum(count.renamed for count in counts) >= 1
    assert len(before.keys() - after.keys()) >= 1
    finished = [k for k in both if not before[k].completed_at and after[k].completed_at]
    reviewed = [k for k in both if not before[k].reviewed_at and after[k].reviewed_at]
    regraded = [
        k for k in both if before[k].grade is not None and before[k].grade != after[k].grade
    ]
    assert finished
    assert reviewed
    assert regraded
    aged = END - timedelta(days=14)
    late = [k for k in reviewed if (before[k].completed_at or END) < aged]
    assert late, "old work is reviewed late"


def test_growth_leaves_what_was_removed_by_hand():
    world, other = small_world(5), small_world(5)
    gone = [r.id for r in world.progressions("data-m1") if r.completed_at is None]
    for key in gone:
        world.remove_progression("data-m1", key)
    world.grow(60)
    other.grow(60)
    left = world.classes[0].progressions.keys()
    assert not left & set(gone)
    assert left <= other.classes[0].progressions.keys()


def test_mutations():
    world = small_world()
    student = world.add_student("Ноа", "O'Neil", "noa@example.org")
    lesson = next(iter(world.classes[0].assignments))
    made = world.add_progression(
        "data-m1", student_id=student.id, assignment_id=lesson, grade=0.5, completed_at=END
    )
    assert world.progressions("data-m1")[0] == made
    world.update_progression("data-m1", made.id, grade=None, completed_at=None)
    assert world.classes[0].progressions[made.id].completed_at is None
    world.rename_assignment(lesson, "New name")
    with SandboxServer(world) as server:
        record = next(r for r in Client(server).everything("data-m1") if record_id(r) == made.id)
    assert record["user"]["first_name"] == "Ноа"
    assert record["assignment"]["name"] == "New name"
    world.remove_progression("data-m1", made.id)
    assert made.id not in world.classes[0].progressions
    other = world.add_progression("data-m1", student_id=student.id, assignment_id=lesson)
    assert other.id != made.id


@pytest.mark.parametrize(
    "action",
    [
        lambda w: w.grow(0),
        lambda w: w.grow(float("nan")),
        lambda w: w.remove_progression("data-m1", "none"),
        lambda w: w.remove_progression("none", "none"),
        lambda w: w.update_progression("data-m1", next(iter(w.classes[0].progressions)), grad=1),
        lambda w: w.rename_student("none", last_name="x"),
        lambda w: w.rename_assignment("none", "x"),
        lambda w: w.add_progression("data-m1", student_id="none", assignment_id="none"),
        lambda w: generate(1, 0, end=END),
        lambda w: generate(1, 1, 0, end=END),
        lambda w: generate(1, end=END, weeks=0),
        lambda w: generate(1, end=END.replace(tzinfo=None)),
        lambda w: generate(1, end=END, timezone="Nowhere/Else"),
    ],
)
def test_mistakes_have_their_own_error(action):
    with pytest.raises(SandboxError):
        action(small_world())


@pytest.mark.parametrize(("classes", "students", "weeks"), [(1, 1, 1), (6, 3, 2), (2, 200, 30)])
def test_unusual_sizes(classes, students, weeks):
    world = generate(1, classes, students, end=END, weeks=weeks)
    assert len(world.classes) == classes
    assert len({room.friendly_id for room in world.classes}) == classes
    for room in world.classes:
        rows = [r for r in world.roster if r.class_key == room.friendly_id]
        assert sum(row.role == "student" for row in rows) == students
    world.grow(100)
