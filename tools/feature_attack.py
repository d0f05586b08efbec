"""feature_attack: pictures changed so that one feature rises, to see what the feature stands for."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence, Fact, Figure, ImageRef, Table, jsonable
from failsight.tools.experiments import figures
from failsight.tools.experiments.attacks import NoGradient
from failsight.tools.experiments.feature_reader import (
    PAPER_SIDE,
    Raised,
    Reader,
    Source,
    feature_model_print,
    features_of,
    raise_feature,
    reader_of,
    source_of,
)
from failsight.tools.experiments.population import check_split, class_index
from failsight.tools.inputs.base import BadImage, Floats, LeftOut, Pixels, Split
from failsight.tools.notes import left_out_notes
from failsight.tools.registry import tool
from failsight.tools.stats.intervals import bootstrap
from failsight.tools.text import clean, number
from failsight.tools.view import CaseView

NAME = "feature_attack"
ENOUGH = 10.0  # standard deviations by which a feature should rise before the pictures say much
Ints = npt.NDArray[np.int64]


@tool(cost="heavy", answers=("features_global.4",), passes=1, sample=600, outside=feature_model_print)
def feature_attack(
    view: CaseView,
    feature: Annotated[
        int, Field(description="Number of the feature, from explain_failures.", ge=0, le=1_000_000)
    ],
    feature_model: Annotated[
        str | None,
        Field(
            description="Path of the model whose feature it is, as given to explain_failures. Default: the model itself.",
            max_length=500,
        ),
    ] = None,
    class_name: Annotated[
        str | None, Field(description="Start from images of this class; by default of any.", max_length=200)
    ] = None,
    start: Annotated[
        Literal["highest", "lowest", "random"],
        Field(description="Start from the images where the feature is highest, lowest, or from any."),
    ] = "highest",
    images: Annotated[int, Field(description="How many images.", ge=1, le=16)] = 6,
    step: Annotated[
        float,
        Field(
            description="Length (l2) of a step, for 224 x 224 pixels with values in [0, 1]; scaled to other sizes.",
            ge=0.001,
            le=100,
        ),
    ] = 1.0,
    radius: Annotated[
        float,
        Field(description="Largest length (l2) of the whole change, on the same scale.", ge=0.001, le=10_000),
    ] = 500.0,
    iterations: Annotated[int, Field(description="How many steps.", ge=1, le=2000)] = 500,
    split: Annotated[Split, Field(description="Which images: data, train, pool or deploy.")] = "data",
) -> Evidence:
    """Change pictures by gradient ascent so that one feature rises as far as it will, and show them before and after.

    After Barlow (Singla et al. 2021, section 4 and appendix C): what grows in the pictures is what the feature stands for.
    For robust models these are things one can recognise; for ordinary ones often noise. It shows; it concludes nothing.

    Raises:
        RetryError: there is no such feature, class or model; the weights can't be reached; no image can be read.
    """
    given = {name: value for name, value in locals().items() if name != "view"}
    side = check_split(view, split)
    source = source_of(view, feature_model)
    predictions = view.predictions(side)
    rows, values = features_of(view, source, side, predictions.rows)
    column = _column(rows, values, feature)
    wanted = None if class_name is None else class_index(view.classes, class_name)
    order = _order(view, side, rows, column, wanted, start)
    at, pixels, left = _opened(view, side, source, rows, order, images)
    reader = reader_of(source.model, pixels[:1])
    if reader is None:
        raise RetryError("The weights of this model can't be reached, so its features can't be raised.")
    try:
        with view.progress.job(f"raising {source.feature(feature)}", iterations) as ticker:
            made = raise_feature(
                reader,
                pixels,
                feature,
                step=step,
                radius=radius,
                iterations=iterations,
                advance=ticker.advance,
            )
    except NoGradient as problem:
        raise RetryError(f"The feature can't be raised: {problem}.") from None
    spread = float(column.std())
    rise = (made.after - made.before) / spread if spread > 0 else np.full(len(at), np.nan)
    return Evidence(
        tool=NAME,
        arguments=jsonable(given),
        title="What raises the feature",
        summary=_summary(source, feature, made, rise, spread, iterations),
        facts=_facts(source, feature, made, rise, spread, column),
        tables=(_table(view, side, rows[at], made, rise),),
        figures=(_figure(view, source, feature, reader, pixels, made, rise),),
        images=_images(view, side, rows[at], made, source.feature(feature)),
        questions=("features_global.4",) if source.own else (),
        notes=tuple(_notes(side, source, rise, step, radius, left)),
        next_steps=(
            "Name what grows in the pictures, and test it: test_by_masking or test_by_adding.",
            "Compare with the images where the feature is lowest (start='lowest').",
        ),
    )


def _column(rows: Ints, values: Floats, feature: int) -> npt.NDArray[np.float64]:
    """The feature over all images. Raises RetryError."""
    if not len(rows):
        raise RetryError("No image has features that can be read.")
    if feature >= values.shape[1]:
        raise RetryError(
            f"feature: there is no feature {feature}; they are numbered 0 to {values.shape[1] - 1}."
        )
    column: npt.NDArray[np.float64] = values[:, feature].astype(np.float64)
    if not np.isfinite(column).all():
        raise RetryError(f"feature: feature {feature} is not a finite number on every image.")
    return column


def _order(
    view: CaseView,
    split: Split,
    rows: Ints,
    column: npt.NDArray[np.float64],
    wanted: int | None,
    start: str,
) -> Ints:
    """Positions of the images to start from, best first. Raises RetryError."""
    at = np.arange(len(rows))
    if wanted is not None:
        at = at[np.asarray(view.table(split).labels)[rows] == wanted]
        if not len(at):
            raise RetryError(f"class_name: no image of {split} is of {clean(view.classes[wanted], 60)}.")
    if start == "random":
        return np.random.default_rng(view.seed).permutation(at)
    made: Ints = at[np.argsort(-column[at] if start == "highest" else column[at], kind="stable")]
    return made


def _opened(
    view: CaseView, split: Split, source: Source, rows: Ints, order: Ints, most: int
) -> tuple[Ints, Pixels, list[LeftOut]]:
    table = view.table(split)
    kept: list[int] = []
    pixels: list[Pixels] = []
    left: list[LeftOut] = []
    for i in order.tolist():
        if len(kept) == most:
            break
        try:
            pixels.append(source.model.prepare(table.open(int(rows[i]))))
            kept.append(i)
        except BadImage as problem:
            left.append(LeftOut(table.paths[int(rows[i])], str(problem)))
    if not kept:
        raise RetryError("None of the images can be read.")
    return np.array(kept, np.int64), np.stack(pixels), left


def _summary(
    source: Source, feature: int, made: Raised, rise: npt.NDArray[np.float64], spread: float, steps: int
) -> str:
    n = len(made.after)
    pictures = f"{n} picture{'s' * (n != 1)}"
    if not spread > 0:
        return (
            f"Feature #{feature} of {source.words} has the same value on all images; {pictures} were changed."
        )
    return (
        f"In {steps:,} steps feature #{feature} of {source.words} rose from {number(float(made.before.mean()), 'ratio')} "
        f"to {number(float(made.after.mean()), 'ratio')} on {pictures}: by {number(float(rise.mean()), 'ratio')} of its standard "
        f"deviations over the images (at least {number(float(rise.min()), 'ratio')}). "
        + (
            "On an ordinary network what grows is often noise."
            if source.own
            else "What has grown shows what it stands for, if that model was trained to be robust; else it is often noise."
        )
    )


def _facts(
    source: Source,
    feature: int,
    made: Raised,
    rise: npt.NDArray[np.float64],
    spread: float,
    column: npt.NDArray[np.float64],
) -> tuple[Fact, ...]:
    of, n = source.feature(feature), len(made.after)
    ci = bootstrap(rise, method="percentile") if n > 1 and spread > 0 else None
    return (
        Fact("feature_before", float(made.before.mean()), "score", of, n=n),
        Fact("feature_after", float(made.after.mean()), "score", of, n=n),
        Fact("feature_sd", spread, "score", of, n=len(column)),
        Fact("rise_in_sd", float(rise.mean()) if spread > 0 else None, "ratio", of, ci, n),
        Fact("smallest_rise_in_sd", float(rise.min()) if spread > 0 else None, "ratio", of, n=n),
        Fact("change_l2", float(made.change.mean()), "score", of, n=n),
    )


def _table(view: CaseView, split: Split, rows: Ints, made: Raised, rise: npt.NDArray[np.float64]) -> Table:
    paths = view.table(split).paths
    return Table(
        "The feature before and after",
        ("image", "before", "after", "rise in sd", "change (l2)"),
        tuple(
            (clean(paths[int(row)], 60), float(b), float(a), float(r) if np.isfinite(r) else None, float(c))
            for row, b, a, r, c in zip(rows, made.before, made.after, rise, made.change, strict=True)
        ),
        ("text", "score", "score", "ratio", "score"),
        "Rise in standard deviations of the feature over all images; length of the change with values in [0, 1].",
    )


def _figure(
    view: CaseView,
    source: Source,
    feature: int,
    reader: Reader,
    pixels: Pixels,
    made: Raised,
    rise: npt.NDArray[np.float64],
) -> Figure:
    before = [figures.Tile(p, ("before", f"{v:.3g}")) for p, v in zip(pixels, made.before, strict=True)]
    after = [
        figures.Tile(p, ("after", f"{v:.3g}, +{r:.0f} sd" if np.isfinite(r) else f"{v:.3g}"))
        for p, v, r in zip(made.pixels, made.after, rise, strict=True)
    ]
    early = [figures.Tile(p, ("a tenth of the steps",)) for p in made.early]
    rows = []
    maps = reader.maps(pixels, feature)
    heated = (
        []
        if maps is None
        else [figures.Tile(figures.overlay(p, m), ("where",)) for p, m in zip(pixels, maps, strict=True)]
    )
    for first in range(0, len(before), 6):
        part = slice(first, first + 6)
        rows += [before[part], *([heated[part]] if heated else []), early[part], after[part]]
    return view.save_figure(
        f"feature_{feature}_raised",
        figures.sheet(rows),
        title=f"Pictures in which {source.feature(feature)} was raised",
        alt=f"Pictures before and after they were changed so that {source.feature(feature)} rises, with heat maps of where it "
        "comes from.",
        caption="What grows between the rows hints at what the feature stands for.",
    )


def _images(view: CaseView, split: Split, rows: Ints, made: Raised, name: str) -> tuple[ImageRef, ...]:
    table = view.table(split)
    return tuple(
        ImageRef(
            split=split,
            row=int(row),
            path=table.paths[int(row)],
            label=view.classes[int(table.labels[int(row)])] if table.labels[int(row)] >= 0 else "",
            caption=f"{name} {float(b):.3g}, raised to {float(a):.3g}",
        )
        for row, b, a in zip(rows, made.before, made.after, strict=True)
    )


def _notes(
    split: Split,
    source: Source,
    rise: npt.NDArray[np.float64],
    step: float,
    radius: float,
    left: list[LeftOut],
) -> list[str]:
    height, width = source.model.preprocessing.size
    scale = float(np.sqrt(height * width)) / PAPER_SIDE
    notes = left_out_notes(split, left)
    if (height, width) != (PAPER_SIDE, PAPER_SIDE):
        notes.append(
            f"Step {step:g} and radius {radius:g} hold for 224 × 224 pixels; for {height} × {width} they are "
            f"{step * scale:.3g} and {radius * scale:.3g}, which allows each pixel the same change."
        )
    if np.isfinite(rise).all() and float(rise.min()) < ENOUGH:
        notes.append(
            f"On some pictures the feature rose by less than {ENOUGH:g} standard deviations: read them with care, or take more "
            "iterations."
        )
    if source.own:
        notes.append(
            "On an ordinary network raised features often look like noise; a robust one's can be recognised."
        )
    return notes
