"""nearest: which images are most like this one to the model, and do their labels agree with its answer?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import Field

from failsight.tools.errors import RetryError
from failsight.tools.evidence import Cell, Evidence, Fact, Figure, ImageRef, Table
from failsight.tools.examples import contact_sheet
from failsight.tools.experiments.arguments import AnySpace
from failsight.tools.experiments.population import check_split
from failsight.tools.experiments.what_if_images import (
    Named,
    answer_of,
    find_named,
    reference,
    row_scores,
    scores_known,
)
from failsight.tools.experiments.what_if_space import (
    CALLED,
    Cloud,
    Ints,
    Space,
    best,
    clouds,
    likeness,
    point_of,
)
from failsight.tools.inputs.base import Floats, Predictions, Split
from failsight.tools.notes import called, left_out_notes
from failsight.tools.registry import tool
from failsight.tools.stats.intervals import wilson
from failsight.tools.text import clean
from failsight.tools.view import CaseView

SAMPLE = 200  # images whose own nearest neighbours say what is usual
APART = 0.1  # an image lies apart when, by the interval's upper end, at most this share have a nearest neighbour as unlike
TWIN = 0.9999  # cosine from which two images are the same to the model


@dataclass(frozen=True)
class Found:
    """The neighbours of an image.

    Attributes:
        near: (k,) rows of the neighbours, nearest first; ``cosine`` follows.
        labels: (k,) their true classes, −1 unknown.
        predictions: of their split, None without.
        scores: (classes,) what the model says of the image itself; None when it can't be asked.
        usual: median cosine of an image of that split to its own nearest other, and to its k-th; None for too few.
        below: of how many of the ``sampled`` images the nearest other is no nearer than this one's.
        resembling: how many images lie at least as near as the k-th neighbour of such an image.
    """

    image: Named
    split: Split
    space: Space
    compared: int
    near: Ints
    cosine: npt.NDArray[np.float32]
    labels: Ints
    predictions: Predictions | None
    scores: Floats | None
    usual: tuple[float, float] | None
    below: int | None
    sampled: int
    resembling: int | None


@tool(cost="pass", answers=("input.15",))
def nearest(
    view: CaseView,
    image: Annotated[
        str,
        Field(
            description="The image: its path or file name, its row number (#12), another split's (train:#12), or an image of evidence (E3#2).",
            max_length=400,
        ),
    ],
    k: Annotated[int, Field(description="How many neighbours.", ge=1, le=100)] = 12,
    split: Annotated[
        Split | None,
        Field(
            description="Where neighbours are looked for: train, data, deploy or pool. Default: train where there is a training set, else data."
        ),
    ] = None,
    space: AnySpace = None,
) -> Evidence:
    """Find the images, training images by default, that are most like one image to the model, and whether their labels agree with its answer.

    Exact: every image is compared. How near is near is said by what is usual among these images, and how many resemble it
    as much as their neighbours resemble each other.

    Raises:
        RetryError: an unknown image or split; the image can't be read; the space named is not to be had.
    """
    notes: list[str] = []
    named = find_named(view, image, "data")
    where = _where(view, split, notes)
    chosen, made = clouds(view, (where,), space, notes)
    found = _found(view, named, made[where], chosen, k, notes)
    images = _references(view, found)
    return Evidence(
        tool="nearest",
        arguments={"image": image, "k": k, "split": split, "space": space},
        title="The nearest neighbours of a picture",
        summary=_summary(view, found),
        facts=_facts(view, found),
        tables=(_table(view, found),),
        figures=_figures(view, found, images),
        images=images,
        questions=("input.15",) if where == "train" else (),
        notes=(*notes, *_notes(found), *left_out_notes(where, view.table(where).left_out)),
        next_steps=_next(view, found),
    )


def _where(view: CaseView, split: str | None, notes: list[str]) -> Split:
    if split is not None:
        return check_split(view, split)
    if "train" in view.splits():
        return "train"
    notes.append(
        "There is no training set; which training images resemble it can't be told. The evaluation images are searched instead."
    )
    return "data"


def _found(view: CaseView, image: Named, cloud: Cloud, space: Space, k: int, notes: list[str]) -> Found:
    point = point_of(view, image, space, cloud)
    with view.progress.job(f"comparing with the {called(cloud.split)}", len(cloud.rows)) as ticker:
        close = likeness(cloud, point[None], ticker.advance)[0]
    if cloud.split == image.split and (own := cloud.at(image.row)) is not None:
        close[own] = -np.inf  # it is not its own neighbour
    order = best(close[None], k)[0]
    order = order[np.isfinite(close[order])]
    if not len(order):
        raise RetryError(f"There is no other image among the {called(cloud.split)}.")
    usual = below = resembling = None
    firsts, kths = _typical(view, cloud, len(order))
    if len(firsts) >= 10:
        usual = float(np.median(firsts)), float(np.median(kths))
        below = int((firsts <= close[order[0]]).sum())
        resembling = int((close >= usual[1]).sum())
    return Found(
        image=image,
        split=cloud.split,
        space=space,
        compared=int(np.isfinite(close).sum()),
        near=cloud.rows[order],
        cosine=close[order],
        labels=view.table(cloud.split).labels[cloud.rows[order]],
        predictions=_predictions(view, cloud.split, notes),
        scores=_own_scores(view, image, cloud.split),
        usual=usual,
        below=below,
        sampled=len(firsts),
        resembling=resembling,
    )


def _typical(view: CaseView, cloud: Cloud, k: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Cosines of a seeded sample of images to their nearest and to their ``k``-th nearest other image."""
    n = len(cloud.rows)
    rng = np.random.default_rng([view.seed, n, 11])
    picked = np.sort(rng.choice(n, min(SAMPLE, n), replace=False))
    firsts, kths = [], []
    for start in range(0, len(picked), 20):
        part = picked[start : start + 20]
        close = likeness(cloud, np.asarray(cloud.values[part], np.float32))
        close[np.arange(len(part)), part] = -np.inf
        kth = min(k, n - 1)
        if kth < 1:
            break
        highest = -np.partition(-close, kth - 1, axis=1)[:, :kth]
        firsts.append(highest.max(1))
        kths.append(highest.min(1))
    if not firsts:
        return np.zeros(0, np.float32), np.zeros(0, np.float32)
    return np.concatenate(firsts), np.concatenate(kths)


