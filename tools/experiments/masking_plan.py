"""The plan of a masking test: everything that is fixed before the first image is edited, and its execution."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal

import numpy as np

from failsight.tools.errors import RetryError
from failsight.tools.evidence import Finding, Instrument, Kind
from failsight.tools.experiments.controls import check_room
from failsight.tools.experiments.doses import Doses, Response, check_doses
from failsight.tools.experiments.fills import Fill, make_fill
from failsight.tools.experiments.first_checks import conditions
from failsight.tools.experiments.masking import Bench, Measurements, measure, respond
from failsight.tools.experiments.paired import ASSUMED_SD
from failsight.tools.experiments.population import (
    Filter,
    Population,
    boxed_objects,
    check_split,
    class_index,
)
from failsight.tools.experiments.regions import GRAMMAR, Region, boxes_told, parse_region
from failsight.tools.experiments.regions_finders import check_reachable
from failsight.tools.experiments.regions_places import Places
from failsight.tools.experiments.regions_search import choose, part_seen
from failsight.tools.inputs.base import BadImage, Split
from failsight.tools.stats.power import smallest_paired_effect
from failsight.tools.text import clean
from failsight.tools.verdicts import Claim
from failsight.tools.view import CaseView

TOOL = "test_by_masking"
PREDICTED = "predicted"
SECOND_MOST, SECOND_DRAWS = 100, 2  # the sensitivity check: so many images, so few controls
COLOUR_SAMPLE = 64
YES = ("yes", "true", "1")
Hypothesis = Literal["spurious_correlation", "overemphasised_feature", "missing_feature"]


@dataclass(frozen=True, slots=True)
class Asked:
    """The tool's arguments as they came."""

    region: str | None = None
    class_name: str | None = None
    where: tuple[str, ...] | str = ()
    finding: str | None = None
    hypothesis: Hypothesis | None = None
    fill: str = "mean"
    second_fill: str | None = "blur"
    draws: int = 8
    minimum_effect: float = 0.05
    alpha: float = 0.05
    max_images: int = 300
    split: str = "data"
    doses: tuple[float, ...] = ()
    segmenter: str | None = None

    def given(self) -> dict[str, object]:
        """The arguments as a plan and its evidence name them; what was left out is left out."""
        made = {k: v for k, v in dataclasses.asdict(self).items() if v is not None}
        return made if self.doses else {k: v for k, v in made.items() if k != "doses"}


