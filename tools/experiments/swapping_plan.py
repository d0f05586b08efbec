"""The plan of a swapping test: which region, of which images, is taken from which class."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from failsight.tools.errors import RetryError
from failsight.tools.evidence import Finding
from failsight.tools.experiments import arms_plan
from failsight.tools.experiments.arms import Ints
from failsight.tools.experiments.arms_plan import Plan, Words
from failsight.tools.experiments.donors import Pictures
from failsight.tools.experiments.doses import Doses, check_doses
from failsight.tools.experiments.first_checks import conditions
from failsight.tools.experiments.masking_plan import stated_finding
from failsight.tools.experiments.population import (
    Filter,
    Population,
    boxed_objects,
    check_split,
    class_index,
    shows,
)
from failsight.tools.experiments.regions import GRAMMAR, Region, boxes_told, parse_region
from failsight.tools.experiments.regions_finders import check_reachable
from failsight.tools.experiments.regions_search import Chosen, choose, part_seen, sample
from failsight.tools.experiments.swapping import POOL, Swapping
from failsight.tools.inputs.base import Split
from failsight.tools.text import clean
from failsight.tools.verdicts import Claim
from failsight.tools.view import CaseView

TOOL = "test_by_swapping"
OUTSIDE = "outside "  # how a finding names everything but a region
THINGS = ("box", "mask", "colour", "object", "text")  # kinds that name what is there, not where


@dataclass(frozen=True, slots=True)
class Asked:
    """The tool's arguments as they came."""

    region: str | None = None
    class_name: str | None = None
    keep: bool = False
    donor_class: str | None = None
    where: tuple[str, ...] | str = ()
    finding: str | None = None
    doses: tuple[float, ...] = ()
    draws: int = 4
    soft_edges: float = 0.1
    minimum_effect: float = 0.05
    alpha: float = 0.05
    max_images: int = 200
    split: str = "data"
    segmenter: str | None = None


@dataclass(frozen=True, slots=True)
class Opening:
    """What the arguments name, as far as the tables tell: nothing was looked at yet. ``asked``: with what the finding says."""

    asked: Asked
    split: Split
    doses: Doses
    stated: Finding | None
    region: Region
    own: int | None
    filters: tuple[Filter, ...]


def opening(view: CaseView, asked: Asked) -> Opening:
    """Read the arguments. Opens no image and no model.

    Raises:
        RetryError: one can't be read, does not fit the finding, or names something that does not exist.
    """
    arms_plan.check_bounds(asked.minimum_effect, asked.alpha, asked.draws, asked.soft_edges, asked.max_images)
    doses = check_doses(asked.doses)
    split = check_split(view, asked.split)
    stated = stated_finding(view, asked.finding, asked.class_name)
    if stated is not None:
        asked = _about(asked, stated)
    region = _region(view, split, asked)
    check_reachable(view, region, asked.segmenter)
    name = asked.class_name or (stated.class_name if stated else None)
    own = None if name is None else class_index(view.classes, name)
    if asked.donor_class is not None:
        class_index(view.classes, asked.donor_class)
    return Opening(asked, split, doses, stated, region, own, conditions(view, split, asked.where))


def make_plan(view: CaseView, asked: Asked) -> Plan:
    """Resolve the arguments. Opens no image but those that a filter or the search for the region needs.

    Raises:
        RetryError: see :func:`failsight.tools.test_by_swapping.test_by_swapping`.
    """
    view.model()  # says what is missing for a black box, before anything else is looked at
    begun = opening(view, asked)
    asked, split, stated, region, own = begun.asked, begun.split, begun.stated, begun.region, begun.own
    chosen = _chosen(view, split, region, own, asked, begun.filters)
    population = chosen.population
    labels = view.table(split).labels
    pools, others = _pools(view, split, asked, own, labels[population.rows])
    title = "their own class" if own is None else clean(view.classes[own], 60)
    finding, known = _finding(view, stated, region, asked.keep, own, title, population)
    claim: Claim = "ignores" if finding.kind == "missing_feature" else "uses"
    text = claim_text(region, asked.keep, title, claim)
    bench = Swapping(
        view,
        split,
        chosen.places,
        asked.keep,
        pools,
        others,
        asked.draws,
        view.seed,
        asked.soft_edges,
        Pictures(view, split),
    )
    words = _words(region, asked, title)
    controls = np.unique(labels[population.rows]).tolist()
    donors = min(sum(len(pools[c]) for c in some) for some in (others, controls))
    arguments = {k: v for k, v in dataclasses.asdict(asked).items() if v is not None}
    planned = arms_plan.instrument(
        TOOL,
        {**arguments, "region": region.spec, "seed": view.seed},
        finding,
        text,
        words.statistic,
        f"{asked.draws} times the same region of another image of the same class, same edges",
        len(population.rows),
        donors,
    )
    return Plan(
        tool=TOOL,
        arguments=arguments,
        bench=bench,
        rows=population.rows,
        watched=labels[population.rows].astype(np.int64),
        found=population.found,
        class_title=title,
        sign=-1,
        words=words,
        donors=donors,
        finding=finding,
        known=known,
        claim=claim,
        claim_text=text,
        instrument=planned,
        doses=begun.doses,
        questions=("features_global.2", "questionable_features.2", "what_if.1"),
        notes=(*chosen.notes, *part_seen(view, split, region)),
        fixed=region.fixed and not asked.keep,
    )


