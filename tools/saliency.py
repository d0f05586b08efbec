"""saliency: where in the image the evidence for a class seems to lie. It proposes hypotheses; it never concludes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, cast

import numpy as np
import numpy.typing as npt
from pydantic import Field

from failsight.tools.engine.singly import scored_singly
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence, Figure, ImageRef
from failsight.tools.experiments import figures
from failsight.tools.experiments.explainers import (
    EXPLAINERS,
    Lens,
    Method,
    Target,
    choose,
    lens_of,
    lens_problem,
    paced,
)
from failsight.tools.experiments.population import (
    Filter,
    check_split,
    class_index,
    parse_filters,
    resolve,
)
from failsight.tools.experiments.regions import pixel_box
from failsight.tools.experiments.saliency_gradients import tuned
from failsight.tools.experiments.saliency_report import (
    QUICK,
    SPECKLED,
    Mapped,
    agreement_table,
    check_sanity,
    first_of,
    mass_inside,
    mass_table,
    mean_map,
    prepared,
    proposals,
    smooth,
)
from failsight.tools.experiments.saliency_sanity import SHUFFLES, STAGES, Sanity, cascade
from failsight.tools.experiments.saliency_scores import DRAWS, agreement, deletion_insertion
from failsight.tools.experiments.saliency_words import (
    TITLES,
    Quality,
    Seen,
    facts,
    notes,
    quality_table,
    summary,
)
from failsight.tools.experiments.what_if_images import find_named
from failsight.tools.inputs.base import BadImage, Classifier, LeftOut, Split
from failsight.tools.inputs.decisions import Thresholds, decide, rule_of
from failsight.tools.notes import called
from failsight.tools.registry import tool
from failsight.tools.text import clean
from failsight.tools.view import CaseView

NAME = "saliency"
SHOWN = 8
CHUNK = 16
SCORED = 16  # pictures of the deletion and insertion scores


@tool(
    cost="heavy",
    needs=("model",),
    answers=(
        "features_local.1",
        "features_local.2",
        "features_local.3",
        "features_global.3",
        "features_global.4",
        "questionable_features.1",
    ),
)
def saliency(
    view: CaseView,
    image: Annotated[
        str | None,
        Field(description="One image, by path, file name or row number; default: many images together."),
    ] = None,
    class_name: Annotated[
        str | None,
        Field(
            description="The class whose evidence is shown, over images predicted so; with predicted_class: the true class "
            "of a cell of the confusion matrix. Default: each image's predicted class."
        ),
    ] = None,
    predicted_class: Annotated[
        str | None,
        Field(
            description="With class_name: images of that class predicted as this one, and why this rather than that."
        ),
    ] = None,
    contrast: Annotated[
        str | None,
        Field(
            description="Why the explained class rather than this one: the difference of the two scores is explained."
        ),
    ] = None,
    where: Annotated[
        tuple[str, ...] | str,
        Field(description="Further conditions on the images: television=yes, true=kitchen, wrong."),
    ] = (),
    method: Annotated[
        Literal[
            "auto",
            "grad_cam",
            "layer_cam",
            "integrated_gradients",
            "smoothgrad",
            "occlusion",
            "rise",
            "rollout",
            "attention_gradient",
        ],
        Field(
            description="auto takes grad_cam for torch models with maps or patch tokens, occlusion for all others. rise "
            "(random masks) works for every model and is slow; rollout and attention_gradient need a class token."
        ),
    ] = "auto",
    check: Annotated[
        bool,
        Field(
            description="Also score the maps: deletion and insertion against random maps, and how they change as the weights "
            "are shuffled layer by layer. About 90 more passes an image, over at most 16 images."
        ),
    ] = False,
    max_images: Annotated[
        int, Field(description="Most images; a seeded sample beyond that.", ge=1, le=1000)
    ] = 24,
    split: Annotated[
        str, Field(description="Which images of the case: data, train, pool or deploy.")
    ] = "data",
) -> Evidence:
    """Show where in an image, or over many images, the evidence for a class seems to lie, and which objects draw it.

    With object boxes, the share of saliency inside each object is set against its share of the area, and the agreement
    with the boxes is measured (Boggust et al. 2022). What stands out is proposed as an open hypothesis for a masking test,
    never as a conclusion. Every call repeats the weight-randomisation check (Adebayo et al. 2018) on the case's own model.

    Raises:
        RetryError: an unknown image, class, method or condition; no image is left; or there is no model to run.
    """
    side = check_split(view, split)
    asked = _asked(view, side, image, class_name, predicted_class, contrast, where, max_images)
    lens = lens_of(view.model(), view.seed)
    chosen = _method(lens, method)
    mapped, target, left = _maps(view, side, lens if chosen in QUICK else tuned(lens), chosen, asked)
    sanity = _sanity(view, lens, chosen, mapped, target)
    quality = _quality(view, lens, chosen, mapped, target) if check else Quality()
    agreed = agreement(mapped.pixels, mapped.maps, mapped.boxes, view.seed)
    seen = Seen(chosen, mapped, target, sanity, mass_inside(mapped, view.seed), agreed, quality, left)
    return _evidence(view, side, asked, seen)


def _sanity(view: CaseView, lens: Lens, method: Method, mapped: Mapped, target: Target) -> Sanity:
    count = SHUFFLES * len(mapped.rows[first_of(method)])
    with view.progress.job("maps with shuffled weights", count) as ticker:
        explainer = paced(EXPLAINERS[method], _pace(method), ticker.advance)
        return check_sanity(lens, method, mapped, target, explainer)


def _quality(view: CaseView, lens: Lens, method: Method, mapped: Mapped, target: Target) -> Quality:
    few, first = slice(0, SCORED), first_of(method)
    pixels, maps = mapped.pixels, mapped.maps
    with view.progress.job("scoring the maps", 2 * (1 + DRAWS) * len(pixels[few])) as ticker:
        curves = deletion_insertion(
            lens, pixels[few], maps[few], target.part(few), view.seed, done=ticker.advance
        )
    with view.progress.job("maps as layers are shuffled", STAGES * len(pixels[first])) as ticker:
        explainer = paced(EXPLAINERS[method], _pace(method), ticker.advance)
        stages = cascade(
            lens, explainer, pixels[first], maps[first], target.part(first), prepare=prepared(method)
        )
    return Quality(curves, tuple(stages))


def _pace(method: Method) -> int:
    """Pictures between two signs of life: one where a map takes many passes (a minute on a large network)."""
    return CHUNK if method in QUICK else 1


@dataclass(frozen=True)
class _Asked:
    """Which images are explained, for which class against which other."""

    rows: npt.NDArray[np.int64]
    found: int
    of: int | None
    against: int | None
    one: bool
    filters: tuple[Filter, ...]


def _asked(
    view: CaseView,
    split: Split,
    image: str | None,
    class_name: str | None,
    predicted_class: str | None,
    contrast: str | None,
    where: tuple[str, ...] | str,
    most: int,
) -> _Asked:
    other = None if contrast is None else class_index(view.classes, contrast)
    own = None if class_name is None else class_index(view.classes, class_name)
    given = None if predicted_class is None else class_index(view.classes, predicted_class)
    of = own if given is None else given
    against = own if given is not None and own != given else None
    against = against if other is None else other
    if against is not None and against == of:
        raise RetryError("contrast: a class can't be explained against itself.", view.classes)
    filters = parse_filters(where)
    if image is not None:
        return _Asked(np.array([_row_of(view, split, image)]), 1, of, against, True, filters)
    if given is not None:
        filters = (*filters, Filter("predicted", "=", view.classes[given]))
        if own is not None:
            filters = (*filters, Filter("true", "=", view.classes[own]))
    elif own is not None:
        filters = (*filters, Filter("predicted", "=", view.classes[own]))
    population = resolve(view, split, filters, most=most, seed=view.seed)
    return _Asked(population.rows, population.found, of, against, False, filters)


def _row_of(view: CaseView, split: Split, name: str) -> int:
    """The row of the image called ``name``. Raises RetryError when there is none of ``split``, or more than one."""
    found = find_named(view, name, split)
    if found.split != split:
        raise RetryError(
            f"image: {found.words} is one of the {called(found.split)}.", [f"split={found.split}"]
        )
    return found.row


def _method(lens: Lens, method: str) -> Method:
    chosen = choose(lens) if method == "auto" else cast("Method", method)
    problem = lens_problem(lens, chosen)
    if problem is not None:
        able: list[str] = [m for m in EXPLAINERS if lens_problem(lens, m) is None]
        raise RetryError(f"method: {problem}.", [*able, "auto"])
    return chosen


def _maps(
    view: CaseView, split: Split, lens: Lens, method: Method, asked: _Asked
) -> tuple[Mapped, Target, tuple[LeftOut, ...]]:
    """Open, explain and keep the images; those that can't be read or scored are listed. Raises RetryError if none is left."""
    table, model = view.table(split), view.model()
    rows, pictures, boxes, left = [], [], [], []
    for row in asked.rows.tolist():
        try:
            opened = table.open(row)
        except BadImage as problem:
            left.append(LeftOut(table.paths[row], str(problem)))
            continue
        rows.append(row)
        pictures.append(model.prepare(opened))
        own = table.boxes[row] if table.boxes is not None else {}
        boxes.append({k: [model.prepare_box(b, *opened.size) for b in v] for k, v in own.items()})
    if not rows:
        raise RetryError(f"image: none of the {len(left)} images can be read ({left[0].reason}).")
    failed = _failing(model, pictures)
    left += [LeftOut(table.paths[rows[i]], why) for i, why in failed.items()]
    rows, pictures, boxes = (
        [one for i, one in enumerate(of) if i not in failed] for of in (rows, pictures, boxes)
    )
    if not rows:
        raise RetryError(f"image: the model answers none of these images ({left[-1].reason}).")
    pixels = np.stack(pictures)
    target = _target(lens, pixels, asked, rule_of(view))
    with view.progress.job(f"saliency ({method})", len(rows)) as ticker:
        maps = paced(EXPLAINERS[method], _pace(method), ticker.advance, sparing=True)(lens, pixels, target)
    fine = np.isfinite(maps).all((1, 2))
    left += [
        LeftOut(table.paths[r], "its map is not finite") for r, ok in zip(rows, fine, strict=True) if not ok
    ]
    if not fine.any():
        raise RetryError(
            "image: the model's scores for these images are not finite; there is nothing to explain."
        )
    kept = Target(target.of[fine], None if target.against is None else target.against[fine])
    where = tuple(b for b, ok in zip(boxes, fine, strict=True) if ok)
    return Mapped(np.array(rows, np.int64)[fine], pixels[fine], maps[fine], where), kept, tuple(left)


