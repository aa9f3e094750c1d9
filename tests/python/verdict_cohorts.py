"""Small classes of which a mentor can say at a glance what the tables must tell."""

from collections.abc import Callable
from datetime import datetime

from verdict_cohort import SYNCED_AT, Cohort, day, every, students

CASES: dict[str, Callable[[str], Cohort]] = {}


def case(build: Callable[[str], Cohort]) -> Callable[[str], Cohort]:
    """List a class under the name of its function, which is its id too."""
    CASES[build.__name__.removeprefix("_")] = build
    return build


# Who stops, and who goes on.


@case
def massdrop(name: str) -> Cohort:
    """Ten students, a lesson every three days; four stop after lesson 3."""
    cohort = Cohort(name, range(1, 21))
    days = every(3, since=58)
    cohort.follow(students(10)[:6], days)
    cohort.follow(students(10)[6:], days[:3])
    return cohort


@case
def one_of_five_works(name: str) -> Cohort:
    """Five students; four stop after lesson 3, one goes on."""
    cohort = Cohort(name, range(1, 21))
    days = every(3, since=58)
    cohort.follow("s01", days)
    cohort.follow(students(5)[1:], days[:3])
    return cohort


@case
def class_of_one(name: str) -> Cohort:
    """One student who does a lesson every three days."""
    cohort = Cohort(name, range(1, 21))
    cohort.follow("s01", every(3, since=58))
    return cohort


@case
def two_peers(name: str) -> Cohort:
    """Two students, one twice as fast as the other, both at work."""
    cohort = Cohort(name, range(1, 21))
    cohort.follow("s01", every(3, since=58))
    cohort.follow("s02", every(6, since=58))
    return cohort


@case
def two_with_grades(name: str) -> Cohort:
    """Two students at the same pace, one with grades of 90 %, one of 70 %."""
    cohort = Cohort(name, range(1, 21))
    for lesson, days_ago in enumerate(every(3, since=58), start=1):
        cohort.do("s01", lesson, days_ago)
        cohort.do("s02", lesson, days_ago, grade=0.7)
    return cohort


@case
def one_peer(name: str) -> Cohort:
    """Two did five lessons; one has done the last of them again every three days for 40 days."""
    cohort = Cohort(name, range(1, 21))
    cohort.follow(["s01", "s02"], every(3, since=53, until=41))
    for days_ago in every(3, since=37):
        cohort.do("s01", 5, days_ago)
    return cohort


@case
def peer_window(name: str) -> Cohort:
    """A lesson every three days to yesterday; two stopped 35 and 36 days before the others."""
    cohort = Cohort(name, range(1, 31))
    cohort.follow(students(8), every(3, since=70))
    cohort.follow("within", [70, 67, 36])
    cohort.follow("without", [70, 67, 37])
    return cohort


@case
def share_of_peers(name: str) -> Cohort:
    """Ten at work; seven have done lesson 3, six have done lesson 4, all lesson 5 and 6."""
    cohort = Cohort(name, range(1, 9))
    for lesson, count, days_ago in ((1, 10, 20), (2, 10, 15), (3, 7, 10), (4, 6, 8)):
        cohort.do(students(10)[:count], lesson, days_ago)
    cohort.do(students(10), 5, 2)
    cohort.do(students(10), 6, 1)
    return cohort


@case
def slipping(name: str) -> Cohort:
    """A lesson every three days; one skips every second, one does all with bad grades."""
    cohort = Cohort(name, range(1, 31))
    days = every(3, since=58)
    cohort.follow(students(8), days)
    for lesson, days_ago in enumerate(days, start=1):
        if lesson % 2:
            cohort.do("half", lesson, days_ago)
        cohort.do("bad-grades", lesson, days_ago, grade=0.3)
        cohort.do("middling", lesson, days_ago, grade=0.7)
    return cohort


@case
def last_two_missing(name: str) -> Cohort:
    """Nineteen lessons, the last two 4 and 1 days ago; three have been silent a week longer."""
    cohort = Cohort(name, range(1, 31))
    days = [*every(3, since=58, until=8), 4, 1]
    cohort.follow(students(8), days)
    cohort.follow(["misses-18", "misses-19", "misses-both", "waits-six"], days[:17])
    cohort.do("misses-18", 19, 8)
    cohort.do("misses-19", 18, 8)
    cohort.do("waits-six", 18, 7)
    return cohort


