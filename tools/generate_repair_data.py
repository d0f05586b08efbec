"""generate_repair_data: pictures that a confirmed bug lacks, composed, rendered or painted, ready for retraining."""

from __future__ import annotations

from typing import Annotated, Any, Literal, cast

from pydantic import Field

from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence
from failsight.tools.experiments.fills import make_fill
from failsight.tools.experiments.population import check_split
from failsight.tools.inputs.base import Split
from failsight.tools.registry import tool
from failsight.tools.repair.compose import Composer, open_composer, showing
from failsight.tools.repair.generators import Rendering, generator_for, need_generator
from failsight.tools.repair.making import Maker, make_all
from failsight.tools.repair.making_report import Making, evidence
from failsight.tools.repair.painting import Painting
from failsight.tools.repair.pipelines import Task, open_painter
from failsight.tools.repair.places import cue_places
from failsight.tools.repair.prompts import Phrases
from failsight.tools.repair.wishes import CUES, Brief, make_brief
from failsight.tools.repair.workshop import open_workshop
from failsight.tools.text import counted
from failsight.tools.view import CaseView

Method = Literal["auto", "compose", "text_to_image", "image_to_image", "inpaint", "renderer"]


@tool(cost="heavy", writes=True, answers=("iterations.1", "input.9"), stateful=True, reads_attributes=True)
def generate_repair_data(
    view: CaseView,
    finding: Annotated[
        str | None, Field(description="Id of the finding to repair, for example F3: says what is lacking.")
    ] = None,
    method: Annotated[
        Method,
        Field(
            description="compose: cut the cue out and paste it into other classes, fill it in its own; text_to_image, "
            "image_to_image, inpaint: a diffusers pipeline; renderer: where an installed generator knows this world. "
            "auto: what the finding and the case allow."
        ),
    ] = "auto",
    count: Annotated[int, Field(description="How many pictures to keep.", ge=1, le=20_000)] = 100,
    classes: Annotated[
        tuple[str, ...],
        Field(description="Only pictures of these classes. Default: those the finding lacks.", max_length=50),
    ] = (),
    attributes: Annotated[
        tuple[str, ...] | str,
        Field(
            description="Values they must have: conditions like television=yes. Default: the finding's slice."
        ),
    ] = (),
    cue: Annotated[
        str | None,
        Field(
            description="Where the cue lies, for compose and inpaint: box:NAME, rect:x0,y0,x1,y1 or any region. Default: the "
            "boxes of the object that the attribute is called after."
        ),
    ] = None,
    fill: Annotated[
        str,
        Field(
            description="compose: what takes the cue's place: inpaint, mean, blur, noise or diffusion:FOLDER."
        ),
    ] = "inpaint",
    pipeline: Annotated[
        str | None,
        Field(
            description="A diffusers pipeline: a folder, a hub id (owner/name), or rooms (ships, for the demo)."
        ),
    ] = None,
    words: Annotated[
        Literal["slice", "class"],
        Field(
            description="What prompts name: class and attribute values (slice), or the class alone (baseline)."
        ),
    ] = "slice",
    steps: Annotated[int, Field(description="Denoising steps of the pipeline.", ge=1, le=200)] = 25,
    guidance: Annotated[float, Field(description="How closely the prompt is followed.", ge=0, le=30)] = 7.5,
    strength: Annotated[
        float, Field(description="image_to_image, inpaint: how much is painted anew.", ge=0.05, le=1)
    ] = 0.6,
    size: Annotated[
        int, Field(description="Side of painted pictures in pixels; 0: the pipeline's own.", ge=0, le=2048)
    ] = 0,
    batch: Annotated[
        int, Field(description="Pictures painted at a time; halved where memory runs out.", ge=1, le=64)
    ] = 4,
    keep: Annotated[
        Literal["wanted", "all"],
        Field(
            description="wanted: only pictures in which the encoder finds what was wanted; all: no such filter."
        ),
    ] = "wanted",
    reject: Annotated[
        tuple[int, ...], Field(description="Numbers on the contact sheet to put aside.", max_length=1000)
    ] = (),
    split: Annotated[
        Split | None,
        Field(description="Whose pictures are used. Default: train, where there is one, else data."),
    ] = None,
    name: Annotated[
        str | None,
        Field(
            description="Folder under CASE/repair. Default: G1, G2 …",
            max_length=40,
            pattern=r"^[A-Za-z0-9_-]+$",
        ),
    ] = None,
) -> Evidence:
    """Make labelled pictures that a bug lacks: other classes with the cue and the class without it, or more of a rare slice.

    A cue and a class are taken apart by composition (CutMix of the confirmed region, Yun et al. 2019; Dwibedi et al. 2017),
    by inpainting the cue alone, or by painting from prompts of class and attribute values (Chen et al. 2023, HiBug, section
    7.1, equation 2). Copies are left out; with an encoder only pictures in which the wanted value is found are kept, and
    more are made in their place. Pictures lie in ``CASE/repair/NAME/images``, listed in ``manifest.csv`` for ``retrain``.
    An interrupted call goes on where it was.

    Raises:
        RetryError: nothing says what to make, or the case lacks what the method needs.
    """
    chosen = _split(view, split)
    brief = make_brief(view, chosen, finding, classes, attributes)
    how = _method(view, chosen, brief, method, pipeline, cue)
    settings = {"steps": steps, "guidance": guidance, "strength": strength, "batch": batch, "side": size}
    maker, plan = _maker(view, chosen, brief, how, cue, fill, pipeline, words, settings)
    workshop = open_workshop(
        view,
        {
            **plan,
            "method": how,
            "wishes": [[w.wanted.class_name, dict(w.wanted.values), w.change, w.share] for w in brief.wishes],
            "count": count,
            "split": chosen,
            "data": view.table(chosen).fingerprint,
            "seed": view.seed,
            "finding": brief.key,
            "keep": keep,
        },
        name,
    )
    made = make_all(view, chosen, brief, maker, workshop, count, sift=keep == "wanted", reject=reject)
    notes = (*brief.notes, *_maker_notes(maker))
    return evidence(view, Making(brief, maker.name, made, workshop, chosen, count, notes))


