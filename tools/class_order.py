"""class_order: do the class names stand in the order of the model's outputs?"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from failsight.tools.adopt_version import FACT
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence, Fact, Finding, Instrument, Table, TestResult
from failsight.tools.experiments.population import check_split
from failsight.tools.inputs.base import Predictions, Split
from failsight.tools.notes import called, need_labels
from failsight.tools.pipelines.choice import detectable
from failsight.tools.pipelines.output_order import Renaming, halves, renaming
from failsight.tools.registry import tool
from failsight.tools.repair.restated import members_line
from failsight.tools.repair.standing import went_on_with
from failsight.tools.repair.versions import RESTATED
from failsight.tools.stats.intervals import wilson
from failsight.tools.text import clean, interval, listing, number
from failsight.tools.verdicts import STANDING_LEVEL, Measured, judge
from failsight.tools.view import CaseView

TOOL = "class_order"
ALPHA = STANDING_LEVEL
MINIMUM = 0.03
FEWEST = 24
CLAIM = "The class names stand in another order than the model's outputs."
STATISTIC = "accuracy under the best one-to-one matching of outputs to classes minus that under the present names; exact one-sided McNemar test"
CONTROL = (
    "the present names on the same images; the matching is chosen on one half and judged on the other, where each renamed class must "
    "be recognised by its new output and by no other"
)
SHOWN = 12


@tool(
    cost="pass",
    needs=(),
    answers=(),
    heeds=("preprocessing",),  # a wrong channel order can look like exchanged names
    decides=("class_order",),
    passes=1.0,
)
def class_order(
    view: CaseView,
    split: Annotated[Split, Field(description="Which images: data, train or deploy.")] = "data",
) -> Evidence:
    """Test whether the class names stand in the order of the model's outputs: would other names make it right?

    The best one-to-one matching of outputs to classes is chosen on half of the labelled images and judged on the other
    half, paired. A model that is merely bad is recognised by no other name either.
    """
    split = check_split(view, split)
    need_labels(view, split)
    made = view.predictions(split)
    keep = made.labelled
    labels, said = made.labels[keep].astype(np.int64), made.predicted[keep].astype(np.int64)
    if len(labels) < FEWEST:
        raise RetryError(
            f"Only {len(labels)} of the {called(split)} have a label; it takes {FEWEST} to match outputs."
        )
    _register(view, split, int(halves(labels, view.seed)[1].sum()))
    found = renaming(labels, said, len(made.classes), view.seed)
    return _evidence(view, split, made, found)


def _claim(view: CaseView) -> str:
    """What is claimed, of the model as given or of the version that the case went on with."""
    version = went_on_with(view)
    return (
        CLAIM
        if version is None
        else f"The class names of {version.name} stand in another order than its outputs."
    )


def _register(view: CaseView, split: Split, n: int) -> None:
    view.register(
        Instrument(
            finding=_finding().key, tool=TOOL, arguments={"split": split, "seed": view.seed}, statement=_claim(view),
            statistic=STATISTIC, control=CONTROL, minimum_effect=MINIMUM, alpha=ALPHA, n_planned=n,
            smallest_detectable_effect=detectable(round(0.1 * n), n, ALPHA),
        )
    )  # fmt: skip


def _finding(**more: object) -> Finding:
    return Finding("class_order", "correctness", "data_engineering", **{"statement": CLAIM, **more})  # type: ignore[arg-type]


def _judged(found: Renaming) -> tuple[str, str]:
    """(verdict, reason): the paired test, and that every renamed class is recognised by its new output."""
    seen = detectable(found.gained + found.lost, found.n, ALPHA)
    made = judge(Measured(found.effect, found.ci, found.p, found.p, found.n, seen), MINIMUM, ALPHA)
    if made.verdict == "confirmed" and not found.borne_out:
        return "inconclusive", (
            f"Other names make it right more often, in {number(found.after)} of the images and {number(found.recognised)} of those of the "
            "renamed classes, but not well: so do some for a model that is merely bad, or never learnt."
        )
    return made.verdict, made.reason


def _evidence(view: CaseView, split: Split, made: Predictions, found: Renaming | None) -> Evidence:
    names = made.classes
    verdict, reason = (
        ("refuted", "No other matching was better on the half that chooses.")
        if found is None
        else _judged(found)
    )
    confirmed = found is not None and verdict == "confirmed"
    moved = {} if found is None else {names[o]: names[c] for o, c in enumerate(found.order) if o != c}
    return Evidence(
        tool=TOOL,
        title="Whether the class names stand in the order of the outputs",
        summary=_summary(split, found, moved, verdict, reason),
        facts=(
            *_facts(split, found, verdict),
            *(_side(found, names) if found is not None and confirmed else ()),
        ),
        tables=(_table(found, names),) if found is not None else (),
        findings=(_result(split, found, moved, verdict, reason, _claim(view)),),
        notes=_notes(view, confirmed),
        next_steps=_next(view, found, names, confirmed),
    )


def _summary(split: str, found: Renaming | None, moved: dict[str, str], verdict: str, reason: str) -> str:
    if found is None:
        return f"On the {called(split)} no other matching of outputs to classes is better than that of the names."
    if verdict == "confirmed":
        return _statement(split, found, moved)
    return (
        f"The best other matching of outputs to classes is right in {number(found.after)} of the {found.n:,} {called(split)} that did not "
        f"choose it, the present names in {number(found.before)}: {number(found.effect, 'points')} {interval(found.ci, 'points')}. {reason}"
    )


def _statement(split: str, found: Renaming, moved: dict[str, str]) -> str:
    told = [f"what is called {clean(a, 40)} is {clean(b, 40)}" for a, b in moved.items()]
    return (
        f"The class names stand in another order than the model's outputs: {listing(told, 4)}. So named it is right in "
        f"{number(found.after)} of {found.n:,} {called(split)} that did not choose the order, and in {number(found.before)} as it is: "
        f"{number(found.effect, 'points')} {interval(found.ci, 'points')}."
    )


def _result(
    split: str, found: Renaming | None, moved: dict[str, str], verdict: str, reason: str, claim: str = CLAIM
) -> Finding:
    if found is None:
        return _finding(statement=claim, verdict=verdict, note=reason)
    n, wrong = found.n, found.n - round(found.before * found.n)
    test = TestResult(TOOL, found.effect, found.ci, found.p, n, verdict, statistic=STATISTIC, q=found.p)  # type: ignore[arg-type]
    return _finding(
        statement=_statement(split, found, moved) if verdict == "confirmed" else claim,
        n=n, error_rate=1 - found.before, base_error_rate=1 - found.after, ci=wilson(wrong, n),
        p=found.p, q=found.p, verdict=verdict, tests=(test,), note=reason,
    )  # fmt: skip


def _facts(split: str, found: Renaming | None, verdict: str) -> tuple[Fact, ...]:
    of = "" if split == "data" else f"split {split}, "
    if found is None:
        return (Fact("verdict", verdict, "text", of.rstrip(", ")),)
    n, old, new = found.n, round(found.before * found.n), round(found.after * found.n)
    return (
        Fact(
            "accuracy", found.before, "share", f"{of}names as they are", wilson(old, n), n, "higher_is_better"
        ),
        Fact("accuracy", found.after, "share", f"{of}best matching", wilson(new, n), n, "higher_is_better"),
        Fact("effect", found.effect, "points", f"{of}best matching", found.ci, n, "lower_is_better"),
        Fact("p", found.p, "score", f"{of}best matching", None, n),
        Fact("classes_renamed", len(found.moved), "count", of.rstrip(", ")),
        Fact("verdict", verdict, "text", of.rstrip(", ")),
    )


def _side(found: Renaming, names: tuple[str, ...]) -> tuple[Fact, ...]:
    return (Fact(FACT, members_line({"classes": _order(found, names)}), "text", "class order"),)


def _order(found: Renaming, names: tuple[str, ...]) -> list[str]:
    return [names[c] for c in found.order]


def _table(found: Renaming, names: tuple[str, ...]) -> Table:
    rows = tuple((o, names[o], names[c]) for o, c in enumerate(found.order) if o != c)[:SHOWN]
    return Table(
        "Outputs that would carry another name", ("output", "called", "would be"), rows, ("count", "text", "text"),
        "Matched on the half that chooses. Outputs are counted from 0.",
    )  # fmt: skip


def _notes(view: CaseView, confirmed: bool) -> tuple[str, ...]:
    if not confirmed:
        return ()
    made = [
        "Labels whose names are exchanged look the same from here: look at a few images of each renamed class."
    ]
    mended = {v.finding for v in view.versions() if v.strategy == RESTATED}
    feeding = [(i, f) for i, f in view.findings() if f.kind == "preprocessing"]
    untried = not feeding and view.has_model()
    if untried or any(f.verdict != "refuted" and i not in mended for i, f in feeding):
        made.append(
            "Where colour alone tells classes apart, a wrong channel order exchanges their names too (preprocessing_probe)."
        )
    return tuple(made)


def _next(view: CaseView, found: Renaming | None, names: tuple[str, ...], confirmed: bool) -> tuple[str, ...]:
    if found is None or not confirmed:
        return ()
    line = members_line({"classes": _order(found, names)})
    if not view.has_model():
        return (
            f"Name the columns of scores in this order: {', '.join(clean(n, 40) for n in _order(found, names))}.",
        )
    return (
        f"In the model's side file (model.json) write {line}.",
        "Go on with it at once (adopt_version): every figure measured so far is one of a model whose answers carry the wrong names.",
    )
