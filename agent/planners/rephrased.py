"""Ways of speaking put into the words that the other readers know: who labelled a picture as what, what a machine says, how sure is sure.

Only the wording changes, and only where a name of the case stands in it; whatever else a sentence says is left as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from failsight.agent.planners import qualities, words
from failsight.agent.planners.handed.words import is_goal
from failsight.knowledge_base.vocabulary import Mention, recognise
from failsight.tools import provenance

if TYPE_CHECKING:
    from failsight.agent.case import Case
    from failsight.agent.planners.dialogue import Turn
    from failsight.knowledge_base.vocabulary import Mentions, Vocabulary

LONGEST: Final = 400
_BEGINS: Final = r"^(?:\W*\b(?:and|but|so|ok(?:ay)?|well|now|hm+|hi|hello|listen)\b\W*)*"
_SAYS: Final = r"(?:(?:always|also|still|just|once)\s+)?(?:says?|said|thinks?|thought|reckons?|reckoned|claims?|claimed|believes?|believed|swears?|swore|insists?|insisted|suspects?|guess(?:es|ed)|told (?:me|us)|tells? (?:me|us)|keeps? saying|is (?:sure|convinced|certain))(?: that)?"
_LABELLED: Final = r"(?:has |have |had |always |often )*(?:called|labell?ed|tagged|marked|named|entered|recorded|filed|noted|put(?: down)?|classified|sorted)(?: (?:it|them|those|these))?(?: (?:as|to|under|down as))?(?: (?:an?|the))?"
_MACHINE: Final = r"(?:the |this |that |our )(?:machine|model|camera|system|computer|software|program|ai|classifier|network|sorter|thing|app)"
_ANSWERS: Final = r"(?:says|said|thinks|thought|reckons|guesses|guessed|claims|claimed|believes|believed|sees|saw|reads)(?: (?:that )?(?:it|they|these|those)(?:'s|'re| is| are| was| were)?)?(?: (?:an?|the|of it|of them))?"
_WHO: Final = re.compile(
    rf"{_BEGINS}(?P<who>[^\W\d_][\w'-]*(?: [A-Z][\w'-]*)?)\s+{_SAYS}\s+(?P<rest>\S)", re.IGNORECASE
)
_HE: Final = r"\b(?:she|he|they)\s+$"
_MISTRUST: Final = re.compile(
    rf"{_BEGINS}i (?:really |just )?(?:don'?t|do not|never|no longer) (?:\w+ )?(?:trust|believe|like|buy)\b[^?.!;]{{2,60}}?[,;.]\s*(?=(?:and |so |can you |please |could you )*(?:show|list|how|count|give|which|what|let|tell|see)\b)",
    re.IGNORECASE,
)
_HELPERS: Final = re.compile(
    r"\b(?P<sent>(?:go(?:es)?|going|sent|send|handed|hand|given|give|left|passed) )to (?:the |our |my )?(?:women|men|ladies|girls|guys|lads)\b(?: (?:on|at|in) the \w+)?",
    re.IGNORECASE,
)
_ABOUT: Final = re.compile(
    rf"{_BEGINS}(?P<head>(?:what|how) about (?:the |our )?[^,;]{{2,40}}?)\s*[,;]\s*(?P<rest>.+)$",
    re.IGNORECASE,
)
_SAME: Final = re.compile(
    r"\b(?:do|did) (?:they|the \w+|these people|those people|all of them)(?: all| both| really)? (?:label|judge|call|name|sort|inspect|grade|tag|see)(?: \w+)? (?:(?:it|them|things) )?(?:(?:the|in the) same(?: way)?|alike|differently|equally)\b",
    re.IGNORECASE,
)
_SENTENCES: Final = re.compile(
    rf"{_BEGINS}(?:can you |could you |please )*(?:write|give|draft|make|send|put)(?: me| us| down)? (?P<n>two|three|four|five|a few|some|\d) (?:short |plain |simple )*(?:sentences|lines) (?:for|to) (?:the |our |my )?\w+(?: \w+)?\W*$",
    re.IGNORECASE,
)
_TELL: Final = re.compile(
    rf"{_BEGINS}what (?:do|should|can|shall) (?:i|we) (?:tell|say to|write to) (?:the |our |my )?\w+\b[^?.!]{{0,40}}?\b(?P<n>two|three|four|five|a few|\d) (?:short |plain |simple )*sentences\b",
    re.IGNORECASE,
)
_SURE: Final = re.compile(r"\b(?:sure|certain|confident|confidence|certainty|alone|by itself|on its own|unattended|automatically)\b", re.IGNORECASE)  # fmt: skip
_OVER: Final = re.compile(
    r"\b(?P<op>over|above|more than|at least|beyond|from)\s+(?P<n>[5-9]\d(?:\.\d+)?)(?P<unit> ?%| ?per ?cent)?(?= (?:alone|and|then|or|on|is|how|go|goes|may|can|stay)\b|\W*$|[,;?])(?! (?:and|to) \d)",
    re.IGNORECASE,
)
_LIMIT: Final = re.compile(
    r"(?<![\w%])(?P<op>over|above|more than|at least|under|below|less than|at most|from)\s+(?P<n>\d+(?:\.\d+)?)(?=\s*(?:$|[,;.?!]|and\b|or\b|are\b|is\b|how\b|wrong\b))",
    re.IGNORECASE,
)
_THAT: Final = re.compile(r"\b(?:that|those|these|this|it|them|ones?)\b", re.IGNORECASE)


def plainly(case: Case, question: str, before: Sequence[Turn]) -> str:
    """``question`` as the readers know to read it.

    Args:
        before: the turns so far: ``above 70`` is of the column that the last one was about.
    """
    if len(question) > LONGEST:
        return question
    names = words.vocabulary(case)
    rules: tuple[Callable[[str], str], ...] = (
        lambda text: spoken_of(text, names),
        lambda text: _labelled(text, names),
        _mistrusted,
        lambda text: _answered(text, names),
        lambda text: _alone(text, names),
        lambda text: _labellers(text, names),
        _summarised,
        _sure,
        lambda text: _of_the_column(text, names, before),
        lambda text: qualities.written(case, text, names),
    )
    for rule in rules:
        question = rule(question)
    return question


def _mistrusted(text: str) -> str:
    return _MISTRUST.sub("", text, count=1)


def spoken_of(text: str, names: Vocabulary) -> str:
    """Without names of people that say nothing of the pictures: who supposes something, who gets the rest to look at."""
    return _HELPERS.sub(r"\g<sent>to people", _supposition(text, names))


def _supposition(text: str, names: Vocabulary) -> str:
    """``Marco says it's the humidity`` is a supposition, and none about Marco's pictures."""
    found = _WHO.match(text)
    if found is None or not any(m.role == "value" for m in recognise(found["who"], names).found):
        return text
    return text[found.start("rest") :]


def _labelled(text: str, names: Vocabulary) -> str:
    """``those that Petra called kaiser``: kaisers with ``inspector=Petra``."""
    mentions = recognise(text, names)
    people = [m for m in mentions.found if m.role == "value" and _of_people(m.name)]
    for one in (m for m in mentions.found if m.role == "class"):
        found = re.search(rf"(?P<verb>\s+{_LABELLED})\s*$", text[: one.start], re.IGNORECASE)
        if found is None:
            continue
        who = next((p for p in people if p.end == found.start("verb")), None)
        he = re.search(_HE, text[: found.start("verb")] + " ", re.IGNORECASE)
        start = who.start if who is not None else he.start() if he is not None else -1
        who = who or next((p for p in reversed(people) if p.end < start), None)
        if who is not None and start >= 0:
            tail = text[one.end :]
            return f"{_without_that(text[:start])}{_typed(text, one)} with {who.name}{tail}"
    return text


def _answered(text: str, names: Vocabulary) -> str:
    """``the machine says pretzel``: called pretzel."""
    for one in (m for m in recognise(text, names).found if m.role == "class"):
        found = re.search(
            rf"(?:,?\s*\b(?:and|but|where|that|which)\s+)?\b{_MACHINE}\s+{_ANSWERS}\s*$",
            text[: one.start],
            re.IGNORECASE,
        )
        if found is not None:
            return f"{text[: found.start()].rstrip()} called {_typed(text, one)}{text[one.end :]}".strip()
    return text


def _sure(text: str) -> str:
    """``when it's sure, say over 90``: over 90 % sure."""
    if not _SURE.search(text):
        return text
    return _OVER.sub(
        lambda m: (
            f"{m['op']} {m['n']} % sure"
            if not re.match(r" ?(?:sure|certain|confident)", text[m.end() :])
            and not is_goal(text, m.start("n"))
            else m[0]
        ),
        text,
    )


