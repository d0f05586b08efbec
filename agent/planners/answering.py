"""What the guided planner makes of one sentence: a call with its reason, or words.

In this order: taking back, asking why, to see, what a word means or what this is for, what was found, what comes next, a finding to repair or whether that
helped, edits of attributes, an answer to what was asked back, a change to the last measurement, a suspicion, and at last
a question of the bank; a finding or evidence that is named and that no rule reads otherwise is told from the journal.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from langchain_core.messages import AIMessage

from failsight import prompts
from failsight.agent.planners import (
    absent,
    adopting,
    asides,
    banked,
    because,
    compared,
    confused,
    demanded,
    edits,
    first_steps,
    grouped,
    looking,
    looks,
    mending,
    parted,
    phrases,
    pointed,
    references,
    rephrased,
    several,
    showing,
    slots,
    tables,
    thresholds,
    together,
    told,
    understood,
    undoing,
    unexamined,
    unnamed,
    unsure,
    whether,
    words,
)
from failsight.agent.planners.advice import answers as advice
from failsight.agent.planners.counting import asked as counting
from failsight.agent.planners.dialogue import Act, Turn, last_act, turns
from failsight.agent.planners.handed import asked as handed
from failsight.agent.planners.hypotheses import Proposal, Unclear, suspicion
from failsight.agent.planners.known import answer, wording
from failsight.agent.planners.known import asked as known
from failsight.agent.planners.slots import Call, Unfit
from failsight.agent.planners.step import Step
from failsight.agent.planners.steps import largest_confusion
from failsight.knowledge_base import spelling
from failsight.knowledge_base.details import smallest_effect
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence
from failsight.tools.hypotheses.instruments import LEAST
from failsight.tools.notes import called
from failsight.tools.registry import registry
from failsight.tools.state_hypothesis import THIS
from failsight.tools.text import clean

if TYPE_CHECKING:
    from failsight.agent.case import Case

MOST_PICTURES = 8
STATE = "state_hypothesis"


def first_message(case: Case, question: str) -> AIMessage:
    """The first message of the turn in which a person said ``question``."""
    return one_wish(case, question, turns(case, question), whole=True)


def one_wish(case: Case, question: str, before: Sequence[Turn], *, whole: bool = False) -> AIMessage:
    """The first message for one wish after the turns ``before``; ``whole``: a sentence, which may hold several."""
    made = _first(case, question, before, whole)
    if pointed.corrects(question):
        made = pointed.in_place(case, made, before)
    return asides.read_as(question, made, words.vocabulary(case))


def _first(case: Case, question: str, before: Sequence[Turn], whole: bool) -> AIMessage:
    """What is made of the sentence, words of the trade spelt right; ``before``: the turns so far."""
    question = spelling.corrected(known.wish_of(question), words.vocabulary(case))
    question = rephrased.plainly(case, question, before)
    meant = known.as_said(case, question, before) or pointed.meant(case, question, before)
    if isinstance(meant, AIMessage):
        return meant
    question, act = tables.by_each(parted.joined(meant), words.vocabulary(case).attributes), last_act(before)
    heard = words.names(case, question)
    made = (
        _taken_back(case, question, before)
        or understood.bare(case, question, before)
        or demanded.answered(case, question, words.vocabulary(case))
        or compared.opposed(case, question, heard, before)
        or unexamined.answered(case, question)
        or handed.answered(case, question, heard, before)
        or compared.continued(case, question, heard, before)
        or (known.whole(case, question, heard, before) if whole else None)
        or (several.asked(case, question, one_wish) if whole else None)
        or known.early(case, question, heard, before)
        or compared.answered(case, question, words.names(case, question), before)
        or showing.answered(case, words.names(case, question), before)
        or counting.answered(case, question, words.names(case, question), before)
        or advice.answered(case, question, words.names(case, question), before)
        or wording.shortened(case, question, heard, before)
        or _explained(case, question, before)
        or _shown(case, question, act)
        or absent.answered(case, question, words.names(case, question))
        or unnamed.answered(case, question, words.names(case, question))
        or thresholds.answered(case, question, words.names(case, question))
        or together.asked(case, question)
        or _asked_for(case, question, act)
        or first_steps.answered(case, question, words.names(case, question))
        or known.late(case, question, heard, before)
        or _told(case, question)
        or _next(case, question)
        or _adopted(case, question)
        or _mended(case, question, act)
        or _edited(case, question)
        or _cleared_up(case, question, before)
    )
    if made is not None:
        return known.refused(case, heard) if known.contradicts(made) else made
    change = _change(case, question, before, act)
    return (
        _followed(case, question, act, change)
        or banked.unfit(case, act, change, several=False)
        or _seen(case, question)
        or _because(case, question)
        or whether.known(case, question, words.names(case, question))
        or _suspected(case, question)
        or confused.unknown(case, question, words.names(case, question))
        or banked.routed(case, question, act, change, before)
    )


def instrument_message(case: Case, made: Evidence) -> AIMessage | None:
    """After a hypothesis was written down: the call that decides it; None when it was decided before, or can't be."""
    facts = {f.name: f.value for f in made.facts}
    tool = str(facts.get("instrument", ""))
    if made.tool != STATE or tool not in registry() or not made.findings:
        return None
    record = case.state().records.get(made.findings[0].key)
    arguments = json.loads(str(facts.get("instrument_arguments") or "{}"))
    decided = record is not None and record.finding.verdict is not None
    if record is None or (decided and LEAST not in arguments):  # another smallest effect is another question
        return None
    if arguments.get("finding") == THIS:
        arguments["finding"] = record.id
    why = prompts.say("why.instrument", finding=record.id, reason=_reason(made, tool))
    return words.call(tool, arguments, why, hypothesis=record.id)


