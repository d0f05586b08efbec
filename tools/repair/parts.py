"""Confirmed findings that are part of another one: most of their errors are that one's.

Images of a careless annotator are answered "wrongly" more often, and the model is "too sure" of them, because their labels are wrong; a
slice of images with a cue errs because the cue pulls the model away. Such a finding needs no repair of its own, and what a slice usually gets may
harm: images with wrong labels that weigh more teach what is wrong, images with a cue that weigh more teach the cue.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import numpy as np
import numpy.typing as npt

from failsight.tools.errors import RetryError
from failsight.tools.evidence import Cell, Finding, Table
from failsight.tools.repair.piles import inside_of
from failsight.tools.stats.confident import confident_counts
from failsight.tools.stats.stratified import compare_within
from failsight.tools.text import number

if TYPE_CHECKING:
    from failsight.tools.inputs.base import Predictions, Split
    from failsight.tools.view import CaseView

Mask = npt.NDArray[np.bool_]
PULLS = ("spurious_correlation", "overemphasised_feature")
SEEN_FROM_ERRORS = ("weak_slice", "overconfidence")  # they say where it errs, not why
MOSTLY, SOME = 0.5, 0.25  # share of the errors; where all the labels come from the careless source
LEAST, LEVEL = (
    0.05,
    0.05,
)  # an excess that is left without them, and its level: then it is a fault of its own, too
TABLE_PARTS = "Part of another finding"


@dataclass(frozen=True, slots=True)
class Part:
    """What a finding is part of.

    Attributes:
        of, finding: the id of the other one, and itself.
        shared, errors: how many of its errors are the other one's, and how many it has.
    """

    of: str
    finding: Finding
    shared: int
    errors: int

    @property
    def why(self) -> str:
        """``42 of its 51 errors are labels that F5 suspects``."""
        what = (
            f"labels that {self.of} suspects"
            if self.finding.kind == "label_noise"
            else f"answers that {self.of} accounts for"
        )
        return (
            f"{self.shared:,} of its {self.errors:,} errors ({number(self.shared / self.errors)}) are {what}"
        )

    @property
    def action(self) -> str:
        """What to do instead of a repair of its own."""
        first = (
            "have those labels looked at first, and measure anew with the corrected ones"
            if self.finding.kind == "label_noise"
            else f"repair {self.of} first, and look again"
        )
        return f"It is part of {self.of} ({self.why}): {first}; it gets no repair of its own before that."


def parts(view: CaseView, findings: Sequence[tuple[str, Finding]]) -> dict[str, Part]:
    """Id → what the finding is part of, for those of ``findings`` that are part of a confirmed finding of the case.

    A confirmed finding about wrong labels, or about a sign that the model takes for a class, owns the errors that it makes: suspect labels
    (confident learning), or other classes' images with the sign that get the class. A weak slice or a finding about confidence is part of it where
    these are at least half of its errors, and what is left is not shown to be at least 5 points above the other images within their classes.
    Where all its labels come from the source whose labels are wrong, a quarter is enough: before these are mended nobody knows what else is. Unless
    the source alone can't account for it: a narrower slice, shown to err at least 5 points more than the source's other images within classes.
    """
    owners = [
        (i, f)
        for i, f in view.findings()
        if f.verdict == "confirmed" and f.kind in ("label_noise", *PULLS) and not f.about
    ]  # one about equal pictures under several labels suspects no other label
    made: dict[str, Part] = {}
    owned: dict[str, Mask] = {}
    for name, finding in findings:
        if finding.kind not in SEEN_FROM_ERRORS or finding.failure == "robustness":
            continue
        found = [p for i, owner in owners if (p := _part(view, finding, i, owner, owned)) is not None]
        if found:
            made[name] = max(found, key=lambda p: (p.finding.kind == "label_noise", p.shared))
    return made


def parts_table(found: dict[str, Part]) -> Table:
    """One row a part: which finding, of which, and why; reports read it."""
    rows: list[tuple[Cell, ...]] = [(i, p.of, p.errors, p.shared, p.why) for i, p in found.items()]
    return Table(
        TABLE_PARTS,
        ("finding", "part of", "errors", "of them the other's", "why"),
        tuple(rows),
        ("text", "text", "count", "count", "text"),
        "What repairs the other finding repairs these; a repair of their own may harm it.",
    )


def _part(view: CaseView, finding: Finding, name: str, owner: Finding, known: dict[str, Mask]) -> Part | None:
    """``known``: id → images of the owners' errors, counted once for all findings; filled in here."""
    if owner.split != finding.split or finding.split == "train":
        return None
    try:
        made = view.predictions(cast("Split", finding.split))
        here = _inside(view, finding, made)
        if name not in known:
            known[name] = _owned(view, owner, made)
    except RetryError:
        return None
    owned, wrong = known[name], made.labelled & ~made.correct
    errors, shared = int((wrong & here).sum()), int((wrong & here & owned).sum())
    if _of_the_source(finding, owner):
        source = _inside(view, replace(owner, class_name=None), made)
        if (source & ~here).any() and _errs_more(made, here, wrong, source):
            return None
        return Part(name, owner, shared, errors) if errors and shared >= SOME * errors else None
    if not errors or shared < MOSTLY * errors or _stands_alone(made, here, wrong, owned):
        return None
    return Part(name, owner, shared, errors)


def _of_the_source(finding: Finding, owner: Finding) -> bool:
    """Whether a slice is of images whose labels come from a source that is confirmed to be careless: its errors can't be told from hers."""
    careless = set((owner.slice or {}).items())
    return owner.kind == "label_noise" and bool(careless) and careless <= set((finding.slice or {}).items())


def _inside(view: CaseView, finding: Finding, made: Predictions) -> Mask:
    """(n,) images that the finding speaks of, as the predictions are; all where it names none in particular."""
    split = cast("Split", finding.split)
    table = view.table(split)
    inside: Mask = (
        inside_of(view, table, finding.slice, split)[made.rows] if finding.slice else np.ones(len(made), bool)
    )
    if finding.class_name in made.classes and finding.kind not in PULLS:
        inside = inside & (made.labels == made.classes.index(finding.class_name))
    return inside & made.labelled


def _owned(view: CaseView, owner: Finding, made: Predictions) -> Mask:
    """(n,) images whose wrong answers are what the finding is about."""
    inside = _inside(view, owner, made)
    if owner.kind != "label_noise":
        if owner.class_name not in made.classes:
            return np.zeros(len(made), bool)
        into = made.classes.index(owner.class_name)
        mine: Mask = inside & (made.predicted == into) & (made.labels != into)
        return mine
    suspect = np.zeros(len(made), bool)
    at = np.flatnonzero(made.labelled)
    if made.has_scores and len(at):
        suspect[at] = confident_counts(made.labels[at], made.scores[at].astype(np.float64)).suspect
    inside &= suspect
    return inside


def _stands_alone(made: Predictions, here: Mask, wrong: Mask, owned: Mask) -> bool:
    """Whether it is shown to err more than the other images even without the errors of the other finding."""
    return _errs_more(made, here, wrong, made.labelled & ~(wrong & owned))


def _errs_more(made: Predictions, here: Mask, wrong: Mask, kept: Mask) -> bool:
    """Whether of the images that are kept those ``here`` are shown to err more than the others, within classes."""
    if not (kept & here).any() or not (kept & ~here).any():
        return False
    left = compare_within(wrong[kept].astype(float), here[kept], made.labels[kept])
    return bool(left.effect >= LEAST and left.p <= LEVEL)
