"""Whether the expectations that a person set hold, with confidence bounds: pure functions over prediction tables.

A lower bound *holds* only when the whole 95 % interval lies at or above it, and *fails* only when the whole interval
lies below; in between it is undecided, and how many images would decide it is computed. Counts of images have exact
intervals, so a model truly below its floor is called ready in at most 2.5 % of all samples; when it is judged once more
after images were added, in at most 5 %.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any

from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence, Finding, Interval
from failsight.tools.expectations.budgets import BUDGETS, is_budget, show
from failsight.tools.expectations.counts import Measured, Part
from failsight.tools.expectations.measures import (
    Inputs,
    Name,
    Pick,
    Together,
    Unknown,
    all_alone,
    measure,
    no_groups,
    no_pick,
    none_unknown,
)
from failsight.tools.expectations.names import (
    Asked,
    is_price,
    parse_name,
    parse_price,
    show_expected,
    show_value,
)
from failsight.tools.inputs.base import Predictions
from failsight.tools.notes import called
from failsight.tools.slices.errors import Counted, as_found
from failsight.tools.stats.floors import LEVEL, images_by_width, images_to_decide
from failsight.tools.text import clean
from failsight.tools.view import Expectation

COLUMNS = ("name", "sense", "bound", "value", "low", "high", "images", "holds", "more images")
TABLE = "Criteria"
TOO_CLOSE = "The interval contains the bound, and the value is too close to it for more images to decide."
MOST_PARTS = 4


@dataclass(frozen=True, slots=True)
class Criterion:
    """One expectation, judged.

    Attributes:
        name, bound, at_least: as set; ``at_least`` False means an upper bound.
        value, ci, n: what was measured and on how many images; None where it could not be.
        holds: True or False when the whole interval is on one side of the bound, None when undecided.
        more: how many more images would decide it with 80 % chance if the value stayed as it is; None when it is decided
            or no number within reach would.
        reason: why it is undecided or what weakens it; a sentence or two, or empty.
        by: who set it.
        scope: over how many of the classes it is a mean, where some have no images; else empty.
    """

    name: str
    bound: float
    at_least: bool
    value: float | None = None
    ci: Interval | None = None
    n: int | None = None
    holds: bool | None = None
    more: int | None = None
    reason: str = ""
    by: str = ""
    scope: str = ""


def judge(
    predictions: Mapping[str, Predictions],
    expectations: Sequence[Expectation],
    findings: Sequence[tuple[str, Finding]] = (),
    *,
    slices_searched: Collection[str] = (),
    counted: Counted = as_found,
    spoken_of: Callable[[Finding], str] = attrgetter("split"),
    seed: int = 0,
    efficiency: Evidence | None = None,
    reviews: Evidence | None = None,
    pick: Pick = no_pick,
    name: Name = no_groups,
    together: Together = all_alone,
    column: str = "",
    unknown: Unknown = none_unknown,
) -> list[Criterion]:
    """Judge every expectation; an expectation that can't be measured is undecided and says why. Prices are no expectations.

    Args:
        predictions: split → prediction table.
        expectations: names as :mod:`failsight.tools.expectations.names` reads them.
        findings: (id, finding) of the case: confirmed slices bound ``worst_slice_error``; confirmed leakage takes away
            the trust in what was measured on the leaked split.
        slices_searched: splits in which slices have been looked for.
        counted, spoken_of: errors in the slice of a finding, with the version that is judged, and the split that a finding speaks of.
        seed: of the bootstrap intervals.
        efficiency: the newest evidence of the tool of that name, for bounds on latency, throughput, memory and size.
        reviews: the newest evidence of ``review_errors`` with answers, for bounds on unacceptable errors.
        pick, name: images that meet conditions, and the groups that attributes form.
        together, column: which images belong together, and the column that says so; by default each stands alone.
        unknown: how many images lack a value that conditions ask for, in a sentence.
    """
    inputs = Inputs(
        predictions,
        findings,
        slices_searched,
        counted,
        spoken_of,
        seed,
        efficiency,
        reviews,
        prices(predictions, expectations),
        pick,
        name,
        together,
        column,
        unknown,
    )
    return [_judge_one(e, inputs) for e in expectations if not is_price(e.name)]


def prices(
    predictions: Mapping[str, Predictions], expectations: Sequence[Expectation]
) -> dict[tuple[str, str], float]:
    """(true class, wrong answer) → cost, of the expectations that are prices; those of unknown classes are left out."""
    classes = next((p.classes for p in predictions.values()), ())
    found = ((parse_price(e.name, classes), e.bound) for e in expectations if is_price(e.name))
    return {pair: price for pair, price in found if pair is not None}


def overall(criteria: Sequence[Criterion]) -> str:
    """``ready`` when all hold, ``not_ready`` when one fails, else (also without any) ``undecided``."""
    if any(c.holds is False for c in criteria):
        return "not_ready"
    return "ready" if criteria and all(c.holds for c in criteria) else "undecided"


def _judge_one(e: Expectation, inputs: Inputs) -> Criterion:
    made = Criterion(e.name, e.bound, e.at_least, by=e.by)
    if not math.isfinite(e.bound):
        return replace(made, reason="Its bound is not a number.")
    if is_budget(e.name):
        return _judge_budget(made, e, inputs.efficiency)
    try:
        asked = parse_name(e.name)
        found = measure(asked, inputs)
    except (RetryError, LookupError) as problem:
        return replace(made, reason=_readable(str(problem.args[0])))
    if found is None or not found.known:
        return _nothing(made, asked, found)
    holds = _side(found.ci, e)
    made = replace(made, value=found.value, ci=found.ci, n=found.n, holds=holds, scope=found.scope)
    if holds is None:
        made = _undecided(made, found)
    elif holds and (leaked := _leak(inputs, asked.split)):
        made = replace(
            made,
            holds=None,
            reason=f"It would hold, but some of these images{_or_others(inputs, leaked)} were trained on ({leaked}); judge again without them.",
        )
    elif holds:
        made = _silent(made, asked, found, inputs)
    return replace(made, reason=f"{made.reason} {found.remark}".strip())


def _silent(made: Criterion, asked: Asked, found: Measured, inputs: Inputs) -> Criterion:
    """``made``, undecided where images to which the model gave no answer, and which it can't count, could undo it."""
    share = inputs.silent_share(asked, found)
    if not share:
        return made
    n = len(inputs.predictions[asked.split].unanswered)
    span = max([1.0, *inputs.prices.values()])
    low, high = found.ci
    ci = (low - share * span, high) if made.at_least else (low, high + share * span)
    if _side(ci, Expectation(made.name, made.bound, made.at_least)):
        return made
    was = "image" if n == 1 else "images"
    return replace(
        made,
        holds=None,
        reason=f"It would hold, but the model gave no answer to {n:,} of the {called(asked.split)}, and it would not hold if the worst is "
        f"assumed of {'this' if n == 1 else 'these'} {was}.",
    )


