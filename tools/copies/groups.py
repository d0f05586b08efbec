"""Groups on both sides: pictures of one patient, place or video in training and among the images that judge the model.

That values are shared is a fact. Whether it flatters the model is tested: within true classes, are images of groups that the
training images do not hold answered wrongly more often? Images of one group count together, with Student's t for the smaller
number of groups (:func:`failsight.tools.stats.groups.gap`); over the splits that are judged by Holm's correction.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from failsight.tools import belonging
from failsight.tools.belonging import Shared
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Fact, Finding, Instrument, TestResult, Verdict
from failsight.tools.inputs.base import Split
from failsight.tools.notes import called, of_split
from failsight.tools.stats.groups import Gap, gap
from failsight.tools.stats.multiplicity import holm
from failsight.tools.text import clean, interval, number, p_value
from failsight.tools.view import CaseView

TOOL = "duplicates_and_leakage"
ALPHA = 0.05
ABOUT = "groups"
STATISTIC = (
    "error rate of images of groups that training does not hold minus that of images of groups that it holds, within true classes; "
    "variance over groups, Student's t"
)


@dataclass(frozen=True)
class GroupLeak:
    """Groups of one split that training holds too, and what that changes.

    Attributes:
        shared: how many. gap: errors of new groups minus those of shared ones, within classes; None where nothing could be compared.
        q: its p, corrected for the splits that were judged.
    """

    shared: Shared
    gap: Gap | None
    q: float = 1.0

    @property
    def verdict(self) -> Verdict:
        """Confirmed where the model is better on shared groups: what it scores on them says too much for new ones."""
        if self.gap is None or not math.isfinite(self.gap.value):
            return "inconclusive"
        return "confirmed" if self.gap.ci[0] > 0 and self.q <= ALPHA else "inconclusive"


def column(view: CaseView) -> tuple[str, Literal["said", "guessed", ""]]:
    """By which column groups are compared, and whether the case says so or it merely looks so; empty where none does."""
    said = belonging.column_of(view)
    if said:
        return said, "said"
    found = belonging.likely(view.table("data")) if getattr(view, "groups_said", None) is None else None
    return (found.column, "guessed") if found is not None else ("", "")


def look(view: CaseView, splits: Sequence[Split]) -> list[GroupLeak]:
    """The splits in which groups could be compared with training; the plan is journalled before any answer is looked at."""
    name, _ = column(view)
    found = [s for split in splits if (s := belonging.shared_with_training(view, split, name)) is not None]
    for one in found:
        if one.groups:
            view.register(_plan(one))
    made = [GroupLeak(one, _gap(view, one) if one.groups else None) for one in found]
    p = [one.gap.p if one.gap is not None else 1.0 for one in made]
    return [replace(one, q=float(q)) for one, q in zip(made, holm(p) if p else (), strict=True)]


def _plan(one: Shared) -> Instrument:
    return Instrument(
        finding=_empty(one).key,
        tool=TOOL,
        arguments={"split": one.split, "column": one.column},
        statement=f"The model is better on {called(one.split)} whose {clean(one.column, 40)} is among the training images, too.",
        statistic=STATISTIC,
        control="images of the same true classes, of groups that the training images do not hold",
        minimum_effect=0.0,
        alpha=ALPHA,
        n_planned=one.of_images,
    )


def _empty(one: Shared) -> Finding:
    where = None if one.split == "data" else {"split": one.split}
    about = f"{ABOUT} {clean(one.column, 80)}"
    return Finding("leakage", "correctness", "data_engineering", "", slice=where, about=about)


def _gap(view: CaseView, one: Shared) -> Gap | None:
    """None where there are no answers to compare."""
    split: Split = one.split  # type: ignore[assignment]
    try:
        made = view.predictions(split)
    except RetryError:
        return None
    values = view.table(split).columns[one.column]
    texts = [belonging.value_text(values[int(r)]) for r in made.rows]
    use = made.labelled & np.array([bool(t) for t in texts], bool)
    both = np.isin(made.rows, one.rows)
    codes = np.unique(np.array(texts, object).astype(str), return_inverse=True)[1].astype(np.int64)
    strata = np.where(use, made.labels, 0).astype(np.int64)
    found = gap(use & ~made.correct, use & ~both, use & both, strata, codes)
    return found if math.isfinite(found.value) else None


def sentence(one: GroupLeak) -> str:
    """How many groups are on both sides, and what that changes."""
    s, name = one.shared, clean(one.shared.column, 40)
    if not s.groups:
        return f"None of the {s.of_groups:,} values of {name} of the {called(s.split)} is among the training images."
    text = (
        f"{s.groups:,} of {s.of_groups:,} values of {name} of the {called(s.split)} are among the training images, too: {s.images:,} of "
        f"{s.of_images:,} images ({number(s.images / s.of_images)})"
    )
    if one.gap is None:
        return f"{text}; what that changes can't be told, as there are no others of the same classes to compare with."
    return (
        f"{text}. Within true classes images of new values of {name} are answered wrongly {number(one.gap.value, 'points')} "
        f"{interval(one.gap.ci, 'points')} more often (p {p_value(one.gap.p)})."
    )


def facts(made: Sequence[GroupLeak]) -> tuple[Fact, ...]:
    """Shared groups and images, and the gap."""
    told: list[Fact] = []
    for one in made:
        s = one.shared
        of = of_split(s.split, f"column {clean(s.column, 40)}")
        told.append(Fact("shared_groups", s.groups, "count", of, n=s.of_groups, direction="lower_is_better"))
        told.append(Fact("shared_images", s.images, "count", of, n=s.of_images, direction="lower_is_better"))
        if one.gap is not None:
            n = one.gap.n + one.gap.n_out
            told.append(Fact("new_groups_gap", one.gap.value, "points", of, one.gap.ci, n, "lower_is_better"))
    return tuple(told)


def findings(made: Sequence[GroupLeak], said: bool) -> tuple[Finding, ...]:
    """One for each split that shares groups with training; none where nobody ``said`` that the column tells groups."""
    return tuple(_finding(one) for one in made if one.shared.groups and said)


def _finding(one: GroupLeak) -> Finding:
    s, tests = one.shared, ()
    if one.gap is not None:
        n = one.gap.n + one.gap.n_out
        test = TestResult(
            TOOL, one.gap.value, one.gap.ci, one.gap.p, n, one.verdict, statistic=STATISTIC, q=one.q, together=s.column
        )  # fmt: skip
        tests = (test,)  # type: ignore[assignment]
    return replace(
        _empty(one.shared),
        statement=sentence(one),
        n=s.images,
        p=one.gap.p if one.gap is not None else None,
        q=one.q if one.gap is not None else None,
        verdict=one.verdict,
        tests=tests,
        note=f"That values of {clean(s.column, 40)} are on both sides is a fact; the verdict is about whether the model is better on them. "
        "What it scores on them says little about new ones.",
    )


def notes(view: CaseView, made: Sequence[GroupLeak], splits: Sequence[Split]) -> list[str]:
    """What was not compared, and by which column."""
    if "train" not in view.splits() or not splits:
        return []
    name, how = column(view)
    if not name:
        return [
            "Only pictures were compared. No column is known to say which of them belong together (--groups COLUMN), so the same patient, "
            "place or video on both sides would not be noticed."
        ]
    told = []
    if any(one.shared.groups for one in made):
        told.append(
            f"Values of {clean(name, 40)} are compared as they are written: numbered anew in each split they only look the same."
        )
    if how == "guessed":
        told.append(
            f"Nobody said which images belong together; {clean(name, 40)} looks so and was compared (--groups {clean(name, 40)} says it)."
        )
    compared = {one.shared.split for one in made}
    missing = [s for s in splits if s not in compared]
    if missing:
        where = " and ".join(called(s) for s in missing)
        told.append(
            f"Values of {clean(name, 40)} could not be compared between the training images and the {where}: one of them lacks the column."
        )
    return told


def next_step(made: Sequence[GroupLeak]) -> tuple[str, ...]:
    """What to do about shared groups."""
    if not any(one.shared.groups for one in made):
        return ()
    name = clean(made[0].shared.column, 40)
    return (
        f"Split by {name}, so that no {name} is on both sides, and judge the model on images of new ones.",
    )
