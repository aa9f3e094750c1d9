"""The words of the page around its tables."""

from __future__ import annotations

HEAD = """\
# Does the health score warn of the right students?

Measured on real learners whose outcome is known, through the whole way that a mentor's data
takes: the records are served by the sandbox server, read by `cohort-tracker sync` with the
enrolments as the roster, built by dbt; then `marts.student_health_weekly` is asked what it said in
the middle of the course, and that is compared with who failed or left in the end. `python -m
benchmarks.health --data DIRECTORY` does all of it and writes this page.

In short: the **order** of the students in a class is good from a quarter of the course on. The
**tiers** lose a little of it. Four things to keep in mind: classes differ, a class of 40 differs by
chance alone, up to a fifth of the course the score says little, and `low` is not safety.
"""

JUDGED = """\
## How it is judged

For each class at 25 % and at 50 % of its length: all students who were registered and had not
left at that moment; the verdict at the end of the last week before it, which knows only what had
been completed by then; and what became of them: failed or withdrew, or not. The ROC AUC says how
often, of one student who failed or left and one who did not, the score is lower for the first
(0.5 = by chance, 1 = always). Ties count half, so four tiers can never order as finely as a score.
The mean is that of the classes, each counting once.
"""

TIERS = """\
## The tiers: how many are in each, and what became of them

Of a hundred students in a tier, so many failed or left. The range is that of the classes: the
same word means another risk in another class, because courses differ in how many leave anyway.
"""

CALLING = """\
## The five to call first

If a mentor calls the five with the lowest scores, how many of them failed or left in the end? The
five lowest of all have mostly vanished already. Those on the call list `slipping` are still with
the class: there are fewer of them, and more of them came through in the end. A class counts with up
to five. The last column is the share of all students in the classes of 40: what picking by chance
gives.
"""

CLASSES = """\
## Per class
"""

SMALL = """\
## Small classes

These courses have hundreds of students. So each class was drawn fifty times as one of 40 students
who were in it at 25 %, and each draw was synced as a class of its own, with its own median and its
own expectations. The mean stays that of the whole classes. But the AUC of one class of 40 moves up
or down by chance alone; ± is the standard deviation between the draws of one class.
**From one small class nothing can be concluded about the score, neither good nor bad.**
"""

EARLY = """\
## How early

Up to a fifth of the course the verdicts are weak: little is due, and hardly any grade is known.
Where the first work is due late, the order is then still no better than chance: see the worst
class. Until then talk to everybody.
"""

PAUSE = """\
## A break in which nobody works

A holiday must not make half of a class critical. In a copy of each class, all that happened after
the last week before the moment (completions, joining, leaving) comes three weeks later. Then each
student's tier at the end of the break, one and two weeks after it, is compared with the tier in the
same week of the course without the break. Who had no verdict in one of the two is left out.

A break counts as one week of silence, however long it is. Where assignments lie a month apart, that
week is enough for the class to look different just after the break: many students have then been
silent for more than the 35 class days within which one is a peer, and those who came back first set
the pace until the others follow. That is the worst class in the table.
"""

GRADES = """\
## Without grades

Half of the score is the mean grade. What remains when no grade is known, or when all grades are the
same? Then completion, recency and timeliness alone decide. Where your school gives no grades, or
gives everybody full marks, expect these numbers and not those above.
"""

AS_OF = """\
## Built as of an earlier day

`dbt build --vars '{as_of: …}'` gives the tables as they would have been at an earlier moment. Do
they say what the weekly history of today's tables says of that day? Three Sundays were tried, each
at its last second. Compared row by row: score and tier of every student and week up to that day;
those of `student_health` on that day; call lists and events of all weeks before. (The week that
ends on that day is still the running one, whose events are yet to come.)

One rule looks ahead by its definition: a class begins when a tenth of those who have done anything
*by the moment of the build* have done so. In the first weeks few have, so the class seems to have
begun with the first who looked in, and verdicts come sooner: at the second date below, the classes
of that autumn were twelve days old. So the last column counts the differing rows of the classes
that begin on the same day in both. The curriculum is that of the build in both.
"""

READING = """\
## What the numbers mean, and what not

* **The weights are not fitted.** They are round numbers, and other sensible weights change the mean
  by less than the classes differ. A model fitted on the same four parts (gradient boosting, each
  class predicted from the others) shows what could be won by fitting: on the whole, nothing.
* **The rules were chosen with these courses in sight.** That a tier compares with the class's
  median, and where its limits lie, was tried on them. So the numbers of this page are not those of
  a blind test; on other courses expect a little less.
* **`low` is not safety.** The table shows how many of that tier failed or left all the same. The
  score sees completions and grades only: who leaves for reasons outside the course gives no sign.
* **A tier is a place in the class, not a probability.** The ranges show how much the same tier
  differs between classes.
* **The roster matters.** Here every student is on the roster, with the days of joining and leaving.
  Without one, who never did anything is not known at all, and nobody is known to have left.
* **Another kind of course.** These are university modules at a distance, with few, graded, dated
  assignments and hundreds of students. A bootcamp has more and smaller assignments and a few dozen
  students; there is no proof that the same numbers hold there. What can carry over is the order of
  the students within a class, not the percentages.
* Students without a verdict (`n_a`) were in their first days in the class, or nothing was expected
  yet. For the AUC they count as the least at risk by tier; by score, who has no score counts as the
  most at risk.
"""

SOURCE = """\
## The data

Open University Learning Analytics Dataset: Kuzilek J., Hlosta M., Zdrahal Z., “Open University
Learning Analytics dataset”, Scientific Data 4:170171 (2017), licence [CC BY
4.0](https://creativecommons.org/licenses/by/4.0/). Used here: the module presentations named in
the table, converted to classes, assignments, enrolments and progressions; click logs are left
out, identifiers are the data set's own anonymous ones, names and e-mail addresses are invented.
The data is not part of this repository. Its dirt is kept: marks carried over from earlier
attempts, completions before the first day, after the end or after the student had left, batch
dates, enrolments without any submission.
"""
