"""show_images: the pictures that meet conditions, with what the model says of them."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from failsight.tools.evidence import Evidence, Fact
from failsight.tools.examples import contact_sheet, references
from failsight.tools.experiments.population import (
    OUTCOMES,
    Filter,
    check_split,
    class_index,
    parse_filters,
    rows_meeting,
)
from failsight.tools.inputs.base import Predictions, Split
from failsight.tools.notes import called, left_out_notes, need_labels, of_split
from failsight.tools.registry import tool
from failsight.tools.text import clean, number
from failsight.tools.view import CaseView

Ints = npt.NDArray[np.int64]
ORDERS = {"sure": "the model is surest of", "unsure": "the model is least sure of", "any": "drawn at random"}


@tool(cost="pass", reads_attributes=True)
def show_images(
    view: CaseView,
    class_name: Annotated[
        str | None, Field(description="Only images of this true class.", max_length=200)
    ] = None,
    predicted_class: Annotated[
        str | None, Field(description="Only images that are called this class.", max_length=200)
    ] = None,
    where: Annotated[
        str,
        Field(
            description="Further conditions, joined by &: wrong, correct, television=yes, brightness<=0.3.",
            max_length=400,
        ),
    ] = "",
    order: Annotated[
        Literal["sure", "unsure", "any"],
        Field(description="Which come first: those the model is surest of, least sure of, or a random draw."),
    ] = "sure",
    k: Annotated[int, Field(description="How many to show.", ge=1, le=48)] = 12,
    split: Annotated[Split, Field(description="Which images: data, train, deploy or pool.")] = "data",
) -> Evidence:
    """Show images by true class, answer, attributes and whether they are answered wrongly, with label, answer and confidence.

    Nothing is tested: a look at pictures suggests, it proves nothing. How many images meet the conditions is counted over all of the split.

    Raises:
        RetryError: an unknown class, attribute, value or split; or right and wrong are asked for where there are no labels.
    """
    split = check_split(view, split)
    filters = _filters(view, class_name, predicted_class, where)
    if any(not f.op for f in filters) or class_name is not None:
        need_labels(view, split)
    meets, _ = rows_meeting(view, split, filters)
    predictions = view.predictions(split)
    at = np.flatnonzero(meets[predictions.rows]).astype(np.int64)
    shown = at[_ordered(predictions, at, order, view.seed)][:k]
    images = references(view, predictions, shown)
    about = _about(filters, split)
    said = _which(predictions, order, len(at), len(shown))
    alt = f"{len(images)} of {len(at):,} {about}{said}."
    figure = contact_sheet(view, images, name="images", title="Images", alt=alt) if images else None
    return Evidence(
        tool="show_images",
        arguments={
            "class_name": class_name,
            "predicted_class": predicted_class,
            "where": where,
            "order": order,
            "k": k,
            "split": split,
        },
        title="Images" + (f": {_named(filters)}" if filters else ""),
        summary=_summary(predictions, at, filters, said, len(shown)),
        facts=_facts(predictions, at, of_split(split, _named(filters))),
        figures=(figure,) if figure else (),
        images=images,
        notes=tuple(left_out_notes(split, predictions.left_out)),
    )


def _filters(
    view: CaseView, class_name: str | None, predicted_class: str | None, where: str
) -> tuple[Filter, ...]:
    made = list(parse_filters(where))
    if predicted_class is not None:
        made.insert(0, Filter("predicted", "=", view.classes[class_index(view.classes, predicted_class)]))
    if class_name is not None:
        made.insert(0, Filter("true", "=", view.classes[class_index(view.classes, class_name)]))
    return tuple(made)


def _facts(predictions: Predictions, at: Ints, of: str) -> tuple[Fact, ...]:
    """What the summary says in numbers: how many there are, how many of those with a label are wrong, how sure the model is."""
    made = [Fact("image_count", len(at), "count", of, None, len(predictions.rows))]
    known = at[predictions.labelled[at]]
    if len(known):
        wrong = int((~predictions.correct[known]).sum())
        made.append(Fact("errors", wrong, "count", of, None, len(known), "lower_is_better"))
    if len(at) and predictions.has_scores:
        made.append(
            Fact("mean_confidence", float(predictions.confidence[at].mean()), "share", of, None, len(at))
        )
    return tuple(made)


def _ordered(predictions: Predictions, at: Ints, order: str, seed: int) -> Ints:
    """Places in ``at``, those to be shown first; without confidences, or at random, by a seeded draw."""
    if order == "any" or not predictions.has_scores:
        return np.random.default_rng([seed, len(at)]).permutation(len(at)).astype(np.int64)
    sure = predictions.confidence[at]
    return np.argsort(-sure if order == "sure" else sure, kind="stable").astype(np.int64)


def _summary(predictions: Predictions, at: Ints, filters: tuple[Filter, ...], said: str, shown: int) -> str:
    about, outcome = _about(filters, predictions.split), any(not f.op for f in filters)
    n = len(predictions.rows)
    if not len(at):
        return f"There are none among {n:,} {about}."
    text = f"{len(at):,} of {n:,} {about}."
    known = predictions.labelled[at]
    if known.any() and not outcome:
        wrong = int((known & ~predictions.correct[at]).sum())
        text += f" {wrong:,} of them {'is' if wrong == 1 else 'are'} answered wrongly."
    if predictions.has_scores:
        text += f" Mean confidence {number(float(predictions.confidence[at].mean()))}."
    return text + f" Shown: {shown}{said}."


def _which(predictions: Predictions, order: str, found: int, shown: int) -> str:
    """``, those the model is surest of``: which of the images are shown; empty where all are."""
    if shown >= found:
        return ", all of them"
    return f", {'those ' if order != 'any' and predictions.has_scores else ''}{ORDERS[order if predictions.has_scores else 'any']}"


def _named(filters: tuple[Filter, ...]) -> str:
    """``class kitchen, taken for living_room, cat=yes``: the conditions in words."""
    parts = []
    for one in filters:
        if one.name == "true" and one.op == "=":
            parts.append(f"class {clean(one.value, 60)}")
        elif one.name == "predicted" and one.op == "=":
            parts.append(f"called {clean(one.value, 60)}")
        elif not one.op:
            parts.append("answered correctly" if OUTCOMES[one.name] else "answered wrongly")
        else:
            parts.append(clean(one, 80))
    return ", ".join(parts)


def _about(filters: tuple[Filter, ...], split: str) -> str:
    named = _named(filters)
    return f"{called(split)}{': ' if named else ''}{named}"
