"""A finding that somebody asks to have repaired, and whether a repair helped: its next step, or what the record says.

``Repair F8`` goes on where that finding stands: propose, apply, verify. ``Did it help?`` is answered from the
verification that stands; one that is missing is made.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from langchain_core.messages import AIMessage

from failsight import prompts
from failsight.agent.planners import adopting, repairs, words
from failsight.agent.planners.dialogue import Act
from failsight.agent.planners.step import Step
from failsight.agent.state import CaseState, FindingRecord
from failsight.tools.evidence import Evidence, Fact
from failsight.tools.registry import registry
from failsight.tools.text import clean, interval, listing, number

if TYPE_CHECKING:
    from failsight.agent.case import Case
    from failsight.knowledge_base.vocabulary import Mentions

_LEAD = r"^\W*(?:(?:so|and|but|ok|okay|now|then|well|yes|please|go ahead|let'?s|can you|could you|would you|i want (?:you )?to|i'd like (?:you )?to)\b\W*)*"
REPAIR = re.compile(
    _LEAD
    + r"(?:try to )?(?:repair|fix|mend|cure|correct|remedy|apply (?:the |a |that |this |its )?(?:repair|fix|correction|proposal)\w*(?: (?:of|for|to))?|"
    r"go on (?:with )?(?:repairing|fixing|mending|the repair of))\b(?P<what>.*)$",
    re.IGNORECASE | re.DOTALL,
)
_ASKED_TO = re.compile(r"\W*(?:can|could|would|will) you\b", re.IGNORECASE)
_REPAIR_NAME = re.compile(r"\bR[1-9]\d*\b", re.IGNORECASE)
_FINDING_NAME = re.compile(r"\bF\d+\b", re.IGNORECASE)
_OF_LAST = re.compile(
    r"^\W*(?:it|that|this|that one|this one|the finding|this finding|that finding)?(?: (?:now|then|please))*\W*$",
    re.IGNORECASE,
)
_DONE = r"(?:repairs?|fix(?:es)?|corrections?|mending|retraining|training|change|version)"
_NAMED = (
    rf"(?:(?:the|my|our|your|that|this|its)?\s*(?:new |last )?{_DONE}(?: R\d+)?(?: (?:of|for) (?:finding )?F\d+)?"
    r"|R\d+|(?:repairing|fixing|mending) F\d+)"
)
_WHOSE = rf"(?:it|that|this|they|{_NAMED})"
_BROUGHT = (
    r"(?: (?:really|actually|even))? (?:help(?:ed)?|work(?:ed)?|(?:pay|paid) off|(?:get|got|become) (?:any )?better|"
    r"improved?(?: it| things| anything| the model)?|succeed(?:ed)?|hold|do any(?: good|thing)|"
    r"ma(?:k|d)e (?:it|things|anything|the model|a difference|any difference)(?: any)?(?: better)?|fix(?:ed)? (?:it|that|F\d+))"
)
HELPED = re.compile(  # "it" of the present is the model: "does it work?", "is it any good?"
    _LEAD + rf"(?:(?:did|has|have) {_WHOSE}{_BROUGHT}|(?:does|do) {_NAMED}{_BROUGHT}"
    rf"|(?:was|is|were|are) {_NAMED} (?:a success|successful|worth it|any good|effective|verified)"
    r"|(?:is|was) (?:it|that|this|the model|F\d+) (?:any )?(?:better|repaired|fixed|mended|solved|cured|gone)"
    rf"|what did {_NAMED} (?:bring|do|change|cost|achieve))"
    r"(?: (?:now|then|at all|since|after (?:the|that) \w+|than before|in the end|for F\d+|against F\d+))*\W*$",
    re.IGNORECASE,
)
_ALL = re.compile(r"\b(?:repairs|fixes|corrections|they)\b", re.IGNORECASE)


def repaired(case: Case, question: str, mentions: Mentions, act: Act | None) -> Step | AIMessage | None:
    """The next step of the repair that somebody asks for; None where the sentence names no finding to repair."""
    said = REPAIR.match(question.strip())
    if said is None or (question.rstrip().endswith("?") and not _ASKED_TO.match(question)):
        return None
    state = case.state()
    named = _named(state, said["what"], mentions, act)
    if len(named) > 1:
        text = prompts.say("repair.which", ids=listing([r.id for r in named]))
        return words.message(text, [f"Repair {r.id}" for r in named])
    return _step(case, state, named[0], said["what"]) if named else None


def _named(state: CaseState, what: str, mentions: Mentions, act: Act | None) -> list[FindingRecord]:
    """The findings that the words mean: by id, by what their images have in common, or the last measurement's."""
    ids = dict.fromkeys(i.upper() for i in _FINDING_NAME.findall(what))
    if ids:
        return [r for i in ids if (r := state.find(i)) is not None]
    if act is not None and act.arguments.get("finding") and _OF_LAST.match(what):
        record = state.find(str(act.arguments["finding"]))
        return [record] if record is not None else []
    things = {m.name.split("=", 1)[0] for m in mentions.found if m.role in ("object", "attribute", "value")}
    classes = set(mentions.of("class"))
    meant = [
        r
        for r in state.records.values()
        if things & set(r.finding.slice or {})
        and (not classes or classes & {r.finding.class_name, r.finding.confused_with})
    ]
    return [r for r in meant if r.finding.verdict == "confirmed"] or [
        r for r in meant if r.standing == "open"
    ]