def what(region: Region, keep: bool) -> str:
    """What is replaced, as a sentence calls it."""
    return f"everything but {region.title}" if keep else _place(region)


def _place(region: Region) -> str:
    """Whatever lies there comes along, so a thing is named by its place."""
    return f"the place of {region.title}" if region.kind in THINGS else region.title


def claim_text(region: Region, keep: bool, title: str, claim: Claim) -> str:
    """The claim that a swapping test tests, in one short sentence."""
    about = f"what surrounds {region.title}" if keep else f"what stands in {_place(region)}"
    if claim == "ignores":
        return f"The model makes no use of {about} for {title}."
    return f"The model goes by {about} for {title}."


def _words(region: Region, asked: Asked, title: str) -> Words:
    taken = what(region, asked.keep)
    source = f"images of {clean(asked.donor_class, 60)}" if asked.donor_class else "images of other classes"
    return Words(
        title=f"Swapping test: {taken} and {title}",
        cue=f"Taking {taken} from {source}",
        control="taking it from images of the same class",
        heads=("as it is", "from another class", "from the same class"),
        done="swapped",
        statistic="mean paired fall of the class's score, other class minus same class",
        figure="swapping",
        turned=f"predictions that turn away from {title}",
    )


def _about(asked: Asked, stated: Finding) -> Asked:
    """The region that the finding is about; a swap says nothing of a single object."""
    spec = (stated.slice or {}).get("region")
    if spec is None:
        raise RetryError(
            f"finding: {clean(asked.finding, 20)} is not about a region of the picture; "
            "a swap replaces a place with all that stands there. test_by_masking and test_by_adding test an object."
        )
    keep = spec.startswith(OUTSIDE)
    return dataclasses.replace(asked, region=spec.removeprefix(OUTSIDE), keep=keep)


def _region(view: CaseView, split: Split, asked: Asked) -> Region:
    table = view.table(split)
    objects = boxed_objects(table)
    spec = asked.region
    if not spec:
        raise RetryError("region: say which region to swap.", [*GRAMMAR, *boxes_told(objects)])
    return parse_region(spec, objects, view.classes, table.columns)


def _chosen(
    view: CaseView, split: Split, region: Region, own: int | None, asked: Asked, filters: tuple[Filter, ...]
) -> Chosen:
    """Labelled images of the class (of any class without one) that show the region."""
    table = view.table(split)
    within = table.labels >= 0 if own is None else table.labels == own
    if region.kind == "box":
        within &= shows(table, region.name)
    if not within.any():
        whose = "labelled images" if own is None else f"images of {clean(view.classes[own], 60)}"
        raise RetryError(f"No image to test: no {whose} of {split} show {region.title}.")
    return choose(
        view,
        split,
        region,
        filters,
        within=within,
        most=asked.max_images,
        watched=own,
        segmenter=asked.segmenter,
    )


def _pools(
    view: CaseView, split: Split, asked: Asked, own: int | None, present: Ints
) -> tuple[dict[int, Ints], tuple[int, ...]]:
    """Per class the rows that pieces may come from; and the classes that stand for the other one."""
    labels = view.table(split).labels
    other = None if asked.donor_class is None else class_index(view.classes, asked.donor_class)
    if other is not None and other == own:
        raise RetryError("donor_class: it has to be another class than class_name.", view.classes)
    controls = set(present.tolist())
    sources = {other} if other is not None else set(np.unique(labels[labels >= 0]).tolist()) - {own}
    pools = {
        c: sample(np.flatnonzero(labels == c).astype(np.int64), POOL, view.seed)
        for c in sorted(controls | sources)
    }
    pools = {c: rows for c, rows in pools.items() if len(rows)}
    others = tuple(c for c in sorted(sources) if c in pools)
    if not others or (own is None and len(pools) < 2):
        raise RetryError("There are no images of another class to swap with.", view.classes)
    return pools, others


def _finding(
    view: CaseView,
    stated: Finding | None,
    region: Region,
    keep: bool,
    own: int | None,
    title: str,
    population: Population,
) -> tuple[Finding, bool]:
    if stated is not None:
        return stated, True
    about = {"region": f"{OUTSIDE if keep else ''}{region.spec}"}
    made = Finding(
        kind="spurious_correlation",
        failure="features",
        bug="data_content",
        statement=claim_text(region, keep, title, "uses"),
        slice={**population.slice(), **about},
        class_name=None if own is None else view.classes[own],
    )
    return arms_plan.known_finding(view, made)
