"""What the repairs of a finding came to, for ``findings.json``: what was made, what untouched images said, what it cost elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from failsight.agent.state import CaseState, FindingRecord
from failsight.tools.evidence import Evidence, Fact
from failsight.tools.repair.versions import ModelVersion
from failsight.tools.text import clean


def repairs_of(state: CaseState, found: FindingRecord) -> list[dict[str, Any]]:
    """One entry for each repair that was made for a finding, in the order in which they were made."""
    grouped: dict[str, list[ModelVersion]] = {}
    for version in state.versions.values():
        if version.finding == found.id:
            grouped.setdefault(version.repair, []).append(version)
    return [_repair(state, name, versions) for name, versions in grouped.items()]


def verification(state: CaseState, repair: str) -> Evidence | None:
    """The newest evidence of ``verify_correction`` about a repair; None where it was never judged."""
    return next(
        (
            e
            for e in reversed(state.evidence)
            if e.tool == "verify_correction" and any(f.name == "verdict" and f.of == repair for f in e.facts)
        ),
        None,
    )


def _repair(state: CaseState, name: str, versions: Sequence[ModelVersion]) -> dict[str, Any]:
    judged = verification(state, name)
    made = {
        "repair": clean(name, 20),
        "strategy": versions[0].strategy,
        "versions": [v.name for v in versions],
        "verdict": None,
    }
    if judged is None:
        return made
    calibrated = _fact(judged, "ece", "target, before") is not None
    level = "ece" if calibrated else "error_rate"
    before, after, control = (
        _fact(judged, level, f"target, {arm}") for arm in ("before", "repair", "control")
    )
    effect = _fact(judged, "effect", "target, repair minus control")
    worst = next((f for f in judged.facts if f.name == "worst_loss"), None)
    return made | {
        "verdict": _value(_fact(judged, "verdict", name)),
        "measure": "calibration_error" if calibrated else "error_rate",
        "n": before.n if before is not None else None,
        "before": _value(before),
        "after": _value(after),
        "control": _value(control),
        "effect": _value(effect),
        "effect_ci": effect.ci if effect is not None else None,
        "q": _value(_fact(judged, "q", "target")),
        "seeds": _value(_fact(judged, "seeds")),
        "groups_worse": _value(_fact(judged, "groups_worse")),
        "groups_traded": _value(_fact(judged, "groups_traded")),
        "worst_group": None if worst is None else clean(worst.of, 80),
        "worst_loss": _value(worst),
        "evidence": judged.id,
    }


def _fact(made: Evidence, name: str, of: str = "") -> Fact | None:
    return next((f for f in made.facts if f.name == name and f.of == of), None)


def _value(fact: Fact | None) -> Any:
    return None if fact is None else fact.value