def _step(case: Case, state: CaseState, record: FindingRecord, what: str) -> Step | AIMessage | None:
    line = adopting.line_of(state, record)
    if line and not record.mended and case.has_model():
        return adopting.step_for(state, record, line)
    made = [v for v in state.versions.values() if v.finding == record.id]
    strategy = _strategy(what)
    if made and not (strategy and strategy not in {v.strategy for v in made}):
        judged = _judged(case, state, made[-1].repair)
        if isinstance(judged, Step):
            return judged
        before = prompts.say("repair.made", id=record.id, repair=made[-1].repair)
        return words.message(f"{before}\n{judged.text}", words.choices(case))
    if not record.corrections or "retrain" not in registry():
        return Step("", "propose_correction", prompts.say("why.propose_correction"), {"finding": record.id})
    lacking = repairs.lacking(case, record, strategy)
    if lacking:
        text = prompts.say("repair.lacking", id=record.id, reason=lacking)
        proposed = [f"- {clean(c.action, 300)}" for c in record.corrections if c.status == "proposed"]
        return words.message("\n".join([text, *proposed]), words.choices(case))
    return repairs.applying(case, record, strategy)


def _strategy(what: str) -> str:
    """The strategy that the words name (``by relabelling`` is not one, ``by cut and paste`` is); empty for none."""
    from failsight.tools.repair.choosing import TRAINED
    from failsight.tools.repair.versions import AROUND

    plain = re.sub(r"[\W_]+", " ", what.lower())
    by = re.search(r"\b(?:by|with|through|using|via) (.*)$", plain)
    if by is None:
        return ""
    found = [s for s in (*TRAINED, *AROUND) if re.search(rf"\b{s.replace('_', ' ')}\b", by[1])]
    return max(found, key=len, default="")


# --- whether it helped -------------------------------------------------------------------------------------------------


def helped(case: Case, question: str) -> Step | AIMessage | None:
    """Whether a repair helped, from the record; the verification where there is none yet; that nothing was repaired."""
    if HELPED.match(question.strip()) is None:
        return None
    state = case.state()
    of = next((f.upper() for f in _FINDING_NAME.findall(question)), "")
    name = next((r.upper() for r in _REPAIR_NAME.findall(question)), "")
    made = dict.fromkeys(
        v.repair for v in state.versions.values() if of in ("", v.finding) and name in ("", v.repair)
    )
    if not made:
        return _nothing(case, state, of, name)
    chosen = list(made) if _ALL.search(question) else list(made)[-1:]
    waiting = next((r for r in chosen if verification(state, r) is None), None)
    if waiting is not None:
        return _judged(case, state, waiting)
    lines = [
        line for r in chosen if (e := verification(state, r)) is not None for line in _lines(state, r, e)
    ]
    return words.message("\n".join(lines), words.choices(case))


