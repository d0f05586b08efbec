"""What the guided planner says: templates of ``prompts/guided.yaml`` filled with evidence, and choices to go on."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakKeyDictionary

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage

from failsight import prompts
from failsight.agent.chains import record_chain
from failsight.agent.events import Notice, PlannerSaid, SessionEvent
from failsight.agent.narrate.findings import ordered
from failsight.agent.narrate.phrases import called
from failsight.agent.people.attribute_list import attribute_values
from failsight.agent.planners import adopting
from failsight.agent.planners.dialogue import Turn, turns
from failsight.agent.planners.hypotheses import Unclear
from failsight.agent.planners.steps import MOST_TESTS, maskable, next_step
from failsight.agent.state import FindingRecord
from failsight.tools.adopt_version import KINDS
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence, Finding, TestResult
from failsight.tools.registry import registry
from failsight.tools.text import clean, interval, number, p_beside, p_value

if TYPE_CHECKING:
    from failsight.agent.case import Case
    from failsight.knowledge_base.vocabulary import Mentions

GO_ON = "Go on"
MOST_CHAINS = 2  # findings of an answer that are told link by link when somebody asks why

MOST_TOLD = 5  # findings of one measurement that an answer tells in full
MOST_NEXT = 3  # findings that are named when somebody asks what to do


def message(text: str, choices: Sequence[str] = (), **more: Any) -> AIMessage:
    """Words for the person with what may be answered next."""
    return AIMessage(text.strip(), additional_kwargs={"choices": list(choices), **more})


def greeting(case: Case, level: str) -> AIMessage:
    """The first words of a session, new or taken up again."""
    state = case.state()
    if state.evidence:
        text = prompts.say(
            "resume", evidence=len(state.evidence), confirmed=len(state.confirmed()), stage=state.stage
        )
    else:
        text = prompts.say(
            "greeting",
            level,
            name=clean(case.name),
            classes=len(case.classes),
            images=f"{len(case.table()):,}",
        )
    if not state.expectations:
        text += "\n\n" + prompts.say("ask_expectations", level, example=clean(_example_class(case), 40))
    return message(text, choices(case))


def _example_class(case: Case) -> str:
    """A class that an example of an expectation names: one that has evaluation images, where labels tell."""
    labels = case.table().labels
    known = labels[labels >= 0]
    return case.classes[int(known.min())] if len(known) else case.classes[0]


def choices(case: Case) -> list[str]:
    """What a person may do next: the workflow's next stage first, then questions that fit."""
    step = next_step(case, asks=True)
    state = case.state()
    mending = adopting.offer(case, state)
    made = ([mending] if mending else []) + ([f"{GO_ON}: {step.stage}"] if step else [])
    if not state.latest("evaluate"):
        made.append("How well does the model perform?")
    if state.latest("evaluate") and not state.latest("find_slices"):
        made.append("On which images does it fail?")
    if any(not r.mended for r in state.confirmed()):
        made.append("How can I improve the model?")
    if not step and not state.latest("readiness"):
        made.append("Is the model ready?")
    return made


def stage_done(case: Case, level: str, stage: str, following: str, evidence: Sequence[str]) -> AIMessage:
    """What a stage brought, and what comes next and why."""
    state = case.state()
    shown = [e for e in state.evidence if e.id in evidence]
    lines = [f"- {e.summary} [{e.id}]" for e in shown]
    if stage in ("hypothesis", "test"):
        lines += [f"- {finding_line(r)}" for r in state.records.values() if set(r.evidence) & set(evidence)]
    lines.append("")
    if following == "test":
        cues = [r for r in state.now() if maskable(case, r)][:MOST_TESTS]
        suspicion = " ".join(clean(r.finding.statement, 300) for r in cues[:1])
        lines.append(prompts.say("stage.instrument", level, suspicion=suspicion))
    again = following == "context" and stage in ("hypothesis", "test")
    lines += [prompts.say("stage.context.again" if again else f"stage.{following}", level)]
    return message("\n".join(lines), choices(case))


def finding_line(record: FindingRecord) -> str:
    """One finding in Markdown, with its verdict and the numbers that carry it."""
    found = record.finding
    return f"**{record.id}** [{record.standing}] {clean(found.statement, 300)} ({detail(record)})"


