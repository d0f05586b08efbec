"""propose_attributes: which words could describe these images, and which image shows what."""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired

import numpy as np
from pydantic import Field
from typing_extensions import TypedDict

from failsight.tools.attributes import proposal_report as report
from failsight.tools.attributes.definitions import Definition
from failsight.tools.attributes.proposals import asked_for, named, sift
from failsight.tools.attributes.sources import Assigned, assign_all
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence, jsonable
from failsight.tools.experiments.population import check_split
from failsight.tools.inputs.base import Split
from failsight.tools.notes import called, left_out_notes
from failsight.tools.registry import tool
from failsight.tools.stats.intervals import wilson
from failsight.tools.text import clean, interval, number
from failsight.tools.view import CaseView

QUESTIONS = ("input.2", "input.5", "input.14")
MOST_WANTED = 1000  # more than anybody means: what is over the limit is refused in words
OWN = (
    "Groups are drawn without labels and without knowing what is wrong, so slices of them can be tested like any other. Groups "
    "of the model's own features may gather what it is unsure of: that describes a failure, it does not explain it."
)


class Wanted(TypedDict):
    """An attribute that somebody proposes: ``{"name": "weather", "values": ["sunny", "rainy"]}``."""

    name: str
    values: list[str]
    phrases: NotRequired[dict[str, list[str]] | None]
    question: NotRequired[str | None]


@tool(cost="pass", answers=QUESTIONS, reads_attributes=True, passes=1)
def propose_attributes(
    view: CaseView,
    source: Annotated[
        Literal["zero_shot", "clusters", "vqa", "vision_model"],
        Field(
            description="Who says which image has which value: zero_shot (an encoder that knows words), clusters (look-alikes, "
            "no words needed), vqa (a model that answers questions), vision_model (a language model that sees)."
        ),
    ] = "zero_shot",
    attributes: Annotated[
        list[Wanted] | None,
        Field(
            description="Attributes of your own: name, values, and if you like phrases (value: how a caption would say it) "
            "and a question. With vqa and vision_model a name alone will do: they say which values there are. "
            "Default: what the source proposes.",
            max_length=MOST_WANTED,
        ),
    ] = None,
    limit: Annotated[int, Field(description="Most attributes to take at a time.", ge=1, le=60)] = 20,
    split: Annotated[
        Split, Field(description="On which images to look at them: data, train, pool or deploy.")
    ] = "data",
) -> Evidence:
    """Propose attributes in human words (weather, a television, blur), say for every image which value it shows, and show
    how often each value occurs, how often the source abstained, and images that stand for each value.

    The attributes can then be used like metadata in find_slices, disaggregate and every filter. Nothing here says how
    often the values are right: attribute_check does.

    Raises:
        RetryError: the source lacks what it needs, or nothing sound and new was proposed.
    """
    given = {name: value for name, value in locals().items() if name != "view"}
    split = check_split(view, split)
    here = view.source(source)
    said: list[str] = getattr(here, "notes", [])  # what a source that asks a model left out, and why
    said.clear()
    if attributes is not None and source == "clusters":
        raise RetryError(
            "Groups of look-alikes name themselves: leave out attributes, or use source zero_shot."
        )
    proposed = (
        here.propose(view, split, limit)
        if attributes is None
        else asked_for(view, here, split, attributes, limit)
    )
    table = view.attributes(split)
    metadata = [name for s in view.splits() for name in view.table(s).columns]
    sifted = sift(proposed, view.classes, [*table.columns, *metadata], view.definitions(), limit)
    if not sifted.kept:
        reasons = " ".join([*said[:6], *sifted.notes]) or "The source proposed nothing."
        raise RetryError(f"No attribute was added. {reasons}")
    rows = np.asarray(table.rows, np.int64)
    assigned = assign_all(view, split, rows, sifted.kept, {source: here})
    why = "proposed by the source" if attributes is None else "proposed in conversation"
    for definition in sifted.kept:
        view.define(definition, action="proposed", why=why)
    figures, images = report.pictures(view, split, rows, sifted.kept, assigned)
    return Evidence(
        tool="propose_attributes",
        title="Attributes in words and who has them",
        summary=_summary(split, sifted.kept, assigned),
        arguments=jsonable(given),
        facts=tuple(report.facts(split, sifted.kept, assigned)),
        tables=(report.table(sifted.kept, assigned),),
        figures=figures,
        images=images,
        questions=QUESTIONS,
        notes=(*_notes(view, split, source, sifted.kept, assigned), *said, *sifted.notes),
        next_steps=_next_steps(sifted.kept),
    )


def _summary(split: Split, kept: tuple[Definition, ...], assigned: dict[str, Assigned]) -> str:
    n = len(assigned[kept[0].key].codes)
    many = "1 attribute was" if len(kept) == 1 else f"{len(kept)} attributes were"
    text = f"{many} added: {named(kept)}. They were assigned to {n:,} {called(split)}."
    gaps = {d.name: float((assigned[d.key].codes < 0).mean()) for d in kept} if n else {}
    worst = max(gaps, key=lambda name: gaps[name], default=None)
    if worst is not None and gaps[worst] > 0:
        ci = interval(wilson(round(gaps[worst] * n), n))
        text += f" No value was given most often for {clean(worst, 60)}: {number(gaps[worst])} {ci} of the images."
    if all(d.source == "clusters" for d in kept):
        return text + " A group says which images look alike, not why: look at its images and name it."
    return text + " How often the values are right is not known yet."


def _notes(
    view: CaseView, split: Split, source: str, kept: tuple[Definition, ...], assigned: dict[str, Assigned]
) -> list[str]:
    notes = left_out_notes(split, view.table(split).left_out)
    constant = [d for d in kept if len(set(assigned[d.key].codes.tolist()) - {-1}) < 2]
    if constant:
        notes.append(f"The same in all these images, so no slice can be made of it: {named(constant)}.")
    if source == "clusters":
        notes.append(OWN)
    return notes


def _next_steps(kept: tuple[Definition, ...]) -> tuple[str, ...]:
    name = clean(kept[0].name, 60)
    return (
        f"Name the groups by what their images show: edit_attributes, rename_value of {name}."
        if kept[0].source == "clusters"
        else f"Look at a handful to see how often it is right: attribute_check for {name}.",
        "See whether the model fails more where some value holds (find_slices).",
        "Rename, merge or drop what is not worth its place (edit_attributes).",
    )