def _readable(problem: str) -> str:
    """The sentence of a refused condition without the name of the argument, which nobody typed."""
    text = problem.removeprefix("where: ")
    return text[:1].upper() + text[1:]


def _leak(inputs: Inputs, split: str) -> str:
    """Id of the confirmed finding that images of ``split`` were trained on; empty without one."""
    return next(
        (
            i
            for i, f in inputs.findings
            if f.kind == "leakage"
            and f.verdict == "confirmed"
            and (f.slice or {}).get("split", "data") == split
        ),
        "",
    )


def _or_others(inputs: Inputs, leaked: str) -> str:
    """Where it is not the images themselves that were trained on, but others of the same patient, place or video."""
    about = next((f.about for i, f in inputs.findings if i == leaked), "")
    return f", or others with the same {clean(about.partition(' ')[2], 40)}," if about else ""


def _judge_budget(made: Criterion, e: Expectation, evidence: Evidence | None) -> Criterion:
    """A bound on speed or size against what was measured on this machine; undecided where nobody measured."""
    found = (
        next((f for f in evidence.facts if f.name == e.name.strip() and not f.of), None) if evidence else None
    )
    if found is None or not isinstance(found.value, int | float):
        why = "could not be measured for this model" if evidence else "has not been measured yet (efficiency)"
        return replace(made, reason=f"Its {BUDGETS[e.name.strip()].words} {why}.")
    ci = found.ci or (float(found.value), float(found.value))
    made = replace(made, value=float(found.value), ci=ci, n=found.n, holds=_side(ci, e))
    slow = (
        next((f for f in evidence.facts if f.name == "latency_p95_ms" and not f.of), None)
        if evidence
        else None
    )
    if made.holds is None:
        return replace(made, reason="What was measured on this machine lies on both sides of the bound.")
    late = slow is not None and isinstance(slow.value, int | float) and slow.value > e.bound
    if e.name == "latency_ms" and made.holds and late and slow is not None:
        return replace(
            made,
            reason=f"One picture in twenty takes longer than {show('latency_ms', float(slow.value or 0))}.",
        )
    return made


def _side(ci: Interval, e: Expectation) -> bool | None:
    low, high = ci
    if e.at_least:
        return True if low >= e.bound else False if high < e.bound else None
    return True if high <= e.bound else False if low > e.bound else None


def _undecided(made: Criterion, found: Measured) -> Criterion:
    """Add how many more images would decide."""
    if found.missing:
        return replace(made, reason=found.missing)
    if len(found.parts) > 1:
        return _undecided_parts(made, found)
    if found.parts:
        more = _needed(found.parts[0], made.bound)
    else:
        gap = found.value - made.bound
        toward = found.value - found.ci[0] if gap > 0 else found.ci[1] - found.value
        more = images_by_width(found.n, abs(gap), toward)
    if not more:
        return replace(made, reason=TOO_CLOSE)
    return replace(
        made,
        more=more,
        reason=f"The interval contains the bound; about {more:,} more {found.which}{_in_groups(more, found.parts)} would decide with 80 % chance if the value stayed as it is.",
    )


