"""The page and the picture that say what was measured."""

from __future__ import annotations

from html import escape
from typing import Any

COLOURS = {
    "critical": "#a11d2c",
    "high": "#d9713c",
    "medium": "#e3b94f",
    "low": "#6aa5c9",
    "n_a": "#b8b8b8",
}

_HEAD = """\
# Does the health score warn of the right students?

Measured on real learners whose outcome is known, through the whole way that a mentor's data
takes: the records are served by the sandbox server, read by `cohort-tracker sync` with the
enrolments as the roster, built by dbt; then `marts.student_health_weekly` is asked for the score
as it was in the middle of the course, and compared with who failed or left in the end. `python -m
benchmarks.health --data DIRECTORY` does all of it and writes this page.
"""

_QUESTION = """\
## How it is judged

For each class at 25 % and at 50 % of its length: all students who were registered and had not
left at that moment; the score at the end of the last week before it, which knows only what had
been completed by then; and what became of them: failed or withdrew, or not. The ROC AUC says how
often, of one student who failed or left and one who did not, the score is lower for the first
(0.5 = by chance, 1 = always).
"""

_READING = """\
## What the numbers mean, and what not

* **The weights are not fitted.** They are round numbers chosen beforehand; other sensible weights
  change the mean by less than 0.004, which is less than the difference between classes. A model
  fitted on the same four parts (gradient boosting, each class predicted from the others) is the
  measure of what could be won by fitting.
* **One rule was chosen on these courses:** grades of work that the class does not expect yet
  count as well. It raised the mean by 0.003 at 25 % and 0.001 at 50 %. So the numbers of this
  page are not quite those of a blind test.
* **Low risk is not safety.** The table shows how many of each tier failed or left all the same.
  The score sees completions and grades only: who leaves for reasons outside the course gives no
  sign there.
* **Another kind of course.** These are university modules at a distance, with few, graded, dated
  assignments and about one or two thousand students. A bootcamp has more and smaller assignments
  and a few dozen students; there is no proof that the same numbers hold there. The order of
  students within a class is what carries over, not the percentages.
* Students without a verdict (`n_a`) were in their first days in the class, or nothing was
  expected yet.
"""

_SOURCE = """\
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


def page(results: dict[str, Any], image: str) -> str:
    """Return the page as Markdown."""
    return "\n".join(
        [
            _HEAD,
            _table(results),
            f"![Share of students who failed or left, per tier]({image})\n",
            _QUESTION,
            "## Per class\n",
            _classes(results),
            "## Per tier\n",
            _tiers(results),
            _READING,
            _SOURCE,
        ]
    )


def _table(results: dict[str, Any]) -> str:
    mean = results["mean"]
    rows = [
        ("**Health score**", "score"),
        ("Its four tiers alone", "tier"),
        ("Share of the expected work completed", "completion"),
        ("The same in tiers below 25, 50, 75 %", "completion tiers"),
        ("Gradient boosting on the score's four parts, fitted on the other classes", "boosted"),
        ("Health score, worst class", "score, worst class"),
    ]
    lines = [f"| mean ROC AUC | {' | '.join(mean)} |", "|---|" + "---|" * len(mean)]
    for title, name in rows:
        values = [row.get(name) for row in mean.values()]
        if None not in values:
            lines.append(f"| {title} | " + " | ".join(f"{value:.3f}" for value in values) + " |")
    return "\n".join(lines) + "\n"


def _classes(results: dict[str, Any]) -> str:
    lines = [
        "| class | at | students | failed or left | score | completion | boosted |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in results["classes"]:
        auc = row["auc"]
        fitted = f"{auc['boosted']:.3f}" if "boosted" in auc else "-"
        lines.append(
            f"| {row['class_id']} | {row['share']:.0%} | {row['students']:,} |"
            f" {row['failed_or_left'] / row['students']:.0%} | {auc['score']:.3f} |"
            f" {auc['completion']:.3f} | {fitted} |"
        )
    return "\n".join(lines) + "\n"


def _tiers(results: dict[str, Any]) -> str:
    lines = [
        "| at | tier | students | share of all | of these failed or left | of all failures |",
        "|---|---|---|---|---|---|",
    ]
    for share, rows in results["tiers"].items():
        lines += [
            f"| {share} | {row['tier']} | {row['students']:,} | {row['share_of_students']:.0%} |"
            f" **{row['failed_or_left']:.0%}** | {row['share_of_failures']:.0%} |"
            for row in rows
        ]
    return "\n".join(lines) + "\n"


def picture(results: dict[str, Any]) -> str:
    """Return the share of students who failed or left in each tier, as SVG."""
    bars = [
        (share, row["tier"], row["failed_or_left"], row["students"])
        for share, rows in results["tiers"].items()
        for row in rows
    ]
    height = 40 + 26 * len(bars) + 20 * len(results["tiers"])
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="720" height="{height}"'
        ' font-family="sans-serif" font-size="13">',
        '<rect width="100%" height="100%" fill="white"/>',
        '<text x="16" y="22" font-weight="bold">'
        "Share of students who failed or left, by tier</text>",
    ]
    y = 36
    shown = ""
    for share, tier, failed, students in bars:
        if share != shown:
            shown = share
            parts.append(
                f'<text x="16" y="{y + 16}" fill="#444">at {escape(share)} of the course</text>'
            )
            y += 22
        width = 440 * failed
        parts += [
            f'<text x="16" y="{y + 15}">{escape(tier)}</text>',
            f'<rect x="90" y="{y}" width="440" height="20" fill="#f2f2f2"/>',
            f'<rect x="90" y="{y}" width="{width:.1f}" height="20" fill="{COLOURS[tier]}"/>',
            f'<text x="540" y="{y + 15}">{failed:.0%} of {students:,}</text>',
        ]
        y += 26
    return "\n".join([*parts, "</svg>"]) + "\n"
