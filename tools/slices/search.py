"""The slice search on the images of a case: what is searched, and everything that was measured about each slice."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from failsight.tools.belonging import told
from failsight.tools.errors import RetryError
from failsight.tools.inputs.base import AttributeTable, Predictions, Split
from failsight.tools.slices.columns import Coded, edge_texts, encode_columns, learn_ranges
from failsight.tools.slices.target import Goal
from failsight.tools.stats.intervals import newcombe, wilson
from failsight.tools.stats.power import smallest_rate_difference
from failsight.tools.stats.slices import (
    CountCache,
    SearchSettings,
    SliceReport,
    TestedSlice,
    compare_clusters,
    content_digest,
    discovery_half,
    effective_rows,
    find_slices,
    rate_interval,
    wider,
)
from failsight.tools.stats.slices.cuts import Learner
from failsight.tools.text import clean, counted, listing
from failsight.tools.view import CaseView

Codes = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Span = tuple[int, int, int]  # attribute, first and last code
MOST_WORK = 2e10  # attribute triples × images above which only pairs are searched: minutes
PASSES = (
    0.9  # power of the test on the half that tests, so that with the choice before it about 80 % are seen
)
TAIL = 0.1  # share of the images in the slice for which the smallest visible excess is stated
KEPT_COUNTS = 16 * 2**20  # bytes of counts remembered for one table
REMEMBERED = 12  # tables
HALF = "half_that_chose"  # fact: the digest of its rows
WORTH_A_FILE = 5e7  # tuples × images above which counts are kept for later sessions: a second and more
_REMEMBERED: OrderedDict[str, CountCache] = OrderedDict()
_GUARD = threading.Lock()  # of _REMEMBERED, which all threads of a program share


@dataclass(frozen=True)
class Prepared:
    """Everything that a search takes, before the images are split into halves.

    Attributes:
        table, keep: attributes of all images, and which images take part.
        plain: the coded attributes, numbers cut at quantiles.
        labels, target: (n,) of the images that take part.
        within, called: the true class, or the predicted class, whose images they all are; else None.
        groups: (n,) images of equal group stay in one half and are counted together; None where each stands alone.
        settings: of the search; the seed draws the halves.
        group_by: the attribute that says which images belong together.
    """

    table: AttributeTable
    keep: Mask
    plain: tuple[Coded, ...]
    labels: Codes
    target: npt.NDArray[np.float64]
    within: int | None
    called: int | None
    groups: Codes | None
    settings: SearchSettings
    group_by: str | None = None

    @property
    def class_column(self) -> int | None:
        """Position of the true class among the conditions, after the attributes; None where it would say nothing.

        Among images of one predicted class the true class is the error itself.
        """
        return len(self.plain) if by_class(self.labels, self.within, self.called) else None

    @property
    def tuples(self) -> int:
        """Attribute tuples that are counted."""
        width = len(self.plain) + (self.class_column is not None)
        return sum(math.comb(width, d) for d in range(1, self.settings.depth + 1))

    def run(self, seed: int, view: CaseView | None = None) -> tuple[tuple[Coded, ...], SliceReport]:
        """Split, cut numbers on the half that chooses, search.

        Args:
            seed: draws the halves.
            view: where counts may be kept for later sessions; None keeps them in memory only.
        """
        column, n = self.class_column, len(self.labels)
        first, strata = discovery_half(self.labels if column is not None else None, n, seed, self.groups)
        floor = self.settings.floor(n)
        coded = learn_ranges(self.plain, self.table, self.keep, Learner(self.target, strata, first, floor))
        matrix = _matrix(coded, self.labels if column is not None else None)
        settings = replace(self.settings, seed=seed, class_column=column)
        key = content_digest([self.target, first, strata, np.array([floor])]).hex()
        cache = _counts(key, view if n * self.tuples > WORTH_A_FILE else None)
        before = cache.counted
        report = find_slices(
            matrix, self.target, groups=self.groups, settings=settings, discovery=first, cache=cache
        )
        if view is not None and n * self.tuples > WORTH_A_FILE and cache.counted > before:
            view.store({"slice_counts": key}, cache.dump())
        return tuple(coded), report


def _counts(key: str, view: CaseView | None) -> CountCache:
    """What was counted before on these images and this target."""
    with _GUARD:
        made = _REMEMBERED.get(key)
    if made is None:  # read outside the guard: a file may take long
        made = CountCache(KEPT_COUNTS)
        stored = None if view is None else view.cached({"slice_counts": key})
        if stored is not None:
            made.load(stored)
    with _GUARD:
        made = _REMEMBERED.setdefault(key, made)
        _REMEMBERED.move_to_end(key)
        while len(_REMEMBERED) > REMEMBERED:
            _REMEMBERED.popitem(last=False)
    return made


@dataclass(frozen=True)
class Search:
    """The images that take part, coded, and the outcome.

    Attributes:
        predictions: of the whole split.
        positions: (n,) places of the images in the prediction table.
        labels, predicted: (n,) classes.
        confidence: (n,) of the prediction.
        wrong: (n,) whether the prediction is wrong.
        goal: what was searched; its values are those of the whole split.
        target: (n,) the same of these images, in [0, 1].
        attributes: the coded attributes; the class, where it is a condition, comes after them.
        class_column: position of the class among the conditions, None within one class.
        confirmation: (n,) the half that tests.
        report: the outcome.
        prepared: what the search was given.
        notes: what was left out.
    """

    split: Split
    classes: tuple[str, ...]
    predictions: Predictions
    positions: Codes
    labels: Codes
    predicted: Codes
    confidence: npt.NDArray[np.float64]
    wrong: Mask
    goal: Goal
    target: npt.NDArray[np.float64]
    attributes: tuple[Coded, ...]
    class_column: int | None
    confirmation: Mask
    report: SliceReport
    prepared: Prepared
    notes: tuple[str, ...]

    def inside(self, found: TestedSlice) -> Mask:
        """(n,) images of a slice."""
        return self.meets(found.conjunction.conditions)

    def meets(self, conditions: Sequence[tuple[int, int]]) -> Mask:
        """(n,) images that meet all (attribute, code) conditions."""
        mask = np.ones(len(self.labels), bool)
        for column, code in conditions:
            mask &= (self.labels if column == self.class_column else self.attributes[column].codes) == code
        return mask

    def rest(self, spans: Sequence[Span], class_index: int | None) -> Mask:
        """(n,) images known not to be of a slice, of its class where it has one; a missing value tells nothing."""
        differs = np.zeros(len(self.labels), bool)
        for column, low, high in spans:
            codes = self.attributes[column].codes
            differs |= (codes >= 0) & ((codes < low) | (codes > high))
        return differs if class_index is None else differs & (self.labels == class_index)

    @property
    def called(self) -> int | None:
        """The predicted class of all these images, where the search was among those of one; else None."""
        return self.prepared.called


def taking_part(predictions: Predictions, within: int | None, called: int | None) -> Mask:
    """(n,) labelled images, of one true or predicted class where only these are searched."""
    keep = predictions.labelled if within is None else predictions.labels == within
    return keep if called is None else keep & (predictions.predicted == called)


def by_class(labels: Codes, within: int | None, called: int | None) -> bool:
    """Whether the halves are drawn, and slices compared, within the true classes of (n,) labels."""
    return within is None and called is None and len(np.unique(labels)) > 1


def half_digest(rows: Codes) -> str:
    """Short digest of the rows of a split that chose: whoever draws the half again can tell whether it is the same."""
    return content_digest([np.sort(np.asarray(rows, np.int64))]).hex()[:16]


def prepare(
    view: CaseView,
    split: Split,
    *,
    attributes: Sequence[str] | None,
    within: int | None,
    called: int | None,
    made: Goal,
    group_by: str | None,
    settings: SearchSettings,
) -> tuple[Prepared, list[str]]:
    """The images that take part, with coded attributes; and what was left out.

    Raises:
        RetryError: unknown attributes; nothing to search.
    """
    predictions, table = view.predictions(split), view.attributes(split)
    keep = taking_part(predictions, within, called)
    notes = []
    if made.column is not None:
        scored = np.isfinite(made.values)
        if (keep & ~scored).any():
            notes.append(
                f"{counted(int((keep & ~scored).sum()), 'image has', 'images have')} no {clean(made.column, 40)}: not counted."
            )
        keep = keep & scored
        if attributes and made.column in attributes:
            raise RetryError(f"{clean(made.column, 60)} is what is searched by; it can't also make slices.")
        table = replace(table, columns={k: v for k, v in table.columns.items() if k != made.column})
    if not keep.any():
        raise RetryError("None of these images has both a label and a prediction.")
    coded, more = encode_columns(table, keep, attributes)
    if not coded:
        raise RetryError("There is no attribute to make slices of.", table.columns)
    labels = predictions.labels[keep].astype(np.int64)
    notes += more
    prepared = Prepared(
        table,
        keep,
        tuple(coded),
        labels,
        made.values[keep],
        within,
        called,
        group_codes(table, keep, group_by),
        settings,
        group_by,
    )
    return replace(prepared, settings=_settled(prepared, notes)), notes


def search(view: CaseView, split: Split, prepared: Prepared, made: Goal, notes: Sequence[str]) -> Search:
    """Search among prepared images."""
    predictions, keep = view.predictions(split), prepared.keep
    coded, report = prepared.run(prepared.settings.seed, view)
    return Search(
        split=split,
        classes=predictions.classes,
        predictions=predictions,
        positions=np.flatnonzero(keep).astype(np.int64),
        labels=prepared.labels,
        predicted=predictions.predicted[keep],
        confidence=predictions.confidence[keep].astype(np.float64),
        wrong=~predictions.correct[keep],
        goal=made,
        target=prepared.target,
        attributes=coded,
        class_column=prepared.class_column,
        confirmation=~report.discovery,
        report=report,
        prepared=prepared,
        notes=(*notes, *_learned_notes(coded)),
    )


def _learned_notes(coded: Sequence[Coded]) -> list[str]:
    cuts = [f"{clean(c.name, 40)} {_extent(c, *c.learned)}" for c in coded if c.learned is not None]
    if not cuts:
        return []
    return [
        f"Cut where the half of the images that chose was worst, not at quantiles: {listing(cuts)}; the other half tested it."
    ]


def _extent(coded: Coded, low: float, high: float) -> str:
    said = dict(zip(coded.edges or (), edge_texts(coded.edges or ()), strict=True))
    if math.isinf(low):
        return f"< {said[high]}"
    return f"≥ {said[low]}" if math.isinf(high) else f"{said[low]} to {said[high]}"


def _settled(prepared: Prepared, notes: list[str]) -> SearchSettings:
    """The settings that fit these columns: what is not recorded stands in for what is; no triples where they take minutes."""
    settings = prepared.settings
    width = len(prepared.plain) + (prepared.class_column is not None)
    depth = settings.depth
    if depth == 3 and math.comb(width, 3) * len(prepared.labels) > MOST_WORK:
        depth = 2
        notes.append("With so many attributes and images only single values and pairs were searched.")
    stand_ins = frozenset(i for i, c in enumerate(prepared.plain) if c.source != "metadata")
    return replace(settings, depth=depth, stand_ins=stand_ins)


def _matrix(coded: Sequence[Coded], labels: Codes | None) -> npt.NDArray[np.int32]:
    """(n, a) codes, the class last where it is a condition."""
    columns = [c.codes for c in coded] + ([] if labels is None else [labels])
    made = np.empty((len(columns[0]), len(columns)), np.int32, order="F")
    for j, column in enumerate(columns):
        made[:, j] = column
    return made


def group_codes(table: AttributeTable, keep: Mask, name: str | None) -> Codes | None:
    """One code a group; images without a value are groups of their own. Raises RetryError for an unknown column."""
    name = told(name)
    if name is None:
        return None
    if name not in table.columns:
        raise RetryError(f"There is no column {name!r} to group by.", table.columns)
    values = [str(v) for v in table.columns[name][keep].tolist()]
    unknown = {"None", "nan"}
    named = [v if v not in unknown else f"\0{i}" for i, v in enumerate(values)]
    groups: Codes = np.unique(np.array(named, object).astype(str), return_inverse=True)[1].astype(np.int64)
    return groups


@dataclass(frozen=True, slots=True)
class Errors:
    """Errors in a slice and elsewhere (in the rest of its class, where it has one), on the half that tests.

    Attributes:
        n, n_out: images inside and outside.
        rate, rate_out: share that is wrong.
        ci: 95 % interval of ``rate``; where images belong together, no narrower than their groups allow, as the next one.
        difference, difference_ci: rate minus rate_out.
        into, into_share: the wrong class that is predicted most often inside, and its share of the errors there;
            None without errors.
    """

    n: int
    rate: float
    ci: tuple[float, float]
    n_out: int
    rate_out: float
    difference: float
    difference_ci: tuple[float, float]
    into: int | None
    into_share: float


def errors_of(found: Search, inside: Mask, rest: Mask) -> Errors:
    """Errors of some images against others, on the confirmation half."""
    there, other = inside & found.confirmation, rest & found.confirmation
    n, k, n0, k0 = (
        int(x) for x in (there.sum(), found.wrong[there].sum(), other.sum(), found.wrong[other].sum())
    )
    rate, rate_out = k / n if n else 0.0, k0 / n0 if n0 else 0.0
    wrong = found.predicted[there & found.wrong]
    counts = np.bincount(wrong, minlength=1)
    into = int(counts.argmax()) if len(wrong) else None
    share = float(counts.max() / len(wrong)) if len(wrong) else 0.0
    ci, difference_ci = wilson(k, n), newcombe(k, n, k0, n0)
    groups = found.prepared.groups
    if groups is not None:
        ci = wider(ci, rate_interval(found.wrong[there], groups[there]))
        alike = np.zeros(len(groups), np.int64)
        together = compare_clusters(found.wrong.astype(np.float64), there, other, alike, groups)
        difference_ci = wider(difference_ci, together.ci)
    return Errors(n, rate, ci, n0, rate_out, rate - rate_out, difference_ci, into, share)


def detectable(found: Search, q: float) -> float | None:
    """Smallest excess that a slice of a tenth of the images would have shown in about 80 % of searches, in points; else None.

    For a slice of one condition: it has to stand out on the half that chooses, and to hold on the other (in ``PASSES`` of cases).
    Where images belong together, as many count as their groups are worth for the mean of all.
    """
    report, groups = found.report, found.prepared.groups
    if not report.n or not 0 < report.overall < 1:
        return None
    worth = report.n_confirmation
    if groups is not None and worth:
        worth = effective_rows(found.target[found.confirmation], groups[found.confirmation])
    n = round(TAIL * worth)
    return smallest_rate_difference(n, report.overall, worth - n, q / max(report.carried, 1), PASSES)
