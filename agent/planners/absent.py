"""A group that is asked about and that the case has not: ``how good is it at site Mars?`` is answered with the sites that there are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from failsight import prompts
from failsight.agent.planners import edits, looking, words
from failsight.knowledge_base.groups import strange_values
from failsight.tools.text import clean, listing

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.knowledge_base.vocabulary import Mentions

MOST: Final = 12  # values of a column that are listed
OFFERED: Final = 3  # of them, with which the question is offered again
_OPINION: Final = re.compile(r"\W*(?:i|we|my|our|perhaps|maybe|probably|suppose)\b", re.IGNORECASE)


def answered(case: Case, question: str, mentions: Mentions) -> AIMessage | None:
    """That a column has not the value which a question tells of it, and the values that it has; None for every other sentence.

    Suspicions, wishes for pictures and edits say themselves what they did not understand.

    Args:
        mentions: the names of the case in the sentence.
    """
    columns = words.vocabulary(case).attributes
    found = next(iter(strange_values(mentions, columns)), None)
    if found is None or _OPINION.match(question):
        return None
    if looking.wish(mentions, lambda *_: None) or edits.calls(question, edits.names_of(case)):
        return None
    values = [clean(str(v), 40) for v in columns[found.column]]
    column = clean(found.column.replace("_", " "), 40)
    said = prompts.say(
        "group.not_there", column=column, value=clean(found.value, 40), values=listing(values, MOST)
    )
    text, start = mentions.sentence, found.end - len(found.value)
    return words.message(said, [f"{text[:start]}{v}{text[found.end :]}" for v in values[:OFFERED]])
