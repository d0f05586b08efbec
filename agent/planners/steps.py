"""What to do next, as a pure function of the case: which step of the workflow is not done yet.

A step is one tool call with its stage and reason. The workflow (``knowledge_base/workflows``) says which tools belong to
which stage; within a stage the check that tells most for its cost comes first (``order.py``). Whether a step is done is
read from the journal's fold, so that a session that was killed goes on exactly where it was.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from failsight import prompts
from failsight.agent.currency import PROPOSED, outdated
from failsight.agent.declined import because
from failsight.agent.planners import adopting, repairs
from failsight.agent.planners.order import Promise, brought, ranked
from failsight.agent.planners.step import Step
from failsight.agent.state import CaseState, FindingRecord
from failsight.tools.errors import RetryError, UserError
from failsight.tools.evidence import Evidence, canonical
from failsight.tools.registry import ToolSpec, registry
from failsight.tools.slices.bugs import excess
from failsight.tools.slices.suspicions import HELD, WEAKER, sign
from failsight.tools.text import listing

if TYPE_CHECKING:
    from failsight.agent.case import Case

YES = ("yes", "true", "1", "present")
MOST_TESTS = 6  # experiments that an unattended run makes: the strongest suspicions, not all of them
MOST_ADDED = 3  # of what masking confirmed, the first ones are also tested by adding
SMALL = {"max_images": 100, "draws": 2}  # for these: an effect that masking showed is seen on fewer images
#: kind of workflow step → stage of the case; people set expectations, and a plan is made by the test that it belongs to
STAGE = {
    "failure": "see failure",
    "context": "context",
    "hypothesis": "hypothesis",
    "test": "test",
    "correction": "correct",
    "readiness": "readiness",
}
# what these say is of the whole case: said anew whenever that, or what is expected, has changed
JUDGES = ("readiness",)
CHEAP = ("preprocessing_probe",)  # by these a step rules cheap causes out
BASIS = ("describe_case", "evaluate", "propose_attributes")  # what the others rest on: first, never reordered


def next_step(case: Case, *, asks: bool = False) -> Step | None:
    """The first step that is not done, refused, needless or impossible; None when the workflow is through.

    ``asks``: a person is there who is asked before anything new is made, so that a repair may be proposed.
    """
    mending = adopting.step(case, case.state())
    if mending is not None and not is_done(case, mending):
        return mending  # whatever is measured before that is said of a model that nobody will run
    for stage, names in brought_forward(stages(case.config.workflow), brought(case.state())):
        step = _next_of(case, stage, names, asks)
        if step is not None:
            return step
    return None


def stages(workflow: str) -> list[tuple[str, tuple[str, ...]]]:
    """(stage, tools) of each step of the workflow, in the order drawn; only tools that are installed.

    Raises:
        UserError: there is no such workflow.
    """
    from failsight.knowledge_base.workflow import workflows

    known = workflows()
    if workflow not in known:
        raise UserError(f"There is no workflow {workflow!r}.", f"Use one of {', '.join(known)}.")
    return [
        (STAGE[step.step], tuple(t for t in step.tools if t in registry()))
        for step in known[workflow].steps
        if step.step in STAGE
    ]


def brought_forward(
    order: list[tuple[str, tuple[str, ...]]], tools: Sequence[str]
) -> list[tuple[str, tuple[str, ...]]]:
    """The stages with ``tools`` where cheap causes are ruled out, if they have their place later and the workflow has such a stage."""
    early = next((i for i, (_, names) in enumerate(order) if set(names) & set(CHEAP)), len(order))
    later = {t for _, names in order[early + 1 :] for t in names}
    early_names = (
        tuple(t for t in tools if t in later and t not in order[early][1]) if early < len(order) else ()
    )
    return [
        (stage, (*names, *early_names) if i == early else names) for i, (stage, names) in enumerate(order)
    ]


def _next_of(case: Case, stage: str, names: tuple[str, ...], asks: bool) -> Step | None:
    """The first step of one stage that is not done, in the order of play."""
    first = [n for n in BASIS if n in names]
    waiting = [n for n in names if n not in BASIS]
    for name in first:
        for step in _made(case, stage, name, asks):
            if not is_done(case, step):
                return step
    undone = {n: _undone(case, stage, n, asks) for n in waiting}
    left = {n: step for n, step in undone.items() if step is not None}
    promises = [p for p in ranked(case, list(left)) if p.bits > 0 or p.tool in MAKERS or p.tool in JUDGES]
    if not promises:
        return None
    best = promises[0]
    step = left[best.tool]
    if len(promises) > 1 and best.kinds and step.tool == best.tool not in MAKERS:
        return replace(step, why=reason(step.why, best))
    return step


def _undone(case: Case, stage: str, name: str, asks: bool) -> Step | None:
    return next((step for step in _made(case, stage, name, asks) if not is_done(case, step)), None)


def _made(case: Case, stage: str, name: str, asks: bool) -> Iterator[Step]:
    make = MAKERS.get(name) or PREPARED.get(name) or _plain(name)
    state = case.state()
    for step in repairs.retraining(case, state, asks) if name == "retrain" else make(case, state):
        if stage == "see failure" and step.tool == "confusion_matrix" and step.arguments:
            continue  # cheap causes are ruled out before anybody looks at pictures (Balayn et al. 2023, 4.3.3)
        yield Step(stage, step.tool, step.why, step.arguments, _trigger(stage, state))


def reason(why: str, best: Promise) -> str:
    """``why`` with what made this check come first: what it can decide, and what it costs."""
    kinds = listing([k.replace("_", " ") for k in best.kinds[:3]])
    cost = f"{best.seconds:.0f} seconds" if best.seconds >= 1.5 else "a second"
    return prompts.say("why.order", why=why, kinds=kinds, cost=cost)


def is_done(case: Case, step: Step) -> bool:
    """Whether the journal holds this call's evidence, its failure or a person's no, or the case lacks what it needs."""
    spec = registry()[step.tool]
    if any(f.is_required() for name, f in spec.arguments.model_fields.items() if name not in step.arguments):
        return True  # a question that only a person or a language model can put
    if any(not case.has(need) for need in spec.needs):
        return True
    try:
        checked = case.checked(spec, step.arguments)
    except RetryError:
        return True
    state, wanted = case.state(), canonical(checked)
    if step.tool in state.refused or step.tool in state.denied:
        return True
    if any(d.covers(step.tool, checked) for d in state.declined) or _tested(state, step):
        return True
    if step.tool in JUDGES:
        key = case.call_key(spec, checked)
        return bool(case.answered(spec, checked)) or any(f.get("call") == key for f in state.failed)
    if any(
        e.tool == step.tool and canonical(e.arguments) == wanted and _still_holds(case, spec, e)
        for e in state.measured_now()
    ):
        return True
    return any(f["tool"] == step.tool and canonical(f["arguments"]) == wanted for f in state.failed)


def _tested(state: CaseState, step: Step) -> bool:
    """Whether an experiment about the step's finding was made already, in whatever words somebody asked for it."""
    finding = step.arguments.get("finding")
    return step.stage == "test" and any(
        e.tool == step.tool and e.arguments.get("finding") == finding for e in state.measured_now() if finding
    )


