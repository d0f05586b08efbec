"""What another way of feeding does to each class, in words and facts."""

from __future__ import annotations

from collections.abc import Sequence

from failsight.tools.evidence import Fact
from failsight.tools.pipelines.choice import Tested
from failsight.tools.stats.intervals import wilson
from failsight.tools.text import clean, interval, listing, number

UNEQUAL = (
    "One class has more than three times as many images as the others on average, so the mean of the classes' recalls (balanced accuracy) "
    "judges: a model that always gave the frequent answer would be right in most images."
)


def mean_recall(one: Tested, images: str) -> str:
    """What was measured, where the mean recall judges: one sentence."""
    before, after = one.balanced or (one.declared, one.accuracy)
    return (
        f"The mean recall of the classes is {number(after)} on the {images} when {one.pipeline.fed}, and {number(before)} as declared: "
        f"{number(one.effect, 'points')} {interval(one.ci, 'points')} (right in {number(one.accuracy)} of all, {number(one.declared)} as declared)."
    )


def fallen(one: Tested, classes: Sequence[str]) -> str:
    """Classes that are recognised less often under a pipeline than as declared, in a sentence; empty for none."""
    worse = [
        f"of {clean(classes[c], 40)} from {number(before / n)} to {number(after / n)}"
        for c, (before, after, n) in one.recalls.items()
        if after < before
    ]
    return f" Recall falls {listing(worse, 4)}." if worse else ""


def recall_facts(one: Tested, classes: Sequence[str], split: str) -> list[Fact]:
    """Recall of each class as declared and under a pipeline."""
    found = []
    for c, (before, after, n) in one.recalls.items():
        for k, title in ((before, "as declared"), (after, one.pipeline.title)):
            about = ", ".join(part for part in (split, f"pipeline {title}", f"class {classes[c]}") if part)
            found.append(Fact("recall", k / n, "share", about, wilson(k, n), n, "higher_is_better"))
    return found
