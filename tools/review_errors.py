"""review_errors: which errors can people live with, and could a person make them too?"""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

from pydantic import Field

from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence, jsonable
from failsight.tools.experiments.population import check_split
from failsight.tools.experiments.what_if_images import find_named
from failsight.tools.inputs.base import Split
from failsight.tools.notes import called, need_labels
from failsight.tools.registry import tool
from failsight.tools.reviews import report
from failsight.tools.reviews.errors import Reviews, draw, earlier, merge, read_answers, strata
from failsight.tools.text import clean, counted
from failsight.tools.view import CaseView

QUESTIONS = ("expectations.4", "expectations.5")
MOST_ANSWERS = 5000
Words = dict[str, str]


@tool(cost="pass", answers=QUESTIONS, stateful=True, personal=("answers", "human", "why", "by"))
def review_errors(
    view: CaseView,
    n: Annotated[int, Field(description="How many errors to draw for people to judge.", ge=8, le=400)] = 40,
    answers: Annotated[
        Words | None,
        Field(
            description="What a person said, image path to verdict: acceptable, unacceptable, label (the label is wrong) or unsure. "
            "Never fill this in by guessing."
        ),
    ] = None,
    human: Annotated[
        Words | None,
        Field(
            description="Image path to yes or no: could a careful person make this mistake too? A person's words."
        ),
    ] = None,
    why: Annotated[Words | None, Field(description="Image path to the reason that a person gave.")] = None,
    by: Annotated[str, Field(description="Who judged, and in which role.", max_length=120)] = "",
    image: Annotated[
        str | None,
        Field(
            description="Show one image instead: its path or file name, or its row number (#12).",
            max_length=400,
        ),
    ] = None,
    note: Annotated[str, Field(description="A remark on this round of reviews.", max_length=200)] = "",
    split: Annotated[Split, Field(description="Which images: data, train or deploy.")] = "data",
) -> Evidence:
    """Have people judge single errors: can it be accepted, and could a careful person make it too?

    Without answers: draw errors, stratified by which class is taken for which, on a contact sheet without label or answer.
    With answers: the share of errors that can't be accepted, weighted back to all errors, with its interval, for each person
    and together (an error counts when anybody calls it unacceptable), and where people disagree. With an image: that image
    beside its label, the model's scores, and what people said of it.

    Raises:
        RetryError: no labels, no error, an unknown image or verdict, answers that nobody signed.
    """
    given = {name: value for name, value in locals().items() if name != "view"}
    split = check_split(view, split)
    said = earlier(view.evidence("review_errors"), split)
    if image is not None:
        made = report.single(view, find_named(view, image, split), said)
        return dataclasses.replace(made, arguments=jsonable(given), questions=QUESTIONS)
    need_labels(view, split)
    predictions = view.predictions(split)
    groups = strata(predictions.labels, predictions.predicted, predictions.classes, n)
    if not len(groups.at):
        raise RetryError(f"None of the {called(split)} is misclassified, so there is no error to judge.")
    drawn = draw(groups, n, view.seed)
    if answers is None and human is None:
        made = report.drawn(view, predictions, groups, drawn)
        return dataclasses.replace(made, arguments=jsonable(given))
    notes = _take(
        view,
        said,
        given,
        {view.table(split).paths[int(predictions.rows[groups.at[i]])] for i in drawn.tolist()},
    )
    made = report.judged(view, predictions, groups, drawn, said, notes)
    return dataclasses.replace(made, arguments=jsonable(given), questions=QUESTIONS)


def _take(view: CaseView, said: Reviews, given: dict[str, Any], drawn: set[str]) -> list[str]:
    """Add the answers that were given; returns notes. Raises RetryError when nobody signed, or an image is unknown."""
    by = clean(given["by"], 120)
    if not by:
        raise RetryError("Say who judged (by): answers that nobody signed are not kept.")
    answers, human, why = (
        {str(k): str(v) for k, v in dict(given[name] or {}).items()} for name in ("answers", "human", "why")
    )
    if not answers and not human:
        raise RetryError("There is no answer in answers.")
    if len(answers) > MOST_ANSWERS:
        raise RetryError(
            f"{len(answers):,} answers are more than the {MOST_ANSWERS:,} that are read at a time."
        )
    split = str(given["split"])
    known = set(view.table(split).paths)  # type: ignore[arg-type]
    for path in (*answers, *human):
        if path not in known:
            raise RetryError(f"There is no image {clean(path, 120)!r} among the {called(split)}.")
    merge(said, by, read_answers(answers, human, why))
    beside = [p for p in answers if p not in drawn]
    if not beside:
        return []
    return [
        f"{counted(len(beside), 'answer is about an image that was', 'answers are about images that were')} not drawn: kept, but counted for no share."
    ]
