"""Places on which a class depends: proposed by one half of the images, put to the test on the other.

A place is suspected when it is small, when hiding patches there costs the class at least half of the minimum effect (a
patch of the grid may cover the place only in part) and twice as much as hiding anything far from it, and when it looks like a stamp: the same pixels in many images of the class and in few
others, or lying at the picture's edge. A place in the very middle is never suspected: there a stamp can't be told from
a subject that is always centred. The suspicion is confirmed on the other half when hiding the place costs more than
hiding as much elsewhere (the rule of :mod:`failsight.tools.verdicts`) and when it does so for this class only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from failsight.tools.evidence import Finding, Instrument, Interval, TestResult, Verdict
from failsight.tools.experiments.cues.grid import CELLS, COARSE, Grid, peak_box
from failsight.tools.experiments.cues.sameness import excess, static_box
from failsight.tools.experiments.cues.sample import Sample
from failsight.tools.experiments.fills import make_fill
from failsight.tools.experiments.masking import Bench, Measurements, measure
from failsight.tools.experiments.paired import ASSUMED_SD, Paired, Share, flips, summarise
from failsight.tools.experiments.regions import Region
from failsight.tools.inputs.base import Box, Floats
from failsight.tools.stats.intervals import difference_interval
from failsight.tools.stats.multiplicity import benjamini_hochberg
from failsight.tools.stats.power import smallest_paired_effect
from failsight.tools.text import clean, number
from failsight.tools.verdicts import Judgement, Measured, judge
from failsight.tools.view import CaseView

TOOL = "cue_profile"
FEWEST_FIRST = 8  # images of a class in the localising half
LARGEST = 0.2  # share of the picture: a larger place is not local
PROMINENCE = 2.0  # the place must matter so many times as much as the worst cell far from it
SAME = 0.35  # mean agreement beyond that of other images from which a place counts as static
EDGE = 1 / CELLS  # a place that comes so near the picture's edge lies at it
DRAWS, OTHER_DRAWS = 6, 1
MOST_PLACES = 4  # the strongest suspicions are tested
MOST_OTHERS = 60  # images of other classes for one place
FILL = "mean"
SPECIFIC = 0.5  # other classes must lose less than this share of what the class loses


@dataclass(frozen=True, slots=True)
class Place:
    """A place on which a class may depend.

    Attributes:
        wanted: class index.
        box: (x0, y0, x1, y1) as fractions of the prepared picture.
        fall: fall of the score by the coarse patch that cost most there, on the localising half.
        elsewhere: the largest fall far from it.
        same: how much more the class's images agree there than others do, −1 to 1.
        static: whether that is enough to call the content static.
        edge: whether it lies at the picture's edge.
        n: images of the class in the localising half.
    """

    wanted: int
    box: Box
    fall: float
    elsewhere: float
    same: float
    static: bool
    edge: bool
    n: int

    @property
    def area(self) -> float:
        """Share of the picture."""
        return (self.box[2] - self.box[0]) * (self.box[3] - self.box[1])

    @property
    def central(self) -> bool:
        """Whether the middle of the picture lies in it."""
        x0, y0, x1, y1 = self.box
        return x0 < 0.5 < x1 and y0 < 0.5 < y1

    @property
    def region(self) -> Region:
        """The place as a region of the masking experiments."""
        spec = "rect:" + ",".join(f"{v:g}" for v in self.box)
        return Region(spec, "rect", (self.box,))

    @property
    def where(self) -> str:
        """``bottom right``, ``top``, ``centre`` …"""
        x, y = (self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2
        down = "top" if y < 1 / 3 else "bottom" if y > 2 / 3 else ""
        side = "left" if x < 1 / 3 else "right" if x > 2 / 3 else ""
        return " ".join(w for w in (down, side) if w) or "centre"

    def suspicious(self, minimum_effect: float) -> bool:
        """Whether it is worth a test (the module's docstring says when)."""
        local = self.area <= LARGEST and self.fall >= PROMINENCE * max(self.elsewhere, 0.0)
        return local and self.fall >= minimum_effect / 2 and (self.static or self.edge) and not self.central


@dataclass(frozen=True, slots=True)
class Tested:
    """What the confirming half said of a place.

    Attributes:
        measured: the class's images; ``others``: those of other classes, each with its own score.
        specific: interval of the class's fall minus the others' (NaN when there are none).
        plan: id of the registered plan.
    """

    place: Place
    paired: Paired
    flips: tuple[Share, Share]
    others: float
    others_n: int
    specific: Interval
    judgement: Judgement
    q: float
    plan: str


def propose(grid: Grid) -> list[Place]:
    """The place that matters most for each class, suspicious or not, from the localising half alone."""
    made = []
    for k, c in enumerate(grid.classes.tolist()):
        mine = grid.watched == c
        same = excess(grid.small[mine], grid.small[~mine])
        made.append(_place(grid, k, c, same, int(mine.sum())))
    return made


def _place(grid: Grid, k: int, c: int, same: Floats, n: int) -> Place:
    y0, x0, y1, x1 = peak_box(grid.fine[k])
    box: Box = (x0 / CELLS, y0 / CELLS, x1 / CELLS, y1 / CELLS)
    found = static_box(same, box, SAME)
    if found is not None and _area(found) <= LARGEST:
        box = found  # the stamp's own outline is sharper than the trace of what hiding parts of it costs
    height, width = same.shape
    inside = same[
        int(box[1] * height) : int(np.ceil(box[3] * height)),
        int(box[0] * width) : int(np.ceil(box[2] * width)),
    ]
    agreement = float(inside.mean()) if inside.size else 0.0
    near = _cells(box, 0)
    peak = float(grid.fall[k][near].max())
    far = np.ones((CELLS, CELLS), bool)
    far[_cells(box, COARSE)] = False
    return Place(
        wanted=c,
        box=tuple(round(v, 4) for v in box),  # type: ignore[arg-type]
        fall=peak,
        elsewhere=float(grid.fall[k][far].max()) if far.any() else peak,
        same=agreement,
        static=found is not None and _area(found) <= LARGEST and agreement >= SAME,
        edge=min(box[0], box[1], 1 - box[2], 1 - box[3]) <= EDGE + 1e-9,
        n=n,
    )


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _cells(box: Box, margin: int) -> tuple[slice, slice]:
    """The cells that ``box`` touches, and ``margin`` more on every side."""
    y0, x0 = (max(0, int(v * CELLS) - margin) for v in (box[1], box[0]))
    y1, x1 = (min(CELLS, int(np.ceil(v * CELLS)) + margin) for v in (box[3], box[2]))
    return slice(y0, max(y1, y0 + 1)), slice(x0, max(x1, x0 + 1))


def statement(view: CaseView, place: Place) -> str:
    """The hypothesis in one sentence."""
    x0, y0, x1, y1 = (f"{100 * v:.0f}" for v in place.box)
    edge = " that lies at the edge of the picture"
    what = (
        " that shows the same content in many images of the class"
        if place.static
        else edge
        if place.edge
        else ""
    )
    name = clean(view.classes[place.wanted], 60)
    return (
        f"The score of {name} hangs on a small place at the {place.where} of the picture{what} "
        f"(x {x0} to {x1} %, y {y0} to {y1} % of width and height)."
    )


def hypothesis(view: CaseView, place: Place) -> Finding:
    """The open finding of a place; its ``region`` can be given to ``test_by_masking`` as it is."""
    return Finding(
        kind="overemphasised_feature",
        failure="features",
        bug="data_content",
        statement=statement(view, place),
        slice={"region": place.region.spec},
        class_name=view.classes[place.wanted],
    )


def confirm(
    view: CaseView, sample: Sample, places: Sequence[Place], minimum_effect: float, alpha: float
) -> list[Tested]:
    """Each place put to the test on the half that did not propose it; every plan is registered before the first pass.

    An image of the class is passed 8 times (untouched, place hidden, six controls); images of other classes, dealt out
    among the places, 3 times."""
    plans = [view.register(_plan(view, sample, p, minimum_effect, alpha)) for p in places]
    pools = _others(sample, places, view.seed)
    made = []
    for place, pool in zip(places, pools, strict=True):
        mine = sample.rows[~sample.first & (sample.watched == place.wanted)]
        label = f"testing the {place.where} of {clean(view.classes[place.wanted], 40)}"
        bench = Bench(view, sample.split, place.region, make_fill(FILL), DRAWS, view.seed)
        own = measure(bench, mine, place.wanted, label)
        rest = measure(replace(bench, draws=OTHER_DRAWS), pool, None, f"{label}: other classes")
        made.append((place, own, rest))
    paired = [
        summarise(own, minimum_effect=minimum_effect, alpha=alpha, claim="uses", seed=view.seed)
        for _, own, _ in made
    ]
    qs = benjamini_hochberg([p.p for p in paired]).tolist()
    return [
        _tested(place, own, rest, p, q, plan, minimum_effect, alpha)
        for (place, own, rest), p, q, plan in zip(made, paired, qs, plans, strict=True)
    ]


def _others(sample: Sample, places: Sequence[Place], seed: int) -> list[npt.NDArray[np.int64]]:
    """For each place, images of the confirming half that are not of its class; no image serves two places."""
    free = np.random.default_rng([seed, 12]).permutation(np.flatnonzero(~sample.first))
    made = []
    for i, place in enumerate(places):
        share = min(MOST_OTHERS, -(-len(free) // (len(places) - i)))
        mine = free[sample.watched[free] != place.wanted][:share]
        free = np.setdiff1d(free, mine, assume_unique=True)
        made.append(np.sort(sample.rows[mine]))
    return made


def _plan(view: CaseView, sample: Sample, place: Place, minimum_effect: float, alpha: float) -> Instrument:
    n = int((~sample.first & (sample.watched == place.wanted)).sum())
    return Instrument(
        finding=hypothesis(view, place).key,
        tool=TOOL,
        arguments={
            "region": place.region.spec,
            "class_name": view.classes[place.wanted],
            "split": sample.split,
            "seed": view.seed,
        },
        statement=statement(view, place),
        statistic="mean paired fall of the class's score, place minus control, on the half of the images that did not "
        "propose the place; one-sided sign-flip permutation test, Benjamini–Hochberg over the places",
        control=f"{DRAWS} regions of the same shape elsewhere in the same image, same fill ({FILL}); "
        f"and the place itself in images of other classes, which must lose less than {number(SPECIFIC)} as much",
        minimum_effect=minimum_effect,
        alpha=alpha,
        n_planned=n,
        smallest_detectable_effect=smallest_paired_effect(ASSUMED_SD, n, alpha, two_sided=False),
    )


def _tested(
    place: Place,
    own: Measurements,
    rest: Measurements,
    paired: Paired,
    q: float,
    plan: str,
    minimum_effect: float,
    alpha: float,
) -> Tested:
    others = float(rest.cue_drop.mean()) if len(rest) else float("nan")
    specific = difference_interval(own.cue_drop, rest.cue_drop)
    judged = judge(
        Measured(paired.effect, paired.ci, paired.p, q, paired.n, paired.detectable, fall=paired.cue_effect),
        minimum_effect,
        alpha,
    )
    if judged.verdict == "confirmed":
        judged = _of_this_class(judged, paired.cue_effect, others, specific, len(rest))
    return Tested(place, paired, flips(own), others, len(rest), specific, judged, q, plan)


def _of_this_class(judged: Judgement, own: float, others: float, specific: Interval, n: int) -> Judgement:
    """A confirmation stands only when the place matters to this class and not to the others."""
    if n < 2:
        return Judgement(
            "inconclusive",
            "There are no images of other classes to show that only this class depends on the place.",
        )
    if others <= SPECIFIC * own and specific[0] > 0:
        return judged
    return Judgement(
        "inconclusive",
        f"Hiding the place costs images of other classes {number(others, 'points')}: it is not this class alone that depends on it.",
    )


def finding(view: CaseView, tested: Tested) -> Finding:
    """The hypothesis with what the confirming half said of it."""
    p, verdict = tested.paired, tested.judgement.verdict
    base = hypothesis(view, tested.place)
    known = next((f for _, f in view.findings() if f.key == base.key), base)
    result = TestResult(
        tool=TOOL,
        effect=p.effect,
        ci=p.ci,
        p=p.p,
        n=p.n,
        verdict=verdict,
        control_effect=p.control_effect,
        statistic="fall of the class's score, place minus control",
        q=tested.q,
    )
    note = f"{tested.judgement.reason} Found on one half of the images, tested on the other."
    if verdict == "confirmed" and not tested.place.static:
        note += " What the place shows varies between images, so look whether it is a tag or a part of the subject."
    return replace(known, n=p.n, ci=None, p=p.p, q=tested.q, verdict=verdict, tests=(result,), note=note)


def verdict_of(place: Place, tested: Sequence[Tested]) -> Verdict | None:
    """The verdict on ``place``, None when it was not tested."""
    return next((t.judgement.verdict for t in tested if t.place == place), None)
