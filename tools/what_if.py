"""what_if: edit one image and see what becomes of the prediction."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence
from failsight.tools.experiments import what_if_report as report
from failsight.tools.experiments.donors import Pictures
from failsight.tools.experiments.fills import make_fill
from failsight.tools.experiments.patches import patches_of
from failsight.tools.experiments.population import boxed_objects, check_split
from failsight.tools.experiments.regions import Mask, parse_region
from failsight.tools.experiments.regions_base import WITH_SEGMENTER
from failsight.tools.experiments.what_if_edits import KINDS, Edit, Still, parse_edits
from failsight.tools.experiments.what_if_flip import Curve, curve
from failsight.tools.experiments.what_if_images import Named, find_named, prepared, reference, scores_of
from failsight.tools.inputs.base import Floats, Pixels, Split
from failsight.tools.inputs.decisions import decide, decide_one, rule_of
from failsight.tools.registry import tool
from failsight.tools.view import CaseView

PANEL_RUNGS = 12


@tool(cost="pass", needs=("model",), answers=("what_if.1", "what_if.2"))
def what_if(
    view: CaseView,
    image: Annotated[
        str,
        Field(
            description="The image: its path or file name, its row number (#12), another split's (train:#12), or an image of evidence (E3#2).",
            max_length=400,
        ),
    ],
    edits: Annotated[
        str,
        Field(
            description="Edits in order, separated by semicolons: brightness:-30%, contrast, hue:+60, saturation, blur:2%, sharpen, noise, "
            "rotate:15, zoom:+50%, flip:horizontal, crop:x0,y0,x1,y1, jpeg:20, grey, mask:box:television, mask:grid:1,4/4x4, "
            "paste:REGION from IMAGE. Empty: every knob is turned to find the smallest change that turns the answer.",
            max_length=800,
        ),
    ] = "",
    fill: Annotated[
        str,
        Field(description="What covers a masked region: mean, blur, noise or inpaint.", max_length=200),
    ] = "mean",
    split: Annotated[
        Split, Field(description="Which images the name is looked for in first: data, train, deploy or pool.")
    ] = "data",
) -> Evidence:
    """Edit one image and show the prediction before and after, edit by edit, and the strength at which the answer turns.

    Edits are made on the pixels that the model sees. A knob (brightness, blur, rotation …) is turned over its whole range
    and the first turn of the answer is found by bisection. One image is an anecdote: no finding comes from it.

    Raises:
        RetryError: an unknown image, edit or region; the image can't be read; there is no model to run.
    """
    split = check_split(view, split)
    view.model()
    named = find_named(view, image, split)
    picture = prepared(view, named)
    if edits.strip():
        made = _sequence(view, named, picture, edits_of(view, named, edits, fill))
    else:
        made = _panel(view, named, picture)
    after = made.scores[-1] if not made.panel else None
    return Evidence(
        tool="what_if",
        arguments={"image": image, "edits": edits, "fill": fill, "split": split},
        title="One picture, edited",
        summary=report.summary(view, made),
        facts=report.facts(view, made),
        tables=report.tables(view, made),
        figures=report.figures(view, made),
        images=(reference(view, named, made.scores[0], "as it is"),),
        questions=_questions(made, after),
        notes=(report.ANECDOTE, *_notes(made)),
        next_steps=report.next_steps(made),
    )


def _questions(made: report.Tried, after: Floats | None) -> tuple[str, ...]:
    """Pasting something into a picture shows what the model says of pictures that contain it."""
    added = after is not None and any(" pasted from " in e.title for e in made.edits)
    return ("what_if.1", "what_if.2") if added else ("what_if.1",)


def _notes(made: report.Tried) -> list[str]:
    notes = ["Edits are made on the prepared picture that the model sees, not on the file."]
    if made.panel:
        notes.append(
            "Knobs are turned one at a time; a turn and return between two of the strengths tried goes unseen."
        )
    return notes


def edits_of(view: CaseView, image: Named, text: str, fill: str) -> tuple[Edit, ...]:
    """The edits of ``image`` that ``text`` names, in order. Raises RetryError for one that is not in the grammar."""
    pictures = {s: Pictures(view, s) for s in view.splits()}
    filler = make_fill(fill)

    def region_of(spec: str, where: Named) -> Mask:
        table = view.table(where.split)
        region = parse_region(spec, boxed_objects(table), view.classes, table.columns)
        if region.salient or region.kind in WITH_SEGMENTER:
            raise RetryError(f"edits: {region.title} can be masked by test_by_masking, not here.")
        found = pictures[where.split].mask(where.row, region)
        if found is None or not found.any():
            raise RetryError(
                f"edits: {where.words} does not show {region.title}.", _shown(view, where, region.kind)
            )
        return found

    def mask(spec: str) -> Still:
        patches = patches_of(region_of(spec, image))

        def cover(picture: Pixels) -> Pixels:
            copies = picture[None].copy()
            ground = filler.background(picture, np.random.default_rng([view.seed, image.row]))
            filler.apply(copies, [patches], ground)
            made: Pixels = copies[0]
            return made

        return cover

    def paste(spec: str, source: str) -> Still:
        giver = find_named(view, source, image.split, argument="edits")
        where = region_of(spec, giver)
        given = prepared(view, giver, "edits")
        return lambda picture: np.where(where[..., None], given, picture)

    return parse_edits(text, mask, paste)


def _shown(view: CaseView, image: Named, kind: str) -> list[str]:
    boxes = view.table(image.split).boxes
    return [f"box:{name}" for name in boxes[image.row]] if boxes is not None and kind == "box" else []


def _sequence(view: CaseView, named: Named, picture: Pixels, edits: tuple[Edit, ...]) -> report.Tried:
    """Each edit on top of those before it; the knob at which the answer turns is then turned over its range."""
    if not edits:
        raise RetryError("edits: name at least one edit, or leave it out.")
    pictures = [picture]
    for edit in edits:
        pictures.append(edit.apply(pictures[-1], view.seed + named.row))
    scores = scores_of(view, np.stack(pictures))
    rule = rule_of(view)
    answer = decide_one(scores[0], rule)
    turned = np.flatnonzero(decide(scores, rule) != answer)
    first = int(turned[0]) if len(turned) else 0
    at = first or max((i for i, e in enumerate(edits, 1) if e.kind is not None), default=0)
    curves: tuple[tuple[Edit, Curve], ...] = ()
    if at and edits[at - 1].kind is not None:
        edit = edits[at - 1]
        made = curve(
            edit, pictures[at - 1], lambda p: scores_of(view, p), answer, view.seed + named.row, rule=rule
        )
        curves = ((edit, made),)
    return report.Tried(named, edits, pictures, scores, first, curves, panel=False, rule=rule)


def _panel(view: CaseView, named: Named, picture: Pixels) -> report.Tried:
    """Every knob by itself, from the picture as it is."""
    scores = scores_of(view, picture[None])
    rule = rule_of(view)
    answer = decide_one(scores[0], rule)
    curves = []
    with view.progress.job("turning the knobs", len(KINDS)) as ticker:
        for kind in KINDS.values():
            edit = Edit(kind.name, kind, kind.neutral)
            made = curve(
                edit, picture, lambda p: scores_of(view, p), answer, view.seed + named.row, PANEL_RUNGS, rule
            )
            curves.append((edit, made))
            ticker.advance()
    return report.Tried(named, (), [picture], scores, 0, tuple(curves), panel=True, rule=rule)