@case
def finishers(name: str) -> Cohort:
    """Fourteen finish all twenty lessons 66 to 70 days ago; six do one lesson in ten days."""
    cohort = Cohort(name, range(1, 21))
    for number, student in enumerate(students(20)[:14]):
        start = 97 + number % 5
        cohort.follow(student, [start - round(lesson * 31 / 19) for lesson in range(20)])
    cohort.follow(students(20)[14:], every(10, since=95))
    return cohort


@case
def quiet_among_finishers(name: str) -> Cohort:
    """Six finish ten lessons 30 days ago, three do the ninth yesterday, one is silent 12 days."""
    cohort = Cohort(name, range(1, 11))
    cohort.follow(students(6), every(3, since=57, until=30))
    cohort.follow(["slow1", "slow2", "slow3"], every(7, since=57))
    cohort.follow("quiet", every(7, since=54, until=12))
    return cohort


@case
def early_bird(name: str) -> Cohort:
    """One did lessons 1 to 5 before everybody else began, then stopped."""
    cohort = Cohort(name, range(1, 21))
    cohort.follow("bird", [50, 49, 48, 47, 46])
    cohort.follow(students(9), every(3, since=40))
    return cohort


@case
def very_early_bird(name: str) -> Cohort:
    """One did lessons 1 to 5 ten weeks before everybody else; the class is two weeks old."""
    cohort = Cohort(name, range(1, 21))
    cohort.follow("bird", [87, 86, 85, 84, 83])
    cohort.follow(students(9), every(3, since=13))
    return cohort


def _two_birds(name: str, others: int) -> Cohort:
    """Two did lesson 1 six weeks before the others."""
    cohort = Cohort(name, range(1, 21))
    cohort.follow(["bird1", "bird2"], [62])
    cohort.follow(students(others), every(3, since=20, until=2))
    return cohort


@case
def two_birds_of_twenty(name: str) -> Cohort:
    """Two are a tenth of the class: it began with them."""
    return _two_birds(name, 18)


@case
def two_birds_of_twenty_one(name: str) -> Cohort:
    """Two are less than a tenth: it began with the others."""
    return _two_birds(name, 19)


@case
def one_missed(name: str) -> Cohort:
    """Twenty-one lessons, one every four days; one student left lesson 2 out."""
    cohort = Cohort(name, range(1, 22))
    days = every(4, since=81)
    cohort.follow(students(10), days)
    cohort.records = [
        r
        for r in cohort.records
        if not (r["user_id"].endswith("/s10") and r["assignment_id"] == cohort.id_of(2))
    ]
    return cohort


@case
def reopener(name: str) -> Cohort:
    """One opens lesson 4 every six days for 54 days and never completes it."""
    cohort = Cohort(name, range(1, 31))
    days = every(3, since=66)
    cohort.follow(students(9), days)
    cohort.follow("opener", days[:3])
    for days_ago in every(6, since=54, until=6):
        cohort.open("opener", 4, days_ago)
    return cohort


@case
def opens_at_once(name: str) -> Cohort:
    """One opens lesson 4 on the day of completing lesson 3, and again 30 days later."""
    cohort = Cohort(name, range(1, 31))
    cohort.follow(students(9), every(3, since=70))
    cohort.follow("opener", [68, 64, 60])
    cohort.open("opener", 4, 60)
    cohort.open("opener", 4, 30)
    return cohort


@case
def front_runner(name: str) -> Cohort:
    """One is far ahead of nine and has stopped before a lesson that nobody has opened."""
    cohort = Cohort(name, range(1, 31))
    cohort.follow(students(9), every(5, since=46))
    cohort.follow("fast", every(2, since=46, until=16))
    return cohort


# Work that is done again.


@case
def redo(name: str) -> Cohort:
    """Six students, one lesson a week; in the running week three do lessons 1 to 4 again."""
    cohort = Cohort(name, range(1, 13))
    cohort.follow(students(6), every(7, since=57))
    for lesson in range(1, 5):
        cohort.do(students(6)[:3], lesson, 1, grade=0.95)
    return cohort


@case
def redone_for_a_grade(name: str) -> Cohort:
    """Six students, one lesson a week; one failed lesson 2 and did it again five weeks later."""
    cohort = Cohort(name, range(1, 13))
    days = every(7, since=57)
    cohort.follow(students(5), days)
    for lesson, days_ago in enumerate(days, start=1):
        cohort.do("s06", lesson, days_ago, grade=0.2 if lesson == 2 else 0.9)
    cohort.do("s06", 2, 15, grade=0.9)
    return cohort


