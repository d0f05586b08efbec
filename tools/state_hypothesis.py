"""state_hypothesis: what somebody suspects, in types, with the measurement that will decide it. It decides nothing itself."""

from __future__ import annotations

import json
from typing import Annotated, Literal

from pydantic import Field

from failsight.tools.evidence import Evidence, Fact, Kind, jsonable
from failsight.tools.experiments.population import parse_filters
from failsight.tools.hypotheses.instruments import LEAST, Choice, choose, least, plan
from failsight.tools.hypotheses.testable import hindrances
from failsight.tools.hypotheses.typed import Prediction, Typed, typed
from failsight.tools.registry import tool
from failsight.tools.text import clean
from failsight.tools.view import CaseView

LabelledSplit = Literal["data", "train", "deploy"]
THIS = "this one"
FORESEEN = {
    "falls_without": "the score of {name} falls when it is taken away, more than when as much is taken away elsewhere",
    "rises_with": "the score of {name} rises when it is put into other images, more than with a control",
    "unmoved_without": "the score of {name} stays where it is when it is taken away",
    "more_errors": "these images are answered wrongly more often than the other images of the same classes",
    "called_so": "these images are called {other} more often than the other images of the same classes",
    "measured": "the measurement shows it beyond what chance and its control explain",
}


@tool(cost="instant")
def state_hypothesis(
    view: CaseView,
    kind: Annotated[
        Kind,
        Field(
            description="What is suspected: spurious_correlation (a cue is taken for a sign of a class), overemphasised_feature, "
            "missing_feature (a cue is not used), weak_slice (a group of images fails more), rare_case (such a group, rare in training), "
            "label_noise, distribution_shift, leakage, preprocessing, overfitting, underfitting, overconfidence or class_imbalance."
        ),
    ],
    class_name: Annotated[
        str | None,
        Field(
            description="The class it is about: whose score a cue drives, or the true class of the group. Needed for a cue.",
            max_length=200,
        ),
    ] = None,
    confused_with: Annotated[
        str | None, Field(description="The class that such images are wrongly called.", max_length=200)
    ] = None,
    cue: Annotated[
        str | None,
        Field(
            description="The thing in the picture: box:NAME, another region (corners:0.2, border:0.1, grid:1,4/4x4 …), or an attribute "
            "(NAME or NAME=VALUE).",
            max_length=200,
        ),
    ] = None,
    where: Annotated[
        tuple[str, ...] | str,
        Field(
            description="Which images: conditions like lighting=dark, brightness<0.3, true=kitchen, predicted=bedroom."
        ),
    ] = (),
    prediction: Annotated[
        Prediction | None,
        Field(
            description="What will be seen if it is right: falls_without or rises_with (a cue), unmoved_without (a missing feature), "
            "more_errors or called_so (a group), measured (the other kinds). Default: what is usual for the kind."
        ),
    ] = None,
    minimum_effect: Annotated[
        float | None,
        Field(
            description="The smallest difference of rates or scores, in (0, 1], that would matter. Default: that of the measurement.",
            gt=0,
            le=1,
        ),
    ] = None,
    split: Annotated[
        LabelledSplit,
        Field(
            description="Of which images it speaks, and among which `where` is looked up: data (evaluation), train or deploy."
        ),
    ] = "data",
) -> Evidence:
    """Write down a suspicion as a typed hypothesis without a verdict, and register the measurement that will decide it.

    The only way in which a planner can add a hypothesis of its own. The evidence names the call to make next.

    Raises:
        RetryError: a name that the case does not have, or a part that this kind needs and was not given.
    """
    made = typed(view, kind, class_name, confused_with, cue, where, prediction, split)
    choice = least(choose(view, made), minimum_effect)
    plan_id = view.register(plan(view, made, choice))
    hindered = hindrances(view, made, choice)
    arguments = {
        "kind": kind, "class_name": class_name, "confused_with": confused_with, "cue": cue,
        "where": [str(f) for f in parse_filters(where)], "prediction": made.prediction,
        **({} if minimum_effect is None else {"minimum_effect": minimum_effect}), "split": split,
    }  # fmt: skip
    return Evidence(
        tool="state_hypothesis",
        arguments=jsonable(arguments),
        title="A hypothesis, and how it will be decided",
        summary=_summary(made, choice, hindered),
        facts=(
            Fact("kind", kind, "text"),
            Fact("prediction", made.prediction, "text"),
            Fact("instrument", choice.tool, "text"),
            Fact("instrument_arguments", json.dumps(jsonable(_arguments(choice)), sort_keys=True), "text"),
            Fact("registered_plan", plan_id, "text"),
            Fact("testable", "no" if hindered else "yes", "text"),
        ),
        findings=(made.finding,),
        notes=_notes(made, choice, minimum_effect),
        next_steps=(_next(choice, hindered),),
    )


def _arguments(choice: Choice) -> dict[str, object]:
    """The arguments of the call to make next; :data:`THIS` stands for the id that the hypothesis gets in the journal."""
    return {**choice.arguments, **({"finding": THIS} if choice.by_finding else {})}


def _next(choice: Choice, hindered: tuple[str, ...]) -> str:
    if hindered:
        return f"Open a case in which it can be tested: {'; '.join(hindered)}."
    return f"Measure it with {choice.tool}: {choice.reason}."


def _summary(made: Typed, choice: Choice, hindered: tuple[str, ...]) -> str:
    name = clean(made.class_name or "the predicted class", 60)
    other = clean(made.confused_with or made.class_name or "so", 60)
    foreseen = FORESEEN[made.prediction].format(name=name, other=other)
    told = [f"Stated, not tested: {made.finding.statement}"]
    if made.finding.verdict is not None:
        told = [
            f"This is {made.known}, which was tested before ({made.finding.verdict}): {made.finding.statement}"
        ]
    if hindered:
        told.append(f"It can't be tested in this case: {'; '.join(hindered)}.")
    from_what = f" From {_points(choice.arguments[LEAST])} on it counts." if LEAST in choice.arguments else ""
    told.append(
        f"If it is right, {foreseen}. {choice.tool} {'would' if hindered else 'will'} decide: {choice.statistic}, against {choice.control}.{from_what}"
    )
    return " ".join(told)


def _points(effect: float) -> str:
    return f"{100 * effect:.3g} points"


def _notes(made: Typed, choice: Choice, minimum_effect: float | None) -> tuple[str, ...]:
    notes = [
        "A hypothesis is a question, not a result: it has no verdict until it is measured against a control."
    ]
    if not choice.decides:
        notes.append("This measurement tells something of it; no verdict can come of it alone.")
    if minimum_effect is not None and LEAST not in choice.arguments:
        notes.append(
            f"{choice.tool} has a smallest effect of its own: the {_points(minimum_effect)} asked for don't enter its verdict."
        )
    if made.kind in ("weak_slice", "rare_case"):
        notes.append(
            "If these very images gave the idea, test it on others too: what suggests a hypothesis flatters it."
        )
    return tuple(notes)