def _predictions(view: CaseView, split: Split, notes: list[str]) -> Predictions | None:
    try:
        return view.predictions(split)
    except RetryError as problem:
        notes.append(str(problem))
        return None


def _own_scores(view: CaseView, image: Named, searched: Split) -> Floats | None:
    try:
        return scores_known(view, image, searched)
    except RetryError:
        return None


def _references(view: CaseView, found: Found) -> tuple[ImageRef, ...]:
    """The image itself, then its neighbours."""
    paths = view.table(found.split).paths
    made = [reference(view, found.image, found.scores, "the image")]
    for row, cosine, label in zip(
        found.near.tolist(), found.cosine.tolist(), found.labels.tolist(), strict=True
    ):
        one = Named(found.split, row, paths[row], int(label))
        scores = None if found.predictions is None else row_scores(found.predictions, one)
        made.append(reference(view, one, scores, f"likeness {cosine:.2f}"))
    return tuple(made)


def _name(view: CaseView, k: int) -> str:
    return clean(view.classes[k], 40) if k >= 0 else "no label"


def _summary(view: CaseView, found: Found) -> str:
    said = _answer_words(view, found)
    labelled = found.labels[found.labels >= 0]
    parts = [
        f"{found.image.words} is {said}; its {len(found.near)} nearest {called(found.split)} by {CALLED[found.space]}:"
    ]
    if len(labelled):
        counts = np.bincount(labelled, minlength=len(view.classes))
        order = np.argsort(-counts, kind="stable")
        listed = ", ".join(f"{counts[c]} {_name(view, int(c))}" for c in order[:4] if counts[c])
        parts[0] += f" {listed}."
        if found.scores is not None:
            same = int((labelled == answer_of(view, found.scores, found.image)).sum())
            parts.append(f"{same} of {len(labelled)} have the label that the model answers.")
        if found.image.label >= 0:
            same = int((labelled == found.image.label).sum())
            parts.append(f"{same} of {len(labelled)} have its own label.")
    else:
        parts[0] += " none of them has a label."
    if found.resembling is not None:
        parts.append(
            f"{found.resembling:,} of {found.compared:,} {called(found.split)} resemble it as much as neighbours there usually resemble each other"
            f" (likeness ≥ {found.usual[1]:.2f})."  # type: ignore[index]
        )
    return " ".join(parts)