def _reason(made: Evidence, tool: str) -> str:
    said = next((s for s in made.next_steps if tool in s), "")
    return said.partition(": ")[2].rstrip(".") or "it compares with a control"


# --- what came before ------------------------------------------------------------------------------------------------


def _taken_back(case: Case, question: str, before: Sequence[Turn]) -> AIMessage | None:
    named = phrases.WITHDRAW.match(question)
    if named:
        return _withdrawn(case, named["a"] or named["b"], named["why"] or "")
    back = undoing.taken_back(case, question, before)
    if back is None:
        return None
    if back.withdraw:
        return _withdrawn(case, back.withdraw)
    if not back.calls:
        return words.message(back.text, words.choices(case))
    (tool, arguments), *rest = back.calls
    return words.call(tool, arguments, prompts.say("why.undo", what=clean(back.what, 120)), then=rest)


def _withdrawn(case: Case, finding: str, why: str = "") -> AIMessage:
    """A hypothesis is taken back, or why it can't be."""
    try:
        record = case.withdraw(finding, why=clean(why, 300))
    except RetryError as error:
        return words.message(str(error), words.choices(case))
    return words.message(
        prompts.say("undo.hypothesis", finding=record.id, statement=clean(record.finding.statement, 200)),
        words.choices(case),
    )


def _explained(case: Case, question: str, before: Sequence[Turn]) -> AIMessage | None:
    """Why: the evidence behind the last answer."""
    if not phrases.WHY.match(question):
        return None
    said = [t for t in before if t.acts or (t.reply and not phrases.is_aside(t.said))]
    turn = said[-1] if said else next((t for t in reversed(before) if t.reply), None)
    return words.why(case, turn) if turn is not None else None


def _shown(case: Case, question: str, act: Act | None) -> AIMessage | None:
    """The images behind the last measurement."""
    if act is None or not phrases.SHOW.match(question):
        return None
    made = next((e for e in case.state().evidence if e.id == act.evidence), None)
    if made is None:
        return None
    if made.images:
        return words.pictures(case, made, MOST_PICTURES)
    pair = largest_confusion(made.to_dict()) if made.tool == "confusion_matrix" else None
    if pair is not None:
        why = prompts.say("why.cell", true=pair[0], predicted=pair[1])
        return words.call("confusion_matrix", {"true_class": pair[0], "predicted_class": pair[1]}, why)
    return words.message(prompts.say("show.none", evidence=made.id), words.choices(case))