def _failing(model: Classifier, pictures: Sequence[npt.NDArray[np.uint8]]) -> dict[int, str]:
    """Place → why of the pictures on which the model fails."""
    made: dict[int, str] = {}
    for start in range(0, len(pictures), CHUNK):
        _, failed = scored_singly(model.scores, np.stack(pictures[start : start + CHUNK]), len(model.classes))
        made |= {start + i: why for i, why in failed.items()}
    return made


def _target(lens: Lens, pixels: npt.NDArray[np.uint8], asked: _Asked, rule: Thresholds) -> Target:
    n = len(pixels)
    against = None if asked.against is None else np.full(n, asked.against, np.int64)
    if asked.of is not None:
        return Target(np.full(n, asked.of, np.int64), against)
    scores = np.concatenate([lens.score(pixels[i : i + 64]) for i in range(0, n, 64)])
    if asked.against is not None:  # the best of the others, where the class itself is predicted
        scores[:, asked.against] = -np.inf
        return Target(scores.argmax(1).astype(np.int64), against)
    return Target(decide(scores, rule), against)


def _evidence(view: CaseView, split: Split, asked: _Asked, seen: Seen) -> Evidence:
    found = proposals(view, split, seen.masses, asked.of)
    name = _class_title(view, asked, seen.target)
    tables = (mass_table(seen.masses), agreement_table(seen.agreed), quality_table(seen.quality))
    return Evidence(
        tool=NAME,
        title=f"Where the evidence for {name} seems to lie",
        summary=summary(name, seen),
        facts=facts(seen),
        tables=tuple(t for t in tables if t is not None),
        figures=_figures(view, asked, seen, name),
        images=_images(view, split, seen.mapped, seen.target),
        questions=_questions(asked),
        findings=tuple(found),
        notes=_notes(asked, seen),
        next_steps=tuple(
            f"Test it: test_by_masking(region='box:{next(iter(f.slice or {}))}', class_name='{f.class_name}')."
            for f in found
        )
        or ("A map proposes; mask the region that stands out and see whether the score falls.",),
    )


