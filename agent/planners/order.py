"""The order of play: which check tells most for the time it takes.

For every check the planner knows which kinds of bugs it can decide about (``ToolSpec.decides``) and about what it costs
on this case. What the check may tell is the entropy of what is believed about these kinds, in bits; the beliefs start
from ``knowledge_base/order.yaml`` and move with the first measurements. The next check is the one with the most bits a
second. Beliefs choose what is measured next; they never enter a verdict.

The order must be the same whenever the same case is run, or a run that was interrupted would end elsewhere than one that
was not. So it goes by a rule for the cost (declared passes, number and size of the images); what a check is *said* to
take goes by what the first pass over this very case did take.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, TypeGuard, cast

from failsight.tools.confidence_profile import MINIMUM_GAP
from failsight.tools.guessing import FACT as GUESSING
from failsight.tools.notes import of_split
from failsight.tools.registry import ToolSpec, registry
from failsight.tools.sureness import GAP, WITHOUT_ONE

if TYPE_CHECKING:
    from failsight.agent.case import Case
    from failsight.agent.state import CaseState
    from failsight.tools.evidence import Evidence
    from failsight.tools.inputs.base import Split
    from failsight.tools.view import CaseView

POWER = 0.8  # how much of the doubt about a kind a check is taken to remove
PER_QUESTION = 0.1  # bits for each question of the bank that would be answered for the first time
START = {"instant": 0.3, "pass": 1.0, "heavy": 2.0}  # seconds that a call costs besides passes of the model
WIDTH = 64  # features of a model, by the rule
PER_IMAGE = 0.0005  # seconds of a small model for an image, by the rule …
PER_PIXEL = 4e-7  # … and for each pixel that it sees
BELOW = 0.75  # of the accuracy of guessing: what lies surely below this is no chance
LIMITS = ("max_images", "images", "sample")  # arguments that say how many images at most,
REPEATS = ("draws",)  # how often for each,
SERIES = ("severities",)  # and with which settings
CACHED = 0.05  # of the rule: a pass that is faster was read back, not made


@dataclass(frozen=True, slots=True)
class Promise:
    """What a check promises on this case.

    Attributes:
        bits: expected information about kinds of bugs and unanswered questions.
        cost: seconds by the rule, which orders the checks.
        seconds: seconds by what this case was measured to take, which people are told.
        kinds: the kinds that are still open and that it decides about, most doubtful first.
    """

    tool: str
    bits: float
    cost: float
    seconds: float
    kinds: tuple[str, ...]

    @property
    def rate(self) -> float:
        """Bits a second."""
        return self.bits / self.cost


def ranked(case: Case, names: Sequence[str]) -> list[Promise]:
    """The tools ``names``, most informative for their cost first; equal ones stay in the order given.

    A check that presumes another one among them is left out until that one is done, or has nothing to decide any more.
    """
    state = case.state()
    believed = beliefs(state)
    presumes = dict(_data()["after"])
    for name in signs(state):
        presumes |= _data()["signs"][name].get("first", {})
    promises = {n: promise(case, state, registry()[n], believed) for n in names if n in registry()}
    awaited = {n for n, p in promises.items() if p.bits > 0 or not registry()[n].decides}
    ready = [p for n, p in promises.items() if not set(presumes.get(n, ())) & awaited]
    return sorted(ready, key=lambda p: -p.rate)


def brought(state: CaseState) -> tuple[str, ...]:
    """Checks that the signs so far bring forward, to where cheap causes are ruled out."""
    return tuple(dict.fromkeys(t for name in signs(state) for t in _data()["signs"][name].get("brings", ())))


def promise(case: Case, state: CaseState, spec: ToolSpec, believed: dict[str, float]) -> Promise:
    """What one tool promises."""
    open_kinds = [k for k in spec.decides if k in believed and _decidable(case, k)]
    bits = POWER * sum(entropy(believed[k]) for k in open_kinds)
    bits += PER_QUESTION * sum(q not in state.answered for q in spec.answers)
    kinds = tuple(sorted((k for k in open_kinds if believed[k] > 0), key=lambda k: -entropy(believed[k])))
    return Promise(
        spec.name, bits, _cost(case, spec, per_image(case)), expected_seconds(case, state, spec, {}), kinds
    )


def expected_seconds(case: Case, state: CaseState, spec: ToolSpec, arguments: Mapping[str, Any]) -> float:
    """Seconds of a call with these arguments, at the pace that this case was measured to have."""
    each = measured(case, state) or per_image(case)
    return START[spec.cost] + each * work(case, spec, arguments) + _fitting(case, spec)


def work(case: Case, spec: ToolSpec, arguments: Mapping[str, Any]) -> float:
    """How often the model answers an image in a call with these arguments: a limit of images, draws and lists of settings count."""
    evaluation: Split = "data"
    split = next((s for s in case.splits() if s == arguments.get("split")), evaluation)
    images = len(case.table(split))
    fields, passes = spec.arguments.model_fields, spec.passes
    usually = spec.usual(cast("CaseView", case)) if spec.usual and case.has_model() else spec.sample
    taken = float(min(usually or images, images))
    for name in fields:
        given, usual = arguments.get(name), fields[name].default
        if name in LIMITS and _whole(given):
            taken = float(given) if usual in (None, spec.sample) else taken * given / usual
        elif name in REPEATS and _whole(given) and _whole(usual) and passes > 1:
            passes = 1 + (passes - 1) * given / usual  # the image as it is needs no draw
        elif name in SERIES and isinstance(given, list | tuple) and isinstance(usual, tuple) and usual:
            passes *= len(given) / len(usual)
    return min(taken, float(images)) * passes


def _whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _decidable(case: Case, kind: str) -> bool:
    """Whether the case has anything that a kind of bug can be decided by."""
    needs = _data()["needs"].get(kind, ())
    return not needs or any(case.has(need) for need in needs)


def entropy(p: float) -> float:
    """Of a yes/no question with probability ``p``, in bits."""
    return 0.0 if p <= 0 or p >= 1 else -(p * math.log2(p) + (1 - p) * math.log2(1 - p))


def beliefs(state: CaseState) -> dict[str, float]:
    """Probability of each kind of bug that no verdict has settled yet: priors moved by the signs that hold."""
    data = _data()
    settled = {r.finding.kind for r in state.now() if r.finding.verdict in ("confirmed", "refuted")}
    odds = {k: p / (1 - p) for k, p in data["priors"].items() if k not in settled}
    for name in signs(state):
        for kind, factor in data["signs"][name]["odds"].items():
            if kind in odds:
                odds[kind] *= factor
    return {k: o / (1 + o) for k, o in odds.items()}


def signs(state: CaseState) -> list[str]:
    """Which signs of ``order.yaml`` the measurements so far show."""
    made = state.whole("evaluate")
    if made is None:
        return []
    facts = {(f.name, f.of): f.value for f in made.facts if isinstance(f.value, float)}
    accuracy, train = facts.get(("accuracy", "")), facts.get(("accuracy", "split train"))
    gap = facts.get(("accuracy_drop_same_mix", "train to data"))
    drop = facts.get(("accuracy_drop_same_mix", "data to deploy"))
    classes = sum(f.name == "recall" and f.of.startswith("class ") for f in made.facts)
    found = []
    recalls = [v for (name, of), v in facts.items() if name == "recall" and of.startswith("class ")]
    if accuracy is not None and classes > 1 and accuracy < 2 / classes:
        highest = next((f.ci[1] for f in made.facts if (f.name, f.of) == ("accuracy", "") and f.ci), 1.0)
        found.append("below_chance" if highest < BELOW / classes else "near_chance")
    if len(recalls) == classes > 1 and min(recalls) > 0.5:
        found.append("known_by_name")
    if train is not None and train < 0.8 and (gap or 0) < 0.05:
        found.append("train_low_too")
    if gap is not None and gap >= 0.1:
        found.append("train_gap")
    if gap is not None and accuracy is not None and gap < 0.02 and accuracy > 0.95:
        found.append("no_gap_and_high")
    if drop is not None and drop >= 0.05:
        found.append("deployment_drop")
    if "train_gap" not in found and _surer_in_training(
        made
    ):  # images that are known by heart make a model sure, too
        found.append("surer_in_training")
    return found


def _surer_in_training(made: Evidence) -> bool:
    """Whether the model is surer than right on its training images, also without the class that it answers most surely, and yet better than
    a guess there."""
    there = {f.name: f for f in made.facts if f.of == of_split("train")}
    gap, rest = there.get(GAP), there.get(WITHOUT_ONE)
    if gap is None or rest is None or GUESSING in there:
        return False
    shown = [f.ci is not None and f.ci[0] > 0 for f in (gap, rest)]
    return all(shown) and isinstance(gap.value, float) and gap.value >= MINIMUM_GAP


def per_image(case: Case) -> float:
    """Seconds that a pass takes for an image, by the rule: no timing enters."""
    height, width = case.model().preprocessing.size if case.has_model() else (0, 0)
    return PER_IMAGE + PER_PIXEL * height * width


def measured(case: Case, state: CaseState) -> float | None:
    """Seconds for an image as the first pass over this case took them; None before it, and where it was cached: a case that was
    interrupted after its pass reads scores back faster than any model could make them."""
    made = state.whole("evaluate")
    if made is None:
        return None
    looked = [s for s in case.splits() if s in ("data", "train", "deploy")]
    each = made.seconds / max(1, sum(len(case.table(s)) for s in looked))
    return min(5.0, each) if each >= max(1e-4, CACHED * per_image(case)) else None


def _cost(case: Case, spec: ToolSpec, each: float) -> float:
    """Seconds of a call with default arguments."""
    images = len(case.table())
    return START[spec.cost] + each * min(spec.sample or images, images) * spec.passes


def _fitting(case: Case, spec: ToolSpec) -> float:
    """Seconds for the heads that are fitted to the labels: people are told; the order of checks goes by passes alone."""
    if not spec.fits:
        return 0.0
    from failsight.tools.labels.second import MOST_WORK
    from failsight.tools.stats.linear_head import fit_seconds

    classes = len(case.classes)
    width = WIDTH if case.has_model() else classes  # a table of predictions: its log scores
    return fit_seconds(len(case.table()), width, classes, folds=spec.fits, most_work=MOST_WORK)


@cache
def _data() -> dict[str, Any]:
    from failsight.knowledge_base.store import HERE, load_yaml

    made: dict[str, Any] = load_yaml((HERE / "order.yaml").read_text(encoding="utf-8"))
    return made
