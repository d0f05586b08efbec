"""Findings that explain what a measurement shows: confirmed ones first, by the classes that they are about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from failsight import prompts
from failsight.agent.narrate.plain import for_requesters
from failsight.agent.planners.steps import largest_confusion
from failsight.agent.state import CaseState, FindingRecord
from failsight.tools.evidence import Evidence
from failsight.tools.text import clean

if TYPE_CHECKING:
    from failsight.agent.case import Case

MOST: Final = 2  # findings that are named beside a confusion
_CUES: Final = ("spurious_correlation", "overemphasised_feature")
_OF_IMAGES: Final = (
    "weak_slice",
    "rare_case",
    "missing_feature",
    "label_noise",
    "class_imbalance",
)
_ORDER: Final = ("confirmed", "inconclusive", "open", "refuted")


def confusions(case: Case, evidence: Sequence[str]) -> list[str]:
    """One sentence for each finding that explains the confusions that this turn's evidence counts; none without one."""
    state = case.state()
    made = next((e for e in state.evidence if e.id in evidence and e.tool == "confusion_matrix"), None)
    if made is None:
        return []
    true, predicted = (str(made.arguments.get(k) or "") for k in ("true_class", "predicted_class"))
    most = MOST
    if not true and not predicted:
        most = 1
        pair = largest_confusion(made.to_dict())
        true, predicted = pair if pair is not None else ("", "")
    return [sentence(r) for r in of_pair(state, true, predicted)[:most]]


def groups(case: Case, evidence: Sequence[str]) -> list[str]:
    """Confirmed findings about a part, or a consequence, of a group whose own test did not confirm anything: they say more than its verdict."""
    state = case.state()
    made = next(
        (e for e in state.evidence if e.id in evidence and e.tool == "compare_group" and e.findings), None
    )
    if made is None or made.findings[0].verdict == "confirmed" or made.findings[0].class_name:
        return []
    own = dict(made.findings[0].slice or {})
    held = [r for r in state.confirmed() if own and own.items() <= dict(r.finding.slice or {}).items() and r.finding.key != made.findings[0].key]  # fmt: skip
    held.sort(key=lambda r: r.finding.kind not in (*_CUES, *_OF_IMAGES[:2]))
    return [prompts.say("explains.group", id=r.id, statement=clean(for_requesters(r.finding), 300).rstrip("."), evidence=", ".join(r.evidence[:1])) for r in held[:MOST]]  # fmt: skip


def sentence(record: FindingRecord) -> str:
    """``F8 [confirmed] may explain part of it: The model takes …``"""
    key = "explains.confirmed" if record.standing == "confirmed" else "explains.other"
    return prompts.say(
        key,
        id=record.id,
        standing=record.standing,
        statement=clean(record.finding.statement, 300).rstrip("."),
    )


def of_pair(state: CaseState, true: str, predicted: str) -> list[FindingRecord]:
    """Findings that bear on images of ``true`` that are called ``predicted``; either may be empty for any class.

    A cue that draws images to the answer, or a group of images of the true class that is answered so (or of which no answer is said).
    """
    found = [
        r
        for r in state.records.values()
        if r.standing in ("confirmed", "inconclusive") and _bears(r, true, predicted)
    ]
    return sorted(found, key=lambda r: (_ORDER.index(r.standing), not _of_both(r, true, predicted)))


def _of_both(record: FindingRecord, true: str, predicted: str) -> bool:
    found = record.finding
    return bool(true and predicted) and {found.class_name, found.confused_with} == {true, predicted}


def _bears(record: FindingRecord, true: str, predicted: str) -> bool:
    found = record.finding
    name, other = found.class_name or "", found.confused_with or ""
    if found.kind in _CUES:
        return bool(predicted) and name == predicted and other in ("", true, predicted)
    if found.kind not in _OF_IMAGES or not name:
        return False
    if true and name != true:
        return False
    if predicted and other and other != predicted:
        return False
    return bool(true) or other == predicted


def of_class(state: CaseState, name: str) -> list[FindingRecord]:
    """Findings about images of a class, and about what its score goes by."""
    return [r for r in state.records.values() if r.finding.class_name == name]


def of_cue(state: CaseState, answers: Sequence[str]) -> list[FindingRecord]:
    """Findings on cues that draw images to one of ``answers``."""
    return [r for r in state.records.values() if r.finding.kind in _CUES and r.finding.class_name in answers]


def matrix(state: CaseState) -> Evidence | None:
    """The newest confusion matrix of all evaluation images."""
    return next(
        (
            e
            for e in reversed(state.evidence)
            if e.tool == "confusion_matrix"
            and largest_confusion(e.to_dict())
            and e.arguments.get("split", "data") == "data"
        ),
        None,
    )