@dataclass(frozen=True)
class Plan:
    """Everything that is fixed before the first image is edited.

    Attributes:
        watched: index of the class whose score is watched; None: whichever class is predicted on the clean image.
        class_title: what a sentence calls it.
        claim_text: what is claimed, in one short sentence; a finding's own statement may tell of more.
        finding: the hypothesis, without this test's result.
        known: whether the case had this finding before.
        notes: of how the region and the images that show it were found.
    """

    asked: Asked
    region: Region
    watched: int | None
    class_title: str
    claim_text: str
    population: Population
    bench: Bench
    second: Bench | None
    finding: Finding
    known: bool
    claim: Claim
    instrument: Instrument
    doses: Doses = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What was measured: the test, the smaller one with the second fill, and the doses (None when not asked for)."""

    first: Measurements
    second: Measurements | None
    response: Response | None = None


@dataclass(frozen=True, slots=True)
class Opening:
    """What the arguments name, as far as the tables tell: nothing was looked at yet."""

    split: Split
    doses: Doses
    stated: Finding | None
    region: Region
    watched: int | None
    filters: tuple[Filter, ...]


def opening(view: CaseView, asked: Asked) -> Opening:
    """Read the arguments. Opens no image and no model.

    Raises:
        RetryError: one can't be read, does not fit the finding, or names something that does not exist.
    """
    doses = check_doses(asked.doses)
    split = check_split(view, asked.split)
    stated = stated_finding(view, asked.finding, asked.class_name, asked.region)
    table = view.table(split)
    objects = boxed_objects(table)
    region = parse_region(_region_text(asked, stated, objects), objects, view.classes, table.columns)
    check_reachable(view, region, asked.segmenter)
    watched = _watched(view, asked, stated)
    return Opening(split, doses, stated, region, watched, conditions(view, split, asked.where))


def make_plan(view: CaseView, asked: Asked) -> Plan:
    """Resolve the arguments. Opens no image but those that a filter, the data set's mean colour or the search for the region needs.

    Raises:
        RetryError: see :func:`failsight.tools.test_by_masking.test_by_masking`.
    """
    view.model()  # says what is missing for a black box, before anything else is looked at
    begun = opening(view, asked)
    split, stated, region, watched = begun.split, begun.stated, begun.region, begun.watched
    check_room(region, *view.model().preprocessing.size)
    chosen = choose(
        view,
        split,
        region,
        begun.filters,
        most=asked.max_images,
        watched=watched,
        segmenter=asked.segmenter,
    )
    population = chosen.population
    finding, known = _finding(view, asked, stated, region, watched, population)
    claim: Claim = "ignores" if finding.kind == "missing_feature" else "uses"
    bench = _bench(view, chosen.places, asked.fill, asked.draws)
    wants_second = asked.second_fill and asked.second_fill != asked.fill
    second = _bench(view, chosen.places, str(asked.second_fill), SECOND_DRAWS) if wants_second else None
    title = class_title(view, watched)
    text = claim_text(finding.kind, region, title)
    instrument = _instrument(asked, finding, region, population, text, view.seed)
    return Plan(
        asked,
        region,
        watched,
        title,
        text,
        population,
        bench,
        second,
        finding,
        known,
        claim,
        instrument,
        begun.doses,
        (*chosen.notes, *part_seen(view, split, region)),
    )


def run(plan: Plan) -> Outcome:
    """All passes of the test, then those of smaller doses and of the second fill on a part of its images."""
    label = f"masking {plan.region.title}"
    first = measure(plan.bench, plan.population.rows, plan.watched, label)
    response = respond(plan.bench, first, plan.watched, plan.doses, label)
    if plan.second is None or not len(first):
        return Outcome(first, None, response)
    rows = first.rows
    if len(rows) > SECOND_MOST:
        rng = np.random.default_rng([plan.bench.seed, len(rows)])
        rows = np.sort(rng.choice(rows, SECOND_MOST, replace=False))
    second = measure(plan.second, rows, plan.watched, f"{label}, {plan.second.fill.name}")
    return Outcome(first, second, response)


def stated_finding(
    view: CaseView,
    finding_id: str | None,
    class_name: str | None = None,
    cue: str | None = None,
    argument: str = "region",
) -> Finding | None:
    """The case's finding of that id, None for none. ``argument``: what the tool calls its cue.

    Raises:
        RetryError: there is none, with those that exist; or ``class_name`` or ``cue`` (as they are asked for) is not what it is about:
            its verdict would be that of something else.
    """
    if finding_id is None:
        return None
    known = dict(view.findings())
    wanted = finding_id.strip().upper()
    if wanted not in known:
        listed = [f"{i} ({clean(f.statement, 60)})" for i, f in known.items()]
        raise RetryError(f"finding: there is no finding {clean(finding_id, 20)!r}.", listed)
    stated = known[wanted]
    for name, given, own in (
        ("class_name", class_name, stated.class_name),
        (argument, cue, _own_cue(stated, cue)),
    ):
        if given and own and given.strip() not in (own, PREDICTED):
            raise RetryError(
                f"{name}: {wanted} is about {clean(own, 60)}. Leave {name} out to test it, or finding to test something else."
            )
    return stated


def _own_cue(stated: Finding, cue: str | None) -> str | None:
    """What the finding is about, in the form in which ``cue`` is given: its region, or its object where a box is asked for."""
    about = dict(stated.slice or {})
    if "region" in about:
        return about["region"]
    things = [k for k, v in about.items() if v.casefold() in YES]
    asked = (cue or "").partition(":")
    return f"box:{things[0]}" if asked[0].strip() == "box" and len(things) == 1 == len(about) else None


def _region_text(asked: Asked, stated: Finding | None, objects: dict[str, int]) -> str:
    """The region asked for, else the boxed object that the finding is about."""
    if asked.region:
        return asked.region
    slice_ = (stated.slice or {}) if stated else {}
    if "region" in slice_:
        return slice_["region"]
    about = [k for k, v in slice_.items() if v.lower() in YES and k in objects]
    if len(about) == 1:
        return f"box:{about[0]}"
    raise RetryError("region: say which region to mask.", [*GRAMMAR, *boxes_told(objects)])


def _watched(view: CaseView, asked: Asked, stated: Finding | None) -> int | None:
    name = asked.class_name or (stated.class_name if stated else None) or PREDICTED
    return None if name == PREDICTED and PREDICTED not in view.classes else class_index(view.classes, name)


def _finding(
    view: CaseView,
    asked: Asked,
    stated: Finding | None,
    region: Region,
    watched: int | None,
    population: Population,
) -> tuple[Finding, bool]:
    """The hypothesis under test and whether the case knew it: the finding named, or the one of equal key, or a new one."""
    if stated is not None:
        if asked.hypothesis not in (None, stated.kind):
            raise RetryError(
                f"hypothesis: {asked.finding} is a {stated.kind}; leave hypothesis out to test it."
            )
        return stated, True
    kind: Hypothesis = asked.hypothesis or "spurious_correlation"
    about = {region.name: "yes"} if region.kind == "box" else {"region": region.spec}
    name = None if watched is None else view.classes[watched]
    made = Finding(
        kind=kind,
        failure="features",
        bug="data_content",
        statement=claim_text(kind, region, class_title(view, watched)),
        slice={**population.slice(), **about},
        class_name=name,
    )
    for _, known in view.findings():
        if known.key == made.key:
            return known, True
    return made, False


def class_title(view: CaseView, watched: int | None) -> str:
    """What a sentence calls the watched class."""
    return "the predicted class" if watched is None else clean(view.classes[watched], 60)


def claim_text(kind: Kind, region: Region, title: str) -> str:
    """The claim that a masking test tests, in one short sentence."""
    what = region.title
    if kind == "missing_feature":
        return f"The model makes no use of {what} for {title}."
    if kind == "overemphasised_feature":
        return f"The model leans too much on {what} for {title}."
    return f"The model takes {what} for a sign of {title}."


def _bench(view: CaseView, places: Places, fill: str, draws: int) -> Bench:
    return Bench(view, places.split, places.region, _fill(view, places.split, fill), draws, view.seed, places)


def _fill(view: CaseView, split: Split, spec: str) -> Fill:
    return make_fill(spec, _mean_colour(view, split) if spec.strip() == "dataset_mean" else None)


def _mean_colour(view: CaseView, split: Split) -> tuple[float, float, float] | None:
    """Mean colour of a seeded sample of prepared images, 0 to 255."""
    table = view.table(split)
    rows = np.random.default_rng([view.seed, 7]).permutation(len(table))[:COLOUR_SAMPLE]
    colours = []
    for row in rows.tolist():
        try:
            colours.append(view.model().prepare(table.open(row)).reshape(-1, 3).mean(0))
        except BadImage:
            continue
    if not colours:
        return None
    r, g, b = np.mean(colours, axis=0).tolist()
    return float(r), float(g), float(b)


def _instrument(
    asked: Asked, finding: Finding, region: Region, population: Population, claim_text: str, seed: int
) -> Instrument:
    n = len(population.rows)
    return Instrument(
        finding=finding.key,
        tool=TOOL,
        arguments={**asked.given(), "region": region.spec, "seed": seed},
        statement=claim_text,
        statistic="mean paired fall of the class's score, cue minus control; one-sided sign-flip permutation test",
        control=f"{asked.draws} regions of the cue's shape and area elsewhere in the same image, same fill ({asked.fill})",
        minimum_effect=asked.minimum_effect,
        alpha=asked.alpha,
        n_planned=n,
        smallest_detectable_effect=smallest_paired_effect(ASSUMED_SD, n, asked.alpha, two_sided=False),
    )
