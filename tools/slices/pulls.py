"""Spurious correlation: which attribute values go with a prediction within true classes, towards what, and from where.

Two directions: images of other classes with the value are called the class (the pull), and images of the class without
the value are missed. Either may be there without the other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from failsight.tools.slices.search import Codes, Mask, Search
from failsight.tools.stats.association import PredictionTables, Pull, prediction_tables, pull, screen_pulls
from failsight.tools.stats.contingency import cramers_v_interval
from failsight.tools.stats.intervals import newcombe
from failsight.tools.stats.multiplicity import benjamini_hochberg
from failsight.tools.stats.slices import compare_clusters, wider
from failsight.tools.view import CaseView

Interval = tuple[float, float]
NO = ("no", "none", "false", "0", "absent")  # values that say that a thing is not there
SCREEN = 2.0  # standard errors below which a pull is not looked at closer
RESAMPLES = 1000
ALL_BUT = (
    0.8  # share of every other class that has a value, for it to mark that an image is not of one class …
)
MOSTLY_ONE = 0.5  # … from which at least this share of all comparisons comes
FEW = 5  # images of a class on either side of a comparison


@dataclass(frozen=True, slots=True)
class Suspicion:
    """An attribute value that goes with a wrong prediction among images of the same true class.

    Attributes:
        attribute: position among the coded attributes.
        found: the pull (see ``Pull``): value, predicted class, differences with intervals, p.
        q: p after Benjamini–Hochberg over all attribute values and predicted classes.
        n, rate: images of other true classes with the value, and the share of them called ``found.predicted``.
        n_out, rate_out: the same without the value.
        v, v_ci: Cramér's V of value and prediction within true classes, and its 95 % interval.
        missed: the other direction: the class without the value.
        victims: the other true classes, each by itself, hardest hit first.
        elsewhere: the other true classes without those that it is seen in by themselves; ``ci`` is within true classes, not a number
            where none has images of both sides. None where it is shown there too, or there are no more classes.
        needs: the value of another attribute without which it is not shown (``tools.slices.conditional``); None where there is none.
    """

    attribute: int
    found: Pull
    q: float
    n: int
    rate: float
    n_out: int
    rate_out: float
    v: float
    v_ci: Interval
    missed: Compared
    victims: tuple[Compared, ...]
    elsewhere: Compared | None = None
    needs: OnlyWith | None = None

    @property
    def hit(self) -> list[Compared]:
        """The other true classes that the pull is seen in by themselves, hardest hit first."""
        return [v for v in self.victims if v.says(0.0) == "yes"]


@dataclass(frozen=True, slots=True)
class Compared:
    """Two shares of images, of one true class if not said otherwise.

    Attributes:
        true: the class.
        n, rate: images and the share of them, on the side that is expected to be worse.
        n_out, rate_out: on the other side.
        ci: 95 % interval of rate − rate_out.
        detected: counted by a detector, not read from what people recorded.
    """

    true: int
    n: int
    rate: float
    n_out: int
    rate_out: float
    ci: Interval
    detected: bool = False

    @property
    def difference(self) -> float:
        """rate − rate_out; 0 where a side is empty."""
        return self.rate - self.rate_out if self.n and self.n_out else 0.0

    @property
    def enough(self) -> bool:
        """Whether there are enough images on both sides to say anything."""
        return min(self.n, self.n_out) >= FEW

    def says(self, least: float) -> Literal["yes", "no", "undetermined"]:
        """Whether the first side is worse: ``no`` where the interval excludes a difference of ``least``."""
        if not self.enough:
            return "undetermined"
        if self.ci[0] > 0 and self.difference >= least:
            return "yes"
        return "no" if self.ci[1] < least else "undetermined"


@dataclass(frozen=True, slots=True)
class OnlyWith:
    """A second value without which a pull is not shown.

    Attributes:
        attribute, value: position among the coded attributes, and of the value in it.
        inside: images that have it: the share called the class with the first value, and without.
        outside: those that lack it; ``ci`` is within true classes.
    """

    attribute: int
    value: int
    inside: Compared
    outside: Compared


def compared(true: int, hit: Mask, inside: Mask, outside: Mask, groups: Codes | None = None) -> Compared:
    """Share of ``hit`` among some images of a class against others; (n,) groups say which images belong together."""
    n, n_out = int(inside.sum()), int(outside.sum())
    k, k_out = int((hit & inside).sum()), int((hit & outside).sum())
    rates = (k / n if n else 0.0, k_out / n_out if n_out else 0.0)
    ci = newcombe(k, n, k_out, n_out) if n and n_out else (-1.0, 1.0)
    if groups is not None:
        zero = np.zeros(len(hit), np.int64)
        ci = wider(ci, compare_clusters(hit.astype(np.float64), inside, outside, zero, groups).ci)
    return Compared(true, n, rates[0], n_out, rates[1], ci)


def suspicions(found: Search, *, q: float, min_effect: float, floor: int) -> list[Suspicion]:
    """Attributes that pull predictions their way, strongest first, each beside those before it.

    Every value of every attribute is compared with the rest for every predicted class, within true classes, over all
    images: nothing was selected, so nothing has to be set aside (but see `recorded_codes`); Benjamini–Hochberg runs over all of
    them, apart from the slices, which are a family of their own. An attribute counts when the wrong predictions of the class (images of other true classes) rise by at least
    ``min_effect`` with an interval above zero, when the other classes offer at least ``floor`` pairs to compare, when most further
    errors go to that class, and when they still do within the values of the attributes listed before it. Where images belong
    together (`Prepared.groups`), no p or interval is surer than groups allow, and a value that few groups hold counts for nothing.
    """
    if found.called is not None:
        return []
    # a picture's own statistics (brightness, hue …) are what any model of pictures goes by: no suspicion in itself;
    # and groups of look-alikes, drawn in the model's own features, restate what it answers
    named = [a for a, coded in enumerate(found.attributes) if coded.source not in ("computed", "clusters")]
    screened = [(a, *_screen(found, a, floor)) for a in named]
    pulls = [(a, one) for a, ones, _ in screened for one in ones]
    adjusted = benjamini_hochberg([one.p for _, one in pulls] + [1.0] * sum(rest for *_, rest in screened))
    ranked = sorted(zip(pulls, adjusted, strict=False), key=lambda item: _rank(found, *item[0]))
    kept: list[Suspicion] = []
    given = np.zeros(len(found.labels), np.int64)
    for (a, one), value in ranked:
        codes = recorded_codes(found, a)
        if value > q or not _harmful(one, min_effect) or a in [s.attribute for s in kept]:
            continue
        if _comparable(found, codes, one) < floor or not _directed(found, codes, one):
            continue
        if _marks_another_class(found, codes, one):
            continue
        if kept and not _beside(found, codes, one, given, min_effect):
            continue
        kept.append(_suspicion(found, a, one, float(value)))
        given = np.unique(given * 2 + (codes == one.value), return_inverse=True)[1].astype(np.int64)
    return kept


def recorded_codes(found: Search, attribute: int) -> Codes:
    """(n,) codes; of a number that was cut where the half that chooses is worst, those of the other half alone, else −1."""
    coded = found.attributes[attribute]
    return coded.codes if coded.learned is None else np.where(found.confirmation, coded.codes, -1)


def pull_of(
    found: Search, tables: PredictionTables, i: int, j: int, codes: Codes, given: Codes | None = None
) -> Pull:
    """The pull of the i-th value of the (n,) codes towards class j; no surer than groups of images allow."""
    made, groups = pull(tables, i, j), found.prepared.groups
    if groups is None:
        return made
    has = codes == made.value
    lacks, others = (codes >= 0) & ~has, found.labels != j
    called = (found.predicted == j).astype(np.float64)
    strata = found.labels if given is None else found.labels * (int(given.max(initial=0)) + 1) + given
    over = compare_clusters(called, has, lacks, strata, groups)
    wrong = compare_clusters(called, has & others, lacks & others, strata, groups)
    p = max(made.p, over.p_two)
    wrong_ci = wider(made.wrong_ci, wrong.ci) if wrong.enough else (-1.0, 1.0)
    return replace(made, p=p, adjusted=p, ci=wider(made.ci, over.ci), wrong_ci=wrong_ci)


def _rank(found: Search, attribute: int, one: Pull) -> tuple[float, bool, float]:
    """Strongest first. Of the two sides of one coin (two values, two classes) the presence of a thing is what is said."""
    absent = found.attributes[attribute].values[one.value].lower() in NO
    return float(f"{one.p:.6g}"), absent, -one.wrong


def _screen(found: Search, attribute: int, floor: int) -> tuple[list[Pull], int]:
    """Pulls towards a class that may be real, and how many others were looked at."""
    codes = recorded_codes(found, attribute)
    support = np.bincount(codes[codes >= 0], minlength=len(found.attributes[attribute].values))
    # values with few images are put together: each alone has no say
    rare = support < floor
    lumped = np.where((codes >= 0) & rare[np.maximum(codes, 0)], len(support), codes)
    tables = prediction_tables(lumped, found.labels, found.predicted)
    if len(tables.values) < 2:
        return [], 0
    z = screen_pulls(tables)
    z[tables.values == len(support)] = 0.0
    close = np.argwhere(z >= SCREEN)
    return [pull_of(found, tables, int(i), int(j), lumped) for i, j in close], int((z != 0).sum()) - len(
        close
    )


def _harmful(one: Pull, min_effect: float) -> bool:
    return one.wrong >= min_effect and one.wrong_ci[0] > 0


def _comparable(found: Search, codes: Codes, one: Pull) -> float:
    """How many pairs with and without the value the other true classes offer: Σ n₁n₀/n, the weight of the comparison.

    A thing that belongs to a class (the table of a dining room) is seen in others only where a label is wrong or rooms
    run into each other, and missing in its own as rarely: a handful of pairs, which say nothing about what the model
    relies on.
    """
    others = (found.labels != one.predicted) & (codes >= 0)
    size = np.bincount(found.labels[others], minlength=len(found.classes)).astype(float)
    has = np.bincount(found.labels[others & (codes == one.value)], minlength=len(found.classes))
    return float((has * (size - has) / np.maximum(size, 1)).sum())


def _marks_another_class(found: Search, codes: Codes, one: Pull) -> bool:
    """Whether the value is what all images have but those of one class: then the few of it that have it are odd labels.

    ``kitchen_style=none`` is true of every room that is no kitchen; kitchens with it are mostly no kitchens either, and
    that they are called something else says nothing about what the model relies on.
    """
    known = codes >= 0
    size = np.bincount(found.labels[known], minlength=len(found.classes)).astype(float)
    has = np.bincount(found.labels[known & (codes == one.value)], minlength=len(found.classes))
    share = has / np.maximum(size, 1)
    weight = has * (size - has) / np.maximum(size, 1)
    weight[one.predicted] = 0
    own = int(weight.argmax())
    rest = (np.arange(len(size)) != own) & (size > 0)
    return bool(
        rest.any()
        and weight[own] >= MOSTLY_ONE * weight.sum()
        and share[own] < 1 - ALL_BUT
        and (share[rest] >= ALL_BUT).all()
    )


def _directed(found: Search, codes: Codes, one: Pull) -> bool:
    """Whether the further errors with the value go to this class, and are not spread over all classes alike.

    Of the rise in errors (images of other true classes, within true classes) the class must get three fifths, and
    twice an even share where there are few classes.
    """
    others = (found.labels != one.predicted) & (codes >= 0)
    value = (codes[others] == one.value).astype(np.int64)
    wrong = prediction_tables(value, found.labels[others], found.wrong[others].astype(np.int64))
    rise = pull(wrong, 1, 1).difference if len(wrong.values) == 2 else 0.0
    share = max(0.6, min(0.95, 2 / max(len(found.classes) - 1, 1)))
    return one.wrong >= share * rise


def _beside(found: Search, codes: Codes, one: Pull, given: Codes, min_effect: float) -> bool:
    """Whether the pull is still there within the values of the attributes that were found first."""
    value = np.where(codes < 0, -1, codes == one.value).astype(np.int64)
    tables = prediction_tables(value, found.labels, found.predicted, given)
    place = np.flatnonzero(tables.values == 1)
    if not len(place) or len(tables.values) < 2:
        return False
    again = pull_of(found, tables, int(place[0]), one.predicted, value, given)
    return again.p <= 0.01 and _harmful(again, min_effect)


def doubtful_labels(view: CaseView, found: Search) -> tuple[Mask, list[str]]:
    """(n,) images whose labels are confirmed to be often wrong, by group or by the label itself; and the findings that say so."""
    doubtful, named = np.zeros(len(found.labels), bool), []
    for name, finding in view.findings():
        if finding.kind != "label_noise" or finding.verdict != "confirmed":
            continue
        inside = np.ones(len(doubtful), bool)
        if finding.class_name in found.classes:
            inside &= found.labels == found.classes.index(str(finding.class_name))
        for attribute, value in (finding.slice or {}).items():
            coded = next((c for c in found.attributes if c.name == attribute and value in c.values), None)
            inside &= coded.codes == coded.values.index(value) if coded is not None else False
        if inside.any() and not inside.all():
            doubtful |= inside
            named.append(name)
    return doubtful, named


def stands_without(found: Search, one: Suspicion, left_out: Mask, min_effect: float, floor: int) -> bool:
    """Whether a pull is still there without some images: those that carry a wrong label look like victims of whatever goes with their true class."""
    codes = np.where(left_out, -1, recorded_codes(found, one.attribute))
    value = np.where(codes < 0, -1, codes == one.found.value).astype(np.int64)
    tables = prediction_tables(value, found.labels, found.predicted)
    place = np.flatnonzero(tables.values == 1)
    if not len(place) or len(tables.values) < 2 or _comparable(found, codes, one.found) < floor:
        return False
    again = pull_of(found, tables, int(place[0]), one.found.predicted, value)
    return again.p <= 0.01 and _harmful(again, min_effect)


def _suspicion(found: Search, attribute: int, one: Pull, q: float) -> Suspicion:
    codes = recorded_codes(found, attribute)
    has, lacks = codes == one.value, (codes != one.value) & (codes >= 0)
    others = found.labels != one.predicted
    called, groups = found.predicted == one.predicted, found.prepared.groups
    all_others = compared(one.predicted, called, others & has, others & lacks, groups)
    own = found.labels == one.predicted
    victims = []
    for true in np.unique(found.labels[others]):
        same = found.labels == true
        victims.append(compared(int(true), called, same & has, same & lacks, groups))
    victims.sort(key=lambda v: (-v.ci[0], v.true))
    value = np.where(codes < 0, -1, has).astype(np.int64)
    tables = prediction_tables(value, found.labels, found.predicted)
    v, v_ci = cramers_v_interval(tables.counts, resamples=RESAMPLES, seed=found.prepared.settings.seed)
    made = Suspicion(
        attribute,
        one,
        q,
        all_others.n,
        all_others.rate,
        all_others.n_out,
        all_others.rate_out,
        v,
        v_ci,
        compared(one.predicted, ~called, own & lacks, own & has, groups),
        tuple(victims),
    )
    return replace(made, elsewhere=_elsewhere(found, made))


def _elsewhere(found: Search, one: Suspicion) -> Compared | None:
    """The pull among the classes that it is not seen in by themselves; None where it is shown there too, or there are none."""
    codes, to = recorded_codes(found, one.attribute), one.found.predicted
    apart = (found.labels != to) & ~np.isin(found.labels, [v.true for v in one.hit])
    value = np.where((codes < 0) | ~apart, -1, codes == one.found.value).astype(np.int64)
    if not one.hit or not (value >= 0).any():
        return None
    tables = prediction_tables(value, found.labels, found.predicted)
    left = pull_of(found, tables, 1, to, value) if len(tables.values) == 2 else None
    comparable = left is not None and math.isfinite(left.wrong)  # some class has images of both sides
    ci = left.wrong_ci if left is not None and comparable else (math.nan, math.nan)
    if ci[0] > 0:
        return None
    return replace(compared(to, found.predicted == to, value == 1, value == 0), ci=ci)
