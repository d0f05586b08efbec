"""What to do next, as a pure function of the case: which step of the workflow is not done yet.

A step is one tool call with its stage and reason. Whether it is done is read from the journal's fold, so that a
session that was killed goes on exactly where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from failsight import prompts
from failsight.agent.state import CaseState, FindingRecord
from failsight.tools.errors import RetryError
from failsight.tools.evidence import canonical
from failsight.tools.registry import registry

if TYPE_CHECKING:
    from failsight.agent.case import Case

YES = ("yes", "true", "1", "present")
MOST_TESTS = 6  # experiments that an unattended run makes: the strongest suspicions, not all of them
#: stage → tools, in the order of the reactive workflow (Balayn et al. 2023, Figure 3)
REACTIVE: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("see failure", ("describe_case", "evaluate", "confusion_matrix", "confidence_profile")),
    ("context", ("cell", "data_statistics")),
    ("hypothesis", ("find_slices", "saliency")),
    ("test", ("test_by_masking",)),
    ("correct", ("propose_correction",)),
    ("readiness", ("readiness",)),
)


@dataclass(frozen=True, slots=True)
class Step:
    """One planned tool call. ``trigger``: what leads into its stage, in one sentence."""

    stage: str
    tool: str
    why: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    trigger: str = ""


def next_step(case: Case, order: tuple[tuple[str, tuple[str, ...]], ...] = REACTIVE) -> Step | None:
    """The first step that is not done, refused or impossible; None when the workflow is through."""
    for step in all_steps(case, order):
        if step.tool in registry() and not is_done(case, step):
            return step
    return None


def all_steps(case: Case, order: tuple[tuple[str, tuple[str, ...]], ...] = REACTIVE) -> Iterator[Step]:
    """Every step of the workflow for this case, in order; later ones depend on what earlier ones found."""
    for stage, names in order:
        for name in names:
            for step in MAKERS[name](case, case.state()):
                yield Step(stage, step.tool, step.why, step.arguments, TRIGGERS.get(stage, ""))


def is_done(case: Case, step: Step) -> bool:
    """Whether the journal holds this call's evidence, its failure or a person's no, or the case lacks what it needs."""
    spec = registry()[step.tool]
    if any(not case.has(need) for need in spec.needs):
        return True
    try:
        wanted = canonical(spec.check(step.arguments))
    except RetryError:
        return True
    state = case.state()
    if any(e.tool == step.tool and canonical(e.arguments) == wanted for e in state.evidence):
        return True
    failed = any(f["tool"] == step.tool and canonical(f["arguments"]) == wanted for f in state.failed)
    return failed or step.tool in state.refused


TRIGGERS = {
    "see failure": "the case was opened",
    "context": "the failures were seen",
    "hypothesis": "the context is known",
    "instrument": "a hypothesis was stated",
    "test": "the test was planned and registered",
    "correct": "the hypotheses were tested",
    "readiness": "corrections were considered",
}


def _plain(tool: str) -> Callable[[Case, CaseState], list[Step]]:
    return lambda case, state: [Step("", tool, prompts.say(f"why.{tool}"))]


def _cell(case: Case, state: CaseState) -> list[Step]:
    """Look behind the largest confusion."""
    matrix = next(
        (e for e in state.evidence if e.tool == "confusion_matrix" and not e.arguments.get("true_class")),
        None,
    )
    pair = largest_confusion(matrix.to_dict()) if matrix else None
    if pair is None:
        return []
    true, predicted = pair
    why = prompts.say("why.cell", true=true, predicted=predicted)
    return [Step("", "confusion_matrix", why, {"true_class": true, "predicted_class": predicted})]


def largest_confusion(matrix: Mapping[str, Any]) -> tuple[str, str] | None:
    """(true, predicted) of the most frequent confusion in a ``confusion_matrix`` evidence, or None without errors."""
    for table in matrix.get("tables", ()):
        if table["title"].lower().startswith("top confusions") and table["rows"]:
            columns = [c.lower() for c in table["columns"]]
            row = table["rows"][0]
            true = next(i for i, c in enumerate(columns) if c.startswith("true"))
            predicted = next(i for i, c in enumerate(columns) if c.startswith("predicted"))
            return str(row[true]), str(row[predicted])
    return None


def _saliency(case: Case, state: CaseState) -> list[Step]:
    """A look at the weakest class; it illustrates, it proves nothing."""
    made = state.latest("evaluate")
    recalls = [f for f in made.facts if f.name == "recall" and f.of.startswith("class ")] if made else []
    known = [f for f in recalls if isinstance(f.value, float)]
    if not known:
        return []
    weakest = min(known, key=lambda f: float(f.value or 0)).of.removeprefix("class ")
    return [Step("", "saliency", prompts.say("why.saliency", class_name=weakest), {"class_name": weakest})]


def maskable(case: Case, record: FindingRecord) -> str | None:
    """The boxed object that a finding suspects, or None: its slice must say that the object is there."""
    boxes = case.table().boxes
    if boxes is None or record.finding.class_name is None or record.finding.kind not in CAUSAL:
        return None
    present = [k for k, v in (record.finding.slice or {}).items() if str(v).lower() in YES]
    named = [k for k in present if any(k in row for row in boxes)]
    return named[0] if len(named) == 1 and len(record.finding.slice or {}) == 1 else None


CAUSAL = ("spurious_correlation", "overemphasised_feature", "missing_feature")


def _masking(case: Case, state: CaseState) -> list[Step]:
    """One experiment for each suspected cue that can be covered, strongest suspicion first."""
    if not state.records:
        return []
    made = []
    for record in state.records.values():
        cue = maskable(case, record)
        if cue is None:
            continue
        name = str(record.finding.class_name)
        why = prompts.say("why.test_by_masking", cue=cue, class_name=name, finding=record.id)
        arguments = {"region": f"box:{cue}", "class_name": name, "finding": record.id}
        made.append(Step("", "test_by_masking", why, arguments))
    return made[:MOST_TESTS]


def _correction(case: Case, state: CaseState) -> list[Step]:
    return (
        [Step("", "propose_correction", prompts.say("why.propose_correction"))] if state.confirmed() else []
    )


MAKERS: dict[str, Callable[[Any, CaseState], list[Step]]] = {
    **{t: _plain(t) for t in ("describe_case", "evaluate", "confusion_matrix", "confidence_profile")},
    **{t: _plain(t) for t in ("data_statistics", "find_slices", "readiness")},
    "cell": _cell,
    "saliency": _saliency,
    "test_by_masking": _masking,
    "propose_correction": _correction,
}