def _still_holds(case: Case, spec: ToolSpec, made: Evidence) -> bool:
    """False where attributes were added, renamed or dropped since, and the tool looks at attributes; where slices waited for an experiment
    that did not confirm what they were thought to be part of, or weaker pulls for one that has decided since; or where repairs were
    proposed before verdicts or repairs that are newer."""
    state = case.state()
    if spec.name == PROPOSED and outdated(state, made):
        return False
    waiting = [f.of for f in made.facts if f.name == HELD]
    if waiting and any(
        sign(r.finding) in waiting and r.finding.verdict not in (None, "confirmed")
        for r in state.now()
        if r.finding.kind == "overemphasised_feature"
    ):
        return False
    stronger = [f.of for f in made.facts if f.name == WEAKER]
    if stronger and any(sign(r.finding) in stronger and r.finding.verdict is not None for r in state.now()):
        return False
    if spec.name not in FOLLOW_ATTRIBUTES or not state.definitions:
        return True
    return state.attributes_seen.get(made.id) == state.attributes_now()


def _trigger(stage: str, state: CaseState) -> str:
    """What leads to a stage; hypotheses and context are looked for again after the tests, whatever was left out of those."""
    if stage == "context" and state.stage in ("hypothesis", "instrument", "test"):
        return because(state, "nothing is left to test")
    if stage == "hypothesis" and state.stage in ("instrument", "test"):
        return because(state, "what was suspected is tested")
    plain = TRIGGERS.get(stage, "")
    return because(state, plain) if stage == "correct" else plain


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
    def made(case: Case, state: CaseState) -> list[Step]:
        other = tool == "find_slices" and case.config.method != "failsight"
        return [Step("", tool, _why(tool), {"method": case.config.method} if other else {})]

    return made


def _why(tool: str) -> str:
    """The reason for a tool with no sentence of its own (an outside one) is what it measures."""
    try:
        return prompts.say(f"why.{tool}")
    except KeyError:
        return registry()[tool].description


def _confusions(case: Case, state: CaseState) -> list[Step]:
    """All confusions, then the images behind the largest."""
    whole = Step("", "confusion_matrix", _why("confusion_matrix"))
    matrix = next(
        (
            e
            for e in state.measured_now()
            if e.tool == "confusion_matrix"
            and not (e.arguments.get("true_class") or e.arguments.get("predicted_class"))
            and e.arguments.get("split", "data") == "data"
        ),
        None,
    )
    pair = largest_confusion(matrix.to_dict()) if matrix else None
    if pair is None:
        return [whole]
    true, predicted = pair
    why = prompts.say("why.cell", true=true, predicted=predicted)
    return [whole, Step("", "confusion_matrix", why, {"true_class": true, "predicted_class": predicted})]


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


