"""Which classes the errors of a weak slice are of: spread, nearly all of one, or names that are exchanged there.

A group of images can fail because two classes are called by each other's names in it, as when one site, one labeller or one
version of a program numbers the classes otherwise. Seen from its error rate that is a weak slice; the remedy is another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from failsight.tools.evidence import Fact, Finding
from failsight.tools.slices.pulls import FEW, Compared, Suspicion, compared
from failsight.tools.slices.search import Mask, Search, Span
from failsight.tools.stats.intervals import wilson
from failsight.tools.stats.slices import rate_interval, wider
from failsight.tools.text import clean, interval, listing, number
from failsight.tools.view import CaseView

EXCHANGED = "exchanged"  # fact: how often a class has the other's name inside a slice
NEARLY_ALL = 0.8  # share of a slice's excess errors that one class has, to be named
_SAID = "are exchanged"
MOSTLY = 0.5  # an answer that takes a class over: the lower end of its share's interval is above this


@dataclass(frozen=True, slots=True)
class Answered:
    """How often the images of a class are answered with one wrong class (``into``), or wrongly at all (None), inside a slice
    against outside it.

    Attributes:
        at: the shares, of the half that tests.
        ci: 95 % interval of the share inside; no narrower than groups of images allow.
    """

    at: Compared
    ci: tuple[float, float]
    into: int | None = None


@dataclass(frozen=True, slots=True)
class Classes:
    """What a slice's errors are of.

    Attributes:
        exchanged: each class of a closed round (two classes, seldom more) with the next one's name; empty where none is.
        one: the class that has nearly all of the slice's excess errors; None where there is none.
        others: share of wrong answers among the slice's images of all other classes; None without such images.
    """

    exchanged: tuple[Answered, ...] = ()
    one: Answered | None = None
    others: float | None = None


def classes_of(found: Search, spans: Sequence[Span], class_index: int | None) -> Classes:
    """What the errors of a slice are of: the images that meet its conditions on attributes, of whatever class, beside those that
    don't; counted on the half that tests.

    Nothing where another score than errors was searched by, or only images of one true or one predicted class.
    """
    if found.prepared.within is not None or found.called is not None or found.goal.kind == "column":
        return Classes()
    inside = np.ones(len(found.labels), bool)
    for column, low, high in spans:
        codes = found.attributes[column].codes
        inside &= (codes >= low) & (codes <= high)
    there, other = inside & found.confirmation, found.rest(spans, None) & found.confirmation
    rounds = _exchanged(found, there, other)
    if rounds:
        return Classes(rounds)
    one = _nearly_all(found, there, other) if class_index is None else None
    if one is None:
        return Classes()
    left = there & (found.labels != one.at.true)
    return Classes((), one, float(found.wrong[left].mean()) if left.any() else None)


def _exchanged(found: Search, there: Mask, other: Mask) -> tuple[Answered, ...]:
    """The first closed round of classes that are called each by the next one's name inside, and not outside."""
    takes: dict[int, Answered] = {}
    for true in np.unique(found.labels[there]).tolist():
        own = there & (found.labels == true)
        into = int(np.bincount(found.predicted[own]).argmax())
        if into == true or int(own.sum()) < FEW:
            continue
        one = _answered(found, true, into, there, other)
        if one.ci[0] > MOSTLY and one.at.enough and one.at.ci[0] > 0:
            takes[true] = one
    for start in sorted(takes):
        way, at = [start], takes[start].into
        while at in takes and at not in way:
            way.append(at)
            at = takes[at].into
        if at == start:
            return tuple(takes[i] for i in way)
    return ()


def _nearly_all(found: Search, there: Mask, other: Mask) -> Answered | None:
    """The class that has nearly all errors beyond those that its images show elsewhere, where others are there to differ."""
    present = [int(c) for c in np.unique(found.labels[there])]
    if len(present) < 2 or int(there.sum()) < 2 * FEW:
        return None
    all_ = [_answered(found, true, None, there, other) for true in present]
    excess = np.array([max(0.0, a.at.difference) * a.at.n for a in all_])
    first = int(excess.argmax())
    most = all_[first]
    if most.at.n >= NEARLY_ALL * int(
        there.sum()
    ):  # of a bath style that errors are of bathrooms says nothing
        return None
    if excess[first] < NEARLY_ALL * excess.sum() or not most.at.enough or most.at.ci[0] <= 0:
        return None
    return most