def _needed(part: Part, bound: float, level: float = LEVEL) -> int | None:
    """How many more images of one part would decide; images that come in groups count as many as they are worth."""
    share = part.share(level)
    if share >= 1:
        return images_to_decide(part.k, part.n, bound, level=level)
    if share <= 0:
        return None
    n = max(1, round(part.n * share))
    k = min(n, round(part.k * share))
    more = images_to_decide(k, n, bound, value=part.k / part.n, level=level)
    return None if more is None else math.ceil(more / share / 10) * 10


def _in_groups(more: int, parts: Sequence[Part]) -> str:
    """How many groups so many images are, where images belong together: more images of the same groups tell little."""
    n, groups = sum(p.n for p in parts), sum(p.groups.groups for p in parts)
    if not n or not groups or groups >= n:
        return ""
    return f", in about {math.ceil(more * groups / n):,} further groups as large,"


def _undecided_parts(made: Criterion, found: Measured) -> Criterion:
    """Several classes, groups or slices that must each keep to the bound: how many images each of those lacks that are not there yet."""
    sign = 1 if made.at_least else -1
    worst = min((p for p in found.parts if p.n), key=lambda p: (sign * p.k / p.n, -p.n))
    if (
        sign * found.value < sign * made.bound
    ):  # the worst one has to be shown to miss it, after correction for having been picked
        level = 1 - 0.05 / len(found.parts)
        wanted = {worst.name: _needed(worst, made.bound, level)}
    else:
        wanted = {p.name: _needed(p, made.bound) for p in found.parts}
    lacking = {name: more for name, more in wanted.items() if more != 0}
    if not lacking or any(more is None for more in lacking.values()):
        return replace(made, reason=TOO_CLOSE)
    total = sum(more or 0 for more in lacking.values())
    if len(lacking) == 1:
        which = (
            found.which if worst.name in lacking else f"labelled images of {clean(next(iter(lacking)), 80)}"
        )
        only = [p for p in found.parts if p.name in lacking]
        tail = f"about {total:,} more {which}{_in_groups(total, only)} would decide"
    else:
        most = sorted(lacking.items(), key=lambda item: -(item[1] or 0))
        told = ", ".join(f"{clean(name, 60)} {more:,}" for name, more in most[:MOST_PARTS])
        rest = f" and {len(most) - MOST_PARTS} others" if len(most) > MOST_PARTS else ""
        tail = f"about {total:,} more labelled images would decide ({told}{rest})"
    return replace(
        made,
        more=total,
        reason=f"The interval contains the bound; {tail} with 80 % chance each if the values stayed as they are.",
    )


def _nothing(made: Criterion, asked: Asked, found: Measured | None) -> Criterion:
    of = f" of {clean(asked.about, 60)}" if asked.about else ""
    within = f" with {clean(asked.where, 80)}" if asked.where and asked.metric != "worst_group" else ""
    text = f"There is no labelled image{within} among the {called(asked.split)} to measure {asked.metric.replace('_', ' ')}{of} on."
    least = images_to_decide(0, 0, made.bound) if found is not None and found.parts else None
    if least:
        text += f" At least {least:,} {found.which if found else 'images'} would be needed."
    return replace(made, n=found.n if found else None, more=least, reason=text)


def withheld(criterion: Criterion) -> bool:
    """Whether the numbers would decide and something else keeps them from it, as images that were trained on do."""
    c = criterion
    return (
        c.holds is None
        and c.ci is not None
        and _side(c.ci, Expectation(c.name, c.bound, c.at_least)) is not None
    )


def describe(criterion: Criterion) -> str:
    """``recall.kitchen at least 85.0 %: 81.2 %``."""
    value = f": {show_value(criterion.name, criterion.value)}" if criterion.value is not None else ""
    return f"{show_expected(criterion.name, criterion.at_least, criterion.bound)}{value}"


def criteria_of(evidence: Evidence) -> list[dict[str, Any]]:
    """The criteria in the evidence of ``readiness`` as ``findings.json`` lists them: name, bound, at_least, value, ci, holds."""
    table = next((t for t in evidence.tables if t.title == TABLE and t.columns == COLUMNS), None)
    made = []
    for name, sense, bound, value, low, high, n, holds, _ in table.rows if table else ():
        made.append(
            {
                "name": name,
                "bound": bound,
                "at_least": sense == "at least",
                "value": value,
                "ci": None if low is None or high is None else [low, high],
                "n": n,
                "holds": {"yes": True, "no": False}.get(str(holds)),
            }
        )
    return made
