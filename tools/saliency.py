"""saliency: where in the image the evidence for a class seems to lie. It proposes hypotheses; it never concludes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence, Fact, Figure, ImageRef
from failsight.tools.experiments import figures
from failsight.tools.experiments.explainers import Lens, Method, Target, choose, explain, lens_of
from failsight.tools.experiments.population import (
    Filter,
    check_split,
    class_index,
    parse_filters,
    resolve,
)
from failsight.tools.experiments.regions import pixel_box
from failsight.tools.experiments.saliency_report import (
    Mapped,
    Mass,
    Sanity,
    check_sanity,
    mass_inside,
    mass_table,
    proposals,
)
from failsight.tools.inputs.base import BadImage, LeftOut, Split
from failsight.tools.registry import tool
from failsight.tools.text import clean, listing, number
from failsight.tools.view import CaseView

NAME = "saliency"
SHOWN = 8
CHUNK = 16


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
    where: Annotated[
        tuple[str, ...] | str,
        Field(description="Further conditions on the images: television=yes, true=kitchen, wrong."),
    ] = (),
    method: Annotated[
        Literal["auto", "grad_cam", "occlusion"],
        Field(description="auto takes grad_cam for convolutional torch models and occlusion for all others."),
    ] = "auto",
    max_images: Annotated[
        int, Field(description="Most images; a seeded sample beyond that.", ge=1, le=1000)
    ] = 24,
    split: Annotated[
        str, Field(description="Which images of the case: data, train, pool or deploy.")
    ] = "data",
) -> Evidence:
    """Show where in an image, or over many images, the evidence for a class seems to lie, and which objects draw it.

    With object boxes, the share of saliency inside each object is set against its share of the area. What stands out is
    proposed as an open hypothesis for a masking test, never as a conclusion. Every call repeats the weight-randomisation
    check (Adebayo et al. 2018) on the case's own model.

    Raises:
        RetryError: an unknown image, class, method or condition; no image is left; or there is no model to run.
    """
    model = view.model()
    side = check_split(view, split)
    asked = _asked(view, side, image, class_name, predicted_class, where, max_images)
    lens = lens_of(model)
    chosen = _method(lens, method)
    mapped, target, left = _maps(view, side, lens, chosen, asked)
    sanity = check_sanity(lens, model, chosen, mapped, target)
    masses = mass_inside(mapped, view.seed)
    return _evidence(view, side, asked, chosen, mapped, target, sanity, masses, left)


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
    where: tuple[str, ...] | str,
    most: int,
) -> _Asked:
    own = None if class_name is None else class_index(view.classes, class_name)
    given = None if predicted_class is None else class_index(view.classes, predicted_class)
    of = own if given is None else given
    against = own if given is not None and own != given else None
    filters = parse_filters(where)
    if image is not None:
        return _Asked(np.array([find_image(view, split, image)]), 1, of, against, True, filters)
    if given is not None:
        filters = (*filters, Filter("predicted", "=", view.classes[given]))
        if own is not None:
            filters = (*filters, Filter("true", "=", view.classes[own]))
    elif own is not None:
        filters = (*filters, Filter("predicted", "=", view.classes[own]))
    population = resolve(view, split, filters, most=most, seed=view.seed)
    return _Asked(population.rows, population.found, of, against, False, filters)


def find_image(view: CaseView, split: Split, name: str) -> int:
    """The row of the image called ``name``: its path, the end of its path, or its row number.

    Raises:
        RetryError: no image, or more than one, is called so.
    """
    paths = view.table(split).paths
    for row, path in enumerate(paths):
        if path == name:
            return row
    ends = [row for row, path in enumerate(paths) if path.endswith("/" + name.lstrip("/"))]
    if len(ends) == 1:
        return ends[0]
    if not ends and name.strip().isdecimal() and int(name) < len(paths):
        return int(name)
    near = [paths[r] for r in ends] or [p for p in paths if name.casefold() in p.casefold()] or list(paths)
    told = f"{len(ends)} images end with" if ends else "there is no image called"
    raise RetryError(f"image: {told} {clean(name, 60)!r}.", [clean(p, 80) for p in near[:8]])


def _method(lens: Lens, method: str) -> Method:
    if method == "occlusion":
        return "occlusion"
    if method == "grad_cam" and lens.layer is None:
        raise RetryError(
            "method: this model has no convolutional maps that can be watched.", ["occlusion", "auto"]
        )
    return choose(lens)


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
    pixels = np.stack(pictures)
    target = _target(lens, pixels, asked)
    parts = []
    with view.progress.job(f"saliency ({method})", len(rows)) as ticker:
        for start in range(0, len(rows), CHUNK):
            here = slice(start, start + CHUNK)
            parts.append(explain(lens, method, pixels[here], target.part(here)))
            ticker.advance(len(parts[-1]))
    maps = np.concatenate(parts)
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


def _target(lens: Lens, pixels: npt.NDArray[np.uint8], asked: _Asked) -> Target:
    n = len(pixels)
    if asked.of is None:
        top = [lens.score(pixels[i : i + 64]).argmax(1) for i in range(0, n, 64)]
        return Target(np.concatenate(top).astype(np.int64))
    against = None if asked.against is None else np.full(n, asked.against, np.int64)
    return Target(np.full(n, asked.of, np.int64), against)


def _evidence(
    view: CaseView,
    split: Split,
    asked: _Asked,
    method: Method,
    mapped: Mapped,
    target: Target,
    sanity: Sanity,
    masses: list[Mass],
    left: tuple[LeftOut, ...],
) -> Evidence:
    found = proposals(view, split, masses, asked.of)
    table = mass_table(masses)
    name = _class_title(view, asked, target)
    return Evidence(
        tool=NAME,
        title=f"Where the evidence for {name} seems to lie",
        summary=_summary(asked, name, method, masses, sanity, len(mapped.rows)),
        facts=_facts(masses, sanity, len(mapped.rows), len(left)),
        tables=() if table is None else (table,),
        figures=_figures(view, asked, method, mapped, target, name),
        images=_images(view, split, mapped, target),
        questions=_questions(asked),
        findings=tuple(found),
        notes=_notes(asked, sanity, left, mapped),
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


def _summary(asked: _Asked, name: str, method: Method, masses: list[Mass], sanity: Sanity, n: int) -> str:
    kind = {"grad_cam": "Grad-CAM", "occlusion": "occlusion"}[method]
    told = [f"{kind} for {name} over {n:,} image{'s' * (n != 1)}."]
    standing = [m for m in masses if m.ratio > 1 and (m.gap[0] > 0 or n == 1)][:3]
    if standing:
        parts = [f"{clean(m.name, 40)} ({number(m.mass)} on {number(m.area)} of the area)" for m in standing]
        told.append(f"More saliency than their area: {listing(parts)}.")
    if sanity.failed:
        told.append("The maps hardly change when the weights are shuffled: do not trust them.")
    told.append("Saliency proposes; only a masking test concludes.")
    return " ".join(told)


def _facts(masses: list[Mass], sanity: Sanity, n: int, left: int) -> tuple[Fact, ...]:
    made = [Fact("n", n, "count"), Fact("left_out", left, "count")]
    if sanity.similarity is not None:
        made.append(
            Fact("randomised_similarity", sanity.similarity, "ratio", n=sanity.n, direction="lower_is_better")
        )
    for m in masses[:8]:
        made.append(Fact("saliency_share", m.mass, "share", m.name, n=m.n))
        made.append(Fact("area_share", m.area, "share", m.name, n=m.n))
        ci = m.gap if m.n > 1 else None
        made.append(Fact("saliency_minus_area", m.mass - m.area, "points", m.name, ci, m.n))
    return tuple(made)


def _notes(asked: _Asked, sanity: Sanity, left: tuple[LeftOut, ...], mapped: Mapped) -> tuple[str, ...]:
    notes = []
    empty = int((mapped.maps.max((1, 2)) <= 0).sum())
    if empty:
        notes.append(
            f"{empty} of {len(mapped.rows)} maps are zero everywhere: the score does not react (a saturated output, for "
            "example). Occlusion may show more."
        )
    if sanity.failed:
        notes.append(
            f"Weight-randomisation check failed: rank correlation {number(sanity.similarity, 'ratio')} between the maps "
            "and those of the same network with shuffled weights."
        )
    elif sanity.similarity is None:
        notes.append(f"No weight-randomisation check: {sanity.reason}.")
    if asked.found > len(asked.rows):
        notes.append(f"A seeded sample of {len(asked.rows):,} of {asked.found:,} images.")
    if left:
        names = [f"{one.path} ({one.reason})" for one in left]
        notes.append(f"{len(left)} image{'s' * (len(left) > 1)} left out: {listing(names)}.")
    if asked.one:
        notes.append("One image is an anecdote: look whether the same holds over the class.")
    return tuple(notes)


def _questions(asked: _Asked) -> tuple[str, ...]:
    if not asked.one:
        return ("features_global.3",) if asked.of is not None else ("features_global.4",)
    return ("features_local.1",) if asked.against is None else ("features_local.1", "features_local.2")


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


def _figures(
    view: CaseView, asked: _Asked, method: Method, mapped: Mapped, target: Target, name: str
) -> tuple[Figure, ...]:
    height, width = mapped.pixels.shape[1:3]
    tiles = []
    for i in range(min(SHOWN, len(mapped.rows))):
        boxes = [pixel_box(b, height, width) for found in mapped.boxes[i].values() for b in found]
        told = (clean(view.classes[int(target.of[i])], 20),)
        tiles.append(figures.Tile(figures.outlined(mapped.pixels[i], boxes), told))
        tiles.append(figures.Tile(figures.overlay(mapped.pixels[i], mapped.maps[i]), (method,)))
    rows = [tiles[i : i + 4] for i in range(0, len(tiles), 4)]
    if not asked.one and len(mapped.rows) > 1:
        mean = np.maximum(mapped.maps, 0).mean(0)
        ground = mapped.pixels.mean(0).astype(np.uint8)
        pair = [
            figures.Tile(ground, ("mean image",)),
            figures.Tile(figures.overlay(ground, mean), ("mean map",)),
        ]
        rows.insert(0, pair)
    alt = f"Heat maps over {min(SHOWN, len(mapped.rows))} images: bright where the evidence for {name} seems to lie."
    title = f"Saliency for {name}"
    return (view.save_figure(f"saliency_{method}", figures.sheet(rows), title=title, alt=alt),)
