"""The plan of an adding test: which cue, cut from where, pasted into which images, for which class."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from failsight.tools.errors import RetryError
from failsight.tools.evidence import Finding
from failsight.tools.experiments import arms_plan
from failsight.tools.experiments.adding import Adding
from failsight.tools.experiments.arms_plan import Plan, Words
from failsight.tools.experiments.donors import Pictures
from failsight.tools.experiments.doses import Doses, check_doses
from failsight.tools.experiments.first_checks import conditions
from failsight.tools.experiments.masking_plan import claim_text, class_title, stated_finding
from failsight.tools.experiments.population import (
    Filter,
    Population,
    boxed_objects,
    check_split,
    class_index,
    resolve,
)
from failsight.tools.experiments.regions import GRAMMAR, Region, boxes_told, parse_region
from failsight.tools.experiments.regions_finders import check_reachable
from failsight.tools.experiments.regions_search import (
    Givers,
    check_donors,
    givers,
    lacking,
    lacks,
    part_seen,
    sample,
    searched,
)
from failsight.tools.inputs.base import Split
from failsight.tools.text import clean
from failsight.tools.verdicts import Claim
from failsight.tools.view import CaseView

TOOL = "test_by_adding"
MOST_DONORS = 64
UNCUT = ("border", "corners")  # they lie along the edges of the picture, whichever picture it is


@dataclass(frozen=True, slots=True)
class Asked:
    """The tool's arguments as they came."""

    cue: str | None = None
    class_name: str | None = None
    where: tuple[str, ...] | str = ()
    donors: tuple[str, ...] | str = ()
    finding: str | None = None
    doses: tuple[float, ...] = (0.25, 0.5, 0.75)
    draws: int = 4
    soft_edges: float = 0.1
    minimum_effect: float = 0.05
    alpha: float = 0.05
    max_images: int = 200
    split: str = "data"
    segmenter: str | None = None


@dataclass(frozen=True, slots=True)
class Opening:
    """What the arguments name, as far as the tables tell: nothing was looked at yet."""

    split: Split
    doses: Doses
    stated: Finding | None
    region: Region
    own: int | None
    filters: tuple[Filter, ...]
    donors: tuple[Filter, ...]


def opening(view: CaseView, asked: Asked) -> Opening:
    """Read the arguments. Opens no image and no model.

    Raises:
        RetryError: one can't be read, does not fit the finding, or names something that does not exist.
    """
    arms_plan.check_bounds(asked.minimum_effect, asked.alpha, asked.draws, asked.soft_edges, asked.max_images)
    doses = check_doses(asked.doses)
    split = check_split(view, asked.split)
    stated = stated_finding(view, asked.finding, asked.class_name, asked.cue, "cue")
    region = _cue(view, split, asked, stated)
    check_reachable(view, region, asked.segmenter)
    name = asked.class_name or (stated.class_name if stated else None)
    own = class_index(view.classes, name) if name else None
    filters = conditions(view, split, asked.where)
    donors = conditions(view, split, asked.donors, "donors")
    check_donors(region, donors)
    return Opening(split, doses, stated, region, own, filters, donors)


def make_plan(view: CaseView, asked: Asked) -> Plan:
    """Resolve the arguments. Opens no image but those that a filter, the default class or the search for the cue needs.

    Raises:
        RetryError: see :func:`failsight.tools.test_by_adding.test_by_adding`.
    """
    view.model()  # says what is missing for a black box, before anything else is looked at
    begun = opening(view, asked)
    split, stated, region, own = begun.split, begun.stated, begun.region, begun.own
    cut = givers(view, split, region, begun.donors, watched=own, segmenter=asked.segmenter)
    donors = sample(cut.rows, MOST_DONORS, view.seed)
    watched = own if own is not None else _watched(view, split, cut)
    population = _recipients(view, begun, watched, asked.max_images, cut)
    cut.places.plan(donors)
    finding, known = _finding(view, stated, region, watched, population)
    claim: Claim = "ignores" if finding.kind == "missing_feature" else "uses"
    title = class_title(view, watched)
    text = claim_text(finding.kind, region, title)
    bench = Adding(
        view, split, cut.places, donors, asked.draws, view.seed, asked.soft_edges, Pictures(view, split)
    )
    words = _words(region, title)
    arguments = {k: v for k, v in dataclasses.asdict(asked).items() if v is not None}
    planned = arms_plan.instrument(
        TOOL,
        {**arguments, "cue": region.spec, "class_name": view.classes[watched], "seed": view.seed},
        finding,
        text,
        words.statistic,
        f"{asked.draws} times a piece of the same shape from elsewhere in the same donor, at the same place, same edges",
        len(population.rows),
        len(donors),
    )
    return Plan(
        tool=TOOL,
        arguments=arguments,
        bench=bench,
        rows=population.rows,
        watched=np.full(len(population.rows), watched, np.int64),
        found=population.found,
        class_title=title,
        sign=1,
        words=words,
        donors=len(donors),
        finding=finding,
        known=known,
        claim=claim,
        claim_text=text,
        instrument=planned,
        doses=begun.doses,
        questions=("what_if.2", "features_global.2", "questionable_features.2"),
        notes=(*cut.notes, *part_seen(view, split, region)),
        fixed=region.fixed,
    )


