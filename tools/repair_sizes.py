"""How many images a repair needs, and how many it takes to see that it worked; each with how it was reckoned."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from failsight.tools.attributes.computed import COMPUTED, NUMERIC, image_measures
from failsight.tools.attributes.metadata import metadata_columns, object_columns
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Finding
from failsight.tools.inputs.base import ImageTable, Split
from failsight.tools.stats.power import power_two_rates
from failsight.tools.stats.slices.cuts import number_key
from failsight.tools.text import clean, number
from failsight.tools.view import CaseView

Mask = npt.NDArray[np.bool_]

ALPHA, POWER = 0.05, 0.8
MEASURED = 30_000  # training images looked at for computed attributes
MOST = 100_000
_RANGE = re.compile(
    r"\((?:< (?P<below>[-+.\de]+)|≥ (?P<above>[-+.\de]+)|(?P<low>[-+.\de]+) to (?P<high>[-+.\de]+))\)$"
)


@dataclass(frozen=True, slots=True)
class Size:
    """A number of images and how it was reckoned, in one sentence; ``n`` None where it can't be.

    ``measured`` False: no deficit was measured, and the number is only what it takes to see an improvement.
    """

    n: int | None
    how: str
    measured: bool = True


def to_verify(
    error: float | None, target: float | None, *, alpha: float = ALPHA, power: float = POWER
) -> Size:
    """Images of the slice needed to see its error fall from ``error`` to ``target``.

    Reckoned for two independent samples of equal size, one-sided; the paired comparison (McNemar) of the same images
    before and after needs fewer, never more.
    """
    if error is None or target is None or not 0 <= target < error <= 1:
        return Size(None, "No error rate to compare with was measured for this finding.")
    low, high = 2, 4
    while power_two_rates(error, high, target, high, alpha) < power:
        low, high = high, high * 2
        if high > MOST:
            return Size(None, f"From {number(error)} to {number(target)} is too small a step to see.")
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (
            (low, middle)
            if power_two_rates(error, middle, target, middle, alpha) >= power
            else (middle, high)
        )
    how = f"{high:,} held-out images show a fall of the error from {number(error)} to {number(target)} with {number(power)} power at α {alpha:g}"
    return Size(high, how)


def assigned_rows(
    view: CaseView, split: Split, conditions: Mapping[str, str]
) -> npt.NDArray[np.int64] | None:
    """Rows of a split that meet conditions on attributes that were assigned or computed; None where it has no such attribute."""
    try:
        table = view.attributes(split)
    except RetryError:
        return None
    if any(name not in table.columns for name in conditions):
        return None
    met = np.ones(len(table.rows), bool)
    for name, value in conditions.items():
        met &= matches(table.columns[name], value)
    rows: npt.NDArray[np.int64] = table.rows[met]
    return rows


def matches(column: npt.NDArray[Any], value: str) -> Mask:
    """Which entries of an attribute column have the value that a slice names: a category, a number, or a range of numbers."""
    if column.dtype == object:
        return np.array([v is not None and clean(v, 80) == value for v in column.tolist()], bool)
    numbers = np.asarray(column, np.float64)
    found = _RANGE.search(value)
    if found is None:
        return _equal(numbers, value)
    low, high = (found["low"] or found["above"], found["high"] or found["below"])
    inside: Mask = np.isfinite(numbers)
    if low is not None:
        inside = inside & (numbers >= float(low))
    return inside & (numbers < float(high)) if high is not None else inside


def _equal(numbers: npt.NDArray[np.float64], value: str) -> Mask:
    """Which numbers a name means: the very number where it is among them, else those that six digits make it."""
    try:
        meant = number_key(float(value))
    except ValueError:
        return np.zeros(len(numbers), bool)
    distinct, place = np.unique(numbers, return_inverse=True)
    known = [v if math.isfinite(v) else None for v in distinct.tolist()]
    same = [v is not None and number_key(v) == meant for v in known]
    found = same if any(same) else [v is not None and f"{v:g}" == value for v in known]
    return np.array(found, bool)[place]


def slice_rows(view: CaseView, table: ImageTable, wanted: Mapping[str, str]) -> Mask | None:
    """Which rows of ``table`` meet all conditions; None where an attribute is not known for it."""
    rows = np.arange(len(table), dtype=np.int64)
    columns: dict[str, npt.NDArray[Any]] = {**object_columns(table, rows), **metadata_columns(table, rows)}
    missing = [name for name in wanted if name not in columns]
    if missing:
        if len(table) > MEASURED or any(name.removeprefix("computed_") not in COMPUTED for name in missing):
            return None
        made = image_measures(table, cached=view.cached, store=view.store, progress=view.progress)
        columns |= {n: made.numbers[n] for n in NUMERIC} | {"dominant_hue": made.dominant_hue(rows)}
    inside = np.ones(len(table), bool)
    for name, value in wanted.items():
        column = columns[name] if name in columns else columns[name.removeprefix("computed_")]
        inside &= matches(column, value)
    return inside


def to_collect(view: CaseView, finding: Finding) -> Size:
    """Training images to add, from the deficit measured in the training images; falls back on :func:`to_verify`."""
    if "train" in view.splits():
        found = _deficit(view, finding)
        if found is not None:
            return found
        known = (
            "these attributes are not known of the training images"
            if finding.slice
            else "the finding names no attribute whose share could be compared"
        )
    else:
        known = "there are no training images to measure the deficit in"
    fallback = to_verify(finding.error_rate, finding.base_error_rate)
    if fallback.n is None:
        return Size(None, f"How many can't be reckoned: {known}.")
    return Size(
        _round(fallback.n),
        f"since {known}, this is only the number that would show an improvement: {fallback.how}",
        measured=False,
    )


def _deficit(view: CaseView, finding: Finding) -> Size | None:
    table = view.table("train")
    index = view.classes.index(finding.class_name) if finding.class_name in view.classes else None
    if finding.kind == "class_imbalance" and index is not None:
        return _class_deficit(table.labels, index, len(view.classes))
    if not finding.slice:
        return None
    inside = slice_rows(view, table, finding.slice)
    if inside is None or not (table.labels >= 0).any():
        return None
    if finding.kind in ("spurious_correlation", "overemphasised_feature") and index is not None:
        return _correlation_deficit(inside, table.labels == index, table.labels >= 0)
    here = slice_rows(view, view.table("data"), finding.slice)
    if here is None:
        return None
    labels = view.table("data").labels
    return _share_deficit(
        inside & (table.labels == index) if index is not None else inside,
        table.labels == index if index is not None else np.ones(len(table), bool),
        here[labels == index] if index is not None else here,
    )


def _class_deficit(labels: npt.NDArray[np.int64], index: int, k: int) -> Size:
    counts = np.bincount(labels[labels >= 0], minlength=k)
    typical = int(np.median(counts[counts > 0]))
    have = int(counts[index])
    if have >= typical:
        return Size(None, f"it already has {have:,} training images; the middle class has {typical:,}")
    return Size(_round(typical - have), f"it has {have:,} training images; the middle class has {typical:,}")


def _correlation_deficit(cue: Mask, own: Mask, known: Mask) -> Size:
    """Images of the class *without* the cue, until the cue is as frequent in the class as in the others (at least evenly split)."""
    with_cue, total = int((cue & own).sum()), int(own.sum())
    others = int((~own & known).sum())
    share = float((cue & ~own & known).sum() / others) if others else 0.0
    aim = max(share, 0.5)
    need = math.ceil(with_cue / aim - total)
    have = f"in training {number(with_cue / total if total else None)} of the class's {total:,} images show the cue and {number(share)} of the others"
    if need <= 0:
        return Size(None, f"{have}: there the two are not tied")
    goal = "as among the others" if share >= 0.5 else "in no more than half"
    return Size(_round(need), f"{have}; with so many more without it, the class shows it {goal}")


def _share_deficit(inside: Mask, base: Mask, here: Mask) -> Size:
    """Images of the slice, until its share in training is that in the evaluation images."""
    have, total = int(inside.sum()), int(base.sum())
    goal = float(here.mean()) if len(here) else 0.0
    text = f"in training {have:,} of {total:,} are such images, in evaluation {number(goal)}"
    if goal >= 1 or total == 0 or have / total >= goal:
        return Size(None, f"{text}: they are not rarer there, so numbers are not the cause")
    return Size(
        _round(math.ceil((goal * total - have) / (1 - goal))), f"{text}; with so many more the shares agree"
    )


def _round(n: int) -> int:
    """``n`` rounded up to two significant digits: more would pretend a precision that is not there."""
    step = int(10 ** max(0, len(str(n)) - 2))
    return -(-n // step) * step
