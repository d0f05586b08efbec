"""From slices and pulls to findings, each bug once: what is part of what, what waits for an experiment, what comes first."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from failsight.tools.evidence import Finding
from failsight.tools.slices.causes import seen_in_one_class, tied
from failsight.tools.slices.classes import accounts_for_pull
from failsight.tools.slices.findings import Found, Why, refuted_finding, slice_finding, title
from failsight.tools.slices.pulls import Compared, Suspicion
from failsight.tools.slices.search import Search
from failsight.tools.slices.suspicions import (
    PULLS,
    accounts_for,
    awaited,
    goes_to,
    has_value,
    one_class_goes_to,
    rests_on,
    same_bug,
    sign,
    suspicion_finding,
    taken_finding,
    taken_goes_to,
    tells_how_taken,
    undecided,
    untied_finding,
    within_finding,
    within_goes_to,
)
from failsight.tools.stats.intervals import wilson
from failsight.tools.text import listing
from failsight.tools.view import CaseView

T = TypeVar("T")
MOST_HELD = 3  # suspected signs whose slices wait for an experiment: no more experiments than a run makes
MOST_REFUTED = 5  # refuted slices that become findings; all are in the table


@dataclasses.dataclass(frozen=True, slots=True)
class Waiting:
    """What waits for the experiment on a suspected sign, by the sign.

    Attributes:
        slices: titles of those that are probably part of it.
        weaker: pulls that explain fewer errors.
    """

    slices: Mapping[str, list[str]]
    weaker: Mapping[str, list[str]]


@dataclasses.dataclass(frozen=True, slots=True)
class Explained:
    """How many errors pulls explain, by the lower ends of intervals.

    Attributes:
        missed: sign → images of the class that are missed for want of the value.
        wrong: sign → images with the value that are answered wrongly beyond the rate of the others, whatever they are called.
    """

    missed: dict[str, float] = dataclasses.field(default_factory=dict)
    wrong: dict[str, float] = dataclasses.field(default_factory=dict)

    def measure(self, found: Search, pull: Suspicion, finding: Finding) -> None:
        """Note what the finding of a pull leaves out."""
        name = sign(finding)
        self.missed[name], self.wrong[name] = _missed(found, pull), _wrong(found, pull)

    def by(self, one: Finding) -> float:
        """Errors that a pull explains: images with the value that are called the class; of a sign of a class also that class's images without
        it; of a group of images all that they have more than others."""
        pulled = excess(one, one.n or 0)
        if one.kind in PULLS:
            return pulled + self.missed.get(sign(one), 0.0)
        return max(pulled, self.wrong.get(_towards(one), 0.0))


def told_once(
    view: CaseView,
    found: Search,
    shown: Sequence[Found],
    pulls: Sequence[tuple[Suspicion, Compared | None]],
    whys: Sequence[Why],
) -> tuple[tuple[Finding, ...], Waiting]:
    """The same bug is not reported twice: a slice that a confirmed pull accounts for is part of that finding.

    While the pull is open (an experiment will decide), the slice stands for itself and says so. A pull that training does
    not contain is no learnt correlation: the slice stands, and says where its errors go. Where the thing can be taken away,
    that the model gives it too much weight is stated for an experiment to decide, and the slices that it accounts for wait for
    that: part of it if it is confirmed, findings of their own (when slices are searched again) if it is not. A search among the images
    of one class can't tell a sign of another class from a way in which this one fails, unless training ties the two. Without training
    images, neither is what one class alone has a sign of another, nor where or with what pictures were taken a sign of anything: that
    can't be seen in a picture, only that it looks different. What explains most errors comes first, and is tested first: pulls that
    explain fewer wait for the experiment on a stronger suspicion, and become findings when slices are searched again, whatever it shows.

    Returns:
        the findings; and what waits for the experiment on a suspected sign (``stamp=yes towards horse``): slices that are part of it,
        and weaker pulls.
    """
    held: dict[str, list[str]] = {}
    slices = [slice_finding(found, one, why) for one, why in zip(shown, whys, strict=True)]
    suspected: list[Finding] = []
    loose: list[Finding] = []
    errors = Explained()
    for pull, tie in pulls:
        made = suspicion_finding(view, found, pull, tie)
        errors.measure(found, pull, made)
        same = [i for i, one in enumerate(shown) if accounts_for(pull, one)]
        about = [i for i, one in enumerate(shown) if has_value(pull, one)]
        if any(accounts_for_pull(found, whys[i].classes, pull) for i in about):
            continue  # the two names are exchanged there, which the slice says
        says = tied(tie) if tie is not None else "undetermined"
        learnt = says == "yes"
        taken = not learnt and tells_how_taken(view, found, pull)
        if found.prepared.within is not None and made.verdict == "confirmed" and not learnt:
            slices = [within_goes_to(found, one, pull) if i in about else one for i, one in enumerate(slices)]
            suspected += [] if about else [within_finding(found, pull, made)]
            continue
        if tie is not None and tied(tie) == "no":
            untied = untied_finding(found, pull, made, tie)
            waits = [i for i, one in enumerate(shown) if i in same or rests_on(found, pull, one)]
            if waits and made.verdict is None and len(held) < MOST_HELD and awaited(view, untied):
                held[sign(untied)] = [title(found, shown[i].spans, shown[i].class_index) for i in waits]
                shown, slices, whys = _without(shown, waits), _without(slices, waits), _without(whys, waits)
                loose.append(untied)
                continue
            slices = [goes_to(found, one, pull, tie) if i in same else one for i, one in enumerate(slices)]
            if taken:  # no sign is told of what no picture shows
                suspected += [] if about else [taken_finding(found, pull, made, tie)]
            elif not same or made.verdict is None:
                loose.append(untied)
            continue
        owner = seen_in_one_class(found, pull) if tie is None and about else None
        if owner is not None:
            slices = [
                one_class_goes_to(found, one, pull, owner) if i in about else one
                for i, one in enumerate(slices)
            ]
            continue
        if taken:
            slices = [
                taken_goes_to(found, one, pull, tie) if i in about else one for i, one in enumerate(slices)
            ]
            suspected += [] if about else [taken_finding(found, pull, made, tie)]
            continue
        if made.verdict == "confirmed" and same:
            names = listing([title(found, shown[i].spans, shown[i].class_index) for i in same], 4)
            tests = (*made.tests, *(t for i in same for t in slices[i].tests))
            made = dataclasses.replace(
                made,
                tests=tests,
                note=f"{made.note} Merged with it, the same bug seen from its errors: {names}.",
            )
            shown, slices, whys = _without(shown, same), _without(slices, same), _without(whys, same)
        else:
            slices = [same_bug(one, made) if i in same else one for i, one in enumerate(slices)]
        suspected.append(made)
    suspected, weaker = _strongest_first(view, suspected, loose, errors.by)
    loose.sort(key=lambda one: -errors.by(one))
    refuted = [s for s in found.report.others if s.verdict == "refuted"][:MOST_REFUTED]
    sized = [
        *((errors.by(one), one) for one in suspected),
        *((excess(one, int(part.inside.sum())), one) for one, part in zip(slices, shown, strict=True)),
    ]
    told = [one for _, one in sorted(sized, key=lambda pair: -pair[0])]
    return (*told, *loose, *(refuted_finding(found, one) for one in refuted)), Waiting(held, weaker)


def _strongest_first(
    view: CaseView,
    pulls: Sequence[Finding],
    suspicions: Sequence[Finding],
    explained: Callable[[Finding], float],
) -> tuple[list[Finding], dict[str, list[str]]]:
    """The pulls that need not wait; and those that explain fewer errors than a suspicion whose experiment is to come, by that sign: of
    images that it decides about, nobody knows yet what else does."""
    open_ = [one for one in suspicions if one.verdict is None and undecided(view, one)]
    if not open_:
        return list(pulls), {}
    strongest = max(open_, key=explained)
    waits = [p for p in pulls if p.verdict == "confirmed" and explained(p) < explained(strongest)]
    if not waits:
        return list(pulls), {}
    return [one for one in pulls if one not in waits], {sign(strongest): [_towards(one) for one in waits]}


def _towards(finding: Finding) -> str:
    """``floor=wood towards kitchen``, also where the class that is pulled to is told as a confusion."""
    return sign(
        finding if finding.class_name else dataclasses.replace(finding, class_name=finding.confused_with)
    )


def _missed(found: Search, one: Suspicion) -> float:
    """How many images of the class that a value pulls to are missed for want of it, by the lower end of the interval; 0 where that is not shown."""
    m = one.missed
    return m.n * m.ci[0] if m.says(found.report.min_effect) == "yes" else 0.0


def _wrong(found: Search, one: Suspicion) -> float:
    """How many images with a value are answered wrongly beyond the rate of the others, by the lower end of the interval."""
    codes = found.attributes[one.attribute].codes
    has, lacks = codes == one.found.value, (codes >= 0) & (codes != one.found.value)
    k, n = int((found.wrong & has).sum()), int(has.sum())
    return n * (wilson(k, n)[0] - float(found.wrong[lacks].mean())) if n and lacks.any() else 0.0


def _without(values: Sequence[T], places: Sequence[int]) -> list[T]:
    return [one for i, one in enumerate(values) if i not in places]


def excess(finding: Finding, images: int) -> float:
    """How many of ``images`` are answered wrongly beyond the rate elsewhere, by the lower end of the interval. A slice's rate is of the half
    that tests, a pull's of all images: both are told of all."""
    low = finding.ci[0] if finding.ci is not None else finding.error_rate or 0.0
    return images * (low - (finding.base_error_rate or 0.0))