def _words(region: Region, title: str) -> Words:
    return Words(
        title=f"Adding test: {region.title} and {title}",
        cue=f"Adding {region.title}",
        control="adding as much of the same images from elsewhere",
        heads=("as it is", "cue added", "control added"),
        done="added",
        statistic="mean paired rise of the class's score, cue minus control",
        figure="adding",
        turned=f"predictions that turn to {title}",
    )


def _cue(view: CaseView, split: Split, asked: Asked, stated: Finding | None) -> Region:
    table = view.table(split)
    objects = boxed_objects(table)
    spec = asked.cue or arms_plan.suspected(stated, objects)
    told = [line for line in GRAMMAR if not line.startswith((*UNCUT, "box"))] + boxes_told(objects)
    if not spec:
        raise RetryError("cue: say what to add.", told)
    if spec.partition(":")[0].strip().casefold() in UNCUT:
        raise RetryError(f"cue: {clean(spec, 60)!r} can't be cut out and pasted.", told)
    return parse_region(spec, objects, view.classes, table.columns)


def _watched(view: CaseView, split: Split, cut: Givers) -> int:
    """The class that images with the cue are predicted as more often than images without it."""
    p = view.predictions(split)
    inside = np.isin(p.rows, cut.rows)
    outside = np.isin(p.rows, cut.seen) & ~inside & ~np.isin(p.rows, cut.spare)
    if not inside.any() or not outside.any():
        raise RetryError("class_name: say whose score is watched.", view.classes)
    k = len(view.classes)
    there = np.bincount(p.predicted[inside], minlength=k) / inside.sum()
    elsewhere = np.bincount(p.predicted[outside], minlength=k) / outside.sum()
    return int((there - elsewhere).argmax())


def _recipients(view: CaseView, begun: Opening, watched: int, most: int, cut: Givers) -> Population:
    """Images without the cue, of other classes than the watched one unless ``where`` says which."""
    split, region, filters = begun.split, begun.region, begun.filters
    table = view.table(split)
    within = np.ones(len(table), bool) if region.everywhere or searched(region) else lacks(cut.places)
    within[cut.rows] = within[cut.spare] = False
    if not arms_plan.chosen_classes(filters):
        within &= table.labels != watched
    nowhere = f"No image to add {region.title} to: every image of {split} shows it or is of the class itself."
    if not within.any():
        raise RetryError(nowhere)
    found = resolve(view, split, filters, within=within, most=len(table), seed=view.seed)
    rows = lacking(cut.places, found.rows, most, view.seed)
    if not len(rows):
        raise RetryError(nowhere)
    return Population(split, rows, found.found, found.filters)


def _finding(
    view: CaseView, stated: Finding | None, region: Region, watched: int, population: Population
) -> tuple[Finding, bool]:
    """The hypothesis under test and whether the case knew it: the finding named, or the one of equal key, or a new one."""
    if stated is not None:
        return stated, True
    about = {region.name: "yes"} if region.kind == "box" else {"region": region.spec}
    made = Finding(
        kind="spurious_correlation",
        failure="features",
        bug="data_content",
        statement=claim_text("spurious_correlation", region, class_title(view, watched)),
        slice={**population.slice(), **about},
        class_name=view.classes[watched],
    )
    return arms_plan.known_finding(view, made)