def _asked_for(case: Case, question: str, act: Act | None) -> AIMessage | None:
    """A rate, or a figure of a group of images."""
    made = grouped.asked_for(case, question, words.names(case, question), act)
    if made is None:
        return None
    if made.tool in known.WHOLE and answer.leaves_out(case, question, made.tool, made.arguments):
        recorded = answer.answered(case, question, words.names(case, question))
        if recorded is not None:
            return recorded
    asks = whether.IS_ONE.match(question) is not None  # a figure is no answer by yes or no
    settled = (
        whether.settled(case, {"tool": made.tool, "arguments": made.arguments}, question) if asks else None
    )
    return settled or words.call(made.tool, made.arguments, made.why)


def _told(case: Case, question: str) -> AIMessage | None:
    """All that was found, or what a finding or evidence is that somebody asks to see or to have explained."""
    return told.all_of_it(case, question) or told.looked_at(case, question, words.names(case, question))


def _next(case: Case, question: str) -> AIMessage | None:
    """What to do next: what was found and not mended, what nobody has said, and where the workflow goes on."""
    if not phrases.NEXT.match(question) or not case.state().evidence:
        return None
    return words.message("\n".join(words.next_lines(case)), words.choices(case))


def _adopted(case: Case, question: str) -> AIMessage | None:
    """Going on with the pipeline, or the order of the classes, that was found."""
    made = adopting.asked(case, question)
    if made is None:
        return None
    if isinstance(made, AIMessage):
        return words.message(str(made.text), words.choices(case))
    return words.call(made.tool, made.arguments, made.why)


def _mended(case: Case, question: str, act: Act | None) -> AIMessage | None:
    """The next step of a finding's repair, or whether a repair helped."""
    made = mending.helped(case, question)
    if made is None and mending.REPAIR.match(question.strip()):
        made = mending.repaired(case, question, words.names(case, question), act)
    if made is None or isinstance(made, AIMessage):
        return made
    return words.call(made.tool, made.arguments, made.why) if made.tool in registry() else None


def _edited(case: Case, question: str) -> AIMessage | None:
    made = edits.calls(question, edits.names_of(case))
    if not made:
        return None
    (name, arguments), *rest = made
    name = "attribute_overview" if name == edits.LIST else name
    why = prompts.say("why.question", question=clean(question, 120))
    return words.call(name, arguments, why, then=rest)


def _cleared_up(case: Case, question: str, before: Sequence[Turn]) -> AIMessage | None:
    """The answer to what was asked back: the missing part of a suspicion, or the number of a question offered."""
    if not before or before[-1].acts:
        return None
    asked = before[-1].said
    if isinstance(suspicion(words.names(case, asked)), Unclear):
        here = words.names(case, question)
        if isinstance(suspicion(here), Proposal) or question.rstrip().endswith("?"):
            return None  # a whole sentence of its own
        both = f"{asked[:200].rstrip(' .!')}, it uses {question[:200]}"
        made = suspicion(words.names(case, both))
        if here.found and isinstance(made, Proposal):
            return _state(case, made, question)
        return None
    return _chosen(case, question, asked, before[-1].reply)


_ORDINALS = {"1": 0, "first": 0, "one": 0, "2": 1, "second": 1, "two": 1, "3": 2, "third": 2, "three": 2}


def _chosen(case: Case, question: str, asked: str, reply: str) -> AIMessage | None:
    """``the second one`` after questions were offered; ``reply``: the words that offered them."""
    said = [w for w in question.lower().strip(" .!()").split() if w not in ("the", "one", "number", "no", "please", "question", "i", "mean", "meant")]  # fmt: skip
    at = _ORDINALS.get(said[0]) if len(said) == 1 else None
    if at is None:
        return None
    from failsight.knowledge_base import route

    found = route(asked, words.vocabulary(case), base=case.knowledge)
    doubted = unsure.was_asked(reply)
    near = unsure.readings(case, found) if doubted else found.questions
    if not (doubted or found.asks_back) or at >= len(near):
        return None
    own = doubted and found.call is not None and unsure.answers(case, near[at].id, found.call["tool"])
    return banked.routed(case, asked if own else near[at].title, None, None, (), chosen=True)