def _of_the_column(text: str, names: Vocabulary, before: Sequence[Turn]) -> str:
    """``how many is that, above 70`` after something about humidity alone: humidity above 70."""
    if not before or not before[-1].acts or not _THAT.search(text) or recognise(text, names).of("attribute"):
        return text
    found = _LIMIT.search(text)
    act = before[-1].acts[-1]
    column = _column_of(act.arguments, recognise(before[-1].said, names))
    if found is None or not column or names.attributes.get(column):
        return text
    return f"{text[: found.start()]}with {column} {text[found.start() :]}"


def _column_of(arguments: object, said: Mentions) -> str:
    """The one column that a call was about, and that the sentence before it named."""
    named = list(dict.fromkeys(said.of("attribute")))
    return named[0] if len(named) == 1 and named[0] in str(arguments) else ""


def _alone(text: str, names: Vocabulary) -> str:
    """``what about the tray position, edges get darker``: what is asked is named first, the rest is why."""
    found = _ABOUT.match(text)
    if found is None:
        return text
    head, rest = recognise(found["head"], names), recognise(found["rest"], names)
    named = bool(head.of("attribute")) and not any(
        m.role in ("class", "value", "finding", "evidence") for m in rest.found
    )
    return found["head"] if named and "?" not in found["rest"].rstrip("? ") else text


def _labellers(text: str, names: Vocabulary) -> str:
    """``who inspected these, do they all label the same``: whether the inspectors label differently."""
    columns = [c for c in names.attributes if provenance.PEOPLE & provenance.words(c)]
    if len(columns) != 1 or not _SAME.search(text):
        return text
    return f"do the {columns[0].replace('_', ' ')}s label differently?"


def _summarised(text: str) -> str:
    """``write me three sentences for the supplier``: a summary of so many."""
    found = _SENTENCES.match(text) or _TELL.match(text)
    return text if found is None else f"summarise it in {found['n']} sentences"


def _of_people(condition: str) -> bool:
    return bool(provenance.PEOPLE & provenance.words(condition.partition("=")[0]))


def _typed(text: str, one: Mention) -> str:
    return text[one.start : one.end]


def _without_that(text: str) -> str:
    """Without ``the ones that`` before what is named now."""
    return re.sub(
        r"\b(?:(?:all|the|those|any)\s+)*(?:ones?|pictures|images|photos|those)\s+(?:(?:that|which)\s+)?$",
        "",
        text,
        flags=re.IGNORECASE,
    )
