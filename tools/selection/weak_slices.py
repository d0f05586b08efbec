"""Where a model fails, learned from labelled images and carried over to images without labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from failsight.tools.errors import RetryError
from failsight.tools.evidence import Finding
from failsight.tools.inputs.base import AttributeTable, Predictions
from failsight.tools.repair_sizes import matches
from failsight.tools.slices.columns import Coded, encode_columns
from failsight.tools.stats.covering import WeakSlice, assign, cover
from failsight.tools.stats.multiplicity import benjamini_hochberg
from failsight.tools.stats.tests import chi_squared_p
from failsight.tools.text import clean, listing

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
LEAST = 20  # images of the smallest slice
ALPHA = 0.05
MOST_ATTRIBUTES = 30  # those that go with errors most clearly
BELONGS = 0.5  # share of a slice's errors that a finding must explain to be named beside it
DRAWS = ("spurious_correlation", "overemphasised_feature")  # findings whose class is the one predicted
YES, NO = ("yes", "true", "1", "present"), ("no", "false", "0", "absent")


@dataclass(frozen=True)
class WeakSlices:
    """Slices that hold most failures among the labelled evaluation images.

    Attributes:
        slices: the decision list, worst first.
        attributes: the coded attributes; conditions number them.
        classes: names of the groups, the predicted classes.
        by_class: whether predicted classes are among the conditions.
        place: (n,) slice of each labelled evaluation image, −1 for none.
        failed: (n,) whether it is predicted wrong.
        labels: (n,) true classes.
        of_finding: (slices,) ids of the confirmed findings that explain at least half of its failures.
        notes: what was left out.
    """

    slices: tuple[WeakSlice, ...]
    attributes: tuple[Coded, ...]
    classes: tuple[str, ...]
    by_class: bool
    place: Ints
    failed: Mask
    labels: Ints
    of_finding: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]

    @property
    def failures(self) -> int:
        """All failures among the labelled evaluation images."""
        return int(self.failed.sum())

    @property
    def covered(self) -> float:
        """Share of the failures that the slices hold."""
        return sum(s.failures for s in self.slices) / self.failures if self.failures else 0.0

    @property
    def weak(self) -> Mask:
        """(slices,) which ones fail more often than all images do."""
        base = self.failed.mean() if len(self.failed) else 0.0
        return np.array([s.n > 0 and s.failures / s.n > base and not s.rest for s in self.slices], bool)

    def truly(self, i: int, most: int = 2) -> tuple[str, ...]:
        """True classes of most failures in a slice, the most frequent first."""
        counts = np.bincount(self.labels[(self.place == i) & self.failed], minlength=len(self.classes))
        order = np.argsort(-counts, kind="stable")[:most]
        return tuple(self.classes[c] for c in order.tolist() if counts[c])

    def conditions(self, i: int) -> tuple[str, ...]:
        """The conditions on attributes in words: ``with television``, ``without stove``, ``with lighting evening``."""
        return tuple(
            condition(self.attributes[a].name, self.attributes[a].values[code])
            for a, code in self.slices[i].conditions
        )

    def carry_over(self, table: AttributeTable, at: Ints, predicted: Ints | None) -> Ints:
        """(m,) slice of other images: positions ``at`` in their attribute table, with their predicted classes."""
        columns = [c.encode(table.columns[c.name][at]) for c in self.attributes]
        codes = np.stack(columns, 1) if columns else np.zeros((len(at), 0), np.int64)
        return assign(self.slices, codes, predicted if self.by_class else None)


def condition(name: str, value: str) -> str:
    """One condition as people say it."""
    name, value = clean(name, 60).replace("_", " "), clean(value, 60)
    if value.lower() in YES:
        return f"with {name}"
    return f"without {name}" if value.lower() in NO else f"with {name} {value}"


def learn(
    predictions: Predictions,
    here: AttributeTable,
    there: AttributeTable,
    findings: Sequence[tuple[str, Finding]],
    *,
    beta: float,
    wanted: Sequence[str] | None = None,
    by_class: bool = True,
    of_there: str = "pool images",
) -> WeakSlices:
    """Find the slices that hold ``beta`` of the failures, by attributes that both sets of images have.

    By default those attributes take part that go with errors (within predicted classes, where these are known; chi-squared,
    Benjamini–Hochberg q ≤ 0.05), and those that confirmed findings name.

    Args:
        predictions: of the labelled images.
        here, there: attributes of these and of the other images.
        findings: (id, finding); the confirmed ones are matched with the slices.
        wanted: names of the attributes to use instead.
        by_class: whether the predicted class may be a condition; False where the other images have no predictions.
        of_there: what the other images are called.

    Raises:
        RetryError: a wanted attribute does not exist in both sets.
    """
    keep = predictions.labelled
    coded, notes = _common(here, there, keep, wanted, of_there)
    failed, labels = ~predictions.correct[keep], predictions.labels[keep].astype(np.int64)
    predicted = predictions.predicted[keep]
    confirmed = [(i, f) for i, f in findings if f.verdict == "confirmed"]
    if wanted is None:
        named = {name for _, f in confirmed for name in (f.slice or {})}
        strata = predicted if by_class else np.zeros_like(predicted)
        coded, told = _telling(coded, failed, strata, named)
        notes += told
    codes = np.stack([c.codes for c in coded], 1) if coded else np.zeros((len(failed), 0), np.int64)
    groups = predicted if by_class else None
    slices = cover(codes, failed, groups, beta=beta, least=LEAST)
    place = assign(slices, codes, groups)
    masks = [(i, _explains(f, here, keep, labels, predicted, predictions.classes)) for i, f in confirmed]
    of_finding = tuple(_named(masks, (place == i) & failed) for i in range(len(slices)))
    return WeakSlices(
        slices, tuple(coded), predictions.classes, by_class, place, failed, labels, of_finding, tuple(notes)
    )


def _common(
    here: AttributeTable, there: AttributeTable, keep: Mask, wanted: Sequence[str] | None, of_there: str
) -> tuple[list[Coded], list[str]]:
    """Attributes that both sets of images have, coded as in the first; and what only one has."""
    usable = [n for n in here.columns if n not in here.unusable]
    both = [n for n in usable if n in there.columns]
    for name in wanted or ():
        if name not in both:
            raise RetryError(f"{clean(name, 60)!r} is no attribute of both sets of images.", both)
    notes = []
    alone = [n for n in usable if n not in there.columns]
    if alone and wanted is None:
        notes.append(f"Not known of the {of_there}, and so not used: {listing(alone)}.")
    if not keep.any():
        return [], notes
    coded, told = encode_columns(here, keep, tuple(wanted) if wanted else tuple(both)) if both else ([], [])
    fit = [c for c in coded if c.edges is None or there.columns[c.name].dtype != object]
    odd = [c.name for c in coded if c not in fit]
    if odd:
        notes.append(
            f"Numbers among the evaluation images and text among the {of_there}: {listing(odd)}; not used."
        )
    return fit, notes + [n for n in told if not n.startswith("Values are missing")]


def _telling(
    coded: Sequence[Coded], failed: Mask, strata: Ints, named: set[str]
) -> tuple[list[Coded], list[str]]:
    """Those attributes that go with errors, or that a finding names."""
    if not coded:
        return [], []
    p = np.array([_association(c.codes, failed, strata) for c in coded])
    q = benjamini_hochberg(p)
    order = np.argsort(p, kind="stable")
    chosen = [i for i in order.tolist() if coded[i].name in named or q[i] <= ALPHA][:MOST_ATTRIBUTES]
    if not chosen:
        return [], [
            "No attribute that both sets have goes with errors beyond what the predicted class tells."
        ]
    left = len(coded) - len(chosen)
    made = [f"Slices are made of {listing([coded[i].name for i in chosen], 12)}"]
    made[0] += f"; {left} more attributes do not go with errors." if left > 1 else "."
    return [coded[i] for i in sorted(chosen)], made


def _association(codes: Ints, failed: Mask, strata: Ints) -> float:
    """p that errors are spread over the values by chance within each stratum: chi-squared, summed over strata."""
    statistic, freedom = 0.0, 0
    for c in np.unique(strata):
        rows = (strata == c) & (codes >= 0)
        rate = float(failed[rows].mean()) if rows.any() else 0.0
        if not 0.0 < rate < 1.0:
            continue
        n = np.bincount(codes[rows])
        k = np.bincount(codes[rows], weights=failed[rows].astype(np.float64))
        n, k = n[n > 0], k[n > 0]
        statistic += float(((k - n * rate) ** 2 / (n * rate * (1 - rate))).sum())
        freedom += len(n) - 1
    return chi_squared_p(statistic, freedom) if freedom > 0 else 1.0


def _explains(
    finding: Finding, table: AttributeTable, keep: Mask, labels: Ints, predicted: Ints, classes: Sequence[str]
) -> Mask:
    """(n,) the images that a finding speaks of; none where its attributes are not known here."""
    inside = np.ones(len(labels), bool)
    for name, value in (finding.slice or {}).items():
        if name not in table.columns:
            return np.zeros(len(labels), bool)
        inside &= matches(table.columns[name][keep], value)
    if not finding.slice and not finding.class_name:
        return np.zeros(len(labels), bool)
    if finding.class_name is not None and finding.class_name in classes:
        c = list(classes).index(finding.class_name)
        inside &= (predicted == c) if finding.kind in DRAWS else (labels == c)
    return inside


def _named(masks: Sequence[tuple[str, Mask]], failures: Mask) -> tuple[str, ...]:
    total = int(failures.sum())
    return tuple(i for i, mask in masks if total and (mask & failures).sum() >= BELONGS * total)
