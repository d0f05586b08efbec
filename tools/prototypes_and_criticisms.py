"""prototypes_and_criticisms: which images stand for a class, and which ones are badly stood for?"""

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
from failsight.tools.experiments.population import (
    Filter,
    check_split,
    class_index,
    parse_filters,
    resolve,
)
from failsight.tools.experiments.what_if_images import Named, answer_of, places_of, reference, row_scores
from failsight.tools.experiments.what_if_space import CALLED, Ints, Space, clouds
from failsight.tools.inputs.base import Predictions, Split
from failsight.tools.notes import called, left_out_notes
from failsight.tools.registry import tool
from failsight.tools.stats.intervals import newcombe, wilson
from failsight.tools.stats.mmd_critic import Critic, mmd_critic, rbf_kernel
from failsight.tools.text import clean, interval, number
from failsight.tools.view import CaseView

MOST = 2000  # images whose kernel is held at a time: 32 MB
FEWEST = 8
CIRCULAR = (
    "The answer is read off these very features, so that wrongly answered images of a class lie apart in part by construction; "
    "another space (encoder, pixels) asks whether they look untypical, too."
)
CONVINCED = 0.9
FAR = 0.1  # share of the images that lie farthest from their prototype


@dataclass(frozen=True)
class Shown:
    """Prototypes and criticisms of a set of images; places refer to ``rows``.

    Attributes:
        rows: (n,) rows of the image table.
        critic: what was chosen among them.
        likeness: (n,) kernel with the nearest prototype, in (0, 1].
        predictions: None without.
        wrong: (n,) answered otherwise than labelled.
        known: (n,) has a label and an answer.
    """

    split: Split
    space: Space
    about: str
    found: int
    rows: Ints
    critic: Critic
    likeness: npt.NDArray[np.float64]
    predictions: Predictions | None
    wrong: npt.NDArray[np.bool_]
    known: npt.NDArray[np.bool_]

    @property
    def apart(self) -> npt.NDArray[np.bool_]:
        """The tenth of the images that lies farthest from every prototype."""
        made: npt.NDArray[np.bool_] = self.likeness <= np.quantile(self.likeness, FAR)
        return made


@tool(cost="pass", answers=("input.5",), reads_attributes=True)
def prototypes_and_criticisms(
    view: CaseView,
    class_name: Annotated[
        str | None, Field(description="Images of this true class. Default: all classes.", max_length=200)
    ] = None,
    where: Annotated[
        str,
        Field(
            description="Further conditions, joined by &: television=yes, predicted=kitchen, wrong.",
            max_length=400,
        ),
    ] = "",
    k: Annotated[int, Field(description="How many prototypes.", ge=1, le=48)] = 6,
    criticisms: Annotated[int, Field(description="How many criticisms.", ge=0, le=48)] = 6,
    split: Annotated[Split, Field(description="Which images: data, train, deploy or pool.")] = "data",
    space: AnySpace = None,
) -> Evidence:
    """Choose the few images that together stand best for a class or slice (prototypes), and those which they stand for worst (criticisms), with errors marked.

    MMD-critic (Kim, Khanna & Koyejo 2016), greedy, in the space in which the model sees the images. Says whether images far
    from every prototype are answered wrongly more often; no finding comes from it.

    Raises:
        RetryError: an unknown class, condition or split; fewer than eight images are left; the space named is not to be had.
    """
    split = check_split(view, split)
    notes: list[str] = []
    shown = _choose(view, split, class_name, where, (k, criticisms), space, notes)
    if shown.space == "features" and class_name and shown.known.any():
        notes.append(CIRCULAR)
    prototypes = _references(view, shown, shown.critic.prototypes, "prototype")
    critics = _references(view, shown, shown.critic.criticisms, "criticism")
    return Evidence(
        tool="prototypes_and_criticisms",
        arguments={
            "class_name": class_name,
            "where": where,
            "k": k,
            "criticisms": criticisms,
            "split": split,
            "space": space,
        },
        title="Typical pictures and untypical ones",
        summary=_summary(shown),
        facts=_facts(shown),
        tables=(_table(view, shown),),
        figures=_figures(view, shown, prototypes, critics),
        images=(*prototypes, *critics),
        questions=("input.5",) if class_name else (),
        notes=(*notes, *left_out_notes(split, view.table(split).left_out)),
        next_steps=_next(shown),
    )


