"""Where the router is not sure what a sentence means, and the measurement costs time: what it may mean is asked, and nothing is run.

What the journal answers, what costs nothing, what a sentence names by its own words and what is about one picture that it names is not
asked about.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from failsight import prompts
from failsight.agent.planners import understood, words
from failsight.knowledge_base.lexical import fold
from failsight.tools.errors import FailsightError
from failsight.tools.registry import registry
from failsight.tools.text import clean

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.agent.planners.dialogue import Act
    from failsight.knowledge_base.routing import Ranked, Route

# Of both readings together (Route.sure), below which a measurement is not made. Chosen on the development set and the requests of two
# authors: of their 15 calls of heavy tools below 0.66 the three lowest that name no picture are wrong (up to 0.47), the next is right
# (0.49); of the three calls of one pass below 0.3 that the question bank is not sure of either, two are wrong, the right one names a picture
BAR: Final = {"heavy": 0.48, "pass": 0.3}
BANK_SURE: Final = 0.95  # of the bank's nearest question, from which it is made anyway
MOST: Final = 3  # readings that are offered


def asked(
    case: Case, question: str, found: Route, tool: str, given: Mapping[str, Any], act: Act | None = None
) -> AIMessage | None:
    """Which of the nearest readings is meant; None where the call is to be made at once.

    Args:
        found: the route of the sentence ``question``.
        tool: the tool that it leads to, with the arguments ``given``.
        act: what was last measured; the bank's questions are no readings of a short sentence that goes on with it and names nothing.
    """
    spec = registry()[tool]
    if spec.writes or found.by_words or given.get("image") or found.sure >= BAR.get(spec.cost, 0.0):
        return None
    if tool == "evaluate" and given.get("split"):  # its images are named, and their answers are at hand
        return None
    told = None if found.mentions.found else understood.follow_up(case, question, act)
    bank = bool(found.questions) and found.questions[0].score >= BANK_SURE
    if bank and (told is None or spec.cost != "heavy"):
        return None
    near = readings(case, found)
    if len(near) < 2 or any(
        fold(q.title) == fold(question.strip()) for q in near
    ):  # a reading that was offered
        return None
    try:
        if case.answered(spec, case.checked(spec, given)):
            return None
    except FailsightError:
        return None  # it says itself what is wrong
    if told is not None:
        return told
    about = clean(spec.description.split(". ")[0].rstrip(".").split(":")[0], 160)
    what = f"{tool} ({about[:1].lower()}{about[1:]})" if about else tool
    text = prompts.say("unsure.asked", what=what, end=prompts.say("unsure.end"))
    return words.message(text, [q.title for q in near])


def readings(case: Case, found: Route) -> list[Ranked]:
    """The questions that a sentence may mean, nearest first; one that the tool of its call answers is among them."""
    near = list(found.questions[:MOST])
    tool = found.call["tool"] if found.call is not None else ""
    if any(answers(case, q.id, tool) for q in near):
        return near
    own = next((q for q in found.questions[MOST:] if answers(case, q.id, tool)), None)
    return [own, *near[: MOST - 1]] if own is not None else near


def answers(case: Case, question: str, tool: str) -> bool:
    """Whether a question of the bank is answered by ``tool`` first of all."""
    calls: Sequence[Any] = case.knowledge[question].extra.get("calls") or ()
    return bool(calls) and str(calls[0]["tool"]) == tool


def was_asked(reply: str) -> bool:
    """Whether words of the planner put such a question."""
    return reply.rstrip().endswith(prompts.say("unsure.end"))
