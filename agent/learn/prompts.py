"""What nobody has looked at yet: prompts that follow from the state of a case, pure functions of it.

After Balayn et al. (CHI 2023, sections 4.1.4, 4.3.5 and 5.2.1): practitioners miss failures that do not show by
themselves, do not test what they suspect, and do not know when to stop. Experts are told less, and only what is costly
to miss.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from failsight.tools.text import clean, listing

if TYPE_CHECKING:
    from failsight.agent.state import CaseState, FindingRecord

MOST = {"novice": 2, "intermediate": 1, "expert": 1}
"""Prompts at a time."""
FROM = {"novice": 1, "intermediate": 2, "expert": 3}
"""The least weight that is told at each level."""
PERSONAL = ("state_hypothesis", "propose_correction", "readiness", "describe_case", "search_knowledge")


@dataclass(frozen=True, slots=True)
class Prompt:
    """One thing that nobody has looked at, or that is left open.

    Attributes:
        name: its own, so that it is told once.
        text: what is open, and why that matters.
        ask: what to say or type for it.
        weight: 3 costly to miss, 2 usual, 1 for newcomers.
    """

    name: str
    text: str
    ask: str
    weight: int

    @property
    def sentence(self) -> str:
        return f"{self.text} ({self.ask})"


@dataclass(frozen=True, slots=True)
class Look:
    """What a rule may see of a case."""

    state: CaseState
    has: Collection[str]
    measured: frozenset[str]

    def done(self, *tools: str) -> bool:
        return bool(self.measured.intersection(tools))

    @property
    def looked(self) -> int:
        """Measurements so far; before there are a few nobody is prompted about what is missing."""
        return sum(e.tool not in PERSONAL for e in self.state.evidence)

    def records(self, verdict: str | None) -> list[FindingRecord]:
        return [r for r in self.state.records.values() if r.finding.verdict == verdict]


def prompts(
    state: CaseState, has: Collection[str], level: str, told: Collection[str] = ()
) -> tuple[Prompt, ...]:
    """What to point out now, the weightiest first.

    Args:
        state: of the case.
        has: what the case has: splits (``train``, ``deploy``, ``pool``) and ``history``.
        level: novice, intermediate or expert: decides how many, and from which weight on.
        told: names of prompts that were given before; none is given twice.
    """
    look = Look(state, has, frozenset(e.tool for e in state.evidence))
    made = [
        p
        for rule in RULES
        if (p := rule(look)) is not None and p.name not in told and p.weight >= FROM[level]
    ]
    made.sort(key=lambda p: -p.weight)
    return tuple(made[: MOST[level]])


def _deployment(look: Look) -> Prompt | None:
    if "deploy" not in look.has or look.done("shift") or look.looked < 2:
        return None
    seen = any(f.of == "split deploy" for e in look.state.evidence for f in e.facts)
    text = (
        "Nobody has asked yet in what the deployment pictures differ."
        if seen
        else "Nobody has looked at the deployment pictures yet: test pictures from the training source can't show what happens there."
    )
    return Prompt("deployment", text, "ask: how do the deployment images differ?", 2 if seen else 3)


def _no_deployment(look: Look) -> Prompt | None:
    if "deploy" in look.has or look.looked < 4:
        return None
    text = "There are no pictures from where the model will be used. Even thirty of them would show whether they are like these."
    return Prompt("no_deployment", text, "give them with --deploy in a new case", 2)


def _expectations(look: Look) -> Prompt | None:
    if look.state.expectations or look.looked < 2:
        return None
    text = "Nobody has said how good it has to be, so nobody can say when it is ready; said after the results, it is easily fitted to them."
    return Prompt("expectations", text, "say for example: accuracy at least 90 %", 3)


def _leakage(look: Look) -> Prompt | None:
    if "train" not in look.has or look.done("duplicates_and_leakage") or look.looked < 4:
        return None
    text = "Nobody has checked whether test pictures were used for training: if so, every figure flatters the model."
    return Prompt("leakage", text, "ask: are there duplicates between the splits?", 3)


def _feeding(look: Look) -> Prompt | None:
    if (
        look.done("preprocessing_probe")
        or not look.done("find_slices", "saliency")
        or "model" not in look.has
    ):
        return None
    text = "Groups and heat maps were looked at before the cheapest bug was ruled out: pictures that are prepared wrongly."
    return Prompt("feeding", text, "ask: are the images preprocessed correctly?", 2)


def _labels(look: Look) -> Prompt | None:
    if look.done("label_noise") or look.looked < 5:
        return None
    text = "Nobody has asked whether some of its errors are errors of the labels."
    return Prompt("labels", text, "ask: which labels are wrong?", 2)


def _training(look: Look) -> Prompt | None:
    if "history" not in look.has or look.done("training_record") or look.looked < 4:
        return None
    return Prompt(
        "training", "There is a training record that nobody has read.", "ask: is the model overfitting?", 2
    )


def _untested(look: Look) -> Prompt | None:
    waiting = look.records(None)
    if not waiting or look.looked < 3:
        return None
    names = ", ".join(r.id for r in waiting[:3])
    several = len(waiting) > 1
    text = f"{names} {'are' if several else 'is'} suspected and not tested; until then {'they are' if several else 'it is'} no more than an idea."
    return Prompt(f"untested:{names}", text, f"/why {waiting[0].id} tells what would test it", 2)


def _saliency(look: Look) -> Prompt | None:
    tested = any(t.startswith("test_by_") for t in look.measured)
    if not look.done("saliency") or tested or not look.records(None):
        return None
    text = "Heat maps were shown, and no region was tested. A map suggests; covering the thing, beside a control, decides."
    cue = next((r.finding for r in look.records(None) if r.finding.slice and r.finding.class_name), None)
    ask = "say what you think it goes by, and for which class"
    if cue is not None and cue.slice and cue.class_name:
        ask = (
            f"say: I think it uses the {clean(next(iter(cue.slice)), 40)} to say {clean(cue.class_name, 40)}"
        )
    return Prompt("saliency", text, ask, 2)


def _repair_first(look: Look) -> Prompt | None:
    if not look.state.versions or look.state.confirmed():
        return None
    text = "A repair was made although nothing is confirmed: whatever changes, nobody will know why."
    return Prompt("repair_first", text, "state what you suspect, and test it", 3)


def _unverified(look: Look) -> Prompt | None:
    if not look.state.versions or look.done("verify_correction"):
        return None
    text = "A repair was made and not verified on pictures that neither chose nor trained it."
    return Prompt("unverified", text, "say: did the repair help?", 3)


def _no_repair(look: Look) -> Prompt | None:
    if not look.state.confirmed() or look.done("propose_correction"):
        return None
    return Prompt(
        "no_repair",
        "Something is confirmed; what could be done about it was not asked yet.",
        "ask: how can I improve the model?",
        1,
    )


def _inconclusive(look: Look) -> Prompt | None:
    left = look.records("inconclusive")
    if not left or look.looked < 4:
        return None
    names = ", ".join(r.id for r in left[:3])  # told again while these change, not for each further one
    text = f"{listing([r.id for r in left], 8)}: inconclusive is not refuted. An effect that matters may have been missed; more pictures would tell."
    return Prompt(f"inconclusive:{names}", text, f"/why {left[0].id} tells why", 1)


def _conviction(look: Look) -> Prompt | None:
    if look.done("unknown_unknowns", "confidence_profile") or look.looked < 4:
        return None
    text = "Nobody has looked at errors made with full confidence: those are the ones that nobody will check."
    return Prompt("conviction", text, "ask: does it make errors with high confidence?", 2)


def _right_answers(look: Look) -> Prompt | None:
    tests = {
        "cue_profile",
        "saliency",
        "test_by_masking",
        "test_by_adding",
        "compare_features",
        "explain_failures",
    }
    if look.measured & tests or look.looked < 6 or "model" not in look.has:
        return None
    text = "So far only errors were looked at. Right answers may rest on the wrong thing, and fail with the next change."
    return Prompt("right_answers", text, "ask: what does the model use to recognise a class?", 1)


def _people(look: Look) -> Prompt | None:
    if look.state.forms or look.looked < 8:
        return None
    text = "Only the developer has spoken so far. Which errors are grave, and what the model should go by, others know better."
    return Prompt("people", text, "failsight forms export …", 1)


def _readiness(look: Look) -> Prompt | None:
    if not look.state.expectations or look.done("readiness") or look.looked < 8:
        return None
    return Prompt("readiness", "Expectations are set and were not judged yet.", "ask: is the model ready?", 1)


RULES: Sequence[Callable[[Look], Prompt | None]] = (
    _deployment, _expectations, _leakage, _repair_first, _unverified, _feeding, _labels, _training, _untested, _saliency,
    _conviction, _no_deployment, _no_repair, _inconclusive, _right_answers, _people, _readiness,
)  # fmt: skip
