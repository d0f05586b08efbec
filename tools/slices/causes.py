"""Why a slice may be weak: rare in training, on the learning curve of its attribute, without its class's usual cue.

Each answer comes with an interval, and is "undetermined" where the images do not tell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from failsight.tools.attributes.computed import NUMERIC, image_measures
from failsight.tools.attributes.metadata import metadata_columns, object_columns
from failsight.tools.inputs.columns import OPPOSITE
from failsight.tools.slices.columns import Coded
from failsight.tools.slices.detector import seen_in_training
from failsight.tools.slices.pulls import Compared, Suspicion, compared
from failsight.tools.slices.search import Search, Span
from failsight.tools.stats.intervals import newcombe, wilson
from failsight.tools.view import CaseView

RARE = 0.05  # share of the training images below which a condition counts as rare …
UNDER = 0.5  # … or below this multiple of its share in the evaluation images
USUAL = 0.5  # share of a class above which a value is usual for it …
LOOSE = 0.1  # points by which a value may be more frequent in a class in training and not be tied to it
ONE_CLASS = 0.95  # share of the images with a value from which it is one class's own
MORE_USUAL = 0.2  # … and by how many points more than in the other classes
FEWEST_UNITS, FEWEST_IMAGES = 6, 10  # groups of images, and images in one, for a learning curve
SPREAD = 0.5  # standard deviation of the log₂ training counts below which nothing can be said about them
MEASURED = 30_000  # training images that are read for what pictures show by themselves
FLAT = 0.01  # points of error per doubling that are nothing

Interval = tuple[float, float]
Says = Literal["yes", "no", "undetermined"]


@dataclass(frozen=True, slots=True)
class TrainShare:
    """How often a slice's conditions occur in the training images.

    Attributes:
        n: training images with known values (of the slice's class, where it has one).
        share, ci: share of them that meets the conditions, with its interval.
        here: the share among the images that were searched and have known values (likewise). n_here: how many these are.
        says: whether the share is low (see `RARE` and `UNDER`): ``undetermined`` where the interval holds both.
        curve: whether other values with few training images fail more as well; None where that was not asked.
        gaps: attributes of the slice that some images here or there have no value of.
    """

    n: int
    share: float
    ci: Interval
    here: float
    says: Says
    curve: LearningCurve | None = None
    n_here: int = 0
    gaps: tuple[str, ...] = ()

    @property
    def rare(self) -> bool:
        """Whether the images show that it is rare."""
        return self.says == "yes"


@dataclass(frozen=True, slots=True)
class LearningCurve:
    """Error against the number of training images, over the values of the slice's attributes in each class.

    The slice itself is left out of the fit: it was chosen for its error.

    Attributes:
        units: groups of images (value in a class) that the line was fitted to.
        slope, ci: change of the error for each doubling of the training images, with its 95 % interval.
        says: ``yes`` (errors fall), ``no`` (the interval excludes a fall of `FLAT`), or ``undetermined``.
        expected: error of the slice that the line leads to expect; None without a line.
    """

    units: int
    slope: float
    ci: Interval
    says: Says
    expected: float | None


UNKNOWN = LearningCurve(0, 0.0, (-1.0, 1.0), "undetermined", None)


def learning_curve(
    wrong: npt.NDArray[Any],
    n: npt.NDArray[Any],
    train: npt.NDArray[Any],
    group: npt.NDArray[Any],
    slice_: npt.NDArray[Any],
) -> LearningCurve:
    """Fit error = class + slope · log₂(training images + 1), weighted by images, without the slice's own units.

    Args:
        wrong, n: (u,) errors and images of each unit; units share no image.
        train: (u,) training images of each unit.
        group: (u,) true class of each unit: every class has a level of its own.
        slice_: (u,) True for the units of the slice.
    """
    use = (n >= FEWEST_IMAGES) & ~slice_
    x = np.log2(np.asarray(train, np.float64) + 1)
    rate = wrong / np.maximum(n, 1)
    levels, at = np.unique(group[use], return_inverse=True)
    freedom = int(use.sum()) - len(levels) - 1
    if use.sum() < FEWEST_UNITS or freedom < 3:
        return UNKNOWN
    weight = n[use].astype(np.float64)
    centre = np.bincount(at, weight * x[use]) / np.bincount(at, weight)
    level = np.bincount(at, weight * rate[use]) / np.bincount(at, weight)
    dx, dy = x[use] - centre[at], rate[use] - level[at]
    moment = float(weight @ dx**2)
    if moment / weight.sum() < SPREAD**2:
        return UNKNOWN
    slope = float(weight @ (dx * dy)) / moment
    mean = float((weight @ rate[use]) / weight.sum())
    # overdispersion: values differ in more than their number of training images
    spread = float(weight @ (dy - slope * dx) ** 2) / freedom
    spread = max(spread, mean * (1 - mean))
    from scipy.special import stdtrit

    half = float(stdtrit(freedom, 0.975)) * float(np.sqrt(spread / moment))
    ci = (slope - half, slope + half)
    says: Says = "yes" if ci[1] < 0 else "no" if ci[0] > -FLAT else "undetermined"
    there = slice_ & (n > 0)
    known = {g: i for i, g in enumerate(levels.tolist())}
    parts = [i for i in np.flatnonzero(there) if group[i] in known]
    expected = None
    if parts:
        each = [level[known[group[i]]] + slope * (x[i] - centre[known[group[i]]]) for i in parts]
        expected = float(np.clip(np.average(each, weights=n[parts]), 0, 1))
    return LearningCurve(int(use.sum()), slope, ci, says, expected)


def train_columns(view: CaseView, attributes: Sequence[Coded]) -> dict[str, npt.NDArray[Any]]:
    """Columns of the training images for attributes that people recorded, that words describe or that are measured of pictures;
    {} without such images.

    What pictures show by themselves (brightness …) is measured of up to ``MEASURED`` training images, and kept: ``data_statistics``
    measures the same.
    """
    if "train" not in view.splits():
        return {}
    table = view.table("train")
    rows = np.arange(len(table), dtype=np.int64)
    columns: dict[str, npt.NDArray[Any]] = {**object_columns(table, rows), **metadata_columns(table, rows)}
    described = [c for c in attributes if c.name not in columns and c.source not in ("computed", "")]
    if described:
        made = view.attributes("train")
        for one in described:
            if one.name in made.columns:
                whole = np.full(len(table), None, object)
                whole[made.rows] = made.columns[one.name].astype(object)
                columns[one.name] = whole
    return columns | _measured(
        view, [c.name for c in attributes if c.name not in columns and c.source == "computed"]
    )


def _measured(view: CaseView, names: Sequence[str]) -> dict[str, npt.NDArray[Any]]:
    """Columns of the training images for computed attributes; {} where there are too many images to be read for it."""
    table = view.table("train")
    if not names or len(table) > MEASURED:
        return {}
    made = image_measures(table, cached=view.cached, store=view.store, progress=view.progress)
    rows = np.arange(len(table), dtype=np.int64)
    columns: dict[str, npt.NDArray[Any]] = {name: made.numbers[name] for name in NUMERIC}
    columns["dominant_hue"] = made.dominant_hue(rows)
    own = {name: name.removeprefix("computed_") for name in names}
    return {name: columns[one] for name, one in own.items() if one in columns}


def train_codes(view: CaseView, attributes: Sequence[Coded]) -> dict[str, npt.NDArray[np.int64]]:
    """Name → codes of the training images, of those attributes that are recorded there in the same terms.

    A column none of whose values occurs among the images that were searched says something else (another spelling, text
    for numbers): nothing would be rarer in training.
    """
    columns = train_columns(view, attributes)
    made = {}
    for coded in attributes:
        if coded.name not in columns:
            continue
        try:
            codes = coded.encode(columns[coded.name])
        except ValueError:  # words where numbers were searched
            continue
        told = _in_same_terms(coded, columns[coded.name], codes)
        if told is not None and (told >= 0).any():
            made[coded.name] = told
    return made


def _in_same_terms(
    coded: Coded, column: npt.NDArray[Any], codes: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64] | None:
    """Codes of training images with ``none`` read as in the images that were searched; None where that can't be known any more.

    Beside a single word ``none`` is a value, beside several a missing one, and a rare word may be in one split only. Read either
    way, shares of the same value would have other denominators here and there.
    """
    if coded.edges is not None or column.dtype != object:
        return codes
    there = {value for value in column.tolist() if value is not None}
    if OPPOSITE in coded.values:
        read_as_missing = OPPOSITE not in there and len(there) > 1 and bool((codes == -1).any())
        return None if read_as_missing else codes
    told = codes.copy()
    told[np.array([value == OPPOSITE for value in column.tolist()], bool)] = -1
    return told


def tied_in_training(view: CaseView, found: Search, pulls: Sequence[Suspicion]) -> list[Compared | None]:
    """For each pull the value's share of the training images of the class that it pulls towards, against the others.

    Where an attribute was not recorded there (in the same terms), a detector on the model's features looks for the value.
    None where there are no such images, or it can't tell.
    """
    if not pulls or found.split == "train" or "train" not in view.splits():
        return [None] * len(pulls)
    codes = train_codes(view, [found.attributes[one.attribute] for one in pulls])
    labels = view.table("train").labels
    made: list[Compared | None] = []
    for one in pulls:
        coded = found.attributes[one.attribute]
        there = codes.get(coded.name)
        if there is None:
            made.append(seen_in_training(view, found, coded.codes, one.found.value, one.found.predicted))
            continue
        known, own = (there != -1) & (labels >= 0), labels == one.found.predicted
        if own.any() and not (known & own).any():
            # what only other classes can have (the style of a kitchen) is recorded for none of the class: none has it
            known = labels >= 0
        made.append(compared(one.found.predicted, there == one.found.value, known & own, known & ~own))
    return made


def tied(one: Compared | None) -> Says:
    """Whether training ties a value to a class.

    ``yes`` where the value is more frequent in the class, ``no`` where it is not by `LOOSE` or more: by the 95 % interval
    of the difference, so that few training images leave it undetermined.
    """
    if one is None:
        return "undetermined"
    return "yes" if one.ci[0] > 0 else "no" if one.ci[1] < LOOSE else "undetermined"


def seen_in_one_class(found: Search, one: Suspicion) -> int | None:
    """The class that nearly all images with a pull's value are of, where it is not the one pulled to; None where there is no such class.

    Where no training images tell, this does: a value of one class alone (a style of bed) is no sign of another class that could
    be learnt from images like these. Its images are answered wrongly, and go somewhere.
    """
    codes = found.attributes[one.attribute].codes
    has = np.bincount(found.labels[codes == one.found.value], minlength=len(found.classes))
    owner = int(has.argmax())
    if owner == one.found.predicted or has[owner] < ONE_CLASS * has.sum():
        return None
    there = int(((found.labels == one.found.predicted) & (codes != -1)).sum())
    # what only other classes can have is recorded for none of the class: none has it
    there = there or int((found.labels == one.found.predicted).sum())
    return owner if wilson(int(has[one.found.predicted]), there)[1] < LOOSE else None


def train_shares(
    view: CaseView,
    found: Search,
    slices: Sequence[tuple[tuple[Span, ...], int | None, npt.NDArray[np.bool_]]],
) -> dict[int, TrainShare]:
    """Position of a slice (spans, class, images) → its share in training; {} without training images."""
    if not slices or found.split == "train":
        return {}
    used = sorted({a for spans, *_ in slices for a, *_ in spans})
    by_name = train_codes(view, [found.attributes[a] for a in used])
    codes = {a: by_name[found.attributes[a].name] for a in used if found.attributes[a].name in by_name}
    made = {}
    for i, (spans, where, inside) in enumerate(slices):
        if all(a in codes for a, *_ in spans):
            share = _share(found, spans, where, inside, codes, view.table("train").labels)
            if share is not None:
                made[i] = share
    return made


def _share(
    found: Search,
    spans: tuple[Span, ...],
    where: int | None,
    inside: npt.NDArray[np.bool_],
    codes: Mapping[int, npt.NDArray[np.int64]],
    labels: npt.NDArray[np.int64],
) -> TrainShare | None:
    known = np.ones(len(labels), bool) if where is None else labels == where
    here = np.ones(len(found.labels), bool) if where is None else found.labels == where
    meets, gaps = known.copy(), []
    for a, low, high in spans:
        if (codes[a][known] == -1).any() or (found.attributes[a].codes[here] == -1).any():
            gaps.append(found.attributes[a].name)
        known, here = known & (codes[a] != -1), here & (found.attributes[a].codes != -1)
        meets &= (codes[a] >= low) & (codes[a] <= high)
    n, k = int(known.sum()), int(meets.sum())
    if not n:
        return None
    ci = wilson(k, n)
    share_here = float(inside[here].mean()) if here.any() else 0.0
    bound = max(RARE if len(spans) == 1 else 0.0, UNDER * share_here)
    says: Says = "yes" if ci[1] < bound else "no" if ci[0] >= bound else "undetermined"
    curve = _curve(found, spans, inside, codes, labels) if says == "yes" else None
    return TrainShare(n, k / n, ci, share_here, says, curve, int(here.sum()), tuple(gaps))


def _curve(
    found: Search,
    spans: tuple[Span, ...],
    inside: npt.NDArray[np.bool_],
    codes: Mapping[int, npt.NDArray[np.int64]],
    labels: npt.NDArray[np.int64],
) -> LearningCurve:
    """The learning curve over the values of the slice's attributes, in each true class."""
    here, there = np.zeros(len(found.labels), np.int64), np.zeros(len(labels), np.int64)
    known, known_there = np.ones(len(here), bool), labels >= 0
    for a, *_ in spans:
        one, size = found.attributes[a].codes, len(found.attributes[a].values)
        known, known_there = known & (one >= 0), known_there & (codes[a] >= 0)
        here, there = here * size + np.maximum(one, 0), there * size + np.maximum(codes[a], 0)
    classes = len(found.classes)
    unit = (here * classes + found.labels)[known]
    units, row = np.unique(unit, return_inverse=True)
    train = np.bincount((there * classes + labels)[known_there], minlength=int(units.max(initial=0)) + 1)
    n = np.bincount(row)
    return learning_curve(
        np.bincount(row, found.wrong[known]),
        n,
        train[units],
        units % classes,
        np.bincount(row, inside[known]) > n / 2,
    )


@dataclass(frozen=True, slots=True)
class Cue:
    """A value that is usual for a class, and that the images of a slice lack.

    Attributes:
        attribute, value: position among the attributes, and code.
        share, share_other: share of the class's images that have it, and of the other classes' images.
        missed: share of the class's images that is not recognised, in the slice against those with the cue.
    """

    attribute: int
    value: int
    share: float
    share_other: float
    missed: Compared


def usual_cue(found: Search, spans: tuple[Span, ...], where: int | None) -> Cue | None:
    """What the images of a slice of one class and one attribute lack that the class usually has; None otherwise."""
    if where is None or len(spans) != 1 or found.called is not None:
        return None
    ((a, low, high),) = spans
    codes = found.attributes[a].codes
    own, other = (found.labels == where) & (codes >= 0), (found.labels != where) & (codes >= 0)
    if found.attributes[a].source == "computed" or not own.any() or not other.any():
        return None
    value = int(np.bincount(codes[own]).argmax())
    if low <= value <= high:
        return None
    has = codes == value
    n, k, m, j = (int(x.sum()) for x in (own, own & has, other, other & has))
    if wilson(k, n)[0] <= USUAL or newcombe(k, n, j, m)[0] <= MORE_USUAL:
        return None
    half = found.confirmation
    lacking = own & (codes >= low) & (codes <= high)
    missed = compared(where, found.wrong, lacking & half, own & has & half, found.prepared.groups)
    return Cue(a, value, k / n, j / m, missed)