def detail(record: FindingRecord) -> str:
    """The numbers of a finding that its statement does not give: rates with interval, tests with control, where the evidence is."""
    found = record.finding
    parts = []
    rate = found.error_rate
    if rate is not None and not any(number(r) in found.statement for r in (rate, 1 - rate)):
        against = f" against {number(found.base_error_rate)}" if found.base_error_rate is not None else ""
        parts.append(f"{_counted(found)} {number(rate)} {interval(found.ci)}".strip() + against)
    parts += dict.fromkeys(
        _test(found, test) for test in found.tests
    )  # what was found again alike is told once
    if found.q is not None and not found.tests:
        parts.append(f"q {p_value(found.q)}")
    parts.append(", ".join(record.evidence))
    return "; ".join(parts)


def _counted(found: Finding) -> str:
    """What the rates of a finding are shares of: errors, answers of a class, or suspect labels."""
    if said := called(found):
        return f"called {clean(said, 60)}"
    return "suspect labels" if found.kind == "label_noise" else "error"


def _test(found: Finding, test: TestResult) -> str:
    """One test; of the one whose p was corrected for the others beside it, that corrected value instead."""
    control = f", control {number(test.control_effect, 'points')}" if test.control_effect is not None else ""
    q = found.q if test.q is None and test.p == found.p else test.q
    sure = f"p {p_beside(test.p, test.ci)}" if q is None else f"q {p_value(q)}"
    effect = number(test.effect, "points")
    shown = (
        ""
        if effect.removeprefix("+") in found.statement
        else f" {effect} {interval(test.ci, 'points')}{control},"
    )
    return f"{test.tool}:{shown} {sure}"


def next_lines(case: Case) -> list[str]:
    """What to do next, most urgent first: mend what feeds the model, then what is confirmed, say what is expected, go on."""
    state = case.state()
    open_ = [r for r in state.confirmed() if not any(c.status == "verified" for c in r.corrections)]
    open_.sort(key=lambda r: r.finding.kind not in KINDS)
    lines = []
    waits = adopting.waiting(case, state)
    for record in open_[:MOST_NEXT]:
        statement = clean(record.finding.statement, 200)
        if waits is not None and record.id == waits[0].id:
            said = adopting.offer(case, state)
            lines.append(
                prompts.say("next.adopt", id=record.id, statement=statement, line=waits[1], said=said)
            )
        elif record.finding.kind == "preprocessing":
            made = next((e for e in state.evidence if e.id in record.evidence and e.next_steps), None)
            how = made.next_steps[0] if made else ""
            lines.append(prompts.say("next.fed", id=record.id, statement=statement, how=how))
        elif proposed := [c for c in record.corrections if c.status == "proposed"]:
            how = proposed[0].action
            lines.append(prompts.say("next.repair", id=record.id, statement=statement, how=how))
        else:
            lines.append(prompts.say("next.ask", id=record.id, statement=statement))
    if len(open_) > MOST_NEXT:
        lines.append(prompts.say("next.more", count=len(open_) - MOST_NEXT))
    if not state.expectations:
        lines.append(prompts.say("next.expect"))
    step = next_step(case, asks=True)
    lines.append(
        prompts.say("next.step", stage=step.stage, why=step.why) if step else prompts.say("next.none")
    )
    return [f"- {line}" for line in lines]


def failed(reply: ToolMessage) -> bool:
    """Whether a call came to nothing: the tool refused, or somebody did not want it."""
    return str(reply.text).startswith("FAILED") or reply.status == "error"


def answer(case: Case, level: str, evidence: Sequence[str], reply: BaseMessage) -> AIMessage:
    """The answer to a typed question: the evidence's summary, findings and next steps."""
    made = [e for e in case.state().evidence if e.id in evidence]
    if not made:
        if reply.name and f"declined {reply.name}." in str(reply.text):
            return message(prompts.say("rejected", tool=reply.name), choices(case))
        reason = str(reply.text).removeprefix("FAILED:").strip()
        return message(prompts.say("failed", reason=clean(reason, 600)), choices(case))
    last = made[-1]
    lines = [f"{last.summary} [{last.id}]"]
    held = [r for r in ordered(case.state()) if last.id in r.evidence]  # the largest first
    lines += [f"- {finding_line(r)}" for r in held[:MOST_TOLD]]
    if others := held[MOST_TOLD:]:
        lines.append("- " + prompts.say("answer.others", ids=", ".join(r.id for r in others)))
    if not _decided_before(case, last):
        lines += [f"- {n}" for n in last.notes[:3]]
        lines += ["", *last.next_steps[:2]] if last.next_steps else []
    return message("\n".join(lines), choices(case))


