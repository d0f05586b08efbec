"""compare_images: two images side by side: answers, features, attributes, and how far apart they are to the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

from failsight.tools.errors import RetryError
from failsight.tools.evidence import Cell, Evidence, Fact, Figure, Table
from failsight.tools.experiments.arguments import AnySpace
from failsight.tools.experiments.figures import Tile, sheet
from failsight.tools.experiments.population import check_split
from failsight.tools.experiments.what_if_images import (
    Named,
    answer_of,
    find_named,
    margin,
    opened,
    reference,
    says,
    scores_known,
)
from failsight.tools.experiments.what_if_pair import (
    Apart,
    Feature,
    distance_apart,
    head_weights,
    other_attributes,
    telling_features,
)
from failsight.tools.experiments.what_if_space import CALLED, Cloud, Space, clouds, point_of
from failsight.tools.inputs.base import Floats, Pixels, Split
from failsight.tools.notes import called
from failsight.tools.registry import tool
from failsight.tools.text import clean, listing, number
from failsight.tools.view import CaseView

SHOWN = 10  # classes and attributes listed
SIDE = 336


@dataclass(frozen=True)
class Pair:
    """Two images and what was measured of them."""

    images: tuple[Named, Named]
    scores: tuple[Floats, Floats] | None
    space: Space
    cloud: Cloud
    features: list[Feature]
    weighted: bool
    attributes: list[tuple[Cell, ...]]
    agreeing: int
    apart: Apart
    answers: tuple[int, int] | None  # what the model says of both


@tool(cost="pass", answers=("features_comparison.3", "features_comparison.4"), reads_attributes=True)
def compare_images(
    view: CaseView,
    first: Annotated[
        str,
        Field(
            description="The first image: its path or file name, its row number (#12), another split's (train:#12), or an image of evidence (E3#2).",
            max_length=400,
        ),
    ],
    second: Annotated[str, Field(description="The second image, named likewise.", max_length=400)],
    split: Annotated[
        Split,
        Field(description="Which images the names are looked for in first: data, train, deploy or pool."),
    ] = "data",
    space: AnySpace = None,
) -> Evidence:
    """Set two images side by side: scores, the features that pull the answers apart or hold the same answer up, attribute values that differ, and their distance against what is usual within and between classes.

    For features, images that show what each responds to are given. Two images are an anecdote: no finding comes from them.

    Raises:
        RetryError: an unknown image or split; an image can't be read; the space named is not to be had.
    """
    split = check_split(view, split)
    notes: list[str] = []
    pair = _measure(view, split, (first, second), space, notes)
    return Evidence(
        tool="compare_images",
        arguments={"first": first, "second": second, "split": split, "space": space},
        title="Two pictures side by side",
        summary=_summary(view, pair),
        facts=_facts(view, pair),
        tables=_tables(view, pair),
        figures=_figures(view, pair),
        images=tuple(
            reference(view, one, None if pair.scores is None else pair.scores[i], word)
            for i, (one, word) in enumerate(zip(pair.images, ("first", "second"), strict=True))
        ),
        questions=_questions(pair),
        notes=(
            *notes,
            "Two pictures are an anecdote; whether the model uses what sets them apart takes a test.",
        ),
        next_steps=_next(view, pair),
    )


def _measure(
    view: CaseView, split: Split, names: tuple[str, str], space: Space | None, notes: list[str]
) -> Pair:
    a = find_named(view, names[0], split, argument="first")
    b = find_named(view, names[1], split, argument="second")
    if (a.split, a.row) == (b.split, b.row):
        raise RetryError(f"second: {b.words} is the first image; name another one.")
    chosen, made = clouds(view, (a.split,), space, notes)
    cloud = made[a.split]
    points = (point_of(view, a, chosen, cloud, "first"), point_of(view, b, chosen, cloud, "second"))
    scores = _scores(view, (a, b), a.split if chosen == "features" else "data", notes)
    answers = None if scores is None else (answer_of(view, scores[0], a), answer_of(view, scores[1], b))
    weights = None
    features: list[Feature] = []
    if chosen == "features" and answers is not None:
        weights = head_weights(view.model(), len(points[0])) if view.has_model() else None
        features = telling_features(cloud, *points, answers, weights)
        if weights is None:
            notes.append(
                "The scores are not a linear function of these features: they are ordered by size, not by effect."
            )
    attributes, agreeing = _attributes(view, (a, b), notes)
    apart = distance_apart(view, cloud, *points)
    return Pair(
        (a, b), scores, chosen, cloud, features, weights is not None, attributes, agreeing, apart, answers
    )


def _attributes(
    view: CaseView, images: tuple[Named, Named], notes: list[str]
) -> tuple[list[tuple[Cell, ...]], int]:
    try:
        return other_attributes([view.attributes(one.split) for one in images], images)
    except (
        RetryError
    ) as problem:  # a black box has predictions, and with them attributes, of some splits only
        notes.append(f"Attributes are not compared: {problem}")
        return [], 0


def _scores(
    view: CaseView, images: tuple[Named, Named], loaded: Split, notes: list[str]
) -> tuple[Floats, Floats] | None:
    """Scores of both, from the prediction tables or by asking the model; None where neither can be had."""
    found = []
    for one in images:
        known: Floats | None = None
        try:
            known = scores_known(view, one, loaded)
        except RetryError as problem:
            notes.append(str(problem))
        if known is None:
            notes.append(f"What the model says of {one.words} is not known.")
            return None
        found.append(known)
    return found[0], found[1]


def _questions(pair: Pair) -> tuple[str, ...]:
    """Whether the answers are the same or not, it says which, and what goes with it."""
    return () if pair.answers is None else ("features_comparison.3", "features_comparison.4")


def _summary(view: CaseView, pair: Pair) -> str:
    parts = []
    if pair.scores is not None and pair.answers is not None:
        same = pair.answers[0] == pair.answers[1]
        parts.append(
            f"The model gives {'both the same answer' if same else 'them different answers'}: "
            f"{_said(view, pair, 0)} and {_said(view, pair, 1)}."
        )
    if pair.features:
        names = listing([f"#{f.number}" for f in pair.features])
        if pair.answers and pair.answers[0] == pair.answers[1]:
            parts.append(f"The features {names} speak most for that answer in both.")
        else:
            parts.append(f"The features {names} pull the answers apart most.")
    parts.append(_distance_words(pair))
    if pair.attributes:
        few = [f"{r[0]} ({r[1]} against {r[2]})" for r in pair.attributes[:4]]
        parts.append(f"Attributes that differ: {listing(few, 4)}.")
    return " ".join(parts)


def _said(view: CaseView, pair: Pair, i: int) -> str:
    assert pair.scores is not None
    one = pair.images[i]
    label = f", labelled {clean(view.classes[one.label], 40)}" if one.label >= 0 else ""
    return f"{one.words}{label}: {says(view, pair.scores[i], one)}"


def _distance_words(pair: Pair) -> str:
    made = f"By {CALLED[pair.space]} they lie {pair.apart.distance:.2f} apart"
    if pair.apart.within is None or pair.apart.closer_within is None:
        return f"{made}."
    made += f"; two images of one class usually {pair.apart.within:.2f}"
    if pair.apart.between is not None:
        made += f", of two classes {pair.apart.between:.2f}"
    return f"{made} ({number(pair.apart.closer_within)} of pairs of one class are closer)."


def _facts(view: CaseView, pair: Pair) -> tuple[Fact, ...]:
    made = []
    for i, word in enumerate(("first", "second")):
        if pair.scores is not None and pair.answers is not None:
            said, scores = pair.answers[i], pair.scores[i]
            best = clean(view.classes[said], 60)
            made.append(Fact("prediction", best, "text", word))
            made.append(Fact("score", float(scores[said]), "share", f"{word}, class {best}", n=1))
            made.append(Fact("margin", margin(scores, said), "share", word, n=1))
    made.append(Fact("distance", pair.apart.distance, "ratio", "the two", n=1))
    for value, closer, of in (
        (pair.apart.within, pair.apart.closer_within, "pairs of one class"),
        (pair.apart.between, pair.apart.closer_between, "pairs of two classes"),
    ):
        if value is not None:
            made.append(Fact("distance", value, "ratio", of))
            made.append(Fact("share_closer", closer, "share", of))
    made.append(Fact("attributes_that_differ", len(pair.attributes), "count"))
    return tuple(made)


def _tables(view: CaseView, pair: Pair) -> tuple[Table, ...]:
    made = []
    if pair.scores is not None:
        a, b = pair.scores
        order = np.argsort(-np.maximum(a, b), kind="stable")[:SHOWN].tolist()
        rows: list[tuple[Cell, ...]] = [
            (clean(view.classes[k], 60), float(a[k]), float(b[k]), float(a[k] - b[k])) for k in order
        ]
        made.append(
            Table(
                "Scores",
                ("class", "first", "second", "first − second"),
                tuple(rows),
                ("text", "share", "share", "points"),
            )
        )
    if pair.features:
        rows = [(f"#{f.number}", f.first, f.second, f.pull) for f in pair.features]
        made.append(
            Table(
                "Features",
                ("feature", "first", "second", "effect"),
                tuple(rows),
                ("text", "ratio", "ratio", "ratio"),
                "First and second in standard deviations from the mean; effect: how far the feature moves the scores, "
                "before the softmax, apart (different answers) or up in both (same answer).",
            )
        )
    if pair.attributes:
        made.append(
            Table(
                "Attributes that differ",
                ("attribute", "first", "second", "standard deviations apart"),
                tuple(pair.attributes[:SHOWN]),
                ("text", "text", "text", "ratio"),
                f"{len(pair.attributes)} differ, {pair.agreeing} are the same or nearly so.",
            )
        )
    return tuple(made)


def _figures(view: CaseView, pair: Pair) -> tuple[Figure, ...]:
    """Both pictures, and a line of images for each feature."""
    top = []
    for i, one in enumerate(pair.images):
        line = "" if pair.scores is None else says(view, pair.scores[i], pair.images[i])
        label = clean(view.classes[one.label], 24) if one.label >= 0 else "no label"
        top.append(Tile(_small(view, one), (("first: ", "second: ")[i] + label, f"> {line}" if line else "")))
    rows = [top]
    paths, labels = view.table(pair.cloud.split).paths, view.table(pair.cloud.split).labels
    for feature in pair.features:
        tiles: list[Tile] = []
        for at in feature.examples.tolist():
            row = int(pair.cloud.rows[at])
            shown = Named(pair.cloud.split, row, paths[row], int(labels[row]))
            label = clean(view.classes[shown.label], 24) if shown.label >= 0 else "no label"
            try:
                line = f"#{feature.number}: {feature.first:+.1f}, {feature.second:+.1f} sd"
                tiles.append(Tile(_small(view, shown), (line if not tiles else "", label)))
            except RetryError:
                continue
        if tiles:
            rows.append(tiles)
    alt = f"{pair.images[0].words} and {pair.images[1].words} side by side"
    if len(rows) > 1:
        numbers = listing([f"#{f.number}" for f in pair.features])
        alt += f"; below, a line each, the {called(pair.cloud.split)} in which the features {numbers} are strongest, with their values in the two"
    figure = view.save_figure("compare-images", sheet(rows), title="The two pictures", alt=alt + ".")
    return (figure,)


def _small(view: CaseView, image: Named) -> Pixels:
    picture = opened(view, image)
    picture.thumbnail((SIDE, SIDE))
    made: Pixels = np.asarray(picture.convert("RGB"))
    return made


def _next(view: CaseView, pair: Pair) -> tuple[str, ...]:
    if not view.has_model():
        return ("find_slices asks over all images whether an attribute that differs goes with errors.",)
    one = pair.images[0]
    where = "" if one.split == "data" else f", split='{one.split}'"
    look = f"saliency(image='#{one.row}'{where}) shows where the evidence lies in the first."
    first, second = (f"{'' if i.split == 'data' else i.split + ':'}#{i.row}" for i in pair.images)
    if pair.answers and pair.answers[0] != pair.answers[1]:
        return (
            f"counterfactual_pair(image='{first}', other='{second}') finds the parts of the second that turn the answer of the first.",
            look,
        )
    return (look,)
