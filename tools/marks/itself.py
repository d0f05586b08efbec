"""Whether what draws pictures to a class may be the class itself: then a person has to say, and nothing is confirmed.

Pasting the thing that is to be recognised makes the class, of course. Three signs tell: the mark is most of what stands out in its
pictures; no evaluation picture that gets the answer shows it; pictures of other classes that show it by themselves are not drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from failsight.tools.experiments.patches import as_mask
from failsight.tools.marks.trials import Donor
from failsight.tools.text import clean, number

MOST = 0.5  # share of what stands out from the ground that lies in the mark, from which it is the thing that a picture shows
STANDS_OUT = 24.0  # grey levels from the picture's ground, mean over channels, below which a pixel is ground
SHOW_IT = 10  # pictures of other classes that show the mark by themselves, from which they say something


@dataclass(frozen=True)
class Natural:
    """Pictures of other classes that show a mark by themselves.

    Attributes:
        n: how many were seen.
        drawn: share of such pictures that are taken for the class, by how many of either answer there are; 0 to 1.
    """

    n: int
    drawn: float


def share_of_object(donors: Sequence[Donor]) -> float:
    """Median over ``donors`` of the share of what stands out from the ground that lies in the mark; 0 where nothing stands out.

    The ground is the median colour along the picture's edge. In a picture full of things it is no ground at all, most of the picture
    stands out, and the share of a mark is small.
    """
    shares = []
    for one in donors:
        pixels = one.pixels.astype(np.float64)
        height, width = pixels.shape[:2]
        edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
        away = np.abs(pixels - np.median(edge, 0)).mean(-1)
        away[away < STANDS_OUT] = 0
        whole = float(away.sum())
        shares.append(float(away[as_mask(one.mark, height, width)].sum()) / whole if whole else 0.0)
    return float(np.median(shares)) if shares else 0.0


def natural(
    has: npt.NDArray[np.bool_],
    said: npt.NDArray[np.bool_],
    other: npt.NDArray[np.bool_],
    sizes: tuple[int, int],
) -> Natural:
    """What pictures of other classes that show the mark are taken for.

    Args:
        has, said, other: (n,) of the pictures looked at: shows the mark; is taken for the class; is labelled otherwise.
        sizes: how many pictures there are that are taken for the class, and that are not; samples of both were looked at.
    """
    shown = has & other
    counts = []
    for answer, size in ((said, sizes[0]), (~said, sizes[1])):
        looked = int(answer.sum())
        counts.append(float((shown & answer).sum()) * size / looked if looked else 0.0)
    total = sum(counts)
    return Natural(int(shown.sum()), counts[0] / total if total else 0.0)


def may_be_itself(
    name: str, spec: str, seen: tuple[int, int], of_object: float, of_others: Natural, minimum: float
) -> str:
    """Why a mark that draws pictures to the class ``name`` is left to a person; empty where nothing speaks for that.

    Args:
        spec: the region that finds it; a frame is beside whatever a picture shows.
        seen: (with it, looked at) of the evaluation pictures that are taken for the class.
        minimum: share of pictures that it has to draw.
    """
    name = clean(name, 60)
    if of_object >= MOST and ",frame:" not in spec:
        return (
            f"It is most of what stands out in the pictures that show it ({number(of_object)}): pasting it pastes the thing itself, "
            f"which makes {name} {name}. A person has to say."
        )
    if seen[1] and not seen[0]:
        return (
            f"None of the {seen[1]} evaluation pictures that are taken for {name} and were looked at shows it: no answer here comes "
            "from it. A person has to say."
        )
    if of_others.n >= SHOW_IT and of_others.drawn < minimum:
        return (
            f"Of pictures of other classes that show it by themselves ({of_others.n} were seen) {number(of_others.drawn)} are taken for "
            f"{name}: what draws pictures where it is pasted in does not draw them there. A person has to say."
        )
    return ""