def _answer_words(view: CaseView, found: Found) -> str:
    label = f"a {_name(view, found.image.label)}" if found.image.label >= 0 else "without a label"
    if found.scores is None:
        return label
    answer = answer_of(view, found.scores, found.image)
    if answer == found.image.label:
        return f"{label}, and the model says so"
    return f"{label}; the model says {_name(view, answer)}"


def _facts(view: CaseView, found: Found) -> tuple[Fact, ...]:
    labelled = found.labels[found.labels >= 0]
    n = len(labelled)
    made = [
        Fact("n", found.compared, "count", f"{called(found.split)} compared"),
        Fact("likeness", float(found.cosine[0]), "ratio", "nearest", n=1),
    ]
    if found.usual is not None and found.below is not None:
        made += [
            Fact("likeness", found.usual[0], "ratio", "nearest, usual", n=found.sampled),
            Fact("likeness", found.usual[1], "ratio", f"neighbour {len(found.near)}, usual", n=found.sampled),
            Fact(
                "share_less_alike",
                found.below / found.sampled,
                "share",
                f"{called(found.split)} with a less like nearest neighbour",
                wilson(found.below, found.sampled),
                found.sampled,
            ),
        ]
    if found.resembling is not None:
        made.append(Fact("resembling", found.resembling, "count", called(found.split), n=found.compared))
    if n and found.scores is not None:
        same = int((labelled == answer_of(view, found.scores, found.image)).sum())
        made.append(Fact("neighbours_of_predicted_class", same / n, "share", ci=wilson(same, n), n=n))
    if n and found.image.label >= 0:
        same = int((labelled == found.image.label).sum())
        made.append(Fact("neighbours_of_own_class", same / n, "share", ci=wilson(same, n), n=n))
    return tuple(made)


def _table(view: CaseView, found: Found) -> Table:
    paths = view.table(found.split).paths
    rows: list[tuple[Cell, ...]] = []
    for row, cosine, label in zip(
        found.near.tolist(), found.cosine.tolist(), found.labels.tolist(), strict=True
    ):
        own = "" if min(label, found.image.label) < 0 else "yes" if label == found.image.label else "no"
        one = Named(found.split, row, paths[row], int(label))
        scores = None if found.predictions is None else row_scores(found.predictions, one)
        answer = "" if scores is None else _name(view, answer_of(view, scores, one))
        rows.append((one.words, _name(view, int(label)), answer, own, float(cosine)))
    return Table(
        f"Nearest {called(found.split)}",
        ("image", "label", "answer", "same label", "likeness"),
        tuple(rows),
        ("text", "text", "text", "text", "ratio"),
        "Likeness is the cosine of centred and scaled values: 1 the same, 0 unrelated.",
    )


def _figures(view: CaseView, found: Found, images: tuple[ImageRef, ...]) -> tuple[Figure, ...]:
    labels = ", ".join(one.label or "no label" for one in images[1:13])
    alt = f"{found.image.words} and its nearest {called(found.split)}, nearest first: {clean(labels, 400)}."
    made = contact_sheet(view, images[:12], name="nearest", title="The picture and its neighbours", alt=alt)
    return (made,) if made else ()


def _notes(found: Found) -> list[str]:
    made = []
    if found.cosine[0] >= TWIN:
        made.append(
            "Its nearest neighbour is the same picture to the model; duplicates_and_leakage looks for copies in all splits."
        )
    if found.below is not None and wilson(found.below, found.sampled)[1] <= APART:
        made.append(
            f"It lies apart: {found.below} of {found.sampled} {called(found.split)} looked at have a nearest neighbour as unlike."
        )
    if found.space == "pixels":
        made.append(
            "Likeness of pixels is likeness of colours and coarse shapes, not of what the model sees."
        )
    made.append("Neighbours show what is alike to the model, not why it answers; no finding comes from them.")
    return made


def _next(view: CaseView, found: Found) -> tuple[str, ...]:
    wrong = (
        found.scores is not None
        and found.image.label >= 0
        and answer_of(view, found.scores, found.image) != found.image.label
    )
    if not wrong:
        return (f"prototypes_and_criticisms shows what {called(found.split)} of a class are typical.",)
    labelled = found.labels[found.labels >= 0]
    same = (labelled == found.image.label).sum()
    if 2 * same >= max(len(labelled), 1):
        return (
            "Neighbours have the right label all the same: compare_images with one that is answered rightly shows what differs.",
        )
    return (
        "Few neighbours have its label: the training set may lack such pictures, or a label is wrong (label_noise).",
    )
