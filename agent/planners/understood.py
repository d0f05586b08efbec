"""What is said to a sentence that leads to no call: how far it was understood, with sentences that would be.

That something is outside the subject is said only of sentences that name nothing of the case and go on with nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from failsight import prompts
from failsight.agent.planners import words
from failsight.tools.registry import registry
from failsight.tools.text import clean, listing

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.agent.planners.dialogue import Act, Turn
    from failsight.knowledge_base.vocabulary import Mention, Mentions

SHORT: Final = 9  # words of a sentence that may go on with what was said before
FEW: Final = 3  # words that are no sentence of their own
MOST: Final = 3  # sentences that are offered
_YES: Final = re.compile(r"^\W*(?:please )?(?:yes|yep|yeah|y|yes please|yes do (?:it|that)|sure)\W*$", re.IGNORECASE)  # fmt: skip
_NO: Final = re.compile(r"^\W*(?:no|nope|n|nah|no thanks?|no thank you)\W*$", re.IGNORECASE)
_GOES_ON: Final = re.compile(
    r"^\W*(?:and|but|so|or|ok(?:ay)?|then|what about|how about|only|just|no|yes|same|again|why|which|i mean|i meant|i'd say|rather|instead)\b"
    r"|\b(?:it|its|that|this|them|those|these|they|ones?|others?|same|both|either|each|there|rest|instead|more|less|fewer|shorter|longer|cheaper|nicer|smaller|bigger|better|worse|faster|higher|lower|easier|simpler|clearer|good|bad|enough)\b",
    re.IGNORECASE,
)
#: role of a name → sentences about it that are understood
_ABOUT: Final = {
    "class": ("How many {name} images are wrong?", "What are {name} images taken for?", "Show me wrong {name} images"),
    "object": ("How many images with {name} are wrong?", "Does the model use the {name}?", "Show me wrong images with {name}"),
    "attribute": ("How does accuracy vary with {name}?",),
    "value": ("How many {name} images are wrong?", "Show me wrong {name} images"),
    "finding": ("What was {name}?", "Repair {name}"),
    "evidence": ("Show me {name}",),
    "image": ("Why is {name} called that?", "What is similar to {name}?"),
}  # fmt: skip


def bare(case: Case, question: str, before: Sequence[Turn]) -> AIMessage | None:
    """To a yes or no where nothing was asked: nothing is run for it. None for every other sentence.

    Args:
        before: the turns so far; a question that offered several sentences is answered by one of them, not by a yes.
    """
    which = bool(before) and before[-1].reply.rstrip().endswith("?")
    for pattern, key in ((_YES, "bare.yes"), (_NO, "bare.no")):
        if pattern.match(question):
            said = prompts.say("bare.which" if which and key == "bare.yes" else key)
            return words.message(said, words.choices(case))
    return None


def unanswered(case: Case, question: str, found: Any, mentions: Mentions, act: Act | None) -> AIMessage:
    """Words to a sentence that no tool answers.

    Args:
        found: its route.
        mentions: the names of the case in it.
        act: what was last measured, which a short sentence may go on with.
    """
    if not found.off_topic:
        return words.unanswered(case, found)
    known = [(str(m.role), _shown(m, mentions.sentence)) for m in mentions.found if m.role in _ABOUT]
    if known:
        names = list(dict.fromkeys(name for _, name in known))
        return words.message(prompts.say("understood.names", names=listing(names)), offers(known))
    return follow_up(case, question, act) or words.unanswered(case, found)


def follow_up(case: Case, question: str, act: Act | None) -> AIMessage | None:
    """To a short sentence that goes on with what was last measured, nobody can tell how; None for every other one."""
    made = next((e for e in case.state().evidence if act is not None and e.id == act.evidence), None)
    if made is None or not goes_on(question):
        return None
    takes = registry()[made.tool].arguments.model_fields if made.tool in registry() else {}
    more = ["Why?", *(["Show me three of them"] if made.images else [])]
    if "split" in takes and "deploy" in case.splits() and made.arguments.get("split") != "deploy":
        more.append("And in deployment?")
    text = prompts.say("understood.before", title=clean(made.title, 120), evidence=made.id)
    return words.message(text, [*more[:MOST], *words.choices(case)])


def goes_on(question: str) -> bool:
    """Whether a sentence is short and speaks of what came before it."""
    count = len(question.split())
    return 0 < count <= FEW or (count <= SHORT and _GOES_ON.search(question) is not None)


def offers(known: Sequence[tuple[str, str]]) -> list[str]:
    """Two or three sentences about names of the case (role, name), those of different names first."""
    rows = [[text.format(name=name) for text in _ABOUT[role]] for role, name in known]
    longest = max((len(row) for row in rows), default=0)
    made = [row[i] for i in range(longest) for row in rows if i < len(row)]
    return list(dict.fromkeys(made))[:MOST]


def _shown(one: Mention, sentence: str) -> str:
    """A name as people say it, so that it is understood again; values and pictures as they stand in the sentence."""
    name = sentence[one.start : one.end] if one.role in ("value", "image") else one.name
    return clean(name.removeprefix("box:").replace("_", " ") if one.role != "image" else name, 60)