def _class_title(view: CaseView, asked: _Asked, target: Target) -> str:
    of = int(target.of[0]) if asked.one else asked.of
    name = clean(view.classes[of], 60) if of is not None else "the predicted class"
    return name if asked.against is None else f"{name} rather than {clean(view.classes[asked.against], 60)}"


def _notes(asked: _Asked, seen: Seen) -> tuple[str, ...]:
    anecdote = "One image is an anecdote: look whether the same holds over the class."
    return (*notes(seen, asked.found, len(asked.rows)), *([anecdote] if asked.one else []))


def _questions(asked: _Asked) -> tuple[str, ...]:
    if not asked.one:
        return ("features_global.3",) if asked.of is not None else ("features_global.4",)
    return ("features_local.1",) if asked.against is None else ("features_local.2", "features_local.1")


def _images(view: CaseView, split: Split, mapped: Mapped, target: Target) -> tuple[ImageRef, ...]:
    table, made = view.table(split), []
    for row, of in list(zip(mapped.rows.tolist(), target.of.tolist(), strict=True))[:SHOWN]:
        label = int(table.labels[row])
        made.append(
            ImageRef(
                split=split,
                row=row,
                path=table.paths[row],
                label=view.classes[label] if label >= 0 else "",
                caption=f"explained for {view.classes[of]}",
            )
        )
    return tuple(made)