def _answered(found: Search, true: int, into: int | None, there: Mask, other: Mask) -> Answered:
    same, groups = found.labels == true, found.prepared.groups
    hit = found.wrong if into is None else found.predicted == into
    at = compared(true, hit, same & there, same & other, groups)
    ci = wilson(int((hit & same & there).sum()), at.n)
    if groups is not None:
        ci = wider(ci, rate_interval(hit[same & there], groups[same & there]))
    return Answered(at, ci, into)


def class_facts(found: Search, classes: Classes, about: str) -> list[Fact]:
    """The figures of :func:`told_classes`; ``about`` is what the facts of the slice are about."""
    made: list[Fact] = []
    for one in (*classes.exchanged, *([classes.one] if classes.one else [])):
        name, at = found.classes[one.at.true], one.at
        of, what = f"{about}, class {name}", "error_rate"
        if one.into is not None:
            of, what = f"{of} called {found.classes[one.into]}", EXCHANGED
        out = wilson(round(at.rate_out * at.n_out), at.n_out)
        made += [
            Fact(what, at.rate, "share", of, one.ci, at.n, "lower_is_better"),
            Fact(f"{what}_elsewhere", at.rate_out, "share", of, out, at.n_out, "lower_is_better"),
        ]
    return made


def told_exchange(found: Search, classes: Classes) -> str:
    """``the names of cat and dog are exchanged``; two or more classes."""
    return f"the names of {listing([_name(found, one.at.true) for one in classes.exchanged], 6)} {_SAID}"


def told_classes(found: Search, classes: Classes) -> str:
    """The same as sentences behind the slice's own; empty where nothing is to be said."""
    if classes.exchanged:
        ways = "; ".join(
            f"{number(one.at.rate)} {interval(one.ci)} of its {one.at.n:,} {_name(found, one.at.true)} images are called "
            f"{_name(found, one.into)} ({number(one.at.rate_out)} elsewhere)"
            for one in classes.exchanged
        )
        return f" There {told_exchange(found, classes)}: {ways}."
    if classes.one is None:
        return ""
    one, name = classes.one, _name(found, classes.one.at.true)
    others = "" if classes.others is None else f"; of its other images {number(classes.others)}"
    return (
        f" Nearly all of it is {name}: {number(one.at.rate)} {interval(one.ci)} of its {one.at.n:,} {name} images are answered wrongly "
        f"({number(one.at.rate_out)} of those elsewhere){others}."
    )


def told_exchanged(view: CaseView, finding: Finding) -> bool:
    """Whether a recorded search told of a slice that two or more names are exchanged in it."""
    told = next((e for e in reversed(view.evidence()) if any(f.key == finding.key for f in e.findings)), None)
    stated = next((f for f in told.findings if f.key == finding.key), finding) if told else finding
    return told is not None and _SAID in stated.statement and any(f.name == EXCHANGED for f in told.facts)


def what_to_look_at(found: Search, classes: Classes) -> str:
    """What a person can see at once where names are exchanged, which no figure tells; empty else."""
    if not classes.exchanged:
        return ""
    names = listing([_name(found, one.at.true) for one in classes.exchanged], 6)
    return (
        f"Figures can't tell whether the labels or the answers of these images have the names of {names} exchanged. Look at a few: where the "
        "picture shows what the label says, the answers are exchanged (on their way out, or learnt from labels that were); where it shows "
        "the other class, these labels are."
    )


def accounts_for_pull(found: Search, classes: Classes, pull: Suspicion) -> bool:
    """Whether the images with a value that are wrongly called the class it pulls to are mostly those that have its name by exchange."""
    towards, has = pull.found.predicted, found.attributes[pull.attribute].codes == pull.found.value
    for one in classes.exchanged:
        if one.into != towards:
            continue
        called = has & (found.predicted == towards) & (found.labels != towards)
        share = float((found.labels[called] == one.at.true).mean()) if called.any() else 0.0
        return share >= NEARLY_ALL
    return False


def _name(found: Search, index: int | None) -> str:
    return "" if index is None else clean(found.classes[index], 40)
