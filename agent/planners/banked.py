"""The question bank and the requests for each tool: what is made of a sentence that no reader before them took.

The nearest question's call, with the groups that the sentence names; or words, where nothing answers it, where it is unsure, or where the
journal knows it already.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage

from failsight import prompts
from failsight.agent.planners import (
    grouped,
    looks,
    references,
    slots,
    told,
    understood,
    unsure,
    whether,
    words,
)
from failsight.agent.planners.dialogue import Act, Turn
from failsight.agent.planners.known import answer as record
from failsight.agent.planners.slots import Call, Unfit
from failsight.tools.errors import RetryError
from failsight.tools.registry import registry
from failsight.tools.text import clean, listing

if TYPE_CHECKING:
    from failsight.agent.case import Case
    from failsight.knowledge_base.routing import Route

SURE = 0.6  # of both readings of a sentence (Route.sure), from which it is not taken otherwise
DOES = (
    "adopt_version", "compare_models", "generate_repair_data", "retrain", "test_by_adding", "test_by_masking", "test_by_swapping",
    "verify_correction",
)  # fmt: skip
_COMPARING = re.compile(
    r"\b(?:compar\w*|versus|vs|between|against|differ\w*|than|contrast\w*|apart)\b", re.IGNORECASE
)


def routed(
    case: Case,
    question: str,
    act: Act | None,
    change: Call | Unfit | None,
    before: Sequence[Turn],
    *,
    chosen: bool = False,
) -> AIMessage:
    """The call of the nearest question; ``before``: the turns so far; ``chosen``: somebody said that it is meant."""
    from failsight.knowledge_base import route

    names = words.vocabulary(case)
    said = question
    if act is not None:
        question = references.named(act, words.names(case, question)) or question
    found = route(question, names, base=case.knowledge)
    if found.call is not None and not _has_features(
        case, found.call
    ):  # the next way to answer the same question
        others = {name: given for name, given in names.tools.items() if name != found.call["tool"]}
        found = route(question, dataclasses.replace(names, tools=others), base=case.knowledge)
    if (elsewhere := words.unknown_image(case, found)) is not None:
        return elsewhere
    if not (_to_be_done(found) and not told.asks_of_past(said)) and (
        known := told.unless_done(case, said, words.names(case, said), found.call)
    ):
        return known
    if isinstance(change, Unfit) and not _compares(said, found.call, change):
        return unfit(case, act, change, several=True) or words.unanswered(case, found)
    if found.call is None or found.off_topic or found.asks_back:
        heard = words.names(case, said)
        recorded = None if chosen else record.answered(case, said, heard, before)
        return recorded or understood.unanswered(case, said, found, heard, act)
    tool, heard = found.call["tool"], words.names(case, question)
    if "finding" in slots.fields(tool) and (missing := told.not_there(case, said, heard)) is not None:
        return missing
    (tool, given), left = grouped.applied(case, question, heard, found.call["tool"], found.call["arguments"])
    given = looks.placed(case, tool, given)
    if (known := whether.tested(case, said, tool, given)) is not None:
        return known
    if (decided := whether.settled(case, {"tool": tool, "arguments": given}, said)) is not None:
        return decided
    if not chosen and (instead := _instead(case, said, found, (tool, given), left, act, before)) is not None:
        return instead
    why = prompts.say("why.question", question=clean(question, 120))
    given, beyond = _possible(tool, given)
    if beyond:
        why += prompts.say("why.without", named=listing([f"{k}={clean(v, 40)}" for k, v in beyond.items()]))
    return words.call(tool, given, why, question=found.questions[0].id if found.questions else "")


def _instead(
    case: Case,
    said: str,
    found: Route,
    made: tuple[str, Mapping[str, Any]],
    left: Sequence[str],
    act: Act | None,
    before: Sequence[Turn],
) -> AIMessage | None:
    """What is said in place of the call ``made`` that is not sure, or that leaves out a part of the sentence (``left``): what the record has
    on the things that are named, else which reading is meant; None where the call is to be made."""
    tool, given = made
    doubt = unsure.asked(case, said, found, tool, given, act)
    if doubt is None and not record.drops(case, said, found, tool, given, left):
        return None
    return record.answered(case, said, words.names(case, said), before) or doubt


def _to_be_done(found: Route) -> bool:
    """Whether a sentence that may name a finding surely wants something done, and not to be told of it."""
    return found.call is not None and found.call["tool"] in DOES and found.sure >= SURE


def _possible(tool: str, given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The arguments that the tool takes as they are, and those that it does not: a number in a sentence may be beyond its bounds."""
    spec = registry()[tool]
    try:
        spec.check(dict(given))
        return dict(given), {}
    except RetryError:
        pass
    kept, unfit = {}, {}
    needed = {k: v for k, v in given.items() if spec.arguments.model_fields[k].is_required()}
    for name, value in given.items():
        try:
            spec.check({**needed, name: value})
            kept[name] = value
        except RetryError:
            unfit[name] = value
    return ({**needed, **kept}, {k: v for k, v in unfit.items() if k not in needed})


def _compares(question: str, made: Mapping[str, Any] | None, change: Unfit) -> bool:
    """Whether a call sets beside each other all that the sentence names."""
    if made is None or not made["tool"].startswith("compare_") or not _COMPARING.search(question):
        return False
    rest = _COMPARING.sub(" ", question.lower())
    for name in change.names:
        rest = rest.replace(name.replace("_", " ").lower(), " ")
    if not re.search(r"[a-z]{3,}", rest):  # two names alone go on with what was measured before
        return False
    given = [
        v
        for value in made["arguments"].values()
        for v in (value if isinstance(value, list | tuple) else (value,))
    ]
    return all(any(str(v).split(":")[-1] == name for v in given) for name in change.names)


def _has_features(case: Case, made: Mapping[str, Any]) -> bool:
    """Whether a call has features to look at: recorded answers have none of their own."""
    return made["tool"] != "explain_failures" or case.has_model() or "feature_model" in made["arguments"]


def unfit(case: Case, act: Act | None, change: Call | Unfit | None, *, several: bool) -> AIMessage | None:
    """Why the last measurement can't be changed so; one that names several things may be a question of its own."""
    if act is None or not isinstance(change, Unfit) or (change.reason == "several") != several:
        return None
    shown = [_shown_as(name) for name in change.names]
    text = prompts.say(f"follow.{change.reason}", tool=act.tool, names=listing(shown))
    offers = [f"And {name}?" for name in shown[:4]] if several else []
    return words.message(text, [*offers, *words.choices(case)])


def _shown_as(name: str) -> str:
    """A name of the case as people say it, so that it is understood again; names of files stay as they are."""
    return clean(slots.SPOKEN.get(name) or (name if "." in name else name.replace("_", " ")), 60)
