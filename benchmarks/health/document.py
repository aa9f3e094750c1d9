"""The page that says what was measured, and what it means; its words are in `wording.py`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from . import wording

_WEEKS = {0: "at its end", 1: "one week after", 2: "two weeks after"}


def page(results: dict[str, Any], image: str) -> str:
    """Return the page as Markdown."""
    return "\n".join(
        [
            wording.HEAD,
            _main_table(results),
            f"![Share of students who failed or left, per tier]({image})\n",
            wording.JUDGED,
            wording.TIERS,
            _tiers(results),
            wording.CALLING,
            _five_worst(results),
            wording.CLASSES,
            _classes(results),
            wording.SMALL,
            _small(results),
            wording.EARLY,
            _early(results),
            wording.PAUSE,
            _breaks(results),
            wording.GRADES,
            _grades(results),
            wording.AS_OF,
            _backtest(results),
            wording.READING,
            wording.SOURCE,
        ]
    )


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)]) + "\n"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"


def _range(shares: Sequence[float]) -> str:
    return f"{shares[0]:.0%} to {shares[1]:.0%}"


def _auc(value: float) -> str:
    return f"{value:.3f}"


def _main_table(results: dict[str, Any]) -> str:
    mean, former = results["mean"], results["former"]
    names = (
        ("**Health score**", "score"),
        ("**Its four tiers alone**", "tier"),
        ("Health score, worst class", "score, worst class"),
        ("Tiers, worst class", "tier, worst class"),
        ("Share of the expected work completed", "completion"),
        ("The same in tiers below 25, 50, 75 %", "completion tiers"),
        ("Gradient boosting on the score's four parts, fitted on the other classes", "boosted"),
    )
    rows = [
        [title, *(_auc(row[name]) for row in mean.values())]
        for title, name in names
        if all(name in row for row in mean.values())
    ]
    rows += [
        [f"{title} by the former rules", *(_auc(former[name][at]) for at in mean)]
        for title, name in (("Health score", "score"), ("Tiers", "tier"))
    ]
    return _table(["mean ROC AUC", *mean], rows)


def _tiers(results: dict[str, Any]) -> str:
    rows = [
        [
            *(at, row["tier"], f"{row['students']:,}"),
            f"{row['share_of_students']:.0%} ({_range(row['share_of_students_range'])})",
            f"**{row['failed_or_left']:.0%}** ({_range(row['failed_or_left_range'])})",
            f"{row['share_of_failures']:.0%}",
        ]
        for at, tiers in results["tiers"].items()
        for row in tiers
    ]
    former = results["former"]
    before = " / ".join(f"{former['failures_in_low'][at]:.0%}" for at in results["tiers"])
    heads = ["at", "tier", "students", "share of all (range over classes)"]
    heads += ["of these failed or left (range over classes)", "of all failures"]
    said = f"By the former rules ({former['rules']}), {before} of the failures stood in `low`"
    return _table(heads, rows) + f"\n{said} at {' / '.join(results['tiers'])} of the course.\n"


def _five_worst(results: dict[str, Any]) -> str:
    rows = []
    for at, found in results["five_worst"].items():
        draws = results["draws"][at]
        for title, large, small in (
            ("all", found["all"], draws["five_worst"]),
            ("`slipping`", found["slipping"], draws["five_worst_slipping"]),
        ):
            rows.append(
                [at, title, _right(large), _right(small), _percent(draws["failed_or_left"])]
            )
    heads = ["at", "five lowest scores of", "right in the whole classes", "right in classes of 40"]
    heads.append("by chance")
    return _table(heads, rows)


def _right(found: dict[str, Any]) -> str:
    return f"{_percent(found['share_right'])} of {found['listed']:,}"


def _classes(results: dict[str, Any]) -> str:
    rows = []
    for row in results["classes"]:
        auc = row["auc"]
        rows.append(
            [
                *(row["class_id"], f"{row['share']:.0%}", f"{row['students']:,}"),
                _percent(row["failed_or_left"] / row["students"]),
                *(_auc(auc[name]) for name in ("score", "tier", "completion")),
                _auc(auc["boosted"]) if "boosted" in auc else "-",
            ]
        )
    heads = ["class", "at", "students", "failed or left", "score", "tiers", "completion", "boosted"]
    return _table(heads, rows)


def _small(results: dict[str, Any]) -> str:
    rows = [
        [
            *(at, f"{found['classes']}", f"{found['students']:.0f}"),
            *(
                f"{found[name]['mean']:.3f} ± {found[name]['deviation']:.3f}"
                for name in ("score", "tier")
            ),
        ]
        for at, found in results["draws"].items()
    ]
    return _table(["at", "classes", "students in each", "AUC of the score", "AUC of tiers"], rows)


def _early(results: dict[str, Any]) -> str:
    rows = [
        [
            *(at, f"{found['with_verdict']:.0%}"),
            *(_auc(found[name]) for name in ("score", "score, worst class", "tier")),
        ]
        for at, found in results["early"].items()
    ]
    heads = ["at", "students with a verdict", "AUC of the score", "worst class", "AUC of the tiers"]
    return _table(heads, rows)


def _breaks(results: dict[str, Any]) -> str:
    rows = [
        [
            *(at, _WEEKS[row["weeks_after"]], f"{row['students']:,}"),
            *(f"{row[name]:.1%}" for name in ("worse", "worse_in_the_worst_class", "better")),
        ]
        for at, found in results["break"].items()
        for row in found
    ]
    heads = ["break at", "judged", "students", "worse tier", "in the worst class", "better tier"]
    return _table(heads, rows)


def _grades(results: dict[str, Any]) -> str:
    kinds = (("no-grades", "no grades at all"), ("best-grades", "every grade is 1"))
    rows = [
        [title, at, _auc(found["score"]), _auc(found["tier"])]
        for kind, title in kinds
        for at, found in results["grades"][kind].items()
    ]
    return _table(["copy", "at", "AUC of the score", "AUC of the tiers"], rows)


def _backtest(results: dict[str, Any]) -> str:
    rows = [
        [
            *(found["as_of"], what, f"{found[what]['rows']:,}"),
            *(f"{found[what][name]:,}" for name in ("differing", "differing_of_same_begin")),
        ]
        for found in results["backtest"]
        for what in found
        if what != "as_of"
    ]
    heads = ["as of the end of", "compared", "rows", "differing", "of classes with the same begin"]
    return _table(heads, rows)