# Meetings and breaks.


def _weekly(name: str, last_meeting: int) -> Cohort:
    """All work at a weekly meeting at 19:00; one missed the last meeting, one the last two."""
    cohort = Cohort(name, range(1, 21))
    meetings = every(7, since=last_meeting + 49, until=last_meeting)
    cohort.follow(students(8), meetings, hour=19)
    cohort.follow("missed-one", meetings[:-1], hour=19)
    cohort.follow("missed-two", meetings[:-2], hour=19)
    return cohort


def _fortnightly(name: str, last_meeting: int) -> Cohort:
    """The same, with a meeting in two weeks."""
    cohort = Cohort(name, range(1, 21))
    meetings = every(14, since=last_meeting + 84, until=last_meeting)
    cohort.follow(students(8), meetings, hour=19)
    cohort.follow("missed-one", meetings[:-1], hour=19)
    cohort.follow("missed-two", meetings[:-2], hour=19)
    return cohort


WEEKLY = {f"weekly_{days}": days for days in range(1, 8)}
FORTNIGHTLY = {f"fortnightly_{days}": days for days in range(1, 15)}
for _name, _days in WEEKLY.items():
    CASES[_name] = lambda name: _weekly(name, WEEKLY[name])
for _name, _days in FORTNIGHTLY.items():
    CASES[_name] = lambda name: _fortnightly(name, FORTNIGHTLY[name])


@case
def weekly_all_there(name: str) -> Cohort:
    """All work on Tuesdays at 19:00; the sync is on Tuesday at 17:00."""
    cohort = Cohort(name, range(1, 21))
    cohort.follow(students(7), every(7, since=49, until=7), hour=19)
    return cohort


def _break(name: str, days: int) -> Cohort:
    """Ten students, a lesson every two days, then nothing for so many days."""
    cohort = Cohort(name, range(1, 21))
    cohort.follow(students(10), every(2, since=days + 22, until=days))
    return cohort


BREAKS = {f"break_{days}": days for days in (6, 7, 8, 16, 35, 59, 60)}
for _name in BREAKS:
    CASES[_name] = lambda name: _break(name, BREAKS[name])


@case
def over_without_one(name: str) -> Cohort:
    """A class that ended 70 days ago; one had stopped 20 days before the others."""
    cohort = _break(name, 70)
    cohort.follow("gone", [92, 90])
    return cohort


def _back(name: str, one: int | None, six: int | None) -> Cohort:
    """A break of 35 days after 12 lessons; one comes back, later five more."""
    cohort = Cohort(name, range(1, 21))
    end = (one or 0) + 35
    cohort.follow(students(10), every(2, since=end + 22, until=end))
    if one:
        cohort.do("s01", 13, one)
    if six:
        cohort.do("s01", 14, six)
        cohort.do(students(10)[1:6], 13, six)
    return cohort


@case
def one_is_back(name: str) -> Cohort:
    """After a break of 35 days one of ten came back yesterday."""
    return _back(name, one=1, six=None)


@case
def six_are_back(name: str) -> Cohort:
    """After a break of 35 days one of ten came back 14 days ago, five more a week later."""
    return _back(name, one=14, six=7)


@case
def resumed(name: str) -> Cohort:
    """Ten students, twelve lessons, a summer of 80 days; eight came back ten days ago."""
    cohort = Cohort(name, range(1, 21))
    cohort.follow(students(10), every(2, since=112, until=90))
    for lesson, days_ago in enumerate([10, 8, 6, 4, 2], start=13):
        cohort.do(students(10)[:8], lesson, days_ago)
    return cohort


# The plan.


@case
def bonus(name: str) -> Cohort:
    """Eight lessons, of which the last is optional: three of ten did it."""
    cohort = Cohort(name, range(1, 9))
    cohort.follow(students(10), every(3, since=31, until=13))
    cohort.do(students(10)[:3], 8, 10)
    for lesson in range(1, 9):
        cohort.plan(lesson, is_optional=lesson == 8)
    return cohort


@case
def survey(name: str) -> Cohort:
    """As massdrop; two of the four who stopped, and two others, did a survey on day one."""
    cohort = massdrop(name)
    cohort.do(["s01", "s02", "s09", "s10"], "survey", 58, grade=None)
    return cohort


