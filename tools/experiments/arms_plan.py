"""What the plans of adding and swapping have in common: all that is fixed before the first image is touched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from failsight.tools.errors import RetryError
from failsight.tools.evidence import Finding, Instrument
from failsight.tools.experiments.arms import Arms, Bench, Ints, Sign, measure, respond
from failsight.tools.experiments.doses import Doses, Response
from failsight.tools.experiments.paired import ASSUMED_SD
from failsight.tools.experiments.population import TRUE_NAMES, Filter
from failsight.tools.inputs.base import Split
from failsight.tools.stats.power import smallest_paired_effect
from failsight.tools.verdicts import Claim
from failsight.tools.view import CaseView

YES = ("yes", "true", "1")


@dataclass(frozen=True, slots=True)
class Words:
    """How one experiment is told.

    Attributes:
        title: of the evidence.
        cue, control: what is done, as the subject of a sentence: ``Adding the television``.
        heads: over the columns of the examples: as it is, changed, its control.
        done: one word for the examples' captions and the dose table: ``added``.
        statistic: of the test result.
        figure: name of the saved figure.
        turned: which predictions the flip rates count.
    """

    title: str
    cue: str
    control: str
    heads: tuple[str, str, str]
    done: str
    statistic: str
    figure: str
    turned: str


@dataclass(frozen=True)
class Plan:
    """Everything that is fixed before the first image is changed.

    Attributes:
        arguments: the tool's arguments as they came.
        rows, watched: the pictures, and the index of the class whose score is watched in each. (n,)
        found: how many pictures there were before sampling.
        sign: 1: the claim is a rise of the score, −1: a fall.
        donors: how many images pieces may be cut from.
        known: whether the case had this finding before.
        doses: shares of the cue, ascending; empty for none.
        notes: of how the region and the images that show it were found.
        fixed: whether the cue is a place that is the same in all images, whatever they show there.
    """

    tool: str
    arguments: Mapping[str, Any]
    bench: Bench
    rows: Ints
    watched: Ints
    found: int
    class_title: str
    sign: Sign
    words: Words
    donors: int
    finding: Finding
    known: bool
    claim: Claim
    claim_text: str
    instrument: Instrument
    doses: Doses
    questions: tuple[str, ...]
    notes: tuple[str, ...] = ()
    fixed: bool = False

    @property
    def split(self) -> Split:
        return self.bench.split


@dataclass(frozen=True)
class Outcome:
    """What was measured: the test, and the smaller doses (None without)."""

    arms: Arms
    response: Response | None


def run(plan: Plan) -> Outcome:
    """All passes of the test, then those of the smaller doses on a part of its pictures."""
    label = plan.words.cue[:1].lower() + plan.words.cue[1:]
    arms = measure(plan.bench, plan.rows, plan.watched, label)
    return Outcome(arms, respond(plan.bench, arms, plan.sign, plan.doses, plan.bench.view.seed, label))


def instrument(
    tool: str,
    arguments: Mapping[str, Any],
    finding: Finding,
    statement: str,
    statistic: str,
    control: str,
    n: int,
    donors: int,
) -> Instrument:
    """The plan to be journalled. The effect said to be detectable is that of the scarcer units, pictures or donors."""
    alpha = float(arguments["alpha"])
    return Instrument(
        finding=finding.key,
        tool=tool,
        arguments=arguments,
        statement=statement,
        statistic=f"{statistic}; one-sided sign-flip permutation tests over images and over donors, the larger p counts",
        control=control,
        minimum_effect=float(arguments["minimum_effect"]),
        alpha=alpha,
        n_planned=n,
        smallest_detectable_effect=smallest_paired_effect(ASSUMED_SD, min(n, donors), alpha, two_sided=False),
    )


def known_finding(view: CaseView, made: Finding) -> tuple[Finding, bool]:
    """The case's finding of the same key, or the new one; and whether the case had it."""
    for _, known in view.findings():
        if known.key == made.key:
            return known, True
    return made, False


def suspected(stated: Finding | None, objects: Mapping[str, int]) -> str | None:
    """The region that a finding is about: the one it names, or the one boxed object in its slice."""
    slice_ = (stated.slice or {}) if stated else {}
    if "region" in slice_:
        return slice_["region"]
    about = [k for k, v in slice_.items() if v.lower() in YES and k in objects]
    return f"box:{about[0]}" if len(about) == 1 else None


def chosen_classes(filters: Sequence[Filter]) -> bool:
    """Whether the conditions say themselves which true classes take part."""
    return any(f.name in TRUE_NAMES for f in filters)


def check_bounds(minimum_effect: float, alpha: float, draws: int, soft_edges: float, max_images: int) -> None:
    """What the schema bounds, for callers that come without it.

    Raises:
        RetryError: an argument lies outside its bounds.
    """
    for name, value, fine in (
        ("minimum_effect", minimum_effect, 0 < minimum_effect <= 1),
        ("alpha", alpha, 0 < alpha <= 0.2),
        ("draws", draws, 1 <= draws <= 32),
        ("soft_edges", soft_edges, 0 <= soft_edges <= 0.5),
        ("max_images", max_images, max_images >= 1),
    ):
        if not fine:
            raise RetryError(f"{name}: {value!r} is out of bounds.")