def _attributes(case: Case, state: CaseState) -> list[Step]:
    """Attributes in words, once, where there is a model that knows words and nobody wrote any down.

    Where the data came with attributes of its own, more are a person's wish: each one costs the slices some power.
    """
    proposed = any(d.source == "zero_shot" for d in state.definitions.values())
    if not case.config.encoder or proposed or case.table().columns:
        return []
    return [Step("", "propose_attributes", _why("propose_attributes"))]


def _labels(case: Case, state: CaseState) -> list[Step]:
    """Labels are judged beside what the images show, so the attributes that will be proposed anyway come first."""
    return [*_attributes(case, state), Step("", "label_noise", _why("label_noise"))]


def _marks(case: Case, state: CaseState) -> list[Step]:
    """Marks that nobody recorded, also where a shortcut is confirmed; but what is suspected already is put to the test first, by the
    experiments that this workflow makes."""
    made = {name for _, names in stages(case.config.workflow) for name in names}
    tests = [s for s in (*_masking(case, state), *_adding(case, state)) if s.tool in made]
    return [] if any(not is_done(case, s) for s in tests) else [Step("", "find_marks", _why("find_marks"))]


def _saliency(case: Case, state: CaseState) -> list[Step]:
    """A look at the weakest class that is answered at all; it illustrates, it proves nothing."""
    made = state.whole("evaluate")
    recalls = [f for f in made.facts if f.name == "recall" and f.of.startswith("class ")] if made else []
    answered = (
        {f.of for f in made.facts if f.name == "precision"} if made else set()
    )  # others have no picture to explain
    known = [f for f in recalls if isinstance(f.value, float) and f.of in answered]
    if not known:
        return []
    weakest = min(known, key=lambda f: float(f.value or 0)).of.removeprefix("class ")
    return [Step("", "saliency", prompts.say("why.saliency", class_name=weakest), {"class_name": weakest})]


def maskable(case: Case, record: FindingRecord) -> str | None:
    """The boxed object that a finding suspects, or None: its slice must say that the object is there."""
    boxes = case.table().boxes
    if (
        boxes is None
        or record.withdrawn
        or record.finding.class_name is None
        or record.finding.kind not in CAUSAL
    ):
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
    for record in sorted(state.now(), key=_before):
        cue = maskable(case, record)
        if cue is None:
            continue
        name = str(record.finding.class_name)
        why = prompts.say("why.test_by_masking", cue=cue, class_name=name, finding=record.id)
        arguments = {"region": f"box:{cue}", "class_name": name, "finding": record.id}
        made.append(Step("", "test_by_masking", why, arguments))
    return made[:MOST_TESTS]


def _before(record: FindingRecord) -> tuple[bool, float]:
    """Which suspicion is tested first: what nothing but the experiment can confirm, and of these what costs most errors. What a
    person suspects was not measured yet, and waits for nobody."""
    measured = record.finding.error_rate is not None and record.finding.n
    at_stake = excess(record.finding, record.finding.n or 0) if measured else math.inf
    return record.finding.kind != "overemphasised_feature", -at_stake


def _adding(case: Case, state: CaseState) -> list[Step]:
    """What masking showed to be needed: is it enough by itself? One experiment for each such cue, smaller than masking's."""
    made = []
    for record in state.now():
        needed = any(t.tool == "test_by_masking" and t.verdict == "confirmed" for t in record.finding.tests)
        cue = maskable(case, record) if needed and record.finding.kind != "missing_feature" else None
        if cue is None:
            continue
        name = str(record.finding.class_name)
        why = prompts.say("why.test_by_adding", cue=cue, class_name=name, finding=record.id)
        arguments = {"cue": f"box:{cue}", "class_name": name, "finding": record.id, **SMALL}
        made.append(Step("", "test_by_adding", why, arguments))
    return made[:MOST_ADDED]


def _correction(case: Case, state: CaseState) -> list[Step]:
    return (
        [Step("", "propose_correction", prompts.say("why.propose_correction"))] if state.confirmed() else []
    )


FOLLOW_ATTRIBUTES = ("find_slices", "disaggregate")  # made again after a person changed the attributes
PREPARED = {"label_noise": _labels}  # ordered like any other check, with a step of its own before it
MAKERS: dict[str, Callable[[Any, CaseState], list[Step]]] = {
    "find_marks": _marks,
    "confusion_matrix": _confusions,
    "propose_attributes": _attributes,
    "saliency": _saliency,
    "test_by_masking": _masking,
    "test_by_adding": _adding,
    "propose_correction": _correction,
    "retrain": lambda case, state: repairs.retraining(case, state, asks=False),
    "verify_correction": repairs.verification,
}