def _decided_before(case: Case, made: Evidence) -> bool:
    """Whether a hypothesis was written down that has its verdict already: how to measure it is no news then."""
    record = case.state().records.get(made.findings[0].key) if made.findings else None
    return made.tool == "state_hypothesis" and record is not None and record.finding.verdict is not None


def why(case: Case, turn: Turn) -> AIMessage:
    """What the last answer rests on: the reason for each measurement, its evidence, and how its findings were decided."""
    state = case.state()
    if not turn.acts:
        told = list(dict.fromkeys(re.findall(r"\bF\d{1,4}\b", turn.reply)))
        records = [r for name in told if (r := state.find(name)) is not None]
        if not records:
            return message(prompts.say("why.nothing"), choices(case))
        lines = [line for record in records[:MOST_CHAINS] for line in (*chain_lines(case, record), "")]
        return message("\n".join(lines), [f"/why {r.id}" for r in records[MOST_CHAINS:][:3]] + choices(case))
    lines = [prompts.say("why.rests", evidence=", ".join(f"[{a.evidence or a.tool}]" for a in turn.acts))]
    for act in turn.acts:
        made = next((e for e in state.evidence if e.id == act.evidence), None)
        if made is None:
            lines.append(prompts.say("why.failed", tool=act.tool))
            continue
        lines.append(f"- [{made.id}] {made.tool}: {made.summary}")
        lines += [f"  - {n}" for n in made.notes[:2]]
    ids = {a.evidence for a in turn.acts}
    records = [r for r in state.records.values() if ids & set(r.evidence)]
    for record in records[:MOST_CHAINS]:
        lines += ["", *chain_lines(case, record)]
    return message("\n".join(lines), [f"/why {r.id}" for r in records[MOST_CHAINS:][:3]] + choices(case))


def explained(case: Case, name: str) -> Iterator[SessionEvent]:
    """``/why F3``: the chain of a finding; ``/why`` alone: what the last answer rests on."""
    record = case.state().find(name) if name else None
    if name and record is None:
        known = [r.id for r in case.state().records.values()]
        have = f"There are {known[0]} to {known[-1]}." if known else "There is none yet."
        yield Notice(f"There is no finding {clean(name, 20)}. {have}", "warning")
    elif record is not None:
        yield PlannerSaid("\n".join(chain_lines(case, record)), ())
    else:
        before = [t for t in turns(case) if t.acts]
        made = why(case, before[-1] if before else Turn(""))
        yield PlannerSaid(str(made.text), tuple(made.additional_kwargs["choices"]))


def chain_lines(case: Case, record: FindingRecord) -> list[str]:
    """How a finding came to its verdict, link by link, each with what it rests on."""
    lines = [f"**{record.id}**: how it came to its verdict"]
    for step in record_chain(case.state(), record):
        rests = f" [{step.refers}]" if step.refers else ""
        lines.append(f"- *{step.stage}*: {clean(step.text, 400)}{rests}")
    return lines


def pictures(case: Case, made: Evidence, most: int) -> AIMessage:
    """The images of evidence, by the names under which they can be asked about."""
    lines = [prompts.say("show.some", evidence=made.id, count=len(made.images))]
    for number_, one in enumerate(made.images[:most], 1):
        says = f": {clean(one.label, 40)}, called {clean(one.prediction, 40)}" if one.prediction else ""
        lines.append(f"- `{made.id}#{number_}` {clean(one.path, 80)}{says}")
    return message("\n".join(lines), [f"Explain {made.id}#1", *choices(case)])


