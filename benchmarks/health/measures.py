"""What is measured: how well an order of students puts those in front who fail or leave."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean, stdev
from typing import Any

from .courses import Learner, Moment

TIERS = ("critical", "high", "medium", "low", "n_a")
FIVE = 5


def auc(risks: Sequence[float], failed: Sequence[bool]) -> float:
    """ROC AUC: how often one who failed has the higher risk than one who did not; ties half."""
    order = sorted(range(len(risks)), key=lambda place: risks[place])
    ranks = [0.0] * len(risks)
    start = 0
    while start < len(order):
        end = start
        while end < len(order) and risks[order[end]] == risks[order[start]]:
            end += 1
        for place in order[start:end]:
            ranks[place] = (start + end + 1) / 2
        start = end
    bad = sum(failed)
    total = sum(rank for rank, is_bad in zip(ranks, failed, strict=True) if is_bad)
    return (total - bad * (bad + 1) / 2) / (bad * (len(failed) - bad))


def auc_of(moment: Moment, risk: Callable[[Learner], float]) -> float:
    """The AUC of one class at one moment."""
    return auc([risk(one) for one in moment.learners], [one.failed for one in moment.learners])


def by_score(learner: Learner) -> float:
    """Risk by the score: the lower the score, the higher."""
    return -learner.score


def by_tier(learner: Learner) -> float:
    """Risk by the tier alone; without a verdict it is the lowest."""
    return -TIERS.index(learner.tier)


def _by_completion(learner: Learner) -> float:
    return -(learner.parts[0] or 0.0)


def _by_completion_tier(learner: Learner) -> float:
    """The tiers of trackers that look at completion only: below 25, 50, 75 % of what is due."""
    return sum((learner.parts[0] or 0.0) < limit for limit in (0.25, 0.5, 0.75))


RISKS: dict[str, Callable[[Learner], float]] = {
    "score": by_score,
    "tier": by_tier,
    "completion": _by_completion,
    "completion tiers": _by_completion_tier,
}


def mean_auc(moments: Sequence[Moment], risk: Callable[[Learner], float]) -> float:
    """The mean of the classes, each counting once."""
    return fmean(auc_of(moment, risk) for moment in moments)


def per_tier(moments: Sequence[Moment]) -> list[dict[str, Any]]:
    """Students per tier and the share of them that failed or left; the range over classes."""
    learners = [learner for moment in moments for learner in moment.learners]
    found = []
    for tier in TIERS:
        mine = [learner for learner in learners if learner.tier == tier]
        if not mine:
            continue
        rooms = [(_of_tier(moment, tier), moment.learners) for moment in moments]
        found.append(
            {
                "tier": tier,
                "students": len(mine),
                "share_of_students": len(mine) / len(learners),
                "share_of_students_range": _range([len(here) / len(all_) for here, all_ in rooms]),
                "failed_or_left": _share_failed(mine),
                "failed_or_left_range": _range([_share_failed(here) for here, _ in rooms if here]),
                "share_of_failures": _failed(mine) / _failed(learners),
            }
        )
    return found


def five_worst(moments: Sequence[Moment], call_list: str | None = None) -> dict[str, Any]:
    """The up to five lowest scores of each class, pooled: how many of them failed or left.

    call_list: only those who stand on this list.
    """
    listed = [one for moment in moments for one in _worst(moment, call_list)]
    return {
        "classes": len(moments),
        "listed": len(listed),
        "right": _failed(listed),
        "share_right": _failed(listed) / len(listed) if listed else None,
    }


def small_classes(moments: Sequence[Moment]) -> dict[str, Any]:
    """What the drawn classes show at one moment: how much chance moves the AUC of one class.

    The deviation is that between the draws of a class, as a mean over classes; a draw in which all
    or none failed has no AUC and is left out.
    """
    drawn: dict[str, list[Moment]] = {}
    for moment in moments:
        if 0 < _failed(moment.learners) < len(moment.learners):
            drawn.setdefault(moment.class_id.rpartition(".")[0], []).append(moment)
    found: dict[str, Any] = {
        "classes": len(moments),
        "students": fmean(len(moment.learners) for moment in moments),
        "failed_or_left": _share_failed([one for moment in moments for one in moment.learners]),
    }
    for name, risk in (("score", by_score), ("tier", by_tier)):
        aucs = [[auc_of(moment, risk) for moment in draws] for draws in drawn.values()]
        found[name] = {
            "mean": fmean(fmean(draws) for draws in aucs),
            "deviation": fmean(stdev(draws) if len(draws) > 1 else 0.0 for draws in aucs),
        }
    return {
        **found,
        "five_worst": five_worst(moments),
        "five_worst_slipping": five_worst(moments, "slipping"),
    }


def _worst(moment: Moment, call_list: str | None) -> list[Learner]:
    judged = [
        learner
        for learner in moment.learners
        if learner.tier != "n_a" and (call_list is None or learner.call_list == call_list)
    ]
    return sorted(judged, key=lambda learner: learner.score)[:FIVE]


def _of_tier(moment: Moment, tier: str) -> list[Learner]:
    return [learner for learner in moment.learners if learner.tier == tier]


def _failed(learners: Sequence[Learner]) -> int:
    return sum(learner.failed for learner in learners)


def _share_failed(learners: Sequence[Learner]) -> float:
    return _failed(learners) / len(learners)


def _range(shares: list[float]) -> list[float]:
    return [min(shares), max(shares)]