def _choose(
    view: CaseView,
    split: Split,
    class_name: str | None,
    where: str,
    wanted: tuple[int, int],
    space: Space | None,
    notes: list[str],
) -> Shown:
    filters = parse_filters(where)
    about = called(split)
    if class_name is not None:
        name = view.classes[class_index(view.classes, class_name)]
        filters = (Filter("true", "=", name), *filters)
        about += f" of {clean(name, 60)}"
    if where.strip():
        about += f" with {clean(where, 100)}"
    population = resolve(view, split, filters, most=len(view.table(split)), seed=view.seed)
    chosen, made = clouds(view, (split,), space, notes)
    cloud = made[split]
    at = np.flatnonzero(np.isin(cloud.rows, population.rows))
    found = len(at)
    if found < FEWEST:
        raise RetryError(f"There are {found} {about} to choose from; at least {FEWEST} are needed.")
    if found > MOST:
        at = np.sort(np.random.default_rng([view.seed, found]).choice(at, MOST, replace=False))
        notes.append(f"Prototypes are chosen among {MOST:,} of the {found:,} {about}, drawn at random.")
    kernel = rbf_kernel(cloud.scaled(np.asarray(cloud.values[at], np.float32)))
    critic = mmd_critic(kernel, *wanted)
    likeness = kernel[:, critic.prototypes].max(1)
    predictions = _predictions(view, split, notes)
    wrong, known = _wrong(predictions, cloud.rows[at])
    return Shown(split, chosen, about, found, cloud.rows[at], critic, likeness, predictions, wrong, known)


def _predictions(view: CaseView, split: Split, notes: list[str]) -> Predictions | None:
    try:
        return view.predictions(split)
    except RetryError as problem:
        notes.append(f"Errors can't be marked: {problem}")
        return None