@case
def survey_only(name: str) -> Cohort:
    """Lessons until 16 days ago; yesterday one of ten filled in a survey outside the units."""
    cohort = Cohort(name, range(1, 21))
    cohort.follow(students(10), every(2, since=38, until=16))
    cohort.do("s01", "survey", 1, grade=None)
    return cohort


@case
def retired_lesson(name: str) -> Cohort:
    """As massdrop; lesson 2, which all have done, is taken out of the units."""
    cohort = massdrop(name)
    cohort.lessons.remove(2)
    return cohort


@case
def units_cover_half(name: str) -> Cohort:
    """The units list lessons 1 to 4; just half of the work is on them."""
    cohort = Cohort(name, range(1, 5))
    cohort.follow(students(5), every(3, since=30, until=9))
    return cohort


@case
def units_cover_less(name: str) -> Cohort:
    """As before, and one more lesson completed outside the units."""
    cohort = units_cover_half(name)
    cohort.do("s01", 9, 5)
    return cohort


@case
def due_dates(name: str) -> Cohort:
    """All ten have done lessons 1 to 3; lesson 3 is due today, lesson 4, begun by one, was due."""
    cohort = Cohort(name, range(1, 7))
    cohort.follow(students(10), every(3, since=20, until=14))
    cohort.do("s01", 4, 10)
    for lesson, due in ((1, 15), (2, 10), (3, 0), (4, 1)):
        cohort.plan(lesson, due_on=day(due))
    cohort.plan(5)
    cohort.plan(6)
    return cohort


@case
def own_night(name: str) -> Cohort:
    """Monday began four weeks after Tuesday, and has due dates of its own."""
    cohort = Cohort(name, range(1, 13))
    days = every(5, since=57)
    for number, student in enumerate(students(10)):
        night = "Tuesday" if number < 6 else "Monday"
        start = 57 if number < 6 else 27
        cohort.enroll(student, night=night, started_on=day(start))
    cohort.follow(students(10)[:6], days)
    cohort.follow(students(10)[6:9], every(5, since=27, until=2))
    cohort.follow("s10", [27])
    for lesson in range(1, 13):
        cohort.plan(lesson)
    for lesson in range(1, 7):
        cohort.plan(lesson, night="Monday", due_on=day(28 - 5 * lesson))
    return cohort


# Who joins, and who is only on paper.


@case
def late_join(name: str) -> Cohort:
    """Begun 60 days ago, a lesson every three days; one joined 20 days ago and did nine since."""
    cohort = Cohort(name, range(1, 31))
    cohort.follow(students(10), every(3, since=60, until=3))
    cohort.enroll("late", started_on=day(20))
    cohort.follow("late", every(2, since=19, until=3))
    return cohort


def _joins(name: str, days_after: int) -> Cohort:
    """Begun 30 days ago, a lesson a day for ten days; one joined so many days after, did two."""
    cohort = Cohort(name, range(1, 21))
    cohort.follow(students(10), [*every(1, since=30, until=21), *every(2, since=19)])
    joined = 30 - days_after
    cohort.enroll("late", started_on=day(joined))
    cohort.follow("late", [joined - 1, joined - 2])
    return cohort


@case
def joins_after_14_days(name: str) -> Cohort:
    """The last day on which one has to catch up with everything."""
    return _joins(name, 14)


@case
def joins_after_15_days(name: str) -> Cohort:
    """The first day from which on one has as long as the class had."""
    return _joins(name, 15)


@case
def phantoms(name: str) -> Cohort:
    """Ten at work, five more on the roster who never came, one who begins next week."""
    cohort = Cohort(name, range(1, 21))
    cohort.follow(students(10), every(3, since=58))
    for number in range(1, 6):
        cohort.enroll(f"phantom{number}")
    cohort.enroll("tomorrow", started_on=day(-7))
    return cohort


@case
def zero_date(name: str) -> Cohort:
    """Seven weeks old; one record says that it was started in 1970, one in the year 1."""
    cohort = Cohort(name, range(1, 21))
    cohort.follow(students(6), every(4, since=43, until=3))
    cohort.records[0]["started_at"] = datetime(1970, 1, 1)
    cohort.records[1]["started_at"] = datetime(1, 1, 1)
    return cohort


def all_cases() -> list[Cohort]:
    """Return every class, each under its name."""
    return [build(name) for name, build in CASES.items()]


__all__ = ["BREAKS", "CASES", "FORTNIGHTLY", "SYNCED_AT", "WEEKLY", "all_cases"]