def unclear(case: Case, made: Unclear) -> AIMessage:
    """To a suspicion that is understood only half: what is missing, and whole sentences to choose from."""
    classes = [clean(c, 40) for c in case.classes[:3]]
    thing = clean(made.cue.removeprefix("box:").replace("_", " "), 40)
    names = vocabulary(case)
    things = [clean(o.replace("_", " "), 40) for o in (*names.objects, *names.attributes)][:3]
    if made.missing == "class":
        offers = [f"I think it uses the {thing} to say {c}" for c in classes]
    elif made.missing == "cue":
        offers = [f"I think it uses the {t} to say {clean(made.class_name, 40)}" for t in things]
    else:
        offers = [f"I think it uses the {t} to say {c}" for t, c in zip(things, classes, strict=False)]
    told = {"class": {"thing": thing}, "name": {"thing": thing}, "cue": {"name": clean(made.class_name, 40)}}
    fields = told.get(made.missing, {})
    return message(prompts.say(f"unclear.{made.missing}", **fields), offers)


def unanswered(case: Case, found: Any) -> AIMessage:
    """To a question that no tool answers: off topic, asking back, or what people would have to say."""
    if found.off_topic:
        return message(prompts.say("off_topic"), choices(case))
    if found.asks_back:
        return message(prompts.say("asks_back"), [q.title for q in found.questions[:3]])
    cited = [s for s in found.sources if s != "Failsight"]  # its own words need no citation
    sources = f"\n\n({'; '.join(cited)})" if cited else ""
    return message(found.answer + sources, choices(case))


def unknown_image(case: Case, found: Any) -> AIMessage | None:
    """What is said when a question names an image that is not there, or is one of another split; else None."""
    from failsight.knowledge_base.arguments import unknown_images
    from failsight.tools.experiments.what_if_images import find_named

    for name in unknown_images(found.mentions):
        try:
            there = find_named(cast("Any", case), name, "data")
        except RetryError as problem:
            said = str(problem).removeprefix("image: ")
            return message(said[:1].upper() + said[1:], choices(case))
        if there.split != "data":
            text = prompts.say("image.elsewhere", image=there.words, name=f"{there.split}:#{there.row}")
            return message(text, choices(case))
    return None


def call(tool: str, arguments: Mapping[str, Any], why: str, **more: Any) -> AIMessage:
    """A tool call with its reason."""
    made = {"name": tool, "args": dict(arguments), "id": f"call-{uuid.uuid4().hex[:12]}"}
    return AIMessage(why, tool_calls=[made], additional_kwargs=more)


def names(case: Case, question: str) -> Mentions:
    """The names of the case in what a person said."""
    from failsight.knowledge_base.counts import named

    return named(question[:400], vocabulary(case))


_SHOWN: WeakKeyDictionary[Case, tuple[tuple[str, ...], tuple[str, ...]]] = WeakKeyDictionary()
_VOCABULARIES: WeakKeyDictionary[Case, tuple[tuple[int, tuple[str, ...]], Any]] = WeakKeyDictionary()


def vocabulary(case: Case) -> Any:
    """The names that a person may use in a question: classes, attributes, objects, images, tools.

    Made once for each state of the case: every reader of a sentence asks for it, and a table may have a million rows.
    """
    key = case.state().seq, tuple(registry())
    kept = _VOCABULARIES.get(case)
    if kept is None or kept[0] != key:
        made = _vocabulary(
            case
        )  # most events change no name: what was read with the one before is kept with it
        kept = _VOCABULARIES[case] = key, kept[1] if kept is not None and kept[1] == made else made
    return kept[1]


def _vocabulary(case: Case) -> Any:
    from failsight.knowledge_base import Vocabulary
    from failsight.tools.attributes.computed import COMPUTED

    state = case.state()
    if case not in _SHOWN:  # neither boxes nor paths change while a case is open
        table = case.table()
        _SHOWN[case] = tuple(sorted({name for row in table.boxes or () for name in row})), tuple(table.paths)
    objects, images = _SHOWN[case]
    attributes = {n: v for n, v in attribute_values(case, everywhere=True).items() if n not in COMPUTED}
    return Vocabulary(
        classes=tuple(case.classes),
        attributes=attributes,
        images=images,
        tools={s.name: tuple(s.arguments.model_fields) for s in registry().values()},
        objects=objects,
        evidence=tuple(e.id for e in state.evidence),
        findings=tuple(r.id for r in state.records.values()),
    )