def _wrong(
    predictions: Predictions | None, rows: Ints
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    wrong, known = np.zeros(len(rows), bool), np.zeros(len(rows), bool)
    if predictions is not None:
        at, there = places_of(predictions, rows)
        known[there] = predictions.labelled[at[there]]
        wrong[known] = ~predictions.correct[at[known]]
    return wrong, known


def _references(view: CaseView, shown: Shown, places: Ints, kind: str) -> tuple[ImageRef, ...]:
    table, made = view.table(shown.split), []
    for i, at in enumerate(places.tolist()):
        row = int(shown.rows[at])
        one = Named(shown.split, row, table.paths[row], int(table.labels[row]))
        scores = None if shown.predictions is None else row_scores(shown.predictions, one)
        mark = " wrong" if shown.wrong[at] else ""
        made.append(reference(view, one, scores, f"{kind} {i + 1}{mark}"))
    return tuple(made)


def _home_counts(shown: Shown) -> npt.NDArray[np.int64]:
    return np.bincount(shown.critic.home, minlength=len(shown.critic.prototypes))


def _rates(shown: Shown) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """(wrong, judged) among images far from every prototype and among the others; None where nothing is judged."""
    far, near = shown.apart & shown.known, ~shown.apart & shown.known
    if not far.any() or not near.any():
        return None
    return (int(shown.wrong[far].sum()), int(far.sum())), (int(shown.wrong[near].sum()), int(near.sum()))


def _summary(shown: Shown) -> str:
    critic = shown.critic
    counts = np.sort(_home_counts(shown))[::-1]
    parts = [
        f"{len(critic.prototypes)} prototypes stand for {len(shown.rows):,} {shown.about} by {CALLED[shown.space]}; "
        f"the largest group round one of them holds {number(counts[0] / len(shown.rows))}, the smallest {number(counts[-1] / len(shown.rows))}."
    ]
    if len(critic.criticisms) and shown.known.any():
        wrong = int(shown.wrong[critic.criticisms].sum())
        right = int(shown.wrong[critic.prototypes].sum())
        parts.append(
            f"The model is wrong on {right} of {len(critic.prototypes)} prototypes and {wrong} of {len(critic.criticisms)} criticisms."
        )
    if (rates := _rates(shown)) is not None:
        (a, n), (b, m) = rates
        parts.append(
            f"Of the tenth that lies farthest from every prototype it gets {number(a / n)} wrong, of the others {number(b / m)} "
            f"(difference {interval(newcombe(a, n, b, m), 'points')})."
        )
    return " ".join(parts)


def _facts(shown: Shown) -> tuple[Fact, ...]:
    made = [
        Fact("n", len(shown.rows), "count", clean(shown.about, 80)),
        Fact(
            "mmd",
            float(shown.critic.mmd[-1]),
            "ratio",
            f"{len(shown.critic.prototypes)} prototypes",
            direction="lower_is_better",
        ),
    ]
    if (rates := _rates(shown)) is not None:
        for (wrong, n), of in zip(rates, ("far from every prototype", "the others"), strict=True):
            made.append(Fact("error_rate", wrong / n, "share", of, wilson(wrong, n), n, "lower_is_better"))
    return tuple(made)


def _table(view: CaseView, shown: Shown) -> Table:
    counts = _home_counts(shown)
    labels = view.table(shown.split).labels
    rows: list[tuple[Cell, ...]] = []
    for i, at in enumerate(shown.critic.prototypes.tolist()):
        group = (shown.critic.home == i) & shown.known
        wrong, n = int(shown.wrong[group].sum()), int(group.sum())
        rate = (wrong / n, interval(wilson(wrong, n))) if n else (None, "")
        rows.append(("prototype", *_cells(view, shown, at, labels), int(counts[i]), *rate))
    rows += [
        ("criticism", *_cells(view, shown, at, labels), None, None, "")
        for at in shown.critic.criticisms.tolist()
    ]
    return Table(
        "Prototypes and criticisms",
        ("kind", "image", "label", "answer", "images nearest to it", "error rate of these", "interval"),
        tuple(rows),
        ("text", "text", "text", "text", "count", "share", "text"),
    )


def _cells(view: CaseView, shown: Shown, at: int, labels: npt.NDArray[np.int64]) -> tuple[Cell, Cell, Cell]:
    row = int(shown.rows[at])
    one = Named(shown.split, row, view.table(shown.split).paths[row], int(labels[row]))
    scores = None if shown.predictions is None else row_scores(shown.predictions, one)
    answer = "" if scores is None else clean(view.classes[answer_of(view, scores, one)], 40)
    label = clean(view.classes[one.label], 40) if one.label >= 0 else "no label"
    return one.words, label, answer + (" (wrong)" if shown.wrong[at] else "")


def _figures(
    view: CaseView, shown: Shown, prototypes: tuple[ImageRef, ...], critics: tuple[ImageRef, ...]
) -> tuple[Figure, ...]:
    made = []
    for images, name in ((prototypes, "prototypes"), (critics, "criticisms")):
        if not images:
            continue
        wrong = sum("wrong" in i.caption for i in images)
        alt = f"The {name} of {shown.about}, in the order in which they were chosen; {wrong} of {len(images)} are answered wrongly."
        drawn = contact_sheet(view, images[:16], name=name, title=name.capitalize(), alt=alt)
        if drawn:
            made.append(drawn)
    return tuple(made)


def _next(shown: Shown) -> tuple[str, ...]:
    made = ["nearest shows the neighbours of a criticism among the training images."]
    rates = _rates(shown)
    if rates is not None:
        (a, n), (b, m) = rates
        if newcombe(a, n, b, m)[0] > 0:
            made = [
                "Untypical images go wrong more often: find_slices asks which attributes they share, select_data which more to collect."
            ]
    sure = shown.wrong[shown.critic.criticisms]
    if sure.any() and shown.predictions is not None and shown.predictions.has_scores:
        at = shown.rows[shown.critic.criticisms[sure]]
        confidence = shown.predictions.confidence[np.searchsorted(shown.predictions.rows, at)]
        if float(confidence.max()) >= CONVINCED:
            made.append(
                "A criticism that is answered otherwise with full conviction may have a wrong label: label_noise looks into that."
            )
    return tuple(made)
