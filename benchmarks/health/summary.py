"""All numbers of the page, from the synced tables."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from .breaks import break_effects
from .copies import by_change
from .courses import Built, Moment, moments
from .measures import (
    RISKS,
    auc_of,
    by_score,
    by_tier,
    five_worst,
    mean_auc,
    per_tier,
    small_classes,
)

SHARES = (0.25, 0.5)
EARLY = (0.1, 0.15, 0.2)
"""Before the moments that are judged: how soon the score says anything."""

FORMER = Path(__file__).with_name("former.json")
"""What the rules before these reached on the same courses, for comparison."""


def summary(plain: Built, copied: Built, python: str) -> dict[str, Any]:
    """The courses as they are, and what becomes of them in each changed copy."""
    found = moments(plain, SHARES)
    changed = moments(copied, SHARES)
    kinds = by_change({moment.class_id for moment in changed})
    results: dict[str, Any] = {name: {} for name in ("mean", "tiers", "five_worst", "draws")}
    results["classes"] = []
    for share in SHARES:
        here = [moment for moment in found if moment.share == share]
        rows = _classes(here, python)
        results["classes"] += rows
        results["mean"][f"{share:.0%}"] = _mean(rows)
        results["tiers"][f"{share:.0%}"] = per_tier(here)
        results["five_worst"][f"{share:.0%}"] = {
            "all": five_worst(here),
            "slipping": five_worst(here, "slipping"),
        }
        drawn = [one for one in _of(changed, kinds["draws"]) if one.share == share]
        results["draws"][f"{share:.0%}"] = small_classes(drawn)
    results["early"] = {
        f"{share:.0%}": _early([one for one in moments(plain, EARLY) if one.share == share])
        for share in EARLY
    }
    results["break"] = {f"{share:.0%}": break_effects(plain, copied, share) for share in SHARES}
    results["grades"] = {
        name: {
            f"{share:.0%}": _both([one for one in _of(changed, kinds[name]) if one.share == share])
            for share in SHARES
        }
        for name in ("no-grades", "best-grades")
    }
    return {**results, "former": json.loads(FORMER.read_text(encoding="utf-8"))}


def _of(found: Sequence[Moment], class_ids: Sequence[str]) -> list[Moment]:
    wanted = set(class_ids)
    return [moment for moment in found if moment.class_id in wanted]


def _classes(here: Sequence[Moment], python: str) -> list[dict[str, Any]]:
    fitted = _boosted(here, python)
    rows = []
    for place, moment in enumerate(here):
        aucs = {name: auc_of(moment, risk) for name, risk in RISKS.items()}
        if fitted:
            aucs["boosted"] = fitted[place]
        rows.append(
            {
                "class_id": moment.class_id,
                "share": moment.share,
                "week_end": moment.week_end,
                "students": len(moment.learners),
                "failed_or_left": sum(learner.failed for learner in moment.learners),
                "auc": aucs,
            }
        )
    return rows


def _mean(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    aucs = [row["auc"] for row in rows]
    return {
        **{name: fmean(auc[name] for auc in aucs) for name in aucs[0]},
        "score, worst class": min(auc["score"] for auc in aucs),
        "tier, worst class": min(auc["tier"] for auc in aucs),
    }


def _both(here: Sequence[Moment]) -> dict[str, float]:
    return {"score": mean_auc(here, by_score), "tier": mean_auc(here, by_tier)}


def _early(here: Sequence[Moment]) -> dict[str, float]:
    learners = [learner for moment in here for learner in moment.learners]
    return {
        **_both(here),
        "score, worst class": min(auc_of(moment, by_score) for moment in here),
        "with_verdict": sum(learner.tier != "n_a" for learner in learners) / len(learners),
    }


def _boosted(found: Sequence[Moment], python: str) -> list[float] | None:
    """AUC per class of the fitted model; None where scikit-learn is not installed."""
    inputs = {
        "classes": [
            {
                "rows": [learner.parts for learner in moment.learners],
                "failed": [learner.failed for learner in moment.learners],
            }
            for moment in found
        ]
    }
    done = subprocess.run(
        [python, str(Path(__file__).with_name("boosted.py"))],
        input=json.dumps(inputs),
        # one thread: several wait for each other on a busy machine, ten times as long
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        print("The fitted model is left out: " + done.stderr.strip().splitlines()[-1])
        return None
    aucs: list[float] = json.loads(done.stdout)
    return aucs
