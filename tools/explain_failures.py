"""explain_failures: under which conditions on a model's features it fails more, tested on images set aside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

import numpy as np
from pydantic import Field

from failsight.tools import belonging
from failsight.tools.checks.class_record import class_record
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence, Fact, Figure, ImageRef, jsonable
from failsight.tools.experiments import barlow_report as report
from failsight.tools.experiments.barlow import (
    Group,
    Grouping,
    Grown,
    Known,
    Mode,
    Settings,
    confirmed,
    groups_of,
    grown,
    why_not,
)
from failsight.tools.experiments.barlow_attributes import Word, words
from failsight.tools.experiments.barlow_pictures import MOST_MODES, picture
from failsight.tools.experiments.feature_reader import Source, feature_model_print, features_of, source_of
from failsight.tools.experiments.population import check_split, class_index
from failsight.tools.inputs.base import Split
from failsight.tools.notes import called, left_out_notes, need_labels
from failsight.tools.registry import tool
from failsight.tools.slices.search import group_codes
from failsight.tools.stats.failure_tree import Condition, Leaf
from failsight.tools.stats.slices import split_halves
from failsight.tools.text import clean, listing
from failsight.tools.view import CaseView

MOST_NAMED = 6  # failure modes whose attributes are looked up


@tool(
    cost="pass",
    answers=("features_global.5", "features_global.6", "features_local.3", "features_comparison.5"),
    decides=("weak_slice",),
    passes=1,
    reads_attributes=True,
    outside=feature_model_print,
)
def explain_failures(
    view: CaseView,
    class_name: Annotated[
        str | None, Field(description="Only this class; by default each class in turn.", max_length=200)
    ] = None,
    predicted_class: Annotated[
        str | None,
        Field(
            description="With class_name: why images of that class are called this one. Alone: images called so.",
            max_length=200,
        ),
    ] = None,
    together_with: Annotated[
        tuple[str, ...],
        Field(description="Further classes that form one group with class_name.", max_length=50),
    ] = (),
    grouping: Annotated[
        Grouping,
        Field(
            description="Which images are explained together: label (missed images of a class), prediction (false alarms of "
            "a class), either (both), pairs (the most frequent confusions), all (one group)."
        ),
    ] = "label",
    feature_model: Annotated[
        str | None,
        Field(
            description="Path of another model that gives the features, such as one made by `failsight train-robust`; "
            "'robust' is the one for the demo's rooms. Default: the model itself.",
            max_length=500,
        ),
    ] = None,
    correct: Annotated[bool, Field(description="Explain right answers instead of wrong ones.")] = False,
    depth: Annotated[int, Field(description="Most conditions in a failure mode.", ge=1, le=3)] = 2,
    delta: Annotated[
        float,
        Field(
            description="Least excess of a mode's error rate over its group's, in (0, 1).", ge=0.001, le=0.99
        ),
    ] = 0.1,
    tau: Annotated[
        float, Field(description="Least share of its group's failures in a mode, in [0, 1].", ge=0, le=1)
    ] = 0.2,
    q: Annotated[float, Field(description="False discovery rate.", ge=0.001, le=0.2)] = 0.05,
    group_by: Annotated[
        str | None,
        Field(
            description="Attribute whose equal values belong together (house, patient, video): kept in one half. By default as the case says (--groups); none: each image by itself.",
            max_length=200,
        ),
    ] = None,
    split: Annotated[Split, Field(description="Which images: data, train or deploy.")] = "data",
) -> Evidence:
    """Find conditions on the model's own features (or a robust model's) under which it fails more, without any metadata.

    After Barlow (Singla et al. 2021): of each group of images the 20 features with the highest mutual information with
    failure are chosen and a shallow tree is grown on them; its leaves are failure modes if their error rate is delta above
    the group's and they hold a share tau of its failures. Beyond the paper, each is tested on images that had no part in
    choosing it. Shown with the images that raise each feature most, heat maps, and attribute values that help to name it.

    Raises:
        RetryError: an unknown class, split or model; no labels; no group with enough failures; no features to be read.
    """
    given = {name: value for name, value in locals().items() if name != "view"}
    group_by = belonging.told(group_by)
    side = check_split(view, split)
    need_labels(view, side)
    source = source_of(view, feature_model)
    known, notes = _known(view, side, source, group_by)
    settings = Settings(depth, delta, tau, q, view.seed)
    told = report.Told(view.classes, source, correct, settings, side)
    wanted = _wanted(view, known, class_name, predicted_class, together_with, grouping, correct)
    trees, unfit = _grow(view, known, wanted, settings, told)
    notes += unfit

    def before(i: int, leaf: Leaf, _: Sequence[Condition]) -> None:
        view.register(report.plan(told, trees[i].group, leaf, jsonable(given)))

    trees, modes = confirmed(known, trees, settings, before)
    named, more = _named(view, side, known, trees, modes)
    figures, images, mapped = _pictures(view, side, told, known, trees, modes)
    if not mapped:
        notes.append("No heat maps: the model that gives the features shows no maps, or no gradients.")
    notes += [*more, *_notes(told, modes, group_by)]
    plain, record = "", tuple[Fact, ...]()
    if (
        class_name is not None and not correct
    ):  # who asks why a class fails wants to know first what it is taken for
        plain, record = class_record(
            view, known.labels, known.predicted, class_index(view.classes, class_name)
        )
    return Evidence(
        tool=report.TOOL,
        arguments=jsonable(given),
        title="Features that go with right answers" if correct else "Features that go with failure",
        summary=f"{plain} {report.summary(told, known, trees, modes, named)}".strip(),
        facts=(
            *record,
            *report.facts(
                told, known, trees, modes, named, len(view.predictions(side).rows) - len(known.rows)
            ),
        ),
        tables=report.tables(told, trees, modes, named),
        figures=figures,
        images=images,
        questions=_questions(correct, class_name),
        findings=report.findings(told, trees, modes, named),
        notes=tuple(notes),
        next_steps=_next_steps(told, trees, modes, feature_model),
    )


def _known(view: CaseView, split: Split, source: Source, group_by: str | None) -> tuple[Known, list[str]]:
    """Labelled images with finite features, halved within classes; and what was left out."""
    predictions = view.predictions(split)
    labelled = predictions.rows[predictions.labelled]
    rows, features = features_of(view, source, split, labelled)
    notes = left_out_notes(split, [*view.table(split).left_out, *predictions.left_out])
    keep = np.isin(rows, labelled)
    if len(features):
        keep &= np.isfinite(features).all(1)
    rows, features = rows[keep], features[keep]
    place = np.searchsorted(predictions.rows, rows)
    labels, predicted = predictions.labels[place], predictions.predicted[place]
    if len(rows) < len(labelled):
        notes.append(
            f"{len(rows):,} of the {len(labelled):,} labelled {called(split)} have features that were used."
        )
    if not len(rows):
        raise RetryError("No labelled image has features that can be read.")
    groups = None
    if group_by is not None:
        table = view.attributes(split)
        groups = group_codes(table, np.isin(table.rows, rows), group_by)
    half = split_halves(labels.astype(np.int64), view.seed, groups)
    return Known(rows, features, labels.astype(np.int64), predicted.astype(np.int64), half), notes


def _wanted(
    view: CaseView,
    known: Known,
    class_name: str | None,
    predicted_class: str | None,
    together_with: Sequence[str],
    grouping: Grouping,
    correct: bool,
) -> list[Group]:
    """The groups that the arguments ask for. Raises RetryError."""
    own = None if class_name is None else class_index(view.classes, class_name)
    other = None if predicted_class is None else class_index(view.classes, predicted_class)
    more = [class_index(view.classes, name) for name in together_with]
    count = len(view.classes)
    if own is not None and other is not None:
        if own == other:
            raise RetryError("predicted_class: it is the same as class_name; name the class it is taken for.")
        return groups_of(known, "pairs", count, pair=(own, other), correct=correct)
    if other is not None:
        return groups_of(known, "prediction", count, chosen=(other,), correct=correct)
    if more:
        if own is None:
            raise RetryError("together_with: name the first class as class_name.")
        chosen = tuple(dict.fromkeys([own, *more]))
        return groups_of(known, "all", count, chosen=chosen, correct=correct)
    return groups_of(known, grouping, count, chosen=() if own is None else (own,), correct=correct)


def _grow(
    view: CaseView, known: Known, wanted: Sequence[Group], settings: Settings, told: report.Told
) -> tuple[list[Grown], list[str]]:
    """Trees of the groups that have enough failures; and a note about those that have not."""
    trees, unfit = [], []
    with view.progress.job("growing trees of failures", max(1, len(wanted))) as ticker:
        for group in wanted:
            why = why_not(known, group)
            if why:
                unfit.append(f"{told.group(group)} ({why})")
            else:
                trees.append(grown(known, group, settings))
            ticker.advance()
    if not trees:
        raise RetryError(
            f"No group has enough to choose features on one half and test on the other: {listing(unfit) or 'none formed'}."
        )
    return trees, [f"Too little to explain: {listing(unfit)}."] if unfit else []


def _named(
    view: CaseView, split: Split, known: Known, trees: Sequence[Grown], modes: Sequence[Mode]
) -> tuple[dict[int, tuple[Word, ...]], list[str]]:
    """Attribute values that go with the confirmed modes (else the first), on the half that tests."""
    first = report.ranked(modes)
    chosen = [i for i in first if modes[i].verdict == "confirmed"][:MOST_NAMED] or first[:1]
    if not chosen:
        return {}, []
    table = view.attributes(split)
    if not any(name not in table.unusable for name in table.columns):
        return {}, ["No attributes of the images are known that could help to name the features."]
    made = {}
    for i in chosen:
        group = trees[modes[i].group].group
        at = group.at[~known.discovery[group.at]]
        made[i] = words(table, known.rows[at], modes[i].leaf.inside(known.features[at]))
    silent = [i for i in made if not made[i]]
    notes = (
        ["No known attribute goes with some of the failure modes: look at their pictures."] if silent else []
    )
    return {i: w for i, w in made.items() if w}, notes


def _pictures(
    view: CaseView,
    split: Split,
    told: report.Told,
    known: Known,
    trees: Sequence[Grown],
    modes: Sequence[Mode],
) -> tuple[tuple[Figure, ...], tuple[ImageRef, ...], bool]:
    first = report.ranked(modes)
    chosen = [i for i in first if modes[i].verdict == "confirmed"][:MOST_MODES] or first[:1]
    figures: list[Figure] = []
    images: list[ImageRef] = []
    mapped = True
    for number, i in enumerate(chosen, 1):
        figure, shown, maps = picture(view, split, told, known, trees[modes[i].group], modes[i], number)
        figures += [figure] if figure else []
        images += shown
        mapped = mapped and maps
    return tuple(figures), tuple(images), mapped


def _questions(correct: bool, class_name: str | None) -> tuple[str, ...]:
    if correct:
        return ("features_global.5",)
    return (
        ("features_global.6", "features_local.3")
        if class_name
        else ("features_global.6", "features_comparison.5")
    )


def _notes(told: report.Told, modes: Sequence[Mode], group_by: str | None) -> list[str]:
    notes = []
    if told.source.own:
        notes.append(
            "A feature of an ordinary network is often hard to look at; a robust model's features are easier "
            "(feature_model)."
        )
    else:
        notes.append(
            "The features belong to another model: they are attributes of the pictures, not what the case's model uses."
        )
    if modes:
        notes.append(
            "Features go with failure; whether they cause it takes an intervention, such as masking."
        )
        notes.append(
            "Images count as independent. If several show the same house, person or device, name that column (group_by)."
            if group_by is None
            else f"Images of one {clean(group_by, 40)} are in the same half; the tests still count them as independent."
        )
    return notes


def _next_steps(
    told: report.Told, trees: Sequence[Grown], modes: Sequence[Mode], feature_model: str | None
) -> tuple[str, ...]:
    held: Mapping[int, None] = dict.fromkeys(
        c.feature for i in report.ranked(modes) if modes[i].verdict == "confirmed" for c in modes[i].path
    )
    steps = []
    for feature in list(held)[:1]:
        more = f", feature_model='{clean(feature_model, 80)}'" if feature_model else ""
        steps.append(f"See what raises the feature: feature_attack(feature={feature}{more}).")
        steps.append("Name what the pictures have in common, and test it: test_by_masking or test_by_adding.")
    if held and told.source.own:
        within = next((told.named(one.group.true) for one in trees if one.group.grouping == "label"), "")
        inside = f"within_class='{within}'" if within and len(trees) == 1 else ""
        steps.insert(0, f"Look for conditions that have a name: find_slices({inside}).")
    if not held:
        steps.append("Try grouping='prediction' or 'pairs', or features of a robust model (feature_model).")
    return tuple(steps)