def _figures(view: CaseView, asked: _Asked, seen: Seen, name: str) -> tuple[Figure, ...]:
    method, mapped, target = seen.method, seen.mapped, seen.target
    height, width = mapped.pixels.shape[1:3]
    tiles = []
    for i in range(min(SHOWN, len(mapped.rows))):
        boxes = [pixel_box(b, height, width) for found in mapped.boxes[i].values() for b in found]
        told = (clean(view.classes[int(target.of[i])], 20),)
        tiles.append(figures.Tile(figures.outlined(mapped.pixels[i], boxes), told))
        drawn = smooth(mapped.maps[i]) if method in SPECKLED else mapped.maps[i]
        tiles.append(figures.Tile(figures.overlay(mapped.pixels[i], drawn), (TITLES[method],)))
    rows = [tiles[i : i + 4] for i in range(0, len(tiles), 4)]
    if not asked.one and len(mapped.rows) > 1:
        mean = smooth(mean_map(mapped)) if method in SPECKLED else mean_map(mapped)
        ground = mapped.pixels.mean(0).astype(np.uint8)
        pair = [
            figures.Tile(ground, ("mean image",)),
            figures.Tile(figures.overlay(ground, mean), ("mean map",)),
        ]
        rows.insert(0, pair)
    alt = f"Heat maps over {min(SHOWN, len(mapped.rows))} images: bright where the evidence for {name} seems to lie."
    title = f"Saliency for {name}"
    return (view.save_figure(f"saliency_{method}", figures.sheet(rows), title=title, alt=alt),)
