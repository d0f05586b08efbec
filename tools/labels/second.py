"""A second opinion on labels, so that a model's own misjudgement is not taken for wrong labels.

A model that is misled (by a stamp, by a sub-style that it hardly saw, by what is frequent) errs with full confidence, and that looks
like wrong labels. So labels are also judged by a head that learnt from these very labels, five times, each time without
the images that it judges: what a cue wrongly says is unlearnt there, while a few wrong labels in a class do not change
what the class looks like.

And wrong labels change neither the images nor the answers. Where the images of one annotator can't be told from those of
the others, and the model disagrees with that annotator's labels more often, the labels are left as the reason: no floor has
to be estimated, which a weak model makes impossible.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from failsight.tools.errors import RetryError
from failsight.tools.evidence import Interval
from failsight.tools.labels.groups import (
    ALIKE,
    APART,
    FEWEST,
    MINIMUM_EFFECT,
    Excess,
    Group,
    within_labels,
)
from failsight.tools.labels.scores import FOLDS, Scored
from failsight.tools.stats.intervals import wilson
from failsight.tools.stats.linear_head import cross_validated_scores, rows_fitted
from failsight.tools.stats.multiplicity import benjamini_hochberg
from failsight.tools.stats.stratified import StratifiedTest, compare_within
from failsight.tools.stats.two_sample import auc_within
from failsight.tools.text import number
from failsight.tools.view import CaseView

Bool = npt.NDArray[np.bool_]
Float = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

TOLD = 0.1  # how far above one half the area under the curve may lie, interval and all, for images that can't be told apart
WIDEST = 512  # features beyond are left to the leading directions
EXCESS_ALPHA = 0.001  # a second look at the same groups: strict, so that both looks together keep the promise of the first
SCORES_ALONE = " No picture was looked at: how hard they are is judged by the model's scores alone."
ALIKE_BUT_LABELS = "The model is as sure of these images, and they can't be told from the others: the images are the same, the labels differ."
NEARLY_ALIKE = (
    "The model is nearly as sure of these images (what differs explains {} of the excess at most), and they can't be told from the others: "
    "the images are the same, the labels differ."
)
MOST_WORK = (
    4e8  # images times features times classes that a head is fitted to; of more images a part, drawn by class
)
FEWEST_LABELS = 60  # images below which no second head is fitted


@dataclass(frozen=True, slots=True)
class Second:
    """The second opinion.

    Attributes:
        basis: (n, d) what the head is fitted to: the model's features, else its log scores.
        scores: (n, k) its cross-validated probabilities.
        sees: whether it is the features: from log scores alone a head can't unlearn what misleads the model.
        fitted: images that each head learnt from, where that is only a part of the others; else 0.
    """

    basis: npt.NDArray[np.float32]
    scores: Float
    sees: bool
    fitted: int = 0

    @property
    def how(self) -> str:
        """What the basis is, in words."""
        return "the model's features" if self.sees else "the model's log scores"

    @property
    def predicted(self) -> Ints:
        made: Ints = self.scores.argmax(
            axis=1
        )  # a judge of labels: where the model's operating point is does not matter
        return made


def second_opinion(view: CaseView, scored: Scored) -> Second | None:
    """Cross-validated scores by a head fitted to the labels in question; None for training images and where there are too few."""
    present = np.unique(scored.labels)
    if scored.split == "train" or len(scored.labels) < FEWEST_LABELS or len(present) < 2:
        return None  # training labels are judged by such a head already
    basis, sees = _features(view, scored)
    n, k = len(scored.labels), len(scored.classes)
    with view.progress.job("judging the labels a second time", FOLDS) as ticker:
        scores = cross_validated_scores(
            basis,
            scored.labels,
            k,
            folds=FOLDS,
            seed=view.seed,
            penalty=3.0,
            most_work=MOST_WORK,
            advance=ticker.advance,
        )
    fit = n * (FOLDS - 1) // FOLDS
    fitted = rows_fitted(fit, basis.shape[1], k, MOST_WORK)
    return Second(basis, scores, sees, fitted if fitted < fit else 0)


def looked_at(view: CaseView, scored: Scored) -> Second | None:
    """What tells images apart where there is no second opinion: training labels are judged by a cross-validated head already, and whether
    one annotator's training images are like the others' can be asked all the same. None where there are too few."""
    if scored.split != "train" or len(scored.labels) < FEWEST_LABELS:
        return None
    basis, sees = _features(view, scored)
    return Second(basis, scored.scores, sees) if sees else None


def _features(view: CaseView, scored: Scored) -> tuple[npt.NDArray[np.float32], bool]:
    logs = np.log(np.maximum(scored.scores, 1e-6)).astype(np.float32)
    try:
        rows, features = view.features(scored.split)
    except RetryError:  # a black box
        return logs, False
    usable = np.array_equal(rows, scored.rows) and np.isfinite(features).all() and features.shape[1] <= WIDEST
    return (features, True) if usable else (logs, False)


def exchangeable(
    second: Second, scored: Scored, inside: Bool, among: Bool, seed: int
) -> tuple[float, float, bool]:
    """Can a group's images be told from the others', within true classes? (area under the curve, its upper limit, whether not).

    A head on the basis, cross-validated; the limit is one-sided, 97.5 %, by Hanley & McNeil's standard error (1982, Radiology 143:29).
    """
    at = np.flatnonzero(among)
    target = inside[at]
    n1, n0 = int(target.sum()), int((~target).sum())
    if min(n1, n0) < FEWEST:
        return 0.5, 1.0, False
    told = cross_validated_scores(
        second.basis[at], target.astype(np.int64), 2, folds=FOLDS, seed=seed, penalty=30.0
    )[:, 1]
    area = auc_within(told, target, scored.labels[at])
    high = max(area, 0.5)
    q1, q2 = high / (2 - high), 2 * high**2 / (1 + high)
    error = np.sqrt((high * (1 - high) + (n1 - 1) * (q1 - high**2) + (n0 - 1) * (q2 - high**2)) / (n1 * n0))
    limit = float(area + 1.96 * error)
    return float(area), limit, limit <= 0.5 + TOLD


def with_excess(
    groups: Sequence[Group],
    masks: dict[tuple[str, str], Bool],
    second: Second | None,
    scored: Scored,
    among: Bool,
    seed: int,
) -> tuple[Group, ...]:
    """Groups that stay open, judged a second way: more disagreement with labels of images that can't be told from the others'.

    Benjamini–Hochberg runs over all groups; only those whose excess is large enough are looked at closer.
    """
    if second is None or any(g.verdict == "confirmed" for g in groups):
        return tuple(groups)
    wrong = scored.predicted != scored.labels
    tests: list[StratifiedTest] = []
    for g in groups:
        inside = masks[g.column, g.value]
        tests.append(compare_within(wrong[among].astype(float), inside[among], scored.labels[among]))
    q = benjamini_hochberg([t.p for t in tests]).tolist() if tests else []
    made = []
    for g, t, each in zip(groups, tests, q, strict=True):
        if each <= EXCESS_ALPHA and t.effect >= MINIMUM_EFFECT and _as_sure(g, t.effect):
            inside = masks[g.column, g.value]
            area, limit, alike = exchangeable(second, scored, inside, among, seed)
            if alike:
                found = replace(_excess(wrong, scored.labels, inside, among, area, limit), sees=second.sees)
                why = _alike(g, second.sees)
                g = replace(g, p=t.p, q=float(each), verdict="confirmed", why=why, excess=found)
        made.append(g)
    return tuple(sorted(made, key=lambda g: g.verdict != "confirmed"))


def _alike(g: Group, sees: bool) -> str:
    """Why the labels are left as the reason. That pictures are the same is said only where they were looked at."""
    why = (
        ALIKE_BUT_LABELS if g.p_apart >= ALIKE else NEARLY_ALIKE.format(number(g.apart, "points").lstrip("+"))
    )
    return why if sees else f"{why.split(', and they')[0]}.{SCORES_ALONE}"


def _as_sure(g: Group, excess: float) -> bool:
    """Whether how sure the model is of the group's images can't be what makes the excess.

    If errors depend on sureness alone, monotonically, the error rates of two groups differ by no more than the largest distance of
    the distributions of sureness (Kolmogorov–Smirnov). Twice that must leave the minimum effect; a small distance alone is no
    objection, for with thousands of images any distance is significant.
    """
    return g.p_apart >= ALIKE or (g.apart <= APART and excess - 2 * g.apart >= MINIMUM_EFFECT)


def _excess(wrong: Bool, labels: Ints, inside: Bool, among: Bool, area: float, limit: float) -> Excess:
    apart = within_labels(wrong, labels, inside, among)
    rates = (float(wrong[among & inside].mean()), float(wrong[among & ~inside].mean()))
    return Excess(*rates, apart.value, apart.ci, area, limit)


@dataclass(frozen=True, slots=True)
class Seconded:
    """How far the second opinion agrees with the suspects: of ``suspects`` it, too, sees ``agreed`` as the suggested class.

    ``sees`` is whether it saw anything but the model's own answers: an answer that is wrong by chance, and confident, can't be told from a
    right answer to a wrong label by looking at answers once more.
    """

    suspects: int
    agreed: int
    n: int
    sees: bool = True

    @property
    def ci(self) -> Interval:
        """Wilson interval of the share of suspects that are agreed upon."""
        return wilson(self.agreed, self.suspects)

    @property
    def holds(self) -> bool:
        """Most suspects are agreed upon, interval and all, and these alone are as many as count."""
        return self.suspects > 0 and self.ci[0] > 0.5 and self.agreed >= MINIMUM_EFFECT * self.n


def seconded(second: Second, suspect: Bool, suggested: Ints, among: Bool) -> Seconded:
    """How far the second opinion agrees with the suspects among some images."""
    mine = suspect & among
    agreed = int((second.predicted[mine] == suggested[mine]).sum())
    return Seconded(int(mine.sum()), agreed, int(among.sum()), second.sees)
