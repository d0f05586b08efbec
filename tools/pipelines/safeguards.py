"""What a confirmation takes besides a gain: training images that bear it out, a change that is large enough, and more.

A model that is misled by something in the pictures (a mark, a frame) can gain by nearly any change that weakens it, however
rightly it is fed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from failsight.tools.inputs.base import Preprocessing
from failsight.tools.pipelines.candidates import NEAR, Pipeline, changed_input
from failsight.tools.pipelines.choice import CLEARLY, Tested
from failsight.tools.pipelines.feeding import FLOOR, Outcomes
from failsight.tools.pipelines.measure import scale
from failsight.tools.stats.tests import sign_flip
from failsight.tools.text import number
from failsight.tools.verdicts import Judgement

PART = 1 / 3  # of the accuracy lost since training that a confirmed pipeline must bring back
MOST = 0.5  # of the pictures must tell another arithmetic from the declared one
UNMOVED = 1e-6  # logarithm of a probability: what differs by less is equal but for rounding
HALF = 0.5  # of the gain on evaluation images that the training images must leave room for

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]


def borne_out(tests: Sequence[Tested], training: Outcomes | None) -> tuple[Tested, ...]:
    """A confirmation also takes the training images: the model learnt from them as it was fed then.

    Where it is right in fewer of its own training images under another pipeline than under the declared one, it was
    trained with the declared one, whatever helps on evaluation images (a crop cuts a misleading frame away as well).
    It is right in nearly all of them either way? Then how probable it holds their truth tells: not more on average, and clearly less
    or with no room for half of what the evaluation images gain, speaks for the declared one, too.

    Args:
        training: training images under the declared pipeline, then under each confirmed one in order; None without them.
    """
    if training is None or not len(training.rows):
        return tuple(tests)
    base, made, at = training.right[0], [], 1
    for one in tests:
        if one.judgement.verdict == "confirmed":
            right, truth, at = training.right[at], training.truth[at] - training.truth[0], at + 1
            why = _against(one, right, base, truth, training.labels)
            if why:
                told = (
                    f"The gain is there, but {why}: it was trained as declared, and something in the evaluation images misleads it that this way of "
                    "feeding weakens."
                )
                one = replace(one, judgement=Judgement("inconclusive", told))
        made.append(one)
    return tuple(made)


def _against(one: Tested, right: Bools, base: Bools, truth: Floats, labels: npt.NDArray[np.int64]) -> str:
    """What training images, fed as declared (``base``) and this way, say against it; ``truth``: log probabilities more this way."""
    counts = scale(labels)
    gain = counts.gain(right, base)
    if gain < 0 and counts.p(base, right) <= CLEARLY:
        what = "the mean recall of the classes is" if counts.balanced else "the model is right in"
        return (
            f"of {len(base):,} training images {what} {number(counts.share(base))} as declared and only "
            f"{'' if counts.balanced else 'in '}{number(counts.share(right))} this way"
        )
    more = counts.weights * truth
    if gain > 0 or not float(more.mean()) < 0:
        return ""
    if sign_flip(more, "less") <= CLEARLY or counts.interval(right, base)[1] < HALF * one.effect:
        return (
            f"to {len(base):,} training images the model gives their true class no more probability this way than as declared, and is right in no "
            "more of them"
        )
    return ""


def no_mere_sign(
    tests: Sequence[Tested],
    outcomes: Outcomes,
    declared: Preprocessing,
    fed: Sequence[Pipeline],
    training: Outcomes | None,
) -> tuple[Tested, ...]:
    """Other numbers for all pictures must be other numbers, and tell in most of them, unless the training images themselves gain.

    A gain by nearly the same numbers, or one that comes from few pictures alone, is what a mark makes that the change weakens. The
    statistics that are in use (of ImageNet, CIFAR-10, CLIP, 0.5 and 0.25) differ among themselves by 0.10 to 0.26 of what the pictures
    vary by; from there to another range of values it is 0.5 and more.

    Args:
        outcomes: as given to :func:`~failsight.tools.pipelines.choice.test`.
        fed: the pipelines that ``training`` has, behind the declared one, in order.
        training: training images under them; None without them.
    """
    made = []
    for i, one in enumerate(tests):
        if one.judgement.verdict == "confirmed":
            few = _few_tell(one, outcomes.truth[0], outcomes.truth[i + 1])
            why = _nearly_same(one, declared) or few or _without_colour(one, training)
            if why and not _gains(one, fed, training):
                told = f"The gain is there, but {why}: no wrong feeding is shown by that. Something in the pictures may mislead the model (find_marks, find_slices)."
                one = replace(one, judgement=Judgement("inconclusive", told))
        made.append(one)
    return tuple(made)


def _gains(one: Tested, fed: Sequence[Pipeline], training: Outcomes | None) -> bool:
    """Whether training images are right more often under a pipeline, clearly."""
    if training is None or not len(training.rows) or one.pipeline not in fed:
        return False
    counts, right = scale(training.labels), training.right[1 + fed.index(one.pipeline)]
    return counts.gain(right, training.right[0]) > 0 and counts.p(right, training.right[0]) <= CLEARLY


def _nearly_same(one: Tested, declared: Preprocessing) -> str:
    change = changed_input(one.pipeline, declared)
    if change is None or change >= NEAR:
        return ""
    return (
        f"the model is fed nearly the same numbers (they change by {number(change)} of what the pictures vary by, as much as usual means and stds "
        "differ among themselves)"
    )


def _few_tell(one: Tested, declared: Floats, truth: Floats) -> str:
    """Why the gain may come from few pictures; log probabilities of the true class as declared and this way. (n,)

    A probability that is 1, or too small to be told from 0, either way does not say whether the picture is another one."""
    if one.pipeline.axes & {
        "ground",
        "exif",
        "fit",
        "interpolation",
    }:  # they change few pictures by their nature
        return ""
    moved = abs(truth - declared) > UNMOVED
    still = ~moved & (declared < -UNMOVED) & (declared > math.log(FLOOR) + UNMOVED)
    few = int(moved.sum()) < MOST * int((moved | still).sum())
    return f"it makes a difference in only {int(moved.sum()):,} of {len(truth):,} pictures" if few else ""


def _without_colour(one: Tested, training: Outcomes | None) -> str:
    """Why grey pictures alone show nothing, where no training images bear them out."""
    if "grey" not in one.pipeline.edits or training is not None:
        return ""
    return "pictures without colour help any model that a coloured mark or ground misleads, and there are no training images to tell by"


def border_apart(
    tests: Sequence[Tested], outcomes: Outcomes, covered: Mapping[int, Bools]
) -> tuple[Tested, ...]:
    """A crop must help beyond hiding the border, where no training images bear it out.

    It shows the model less of the border, and what misleads a model (a frame, a date, a watermark) often lies there. So the same
    pictures are also fed as declared with that border covered: a crop that is not clearly better than this stays open.

    Args:
        outcomes: as given to :func:`test`.
        covered: place among the tests → (n,) right answers with what that crop cuts away covered.
    """
    made, counts = list(tests), scale(outcomes.labels)
    for i, hidden in covered.items():
        right = outcomes.right[i + 1]
        if counts.gain(right, hidden) > 0 and counts.p(right, hidden) <= CLEARLY:
            continue
        what = "the mean recall is" if counts.balanced else "the model is right in"
        why = (
            f"The gain is there, but with what the crop cuts away merely covered {what} {number(counts.share(hidden))} as well "
            f"({number(counts.share(right))} cropped): something at the border (a frame, a date, a watermark) may mislead it, and the way it is fed be right."
        )
        made[i] = replace(tests[i], judgement=Judgement("inconclusive", why))
    return tuple(made)


def brings_back(tests: Sequence[Tested], recorded: float | None) -> tuple[Tested, ...]:
    """A confirmation also takes that the other way of feeding brings back a good part of what was lost.

    The training record says how often the model was right on held-out images while it was surely fed rightly. A wrong
    feeding explains the loss since only where feeding it rightly undoes at least `PART` of it; a model that is misled by
    something else may gain a little from any change.

    Args:
        recorded: held-out accuracy at the end of the training record; None without one.
    """
    if recorded is None or not math.isfinite(recorded):
        return tuple(tests)
    made = []
    for one in tests:
        lost = recorded - one.declared
        if one.judgement.verdict == "confirmed" and one.effect < PART * lost:
            why = (
                f"The gain is there, but it is a small part of what was lost: in training {number(recorded)} of the held-out images were right, now "
                f"{number(one.declared)} as declared and {number(one.accuracy)} this way. Something else makes most of the errors, and may make these."
            )
            one = replace(one, judgement=Judgement("inconclusive", why))
        made.append(one)
    return tuple(made)