def _change(case: Case, question: str, before: Sequence[Turn], act: Act | None) -> Call | Unfit | None:
    """The last measurement as the sentence changes it; why it can't be; None where the sentence is no such change."""
    if act is None or act.tool not in registry():
        return None
    made = references.follow(words.names(case, question), before, act, lambda: _all_attributes(case))
    if isinstance(made, tuple):
        try:
            registry()[made[0]].check(made[1])
        except RetryError:
            return None
    return made


def _followed(case: Case, question: str, act: Act | None, change: Call | Unfit | None) -> AIMessage | None:
    """The last measurement with other names in it."""
    if act is None or not isinstance(change, tuple):
        return None
    why = prompts.say("why.follow", question=clean(question, 120), before=act.evidence or "before")
    return words.call(change[0], looks.placed(case, *change), why)


def _all_attributes(case: Case) -> list[str]:
    """Every attribute of which groups can be made."""
    table = case.attributes()
    return [name for name in table.columns if name not in table.unusable]


def _seen(case: Case, question: str) -> AIMessage | None:
    """The pictures that somebody describes; which words of the description were not understood."""
    spoken = grouped.spoken(case, known.as_values(case, words.names(case, question)))
    wish = looking.wish(spoken, lambda measure, low: looks.condition(case, measure, low))
    if wish is None or looking.TOOL not in registry():
        return None
    if not wish.arguments.get("where") and wish.unread:
        return words.message(asides.nothing_shown(case, wish.unread), words.choices(case))
    why = prompts.say("why.show_images", question=clean(question, 120))
    given = looks.placed(case, looking.TOOL, wish.arguments)
    return words.call(looking.TOOL, given, why, **({asides.UNREAD: list(wish.unread)} if wish.unread else {}))


def _because(case: Case, question: str) -> AIMessage | None:
    """Why a class does badly, from what was found."""
    made = because.told(case, question, words.names(case, question))
    return words.call(made.tool, made.arguments, made.why) if isinstance(made, Step) else made


# --- suspicions ------------------------------------------------------------------------------------------------------


def _suspected(case: Case, question: str) -> AIMessage | None:
    if STATE not in registry():
        return None
    mentions = words.names(case, question)
    made = suspicion(mentions)
    if made is None or (isinstance(made, Unclear) and told.named(question, mentions)):
        return None
    if isinstance(made, Proposal):
        return _state(case, made, question)
    from failsight.knowledge_base import route

    found = route(question, words.vocabulary(case), base=case.knowledge)
    clear = (
        found.call is not None
        and found.call["tool"] not in (STATE, *slots.TESTS)
        and found.sure >= banked.SURE
    )
    return None if clear else words.unclear(case, made)  # what names a measurement is no half a suspicion


def _state(case: Case, made: Proposal, question: str) -> AIMessage | None:
    """The call that writes a suspicion down; None where nothing tells such pictures from others."""
    arguments, more = dict(made.arguments), ""
    if made.look is not None:
        where = looks.condition(case, *made.look)
        if where is None:
            return None
        arguments["where"], more = (where,), looks.said(case, where)
        if (
            split := looks.only_in(case, (where,))
        ) is not None:  # a suspicion is of evaluation images; these have none
            given = {k: v for k, v in arguments.items() if k in ("where", "class_name")} | {"split": split}
            why = prompts.say("looks.elsewhere", condition=where, split=called(split))
            return words.call("compare_group", given, why) if "compare_group" in registry() else None
    if (least := smallest_effect(question)) is not None:
        arguments[LEAST] = least
    why = prompts.say("why.hypothesis", question=clean(question, 120))
    return words.call(STATE, arguments, f"{more} {why}".strip())
