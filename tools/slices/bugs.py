"""From slices and pulls to findings, each bug once: what is part of what, what waits for an experiment, what comes first."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TypeVar

from failsight.tools.evidence import Finding
from failsight.tools.slices.causes import seen_in_one_class, tied
from failsight.tools.slices.classes import accounts_for_pull
from failsight.tools.slices.findings import Found, Why, refuted_finding, slice_finding, title
from failsight.tools.slices.pulls import Compared, Suspicion
from failsight.tools.slices.search import Search
from failsight.tools.slices.suspicions import (
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
    untied_finding,
    within_finding,
    within_goes_to,
)
from failsight.tools.text import listing
from failsight.tools.view import CaseView

T = TypeVar("T")
MOST_HELD = 3  # suspected signs whose slices wait for an experiment: no more experiments than a run makes
MOST_REFUTED = 5  # refuted slices that become findings; all are in the table


def told_once(
    view: CaseView,
    found: Search,
    shown: Sequence[Found],
    pulls: Sequence[tuple[Suspicion, Compared | None]],
    whys: Sequence[Why],
) -> tuple[tuple[Finding, ...], dict[str, list[str]]]:
    """The same bug is not reported twice: a slice that a confirmed pull accounts for is part of that finding.

    While the pull is open (an experiment will decide), the slice stands for itself and says so. A pull that training does
    not contain is no learnt correlation: the slice stands, and says where its errors go. Where the thing can be taken away,
    that the model gives it too much weight is stated for an experiment to decide, and the slices that it accounts for wait for
    that: part of it if it is confirmed, findings of their own (when slices are searched again) if it is not. A search among the images
    of one class can't tell a sign of another class from a way in which this one fails, unless training ties the two. Without training
    images, neither is what one class alone has a sign of another, nor where or with what pictures were taken a sign of anything: that
    can't be seen in a picture, only that it looks different. What explains most errors comes first.

    Returns:
        the findings; and what waits: by the suspected sign (``stamp=yes towards horse``) the slices' titles.
    """
    held: dict[str, list[str]] = {}
    slices = [slice_finding(found, one, why) for one, why in zip(shown, whys, strict=True)]
    suspected, loose = [], []
    for pull, tie in pulls:
        made = suspicion_finding(view, found, pull, tie)
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
    refuted = [s for s in found.report.others if s.verdict == "refuted"][:MOST_REFUTED]
    sized = [
        *((_excess(one, one.n or 0), one) for one in suspected),
        *((_excess(one, int(part.inside.sum())), one) for one, part in zip(slices, shown, strict=True)),
    ]
    told = [one for _, one in sorted(sized, key=lambda pair: -pair[0])]
    return (*told, *loose, *(refuted_finding(found, one) for one in refuted)), held


def _without(values: Sequence[T], places: Sequence[int]) -> list[T]:
    return [one for i, one in enumerate(values) if i not in places]


def _excess(finding: Finding, images: int) -> float:
    """How many of ``images`` are answered wrongly beyond the rate elsewhere, by the lower end of the interval. A slice's rate is of the half
    that tests, a pull's of all images: both are told of all."""
    low = finding.ci[0] if finding.ci is not None else finding.error_rate or 0.0
    return images * (low - (finding.base_error_rate or 0.0))
