"""What what_if says and shows: scores before and after, where the answer turns, the pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from failsight.tools.evidence import Cell, Fact, Figure, Table
from failsight.tools.experiments.figures import Tile, sheet
from failsight.tools.experiments.what_if_edits import Edit
from failsight.tools.experiments.what_if_flip import Curve, Flip
from failsight.tools.experiments.what_if_images import Named, margin, says
from failsight.tools.figures.charts import Mark
from failsight.tools.figures.curves import Panel, small_multiples
from failsight.tools.inputs.base import Floats, Pixels
from failsight.tools.inputs.decisions import Thresholds, decide_one
from failsight.tools.text import clean, counted, number
from failsight.tools.view import CaseView

SHOWN_CLASSES = 12
DRAWN_CLASSES = 4
COLUMNS = 4
ANECDOTE = (
    "One image proves nothing about the model: no verdict comes from it. "
    "An edited picture is also unlike those that the model was trained on."
)


@dataclass(frozen=True)
class Tried:
    """An image, the edits, and what the model said after each.

    Attributes:
        pictures: the original and the picture after each edit (cumulative), or after each knob's turn (panel).
        scores: (1 + edits, classes) of these pictures.
        turned: number (from 1) of the first edit after which the answer is another, 0 for none.
        curves: the knobs that were turned over their whole range, with the edit that each belongs to.
        rule: thresholds by which the model answers.
    """

    image: Named
    edits: tuple[Edit, ...]
    pictures: Sequence[Pixels]
    scores: Floats
    turned: int
    curves: tuple[tuple[Edit, Curve], ...]
    panel: bool
    rule: Thresholds = ()

    @property
    def answer(self) -> int:
        """What the model says of the image as it is."""
        return decide_one(self.scores[0], self.rule)

    def margin(self, at: int) -> float:
        """How far the answer's score lies above the next one's in picture ``at``."""
        return margin(self.scores[at], decide_one(self.scores[at], self.rule))


def summary(view: CaseView, made: Tried) -> str:
    """Before, after, and where the answer turns."""
    start = f"The model says {says(view, made.scores[0])} for {made.image.words}"
    if made.image.label >= 0:
        right = made.image.label == made.answer
        start += ", which is right" if right else f"; it is {clean(view.classes[made.image.label], 40)}"
    start += "."
    if made.panel:
        return f"{start} {_panel_words(view, made)}"
    after = f"After {_joined(made.edits)} it says {says(view, made.scores[-1])}"
    kept = decide_one(made.scores[-1], made.rule) == made.answer
    after += ": the answer stays." if kept else ": the answer changes."
    return " ".join(w for w in (start, after, _turn_words(view, made)) if w)


def _joined(edits: Sequence[Edit]) -> str:
    return ", then ".join(e.title for e in edits)


def _turn_words(view: CaseView, made: Tried) -> str:
    parts = []
    if made.turned and len(made.edits) > 1:
        parts.append(f"The answer turns at the edit “{made.edits[made.turned - 1].title}”.")
    for edit, one in made.curves:
        behind = next(i for i, e in enumerate(made.edits) if e is edit)
        others = f" (on top of {_joined(made.edits[:behind])})" if behind else ""
        if one.flips:
            turns = " and ".join(_turn(view, one, f) for f in one.flips)
            parts.append(f"Over the range of {one.kind.name}{others}: {turns}.")
        else:
            low, high = one.kind.said(one.kind.low), one.kind.said(one.kind.high)
            parts.append(
                f"No {one.kind.name} between {low} and {high} changes the answer{others}."
                if one.kind.low < one.kind.neutral < one.kind.high
                else f"No {one.kind.name} changes the answer{others}."
            )
    return " ".join(parts)


def _turn(view: CaseView, curve: Curve, flip: Flip) -> str:
    return f"at {curve.kind.said(flip.strength)} it becomes {clean(view.classes[flip.to], 40)}"


def _panel_words(view: CaseView, made: Tried) -> str:
    found = _by_share(made)
    if not found:
        return f"None of {len(made.curves)} kinds of edit changes the answer at any strength tried."
    easy = "; ".join(_turn(view, c, f) for c, f in found[:3])
    steady = [c.kind.name for _, c in made.curves if not c.flips]
    tail = f" The answer holds against {', '.join(steady)}." if steady else ""
    return f"The smallest changes found that turn the answer: {easy}.{tail}"


def _by_share(made: Tried) -> list[tuple[Curve, Flip]]:
    """Each knob's nearest turn, those first that need the smallest share of the knob's range."""
    found = [(c, c.nearest) for _, c in made.curves]
    turning = [(c, f) for c, f in found if f is not None]
    return sorted(turning, key=lambda item: (item[0].share(item[1].strength), item[0].kind.name))


def facts(view: CaseView, made: Tried) -> tuple[Fact, ...]:
    """Scores of the answer, margins, and strengths at which the answer turns."""
    answer = made.answer
    of = f"class {clean(view.classes[answer], 60)}"
    found = [
        Fact("prediction", clean(view.classes[answer], 60), "text", "before"),
        Fact("score", float(made.scores[0, answer]), "share", f"before, {of}", n=1),
        Fact("margin", made.margin(0), "share", "before", n=1),
    ]
    if not made.panel:
        last = made.scores[-1]
        said = decide_one(last, made.rule)
        found += [
            Fact("prediction", clean(view.classes[said], 60), "text", "after"),
            Fact("score", float(last[answer]), "share", f"after, {of}", n=1),
            Fact("margin", made.margin(-1), "share", "after", n=1),
            Fact("score_change", float(last[answer] - made.scores[0, answer]), "points", of, n=1),
            Fact("prediction_flips", bool(said != answer), "text"),
        ]
    for _, curve in made.curves:
        for flip in curve.flips:
            down = flip.strength < curve.kind.neutral
            of = f"{curve.kind.name}, {'downwards' if down else 'upwards'}"
            found.append(Fact("flip_strength", flip.strength, "ratio", of, n=1))
    return tuple(found)


def tables(view: CaseView, made: Tried) -> tuple[Table, ...]:
    """Scores of all classes before and after, the steps, and where the answer turns."""
    found = [] if made.panel else [_scores(view, made)]
    if not made.panel and len(made.edits) > 1:
        found.append(_steps(view, made))
    if made.curves:
        found.append(_turns(view, made))
    return tuple(found)


def _scores(view: CaseView, made: Tried) -> Table:
    before, after = made.scores[0], made.scores[-1]
    order = np.argsort(-np.maximum(before, after), kind="stable")[:SHOWN_CLASSES].tolist()
    rows: list[tuple[Cell, ...]] = [
        (clean(view.classes[k], 60), float(before[k]), float(after[k]), float(after[k] - before[k]))
        for k in order
    ]
    left = len(before) - len(order)
    return Table(
        "Scores before and after",
        ("class", "before", "after", "change"),
        tuple(rows),
        ("text", "share", "share", "points"),
        f"{counted(left, 'class with a lower score is', 'classes with lower scores are')} not listed."
        if left
        else "",
    )


def _steps(view: CaseView, made: Tried) -> Table:
    names = ("as it is", *(e.title for e in made.edits))
    rows: list[tuple[Cell, ...]] = [
        (name, clean(view.classes[k], 60), float(s[k]), margin(s, k), float(s[made.answer]))
        for name, s in zip(names, made.scores, strict=True)
        for k in (decide_one(s, made.rule),)
    ]
    columns = ("after", "answer", "score", "margin", f"score of {clean(view.classes[made.answer], 40)}")
    return Table("Edit by edit", columns, tuple(rows), ("text", "text", "share", "share", "share"))


def _turns(view: CaseView, made: Tried) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for _, curve in made.curves:
        lowest = float(curve.scores[:, made.answer].min())
        for flip in curve.flips:
            becomes = clean(view.classes[flip.to], 60)
            rows.append(
                (
                    curve.kind.words,
                    curve.kind.said(flip.strength),
                    becomes,
                    curve.kind.said(flip.before),
                    lowest,
                )
            )
        if not curve.flips:
            rows.append((curve.kind.words, "never", "", "", lowest))
    return Table(
        "Where the answer turns",
        ("edit", "turns at", "becomes", "still the old answer at", "lowest score of the old answer"),
        tuple(rows),
        ("text", "text", "text", "text", "share"),
        "Each knob is turned alone over its whole range; the first turn from the picture as it is, found by bisection.",
    )


def figures(view: CaseView, made: Tried) -> tuple[Figure, ...]:
    """The picture strip, and the scores over the strength of a knob."""
    tiles = [Tile(made.pictures[0], ("as it is", says(view, made.scores[0])))]
    if not made.panel:
        tiles += [
            Tile(p, (e.title.replace("−", "-"), says(view, s)))
            for p, e, s in zip(made.pictures[1:], made.edits, made.scores[1:], strict=True)
        ]
    turns = _by_share(made) if made.panel else [(c, f) for _, c in made.curves for f in c.flips]
    tiles += [
        Tile(f.picture, (c.kind.said(f.strength).replace("−", "-"), says(view, f.scores))) for c, f in turns
    ]
    lines = "; ".join(" ".join(t.lines) for t in tiles)
    strip = view.save_figure(
        "what-if",
        sheet([tiles[i : i + COLUMNS] for i in range(0, len(tiles), COLUMNS)]),
        title="The picture, edited",
        alt=f"The picture as it is and edited, as the model sees it: {clean(lines, 600)}.",
        caption="Each picture as the model sees it, with the edit and the answer below.",
    )
    drawn = _chart(view, made)
    return (strip, drawn) if drawn else (strip,)


def _chart(view: CaseView, made: Tried) -> Figure | None:
    if not made.curves:
        return None
    if made.panel:
        panels = [_panel_of(c, made.answer, c.kind.name) for _, c in made.curves]
        title = f"Score of {clean(view.classes[made.answer], 40)} over the strength of each edit"
    else:
        curve = made.curves[0][1]
        order = np.argsort(-curve.scores.max(0), kind="stable")[:DRAWN_CLASSES].tolist()
        panels = [_panel_of(curve, k, clean(view.classes[k], 22)) for k in order]
        title = f"Scores over {curve.kind.name}, from {curve.kind.said(curve.kind.low)} to {curve.kind.said(curve.kind.high)}"
    told = "; ".join(f"{p.title}: {number(min(m.value for _, m in p.points))} at its lowest" for p in panels)
    alt = f"{title}. {told}."
    return view.save_figure(
        "what-if-scores",
        small_multiples(title, alt, panels),
        title="Scores over the strength of the edit",
        alt=alt,
    )


def _panel_of(curve: Curve, k: int, title: str) -> Panel:
    """One class over the knob; the ends and the neutral point are named."""
    named = {curve.kind.low, curve.kind.neutral, curve.kind.high}
    points = []
    for strength, value in zip(curve.strengths.tolist(), curve.scores[:, k].tolist(), strict=True):
        name = f"{strength:g}" if strength in named else ""
        points.append((name, Mark(value, value, value)))
    return Panel(title, points)


def next_steps(made: Tried) -> tuple[str, ...]:
    """How to ask the same of many images."""
    regions = [e.region for e in made.edits if e.region]
    found = [
        f"To ask this of many images, with a control: test_by_masking(region='{clean(r, 60)}')."
        for r in regions[:1]
    ]
    tested = sorted({c.kind.tested for _, c in made.curves if c.flips and c.kind.tested})
    if tested:
        found.append(
            f"robustness_probe measures over many images what {', '.join(tested)} "
            f"{'does' if len(tested) == 1 else 'do'}."
        )
    if not found:
        found.append("cue_profile asks over many images, with controls, what the model depends on.")
    return tuple(found)
