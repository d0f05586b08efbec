"""compare_features: which cues serve the model for two classes alike, and which for one of them alone?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from failsight.tools.errors import RetryError
from failsight.tools.evidence import Cell, Evidence, Fact, Figure, Instrument, Table
from failsight.tools.experiments.cues.by_class import Serves, Shared, by_class, draw_pair
from failsight.tools.experiments.cues.panel import cues_of, run
from failsight.tools.experiments.cues.sample import Sample
from failsight.tools.experiments.paired import ASSUMED_SD
from failsight.tools.experiments.population import check_split, class_index
from failsight.tools.figures.charts import MOST_ROWS, Mark
from failsight.tools.figures.effects import effects as chart
from failsight.tools.inputs.base import Split
from failsight.tools.registry import tool
from failsight.tools.stats.power import smallest_paired_effect
from failsight.tools.text import clean, interval, listing, number, p_value
from failsight.tools.view import CaseView

TOOL = "compare_features"
ALPHA = 0.05


@tool(
    cost="heavy",
    needs=("model",),
    answers=("features_comparison.1", "features_comparison.2"),
    passes=28,
    sample=200,
)
def compare_features(
    view: CaseView,
    class_a: Annotated[str, Field(description="One of the two classes.", max_length=200)],
    class_b: Annotated[str, Field(description="The other of the two classes.", max_length=200)],
    split: Annotated[Split, Field(description="Which images: data, train or deploy.")] = "data",
    minimum_effect: Annotated[
        float,
        Field(
            description="Smallest fall of a score, and smallest difference of two, that counts.",
            ge=0.001,
            le=1,
        ),
    ] = 0.02,
    max_images: Annotated[
        int,
        Field(description="Most images, half of each class; each costs about 28 passes.", ge=16, le=10_000),
    ] = 200,
) -> Evidence:
    """Find which cues the model uses for both of two classes and which for one alone: colour, texture, shape, subject, background, borders, boxed objects.

    Each cue is taken out of rightly predicted images of either class; the fall of that class's score, beyond that of a
    control of equal strength, is tested in each class and compared between the two (Welch; Benjamini–Hochberg over the
    panel). A cue serves for both when it costs both more than its control; for one alone when it costs that class more
    and the other clearly less.

    Raises:
        RetryError: there is no model, no such class or split, twice the same class, or too few images.
    """
    view.model()
    split = check_split(view, split)
    pair = (class_index(view.classes, class_a), class_index(view.classes, class_b))
    if pair[0] == pair[1]:
        raise RetryError("class_b: a class can't be compared with itself.", view.classes)
    sample = draw_pair(view, split, pair, max_images)
    cues = cues_of(view, sample)
    names = (clean(view.classes[pair[0]], 40), clean(view.classes[pair[1]], 40))
    plan = view.register(_plan(sample, [c.name for c in cues], names, minimum_effect, view.seed))
    found = by_class(run(view, sample, cues), sample.watched, cues, pair, minimum_effect, view.seed)
    said = [
        _sentence(found, "both", names),
        _sentence(found, "first", names),
        _sentence(found, "second", names),
    ]
    figure = _figure(view, found, names)
    return Evidence(
        tool=TOOL,
        title="What serves for both classes, and what for one",
        summary=" ".join([*said, _rest(found, sample)]),
        arguments={
            "class_a": class_a,
            "class_b": class_b,
            "split": split,
            "minimum_effect": minimum_effect,
            "max_images": max_images,
        },
        facts=(Fact("plan", plan, "text"), *_facts(found, names)),
        tables=(_table(found, names),) if found else (),
        figures=(figure,) if figure is not None else (),
        questions=("features_comparison.1", "features_comparison.2"),
        notes=tuple(_notes(sample, names)),
        next_steps=_next_steps(found, names),
    )


def _plan(
    sample: Sample, cues: Sequence[str], names: tuple[str, str], minimum: float, seed: int
) -> Instrument:
    half = len(sample) // 2
    return Instrument(
        finding="",
        tool=TOOL,
        arguments={"classes": list(names), "split": sample.split, "seed": seed, "cues": list(cues)},
        statement=f"Some cues weigh more for {names[0]} than for {names[1]}, or the other way round.",
        statistic="mean paired fall of the class's score, cue minus control, in each class (sign flips) and between the classes (Welch), "
        "Benjamini–Hochberg over the panel",
        control="of equal strength, in the same image (see cue_profile)",
        minimum_effect=minimum,
        alpha=ALPHA,
        n_planned=len(sample),
        smallest_detectable_effect=smallest_paired_effect(ASSUMED_SD * math.sqrt(2), half, ALPHA),
    )


def _sentence(found: Sequence[Shared], which: Serves, names: tuple[str, str]) -> str:
    mine = sorted((s for s in found if s.serves == which), key=lambda s: -_weight(s))
    if which == "both":
        if not mine:
            return f"No cue was shown to serve for both {names[0]} and {names[1]}."
        return f"Both {names[0]} and {names[1]} depend on {listing([_words(s, names) for s in mine[:3]])}."
    own = names[0] if which == "first" else names[1]
    if not mine:
        return f"No cue was shown to serve for {own} alone."
    return f"Only {own} depends on {listing([_words(s, names) for s in mine[:3]])}."


def _weight(s: Shared) -> float:
    """How much a cue weighs: for both, in the class where it weighs less; else, how much more than in the other."""
    known = [e.effect for e in (s.first, s.second) if e is not None]
    return min(known) if s.serves == "both" else abs(s.difference)


def _words(s: Shared, names: tuple[str, str]) -> str:
    """``colour (grey instead)``; where one class depends on it more, said so with the figures in the table."""
    more = ""
    if s.serves == "both" and s.differs:
        more = f", {names[0] if s.difference > 0 else names[1]} more"
    return (
        f"{s.cue.lost.removesuffix(')')}{more})"
        if more and s.cue.lost.endswith(")")
        else f"{s.cue.lost}{more}"
    )


def _rest(found: Sequence[Shared], sample: Sample) -> str:
    open_ = sum(s.serves == "undetermined" for s in found)
    return f"{open_} of {len(found)} cues are undetermined with {len(sample)} images."


def _facts(found: Sequence[Shared], names: tuple[str, str]) -> list[Fact]:
    made = []
    for s in found:
        for name, e in zip(names, (s.first, s.second), strict=True):
            if e is not None:
                made.append(Fact("effect", e.effect, "points", f"{s.cue.name}, class {name}", e.ci, e.n))
        if math.isfinite(s.difference):
            made.append(Fact("effect_difference", s.difference, "points", s.cue.name, s.ci))
        made.append(
            Fact(
                "serves", {"first": names[0], "second": names[1]}.get(s.serves, s.serves), "text", s.cue.name
            )
        )
    return made


def _table(found: Sequence[Shared], names: tuple[str, str]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    order = {"both": 0, "first": 1, "second": 2, "undetermined": 3}
    for s in sorted(
        found, key=lambda s: (order[s.serves], -abs(s.difference) if math.isfinite(s.difference) else 0)
    ):
        cells = [
            f"{number(e.effect, 'points')} ({e.n})" if e is not None else "–" for e in (s.first, s.second)
        ]
        serves = {"first": f"{names[0]} only", "second": f"{names[1]} only"}.get(s.serves, s.serves)
        rows.append(
            (
                s.cue.lost,
                *cells,
                number(s.difference, "points"),
                interval(s.ci, "points"),
                p_value(s.q),
                serves,
            )
        )
    return Table(
        "Cues of the two classes",
        ("without", names[0], names[1], "difference", "95 % interval", "q", "serves for"),
        tuple(rows),
        ("text",) * 7,
        "Fall of the class's own score beyond that of a control of equal strength (images). Difference: first minus second; q: of the "
        f"difference, Benjamini–Hochberg over {len(found)} cues.",
    )


def _figure(view: CaseView, found: Sequence[Shared], names: tuple[str, str]) -> Figure | None:
    shown = sorted(found, key=lambda s: -max(e.effect for e in (s.first, s.second) if e is not None))[
        :MOST_ROWS
    ]
    if not shown:
        return None
    series = [
        (
            name,
            [None if e is None else Mark(e.effect, *e.ci) for e in ((s.first, s.second)[i] for s in shown)],
        )
        for i, name in enumerate(names)
    ]
    alt = f"For each of {len(shown)} cues, how much its loss costs {names[0]} and {names[1]}, with intervals."
    drawn = chart(
        "What each class depends on",
        alt,
        [s.cue.lost for s in shown],
        series,
        "fall of the class's score, beyond a control",
    )
    return view.save_figure("compare_features", drawn, title="What each class depends on", alt=alt)


def _notes(sample: Sample, names: tuple[str, str]) -> list[str]:
    notes = [f"{len(sample) // 2} images of each class, of {sample.eligible:,} that could be looked at."]
    if not sample.labelled:
        notes.append("Nothing is labelled: images count by what the model calls them.")
    notes.append(
        f"What {names[0]} and {names[1]} look like and what the model uses are two things: compare_classes tells the first."
    )
    return notes


def _next_steps(found: Sequence[Shared], names: tuple[str, str]) -> tuple[str, ...]:
    objects = [
        s for s in found if s.cue.name.startswith("object:") and s.serves in ("first", "second", "both")
    ]
    if objects:
        name = objects[0].cue.name.removeprefix("object:")
        return (f"Test whether the model relies on it (test_by_masking, region: box:{clean(name, 40)}).",)
    return (
        f"Look at where the evidence for {names[0]} rather than {names[1]} lies (saliency, predicted_class and contrast).",
    )
