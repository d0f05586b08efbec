"""What may be behind more or fewer confident errors than the evaluation images lead to expect: what the case has shown so far."""

from __future__ import annotations

from typing import TYPE_CHECKING

from failsight.tools.notes import called
from failsight.tools.text import listing

if TYPE_CHECKING:
    from failsight.tools.inputs.base import Split
    from failsight.tools.view import CaseView


def told_difference(view: CaseView, target: Split, found: int, ci: tuple[float, float]) -> str:
    """``as expected``, or that it is not, in which direction, and what is known to cause that.

    Wrong labels of the evaluation images count as confident errors there and raise the number to expect; wrong labels of the other
    images raise the number that is found. A shift is named where it is confirmed or not decided, never where it was refuted.

    Args:
        found: confident errors that the labels of the other images show. ci: of the number to expect.
    """
    if ci[0] <= found <= ci[1]:
        return "as expected"
    fewer = found < ci[0]
    why = [_labels(view, "data" if fewer else target, fewer), _shift(view, target)]
    told = "; ".join(w for w in why if w) or "nothing that was measured so far explains it"
    return f"{'fewer' if fewer else 'more'} than expected: {told}"


def steps(view: CaseView, target: Split, found: int, ci: tuple[float, float]) -> list[str]:
    """What to do about a number that is not as expected, without what was done already."""
    if ci[0] <= found <= ci[1]:
        return []
    return [] if view.evidence("shift") else [f"Find out in what the {called(target)} differ (shift)."]


def _labels(view: CaseView, split: Split, fewer: bool) -> str:
    ids = _confirmed(view, "label_noise", split)
    if not ids:
        return ""
    what = "raise the number to expect" if fewer else "count as errors there"
    return f"labels of the {called(split)} are confirmed wrong ({listing(ids)}), and such labels {what}"


def _shift(view: CaseView, target: Split) -> str:
    if target != "deploy":  # no tool decides whether a pool has shifted
        return ""
    known = [(i, f) for i, f in view.findings() if f.kind == "distribution_shift"]
    confirmed = [i for i, f in known if f.verdict == "confirmed"]
    if confirmed:
        return f"a shift of the {called(target)} is confirmed ({listing(confirmed)})"
    if known and all(f.verdict == "refuted" for _, f in known):
        return ""
    if not known and view.evidence("shift"):
        return ""
    return f"whether the {called(target)} have shifted is not decided"


def _confirmed(view: CaseView, kind: str, split: Split) -> list[str]:
    return [i for i, f in view.findings() if f.kind == kind and f.verdict == "confirmed" and f.split == split]
