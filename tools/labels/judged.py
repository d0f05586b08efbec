"""Which images' answers can tell of their labels: not those that are answers of a class which no image is labelled as."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from failsight.tools.errors import RetryError
from failsight.tools.labels.scores import Scored
from failsight.tools.text import clean, counted, listing

Bool = npt.NDArray[np.bool_]


def judged(scored: Scored, among: Bool) -> tuple[Bool, list[str]]:
    """The images whose answers can tell of their labels, and a word on the others: an answer of a class that no image is labelled as speaks
    for no label error, as it would come from whatever shows that class or looks like it.

    Raises RetryError when none is left.
    """
    sizes = np.bincount(scored.labels, minlength=len(scored.classes))
    absent = np.flatnonzero(sizes[: len(scored.classes)] == 0)
    mute = among & np.isin(scored.predicted, absent)
    if not mute.any():
        return among, []
    by_class = np.bincount(scored.predicted[mute], minlength=len(scored.classes))
    each = [
        f"{clean(scored.classes[c], 40)} {by_class[c]:,}"
        for c in np.argsort(-by_class, kind="stable")
        if by_class[c]
    ]
    n, left = int(mute.sum()), among & ~mute
    further = "more " if left.any() else ""
    told = (
        f"{counted(n, f'{further}image gets an answer', f'{further}images get an answer')} that no image here is labelled as "
        f"({listing(each, 4)}): that can't be judged as a label error, so {'it takes' if n == 1 else 'they take'} no part; looking at "
        f"{'it' if n == 1 else 'them'} tells."
    )
    if not left.any():
        raise RetryError(f"No label can be judged: {told}")
    return left, [told]
