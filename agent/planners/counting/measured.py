"""What a column of numbers is like in a group: ``is it more humid at night?``, ``humidity at night compared to early``.

Errors are not what is asked about: the images above a limit are counted in the group and beside it. The limit is that of a confirmed finding,
else the one that was spoken of last, else the middle.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from failsight import prompts
from failsight.agent.planners import antecedents, looks
from failsight.agent.planners.counting.base import call_of, columns_of, median, names_of, split_of, why
from failsight.agent.planners.counting.read import Count, denied, parts
from failsight.agent.planners.counting.said import TOOL, said_in_words
from failsight.agent.planners.handed import groups
from failsight.agent.planners.known.counts import at_hand, rest_of
from failsight.knowledge_base.condition_text import TOGETHER, column_of
from failsight.knowledge_base.people import are_numbers
from failsight.knowledge_base.vocabulary import words_of
from failsight.tools.hypotheses.suggested import conditions_behind

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.agent.planners.dialogue import Turn
    from failsight.knowledge_base.vocabulary import Mentions

LONGEST: Final = 160
_MORE: Final = re.compile(r"\b(?:more|less|higher|lower|larger|smaller|compared|compare|versus|vs|different|differ|differs)\b|er than\b", re.IGNORECASE)  # fmt: skip
_LESS: Final = re.compile(r"\b(?:less|lower|smaller)\b", re.IGNORECASE)
_ERRORS: Final = re.compile(
    r"\b(?:wrong\w*|errors?|mistakes?|worse|better|fail\w*|bad(?:ly)?|answer\w*|right|correct\w*|accura\w+|recogni\w+|model|camera|trouble|confus\w+|called|taken|how many|how often|show|list|which|why|because|reason|"
    r"cause\w*|confiden\w+|sure|label\w*|people|by hand)\b",
    re.IGNORECASE,
)
_THAN: Final = re.compile(r"\b(?:than|compared (?:to|with)|versus|vs\.?|against)\b", re.IGNORECASE)
SHORTEST: Final = 4  # letters of a word that a column's name goes on from: ``humid`` of ``humidity``


def answered(case: Case, question: str, mentions: Mentions, before: Sequence[Turn]) -> AIMessage | None:
    """The counts above the limit, in the group and beside it; None for every other sentence."""
    text = " ".join(question.split())
    if len(text) > LONGEST or not at_hand(case) or split_of(text) or mentions.of("class"):
        return None
    if not _MORE.search(text) or _ERRORS.search(text):
        return None
    if any(m.role in ("image", "finding", "evidence") for m in mentions.found):
        return None
    column, text = _column(case, text, mentions)
    sides = [s for s in _sides(case, text) if s] if column else []
    if not sides or any(column_of(c) == column for s in sides for c in s) or looks.only_in(case, sides[0]):
        return None
    other = sides[1] if len(sides) > 1 else rest_of(sides[0])
    limit, assumed = _limit(case, column, before)
    if not other or not limit or sides[0] == other:
        return None
    calls = [(TOOL, Count(tuple(held), (limit,)).arguments()) for held in (sides[0], other)]
    how = "less" if _LESS.search(question) else "more"
    said = {"kind": "compared", "how": how, "asked": how == "more" and _asks(question), "assumed": assumed}
    return call_of(calls[0], calls[1:], why(question), said)


def _asks(question: str) -> bool:
    return (
        re.match(r"\W*(?:(?:and|so|but|then)\W+)*(?:is|are|was|were)\b", question, re.IGNORECASE) is not None
    )


def _column(case: Case, text: str, mentions: Mentions) -> tuple[str, str]:
    """The column of numbers that a sentence names, or a word that its name goes on from; and the sentence without it."""
    columns = {c for c, v in columns_of(case).items() if are_numbers(v) and median(case, c) is not None}
    named = {m.name for m in mentions.found if m.role == "attribute" and m.name in columns}
    if len(named) == 1:
        name = next(iter(named))
        return name, re.sub(re.escape(name).replace("_", "[ _]"), " ", text, flags=re.IGNORECASE)
    if named:
        return "", text
    for found in re.finditer(rf"[^\W\d_]{{{SHORTEST},}}", text):
        word = re.sub(r"er$", "", found[0].lower())
        owners = [c for c in columns if any(w.startswith(word) and len(w) > len(word) for w in words_of(c))]
        if len(owners) == 1 and len(word) >= SHORTEST:
            return owners[0], f"{text[: found.start()]} {text[found.end() :]}"
    return "", text


def _sides(case: Case, text: str) -> list[tuple[str, ...]]:
    """The group that a sentence names, and the one behind ``than`` or ``compared to``."""
    cut = _THAN.search(text)
    pieces = [text[: cut.start()], text[cut.end() :]] if cut is not None else [text]
    made = list[tuple[str, ...]]()
    for piece in pieces:
        read = groups.read(case, names_of(case, piece).sentence).groups
        held = read[0] if len(read) == 1 else ()
        plain = held and not any(c.startswith(TOGETHER) or parts(c)[0] in ("true", "predicted") for c in held)
        made.append(tuple(held) if plain else ())
    return made if made[0] else []


def _upper(one: str) -> str:
    """The side of a limit that has more of it."""
    return denied(one) if parts(one)[1] in ("<", "<=") else one


def _limit(case: Case, column: str, before: Sequence[Turn]) -> tuple[str, str]:
    """The condition that is counted, and where its limit is from."""
    for record in case.state().confirmed():
        for one in conditions_behind(record.finding.slice):
            if one.name == column and one.op in (">", ">=", "<", "<="):
                held = _upper(str(one))
                return held, prompts.say("measured.finding", what=said_in_words([held]), finding=record.id)
    for about in antecedents.recent(case, before):
        for count in about.counts:
            for held in (*count.among, *count.having):
                if parts(held)[0] == column and parts(held)[1] in (">", ">=", "<", "<="):
                    upper = _upper(held)
                    return upper, prompts.say("measured.said", what=said_in_words([upper]))
    middle = median(case, column)
    held = f"{column}>{middle}" if middle is not None else ""
    return held, prompts.say("measured.middle", what=said_in_words([held])) if held else ""
