"""What a verification says, as facts: overall, for the repair's own images, and for every other group."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from failsight.tools.evidence import Fact
from failsight.tools.repair.by_split import (
    split_facts,
)
from failsight.tools.text import clean

if TYPE_CHECKING:
    from failsight.tools.repair.verdict_report import Verified


def verdict_facts(made: Verified) -> tuple[Fact, ...]:
    """All of them; errors and their changes are shares, calibration its expected error."""
    t, d = made.target, made.decision
    name = "ece" if made.calibration else "error_rate"
    facts = [
        Fact("verdict", d.outcome, "text", made.arms.name),
        Fact("plan", made.plan, "text"),
        Fact(
            name,
            t.before,
            "share",
            "target, before",
            None if made.calibration else t.before_ci,
            t.n,
            "lower_is_better",
        ),
        Fact(name, t.repair, "share", "target, repair", None, t.n, "lower_is_better"),
        Fact(
            "effect",
            t.change.mean,
            "points",
            "target, repair minus before",
            t.change.ci,
            t.n,
            "lower_is_better",
        ),
    ]
    if t.effect is not None and t.drift is not None:
        facts += [
            Fact(name, t.control, "share", "target, control", None, t.n, "lower_is_better"),
            Fact(
                "effect",
                t.effect.mean,
                "points",
                "target, repair minus control",
                t.effect.ci,
                t.n,
                "lower_is_better",
            ),
            Fact(
                "control_effect",
                t.drift.mean,
                "points",
                "target, control minus before",
                t.drift.ci,
                t.n,
                "lower_is_better",
            ),
        ]
    facts += [
        Fact("p", d.p, "score", "target"),
        Fact("q", d.q, "score", "target"),
        Fact("minimum_effect", made.minimum, "points", "target"),
        Fact("seeds", len(made.arms.repair), "count"),
        Fact("groups_worse", len(d.worse), "count", "", None, None, "lower_is_better"),
        Fact("groups_traded", len(d.traded), "count", "", None, None, "lower_is_better"),
        Fact("tolerance", d.tolerance, "points"),
    ]
    facts += split_facts(made.target_by)
    if made.deferred is not None:
        share, error = made.deferred
        facts += [
            Fact("deferred", share, "share", "target, repair", None, t.n),
            Fact(
                "error_rate",
                error,
                "share",
                "target, answers that the repair gives",
                None,
                None,
                "lower_is_better",
            ),
        ]
    facts += _group_facts(made)
    if d.detectable is not None:
        facts.append(Fact("detectable_effect", min(1.0, d.detectable), "points", "target"))
    for what, value in (("images_needed", d.more_images), ("seeds_needed", d.more_seeds)):
        if value:
            facts.append(Fact(what, value, "count", "target"))
    if d.doubt_images:
        facts.append(Fact("images_needed", d.doubt_images, "count", clean(d.doubt, 80)))
    if made.ece is not None:
        facts += [
            Fact("ece", made.ece.before, "share", "before", None, made.n, "lower_is_better"),
            Fact("ece", made.ece.repair, "share", "repair", None, made.n, "lower_is_better"),
            Fact(
                "ece_change",
                made.ece.change.mean,
                "points",
                "repair minus before",
                made.ece.change.ci,
                made.n,
                "lower_is_better",
            ),
        ]
    return tuple(f for f in facts if not (isinstance(f.value, float) and math.isnan(f.value)))


def _group_facts(made: Verified) -> list[Fact]:
    facts = []
    for one in made.others:
        if one.kind == "overall":
            facts.append(
                Fact("error_rate", one.before, "share", "before", one.before_ci, one.n, "lower_is_better")
            )
            facts.append(Fact("error_rate", one.repair, "share", "repair", None, one.n, "lower_is_better"))
            if one.control is not None:
                facts.append(
                    Fact("error_rate", one.control, "share", "control", None, one.n, "lower_is_better")
                )
            facts.append(
                Fact(
                    "effect",
                    one.change.mean,
                    "points",
                    "repair minus before",
                    one.change.ci,
                    one.n,
                    "lower_is_better",
                )
            )
    if made.worst is not None:
        w = made.worst
        facts.append(
            Fact(
                "worst_loss",
                w.change.mean,
                "points",
                clean(w.name, 80),
                w.simultaneous,
                w.n,
                "lower_is_better",
            )
        )
    if made.others:
        most = max(min(1.0, o.simultaneous[1]) for o in made.others)
        facts.append(
            Fact(
                "loss_not_excluded",
                most,
                "points",
                "worst of the other groups",
                None,
                None,
                "lower_is_better",
            )
        )
    return facts
