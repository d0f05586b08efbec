"""readiness: do the expectations hold?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from failsight.tools import belonging
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Cell, Evidence, Fact, Finding, Table
from failsight.tools.expectations.budgets import is_budget
from failsight.tools.expectations.criteria import (
    COLUMNS,
    TABLE,
    Criterion,
    describe,
    judge,
    overall,
    withheld,
)
from failsight.tools.expectations.named_groups import groups, pick, without_value
from failsight.tools.expectations.names import (
    is_price,
    is_share,
    parse_name,
    show_range,
    show_value,
)
from failsight.tools.expectations.prices import price_notes, price_table
from failsight.tools.experiments.population import check_split
from failsight.tools.inputs.base import Predictions
from failsight.tools.labels.corrected import (
    Corrected,
    corrected_facts,
    counted_as_given,
    in_place,
    looked_at,
    relabelled,
)
from failsight.tools.notes import called, labelled_splits, left_out_notes
from failsight.tools.registry import tool
from failsight.tools.repair.standing import (
    VERIFY,
    Standing,
    deferred_facts,
    left_to_people,
    standing,
    went_on_with,
)
from failsight.tools.repair.versions import RESTATED, ModelVersion
from failsight.tools.slices.errors import counter, spoken_of
from failsight.tools.text import clean, listing
from failsight.tools.view import CaseView

WORDS = {
    "ready": "The expectations hold",
    "not_ready": "The model is not ready",
    "undecided": "Whether the model is ready is undecided",
}
AS_GIVEN = "readiness_as_given"  # of the model that somebody would run who takes nothing from the case
PHRASE = "accuracy at least 90 %, recall of every class at least 80 %"


TABLE_UNRESOLVED = "Confirmed and not repaired"


@tool(cost="pass", answers=("expectations.7",), stateful=True, reads_attributes=True, reads_groups=True)
def readiness(view: CaseView) -> Evidence:
    """Judge whether the expectations set for this model hold, with 95 % confidence bounds: ready, not ready or undecided.

    An expectation holds only when its whole interval is on the right side of the bound; where the interval contains the
    bound, the number of images that would decide is computed. Counts of images have exact intervals. Confirmed findings
    without a verified repair are listed. Judged is the version that the case went on with, or the newest whose repair
    was verified, on images that did not train it.
    """
    at = standing(view)
    predictions, notes = _predictions(at.view)
    # leakage that a repair mends is no longer held against the images; slices are counted again with the version judged
    repaired = mended(view, at)
    findings = [(i, f) for i, f in view.findings() if i not in repaired or f.kind != "leakage"]
    timed = view.evidence("efficiency")
    reviewed = [
        e for e in view.evidence("review_errors") if any(f.name == "unacceptable_share" for f in e.facts)
    ]

    def judged(seen: CaseView, tables: dict[str, Predictions]) -> list[Criterion]:
        return judge(
            tables,
            view.expectations,
            view.findings() if at.verified and seen is view else findings,
            slices_searched={str(e.arguments.get("split") or "data") for e in view.evidence("find_slices")},
            counted=counter(
                view, seen, at.version.name if at.version is not None and seen is not view else ""
            ),
            spoken_of=partial(spoken_of, view),
            seed=view.seed,
            efficiency=timed[-1] if timed else None,
            reviews=reviewed[-1] if reviewed else None,
            pick=lambda split, where: pick(seen, check_split(view, split), where),
            unknown=lambda split, where: without_value(seen, check_split(view, split), where),
            name=lambda split, where: groups(seen, check_split(view, split), where),
            together=lambda split: belonging.codes(seen, check_split(view, split)),
            column=belonging.column_of(view),
        )

    criteria = judged(at.view, predictions)
    people = looked_at(at.view, labelled_splits(view))
    changed = any(c.changed for c in people.values())
    with_theirs = judged(relabelled(at.view, people), in_place(predictions, people)) if changed else []
    verdict = overall(criteria)
    before = overall(judged(view, _predictions(view)[0])) if at.verified else ""
    if went_on_with(view) is not None:
        before = "not_ready"  # as given it is fed or read wrongly: that was confirmed
    unresolved = unresolved_findings(view, at)
    notes += _alone_notes(view, unresolved, predictions)
    notes += [f"{clean(c.name, 80)}: {c.reason}" for c in criteria if c.reason]
    notes += price_notes(view)
    notes += _version_notes(view, at)
    notes += [counted_as_given(c) for c in people.values() if c.changed]
    if unresolved:
        notes.append(
            f"Confirmed and not yet repaired: {listing([i for i, _ in unresolved], 12)}. The verdict is about the expectations alone."
        )
    return Evidence(
        tool="readiness",
        title="Is it ready?",
        summary=f"{_summary(verdict, criteria, unresolved)}{_judged_words(view, at)}{_theirs(people, with_theirs)}",
        facts=(
            Fact("readiness", verdict, "text"),
            *_version_facts(at, before),
            *_facts(criteria),
            *corrected_facts(people),
        ),
        tables=tuple(
            t
            for t in (_table(criteria), price_table(view, predictions), _unresolved_table(unresolved))
            if t.rows
        ),
        questions=("expectations.7",),
        notes=tuple(notes),
        next_steps=_next_steps(criteria, unresolved),
    )


def _judged_words(view: CaseView, at: Standing) -> str:
    """Which version was judged; nothing where it is the model as given."""
    if at.version is None:
        return ""
    name, base = at.version.name, went_on_with(view)
    if at.verified:
        of = f" of {at.version.finding}" if at.version.finding else ""
        told = f" Judged is {name}, the verified repair{of}, and not the model before it."
        told += f" That was {base.name}." if base is not None else ""
        return told + left_to_people(at)
    return f" Judged is {name}, with which the case goes on because it mends {at.version.finding}; the model as given is not ready."


def _theirs(people: Mapping[str, Corrected], criteria: Sequence[Criterion]) -> str:
    """What the labels that people gave since make of it; nothing where nobody looked at one. ``criteria``: by their labels; empty where none changed."""
    told = "".join(f" {c.counted}" for c in people.values())
    if not criteria:
        return told
    return f"{told} By their labels: {WORDS[overall(criteria)][:1].lower()}{WORDS[overall(criteria)][1:]}."


def _version_facts(at: Standing, before: str) -> list[Fact]:
    """The version that was judged, and what is to be said of the model as given."""
    if at.version is None:
        return []
    return [
        Fact("version_judged", at.version.name, "text"),
        Fact(AS_GIVEN, before, "text", "the model as given"),
        *deferred_facts(at),
    ]


def _predictions(view: CaseView) -> tuple[dict[str, Predictions], list[str]]:
    """Prediction tables of the labelled splits that the expectations speak of; why one is missing goes to the notes."""
    wanted = set()
    for e in view.expectations:
        if is_price(e.name) or is_budget(e.name):
            continue
        try:
            wanted.add(parse_name(e.name).split)
        except LookupError:
            continue
    made: dict[str, Predictions] = {}
    notes = []
    for split in labelled_splits(view):
        if split not in wanted:
            continue
        try:
            made[split] = view.predictions(split)
        except RetryError as problem:
            notes.append(f"The {called(split)} have no predictions: {problem}")
            continue
        notes += left_out_notes(split, made[split].left_out)
    return made, notes


def unresolved_findings(view: CaseView, at: Standing | None = None) -> list[tuple[str, Finding]]:
    """Confirmed findings that the version judged (``at``, by default the one that the case stands by) does not mend."""
    done = mended(view, at or standing(view))
    return [(i, f) for i, f in view.findings() if f.verdict == "confirmed" and i not in done]


def mended(view: CaseView, at: Standing) -> set[str]:
    """Ids of the findings that the version judged mends: the one whose verified repair it is, and those with which the case went on.

    What another repair mended, verified before, is not in this version. Ids and not keys: found again in the version that
    mended it, the same is another finding.
    """
    made = {_of(at.version)} if at.verified and at.version is not None else set()
    base = went_on_with(view)
    if base is None:
        return made
    for version in view.versions():  # each was made of the one before it
        if version.strategy == RESTATED:
            made.add(_of(version))
        if version.name == base.name:
            break
    return made


def apart(view: CaseView, at: Standing) -> list[str]:
    """A sentence for each finding whose repair was verified and is not in the version judged; how to have both."""
    if not at.verified or at.version is None:
        return []
    last = {f.of: str(f.value) for e in view.evidence(VERIFY) for f in e.facts if f.name == "verdict"}
    now, done = at.version, mended(view, at)
    made = {}
    for version in view.versions():
        if (
            version.repair != now.repair
            and last.get(version.repair) == "verified"
            and _of(version) not in done
        ):
            made[_of(version)] = version.repair
    known = {i for i, f in view.findings() if f.verdict == "confirmed"}
    return [
        f"{i}: {repair} was verified for it, but {now.name}, the version judged, was made without {repair}. To have both, take "
        f"{now.name} out (failsight versions --take {now.name}), open a case with it, and repair {i} there."
        for i, repair in made.items()
        if i in known
    ]


def _of(version: ModelVersion) -> str:
    return version.finding.strip().upper()


def _summary(verdict: str, criteria: Sequence[Criterion], unresolved: Sequence[tuple[str, Finding]]) -> str:
    if not criteria:
        text = f"{WORDS['undecided']}: nobody has said how good it must be. Say, for example: {PHRASE}."
    else:
        parts = []
        for holds, words in ((False, "fails"), (None, "undecided"), (True, "holds")):
            named = [
                f"{describe(c)} {show_range(c.name, c.ci)}".rstrip() + _why_not(c)
                for c in criteria
                if c.holds is holds
            ]
            if named:
                parts.append(
                    f"{words}: {'; '.join(named[:4])}"
                    + (f" and {len(named) - 4} more" if len(named) > 4 else "")
                )
        text = f"{WORDS[verdict]}. {'. '.join(p[0].upper() + p[1:] for p in parts)}."
    if unresolved:
        text += f" {len(unresolved)} confirmed {'finding is' if len(unresolved) == 1 else 'findings are'} not repaired."
    return text


def _why_not(c: Criterion) -> str:
    """In brackets, why nothing could be measured (a name that does not exist is not the same as too few images), what keeps clear
    numbers from deciding, or over which classes the value is a mean."""
    if c.reason and withheld(c):
        why = (
            c.reason.partition(". ")[0].rstrip(".").replace(" (", ", ").replace(")", "")
        )  # it stands in brackets itself
        return f" ({clean(why[:1].lower() + why[1:], 240)})"
    if c.value is not None or not c.reason:
        return f" ({c.scope})" if c.scope else ""
    first = c.reason.partition(". ")[0].rstrip(".")
    return f" ({clean(first[:1].lower() + first[1:], 160)})"


def _facts(criteria: Sequence[Criterion]) -> list[Fact]:
    made = []
    for c in criteria:
        direction = "higher_is_better" if c.at_least else "lower_is_better"
        unit = "share" if is_share(c.name) else "score"
        made.append(Fact("criterion", c.value, unit, c.name, c.ci, c.n, direction))  # type: ignore[arg-type]
    return made


def _table(criteria: Sequence[Criterion]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for c in criteria:
        low, high = c.ci or (None, None)
        holds = {True: "yes", False: "no", None: "undecided"}[c.holds]
        rows.append(
            (c.name, "at least" if c.at_least else "at most", c.bound, c.value, low, high, c.n, holds, c.more)
        )
    rate = "share" if all(is_share(c.name) for c in criteria) else "score"
    units = ("text", "text", rate, rate, rate, rate, "count", "text", "count")
    caption = "Low and high: 95 % interval. More images: about how many would decide with 80 % chance, if the value stayed as it is."
    return Table(TABLE, COLUMNS, tuple(rows), units, caption)  # type: ignore[arg-type]


def _version_notes(view: CaseView, at: Standing) -> list[str]:
    """What was measured with another version than the one judged, and which versions were not judged."""
    made = dict.fromkeys(v.repair for v in view.versions() if v.arm == "repair" and v.strategy != RESTATED)
    notes = list(at.notes)
    if at.version is not None and at.verified:
        notes.append(
            f"Findings were measured before the repair, but for their slices where worst_slice_error counts; those of {at.version.name} "
            f"come with a case of its own (failsight versions --take {at.version.name})."
        )
        notes += apart(view, at)
    other = [r for r in made if at.version is None or r != at.version.repair]
    if other:
        notes.append(
            f"Not judged, because the newest verified repair is: {listing(other, 4)}."
            if at.verified
            else f"Not judged, because not verified: {listing(other, 4)}."
        )
    return notes


def _alone_notes(
    view: CaseView, unresolved: Sequence[tuple[str, Finding]], predictions: dict[str, Predictions]
) -> list[str]:
    """Where images that belong together are counted each by itself: findings tested so, images without the column."""
    column = belonging.column_of(view)
    if not column:
        return []
    made = list(belonging.counted_alone(unresolved, view.evidence(), column).values())
    without = [called(s) for s in predictions if column not in view.table(s).columns]  # type: ignore[arg-type]
    if without:
        made.append(
            f"The {listing(without)} have no column {clean(column, 40)}: each image counts by itself."
        )
    return made


def _unresolved_table(unresolved: Sequence[tuple[str, Finding]]) -> Table:
    rows = tuple(
        (i, f.kind.replace("_", " "), clean(f.statement, 300), f.error_rate, f.n) for i, f in unresolved
    )
    return Table(
        TABLE_UNRESOLVED,
        ("finding", "kind", "statement", "error rate", "images"),
        rows,
        ("text", "text", "text", "share", "count"),
    )


def _next_steps(criteria: Sequence[Criterion], unresolved: Sequence[tuple[str, Finding]]) -> tuple[str, ...]:
    steps = []
    if not criteria:
        steps.append(f"Ask whoever relies on the model how good it must be, and set it: {PHRASE}.")
    open_ones = [c for c in criteria if c.holds is None and c.more]
    if open_ones:
        least = min(open_ones, key=lambda c: c.more or 0)
        steps.append(
            f"To decide {clean(least.name, 80)} (bound {show_value(least.name, least.bound)}): {least.reason}"
        )
    if unresolved:
        steps.append(f"Propose a repair for {unresolved[0][0]} (propose_correction).")
    return tuple(steps)