def _nothing(case: Case, state: CaseState, of: str, name: str) -> AIMessage:
    """That no repair was applied, and what is proposed."""
    made = list(dict.fromkeys(v.repair for v in state.versions.values()))
    text = prompts.say("repair.none", of=f" of {of}" if of else f" called {name}" if name else "")
    proposed = [
        r
        for r in state.confirmed()
        if of in ("", r.id) and any(c.status == "proposed" for c in r.corrections)
    ]
    offers = [f"Repair {r.id}" for r in proposed[:3]] + (
        [f"Did {r} help?" for r in made] if name or of else []
    )
    if proposed:
        text += " " + prompts.say("repair.proposed", ids=listing([r.id for r in proposed]), id=proposed[0].id)
    return words.message(text, [*offers, *words.choices(case)])


def verification(state: CaseState, repair: str) -> Evidence | None:
    """The newest verification of a repair that came to a verdict."""
    return next(
        (
            e
            for e in reversed(state.evidence)
            if e.tool == "verify_correction"
            and any(f.name == "verdict" and f.of.upper() == repair.upper() for f in e.facts)
        ),
        None,
    )


def _judged(case: Case, state: CaseState, repair: str) -> Step | AIMessage:
    """What the verification of a repair said; the call of it where there is none."""
    made = verification(state, repair)
    if made is None:
        return repairs.verifying(repair)
    return words.message("\n".join(_lines(state, repair, made)), words.choices(case))


def _lines(state: CaseState, repair: str, made: Evidence) -> list[str]:
    """The verdict, the target beside its control, and what it cost elsewhere."""
    version = next(v for v in state.versions.values() if v.repair == repair)
    verdict = str(_fact(made, "verdict", repair).value)  # type: ignore[union-attr]
    of = f" of {version.finding}" if version.finding else ""
    key = verdict.replace(" ", "_")
    lines = [prompts.say(f"helped.{key}", repair=repair, of=of, evidence=made.id)]
    lines += [f"{made.summary} [{made.id}]", *_cost(made)]
    lines += [f"- {step}" for step in made.next_steps[:2]]
    if verdict in ("no effect", "traded away"):
        record = state.find(version.finding)
        left = [c for c in record.corrections if c.status == "proposed"] if record is not None else []
        lines += [f"- {prompts.say('helped.left', action=clean(c.action, 300))}" for c in left[:2]]
    return lines


def _cost(made: Evidence) -> list[str]:
    """What happened elsewhere: all untouched images before and after, and the groups that lost."""
    lines = []
    before, after = _fact(made, "error_rate", "before"), _fact(made, "error_rate", "repair")
    if before is not None and after is not None:
        lines.append(
            prompts.say(
                "helped.overall", before=number(before.value), after=number(after.value), evidence=made.id
            )
        )
    worse, traded, worst = (_fact(made, n) for n in ("groups_worse", "groups_traded", "worst_loss"))
    if worse is not None and traded is not None:
        most = (
            ""
            if worst is None
            else f" {clean(worst.of, 80)}, {number(worst.value, 'points')} {interval(worst.ci, 'points')}"
        )
        text = prompts.say("helped.cost", worse=worse.value, traded=traded.value, evidence=made.id)
        lines.append(text if not most else f"{text} {prompts.say('helped.worst', most=most.strip())}")
    return [f"- {line}" for line in lines]


def _fact(made: Evidence, name: str, of: str | None = None) -> Fact | None:
    return next(
        (f for f in made.facts if f.name == name and (of is None or f.of.upper() == of.upper())), None
    )
