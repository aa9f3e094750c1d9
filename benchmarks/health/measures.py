"""What is measured: how well an order of students puts those in front who fail or leave."""

from __future__ import annotations

from collections.abc import Sequence

from .courses import Learner, Moment

TIERS = ("critical", "high", "medium", "low", "n_a")


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


def measured(moment: Moment) -> dict[str, float]:
    """AUC of the score and of what it is compared with."""
    failed = [learner.failed for learner in moment.learners]
    return {
        name: auc([risk(learner) for learner in moment.learners], failed)
        for name, risk in (
            ("score", lambda learner: -learner.score),
            ("tier", lambda learner: -TIERS.index(learner.tier)),
            ("completion", lambda learner: -_completion(learner)),
            ("completion tiers", _completion_tier),
        )
    }


def _completion(learner: Learner) -> float:
    return learner.parts[0] or 0.0


def _completion_tier(learner: Learner) -> float:
    """The tiers of trackers that look at completion only: below 25, 50, 75 % of what is due."""
    return sum(_completion(learner) < limit for limit in (0.25, 0.5, 0.75))


def per_tier(moments: Sequence[Moment]) -> list[dict[str, float | str | int]]:
    """Students per tier, and the share of them that failed or left."""
    learners = [learner for moment in moments for learner in moment.learners]
    found: list[dict[str, float | str | int]] = []
    for tier in TIERS:
        mine = [learner for learner in learners if learner.tier == tier]
        if mine:
            failed = sum(learner.failed for learner in mine)
            found.append(
                {
                    "tier": tier,
                    "students": len(mine),
                    "share_of_students": len(mine) / len(learners),
                    "failed_or_left": failed / len(mine),
                    "share_of_failures": failed / sum(learner.failed for learner in learners),
                }
            )
    return found
