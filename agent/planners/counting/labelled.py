"""What somebody who labels writes down: ``Petra ticks the wrong box sometimes``, ``what does she write down instead?``.

That is about labels, and not about errors of the model: what the check of the labels says of that person comes first, then her images on which
label and answer differ, by label and by answer. Which of the two is wrong there is told by looking.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from failsight import prompts
from failsight.agent.planners import antecedents
from failsight.agent.planners.counting.base import call_of, split_of, why
from failsight.agent.planners.counting.read import Count, parts
from failsight.agent.planners.counting.said import TOOL
from failsight.agent.planners.known import findings
from failsight.agent.planners.known.counts import at_hand
from failsight.tools import provenance
from failsight.tools.text import clean

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.agent.planners.dialogue import Turn
    from failsight.knowledge_base.vocabulary import Mentions

LONGEST: Final = 200
KIND: Final = "label_noise"
_WRITES: Final = r"(?:ticks?|ticked|marks?|marked|puts?|picks?|picked|chooses?|chose|press(?:es|ed)?|writes?|wrote|enters?|entered|clicks?|clicked|hits?|stamps?|stamped|sets?|gives?|gave)"
_WRONG_BOX: Final = re.compile(
    rf"\b{_WRITES}(?: (?:down|in|on))? (?:(?:the|a|an|them in the|it in the) )?wrong (?:box(?:es)?|labels?|class(?:es)?|names?|buttons?|sorts?|kinds?|categor(?:y|ies)|ones?|things?)\b|\bmis-?labels?\b|\bmis-?labelled\b|\blabels? (?:them|it|things) wrong(?:ly)?\b",
    re.IGNORECASE,
)
_INSTEAD: Final = re.compile(
    rf"\b(?:what|which \w+) (?:does|do|did|has|have) (?:she|he|they|#)(?: (?:usually|mostly|then))? (?:{_WRITES}|written|put|label)(?: (?:it|them|those))?(?: (?:down|in|on|as))?(?: (?:instead|then|there))?\b",
    re.IGNORECASE,
)


def answered(case: Case, question: str, mentions: Mentions, before: Sequence[Turn]) -> AIMessage | None:
    """What is known of the labels of the person that is spoken of, with the counts; None for every other sentence."""
    if len(question) > LONGEST or not at_hand(case) or split_of(question):
        return None
    if any(m.role in ("image", "finding", "evidence") for m in mentions.found):
        return None
    people = [m for m in mentions.found if m.role == "value" and _is_person(m.name)]
    text = question
    for one in sorted(people, key=lambda m: -m.start):
        text = f"{text[: one.start]}#{text[one.end :]}"
    if not (_WRONG_BOX.search(text) or _INSTEAD.search(text)):
        return None
    who = tuple(dict.fromkeys(m.name for m in people)) or _spoken_of(case, before)
    if len(who) != 1:
        return None
    column, _, value = parts(who[0])
    state = case.state()
    known = [
        r for r in state.now() if r.finding.kind == KIND and (r.finding.slice or {}).get(column) == value
    ]
    name = clean(value, 60)
    lines = [prompts.say("labelled.differ", name=name), *(findings.line(r) for r in known[:2])]
    counts = [Count((who[0],), ("wrong",), (), by) for by in ("true", "predicted")]
    calls = [(TOOL, c.arguments()) for c in counts]
    said = {"kind": "labelled", "lines": lines}
    return call_of(calls[0], calls[1:], why(question), said)


def _is_person(condition: str) -> bool:
    """Whether a condition is of a column of people, who may have labelled."""
    name, sign, value = parts(condition)
    return sign == "=" and "|" not in value and bool(provenance.PEOPLE & provenance.words(name))


def _spoken_of(case: Case, before: Sequence[Turn]) -> tuple[str, ...]:
    """The person of the last answer."""
    found = antecedents.recent(case, before)[:1]
    held = found[0].counts[0].among if found and found[0].counts else ()
    return tuple(c for c in held if _is_person(c))