def _split(view: CaseView, split: Split | None) -> Split:
    return check_split(view, split or ("train" if "train" in view.splits() else "data"))


def _method(
    view: CaseView, split: Split, brief: Brief, method: Method, pipeline: str | None, cue: str | None
) -> Method:
    """What ``auto`` means: for a cue whose place is known, take it apart; else a pipeline, else a renderer."""
    if method != "auto":
        return method
    region = cue_places(view, split, cue, brief.attribute, brief.value)
    own = (
        region is not None and region.name == brief.attribute
    )  # an object that is there or not, not a kind of room
    known = region is not None and bool(
        showing(view, region, brief)[0].any()
    )  # else there is nothing to cut out
    apart = known and (cue is not None or brief.kind in CUES or (own and not brief.kind))
    if pipeline is not None:
        return "inpaint" if apart and brief.attribute else "text_to_image"
    if apart:
        return "compose"
    if generator_for(view, split) is not None:
        return "renderer"
    if known and own:
        return "compose"
    raise RetryError(
        "Nothing here can make such pictures: give pipeline=FOLDER or a hub id, or cue=REGION to cut and paste."
    )


def _maker(
    view: CaseView,
    split: Split,
    brief: Brief,
    method: Method,
    cue: str | None,
    fill: str,
    pipeline: str | None,
    words: str,
    settings: dict[str, Any],
) -> tuple[Maker, dict[str, Any]]:
    """The maker, and what its pictures depend on besides brief and data."""
    if method == "renderer":
        return Rendering(view, split, brief, need_generator(view, split)), {}
    composer = _composer(view, split, brief, cue, fill) if method in ("compose", "inpaint") else None
    placed = {"cue": composer.cue.region.spec} if composer is not None else {}
    if method == "compose":
        assert composer is not None
        return composer, {**placed, "fill": composer.fill.name}
    if pipeline is None:
        raise RetryError(f"method={method} needs pipeline=FOLDER, a hub id (owner/name), or rooms.")
    painter = open_painter(pipeline, cast("Task", method), **settings)
    painting = Painting(
        view, split, brief, painter, words, _phrases(view), composer, getattr(view, "polish_prompts", None)
    )
    kept = {k: v for k, v in settings.items() if k != "batch"}
    return painting, {
        **placed,
        **kept,
        "pipeline": painter.fingerprint,
        "words": words,
        "prompts": painting.prompts(),
    }


def _composer(view: CaseView, split: Split, brief: Brief, cue: str | None, fill: str) -> Composer:
    found = cue_places(view, split, cue, brief.attribute, brief.value)
    if found is None:
        raise RetryError(
            "cue: nothing says where the cue lies in the pictures; give cue=box:NAME, a rectangle or another region."
        )
    if any(w.change == "make" for w in brief.wishes):
        raise RetryError(
            "attributes: composing and inpainting change one attribute; name exactly one (television=yes)."
        )
    return open_composer(view, found, brief, make_fill(fill))


def _phrases(view: CaseView) -> Phrases:
    """Words for attribute values: the case's own, and those of its encoder's folder."""
    made: dict[str, dict[str, tuple[str, ...]]] = {}
    try:
        vocabulary = tuple(view.encoder().vocabulary)
    except Exception:  # no encoder, or one that can't be opened: then names and values have to do
        vocabulary = ()
    for definition in (*vocabulary, *view.definitions()):
        for value, phrases in definition.phrases.items():
            made.setdefault(definition.name, {})[definition.shown(value) or value] = tuple(phrases)
    return made


def _maker_notes(maker: Maker) -> list[str]:
    if isinstance(maker, Painting):
        painter = maker.painter
        made = list(painter.notes)
        if painter.flagged:
            made.append(
                f"{counted(painter.flagged, 'picture was flagged', 'pictures were flagged')} by the pipeline's own filter and thrown away."
            )
        made.append(
            "The pipeline ships a filter for unsafe pictures; it was on."
            if painter.filtered
            else "The pipeline ships no filter for unsafe pictures; look at the sheet before anything else is done with them."
        )
        if maker.polish is not None:
            made.append(f"Prompts were put into better words; {maker.kept} were kept as they were.")
        return made
    if isinstance(maker, Composer):
        lacking = [
            w.wanted.name for w in maker.brief.wishes if not maker.available(w.change, w.wanted.class_name)
        ]
        return [f"There is no picture to make {n} from." for n in lacking]
    return []
