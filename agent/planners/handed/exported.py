"""Lists of pictures to take away: labels to check first, wrong answers, what goes to people, and the pictures of the last answer.

A list says its order and how many there are; as a file it is a table in the case folder that a spreadsheet opens.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from failsight import prompts
from failsight.agent.people import lists
from failsight.agent.places import shown_place
from failsight.agent.planners import words
from failsight.agent.planners.counting.base import call_of, why
from failsight.agent.planners.counting.follow import of_other
from failsight.agent.planners.counting.said import TOOL as COUNT
from failsight.agent.planners.dialogue import last_act
from failsight.agent.planners.handed import groups
from failsight.agent.planners.handed import words as h
from failsight.agent.planners.handed.answer import goes_on_with
from failsight.agent.planners.handed.kept import Division, kept
from failsight.agent.planners.handed.said import group_words, say
from failsight.agent.planners.known.counts import at_hand
from failsight.knowledge_base.condition_text import parts
from failsight.tools.errors import RetryError
from failsight.tools.labels.tables import SUSPECTS
from failsight.tools.registry import registry
from failsight.tools.text import clean, listing

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.agent.planners.dialogue import Act, Turn
    from failsight.knowledge_base.vocabulary import Mentions
    from failsight.tools.evidence import Evidence

SUSPECT: Final = "suspects"
LABELS: Final = "label_noise"
SHOW: Final = "show_images"
FEW: Final = 10  # suspects that a list names
_FILE: Final = re.compile(
    r"\b(?:as|in(?:to)?|to|a|an|the|with) (?:an? |the |some )?(?:\w+ )?(?:files?|excel(?: (?:file|sheet|table))?|spread ?sheets?|csv(?: file)?|tables?|calc|worksheet)\b|\b(?:excel|spread ?sheet|csv)\b"
    r"|\b(?:save|export|download|store)\b(?= (?:\w+ ){0,4}?(?:them|those|these|that|it|this list|the (?:list|pictures|images|photos|wrong|errors|mistakes|ones)|all|wrong|errors|pictures|images)\b)",
    re.IGNORECASE,
)
_LIST: Final = re.compile(r"\b(?:lists?|name them all|which ones exactly)\b", re.IGNORECASE)
_LISTED: Final = re.compile(
    r"\blist (?:of|me|us|the|them|all|those|these|please)\b|\b(?:a|an|the|that|this|my|in) (?:\w+ )?list\b|\blists?\W*$|\byou list\b",
    re.IGNORECASE,
)
_LABELS: Final = re.compile(r"\b(?:labels?|labell?ed|annotations?|catalogue entries)\b", re.IGNORECASE)
_CHECK: Final = re.compile(
    r"\b(?:check\w*|first|look(?:ed)? (?:at|over|through)|review\w*|relabel\w*|suspect\w*|correct(?:ed)?|go (?:over|through))\b",
    re.IGNORECASE,
)
_FIRST: Final = re.compile(
    r"^\W*(?:(?:and|so|but|ok(?:ay)?|then|well)\b\W*)*(?:which|what)(?: (?:ones?|of (?:them|those|these)|labels?|pictures|images|photos))? (?:should|must|do|shall|would|can) (?:we|i|they|one|you|people|my \w+)\b[^?.!]{0,30}\b(?:check|look at|review|go through|start with|relabel)\b",
    re.IGNORECASE,
)
_WHICH: Final = re.compile(r"\b(?:which|what|list|give|show)\b", re.IGNORECASE)
_WRONG: Final = re.compile(
    r"\b(?:wrong(?:ly)?|errors?|mistakes?|misclassified|mistaken|failures?|got wrong)\b", re.IGNORECASE
)
_VERY_SURE: Final = re.compile(
    r"\b(?:(?:very|most|really|so|quite|absolutely|too|particularly) (?:sure|confident|certain)|surest|most confident(?:ly)?|(?:high|great) (?:confidence|certainty)|(?:although|though|even though|despite|but) it (?:was|is) (?:so |very )?(?:sure|confident|certain))\b",
    re.IGNORECASE,
)
_THEM: Final = re.compile(
    r"\b(?:them|those|these|that list|this list|the list|that|it|this|the same)\b", re.IGNORECASE
)
_NO_LIST: Final = re.compile(
    r"\b(?:reports?|letters?|findings?|hypothes\w+|tests?|settings?|attributes?|journal|forms?|model|weights|predictions file|how (?:do|can|should) i (?:open|load|import|give)|versions?)\b",
    re.IGNORECASE,
)


def answered(case: Case, question: str, mentions: Mentions, before: Sequence[Turn]) -> AIMessage | None:
    """The list, or the file with it; None for every other sentence."""
    text = " ".join(question.split())
    if len(text) > 300 or any(m.role in ("image", "finding", "evidence") for m in mentions.found):
        return None
    file, listed = _FILE.search(text) is not None, _LISTED.search(text) is not None
    sure = _WRONG.search(text) is not None and _VERY_SURE.search(text) is not None and bool(mentions.found)
    act = last_act(before[-1:])
    if act is not None and act.tool == LABELS and _FIRST.match(text) and not mentions.found:
        return _labels(case, text)  # which of what was just told: of the labels
    if not (file or listed or sure) or _NO_LIST.search(text):
        return None
    if _LABELS.search(text) and _CHECK.search(text) and _WHICH.search(text):
        return _labels(case, text)
    if not at_hand(case):
        return None
    old = kept(case)
    people = h.TO_PEOPLE.search(text) is not None or h.LOOK_AT.search(text) is not None or _for_people(text)
    if old and (people or (goes_on_with(before) and not _WRONG.search(text) and not mentions.found)):
        return _written_people(case, old)
    if people and not mentions.found and not _WRONG.search(text):
        return words.message(prompts.say("handed.list.none"), [prompts.say("handed.example"), *words.choices(case)])  # fmt: skip
    if _WRONG.search(text):
        return _wrong(case, text, mentions, file=file)
    return _last(case, last_act(before)) if file and _THEM.search(text) and not mentions.found else None


def _for_people(text: str) -> bool:
    return re.search(rf"\b(?:{h.PEOPLE}|we|i)\b[^.?!]{{0,30}}\b(?:must|have to|has to|need to|should|to) (?:check|look|see|review)", text, re.IGNORECASE) is not None  # fmt: skip


def _labels(case: Case, text: str) -> AIMessage | None:
    if LABELS not in registry():
        return None
    return call_of((LABELS, {}), [], why(text), {"kind": SUSPECT})


def suspects(case: Case, made: Sequence[Evidence], said: Mapping[str, Any]) -> list[str]:
    """The labels to look at first, and the command that writes all of them as a table."""
    table = next((t for e in made for t in e.tables if t.title == SUSPECTS), None)
    if table is None or not table.rows:
        return []
    rate = next((f for f in made[-1].facts if f.name == "suspect_labels" and f.n and isinstance(f.value, int | float)), None)  # fmt: skip
    n = round(float(str(rate.value)) * (rate.n or 0)) if rate is not None else len(table.rows)
    rows = [f"{clean(str(r[0]), 120)} ({clean(str(r[1]), 40)}, looks like {clean(str(r[2]), 40)})" for r in table.rows[:FEW]]  # fmt: skip
    first = prompts.say("handed.suspects", n=f"{max(n, len(table.rows)):,}", few=len(rows), names=listing(rows, len(rows), 200), evidence=made[-1].id)  # fmt: skip
    command = shlex.join(["failsight", "labels", "export", shown_place(case.folder), "labels.csv"])
    return [first, prompts.say("handed.suspects.file", command=command)]


def _wrong(case: Case, text: str, mentions: Mentions, *, file: bool) -> AIMessage | None:
    """The wrong answers of what the sentence names, those that the model is surest of first."""
    read = groups.read(case, text)
    if len(read.groups) > 1:
        return None
    held = ["wrong", *(read.groups[0] if read.groups else ())]
    if file:
        return _written(case, "wrong", [(held, "")], "handed.list.wrong")
    if SHOW not in registry() or not (_VERY_SURE.search(text) or _LISTED.search(text)):
        return None
    return words.call(SHOW, {"where": "&".join(held)}, why(text))


def _last(case: Case, act: Act | None) -> AIMessage | None:
    """The pictures of the last count, pictures or confusion."""
    if act is None:
        return None
    if act.tool == COUNT:
        if act.arguments.get("split") not in (None, "", "data"):
            return None
        held = [*_conditions(act.arguments.get("among")), *_conditions(act.arguments.get("having"))]
    else:
        one = of_other(act)
        if one is None or one.splits:
            return None
        held = [*one.among, *one.having]
    if not held:
        return None
    return _written(case, "pictures", [(held, "")], "handed.list.last")


def _conditions(value: Any) -> list[str]:
    return [value] if isinstance(value, str) and value else [str(v) for v in value or ()]


def _written_people(case: Case, old: Division) -> AIMessage:
    """All that goes to people, group by group."""
    whys = [group_words(g) for g in old.groups]
    whys += [group_words((f"confidence<{old.bar}",))] if old.bar else []
    parts_ = list(zip(old.parts(), whys, strict=True))
    return _written(case, "people", parts_, "handed.list.people", unsure_first=True)


def _written(
    case: Case,
    name: str,
    parts_: Sequence[tuple[Sequence[str], str]],
    key: str,
    *,
    unsure_first: bool = False,
) -> AIMessage:
    try:
        target, n = lists.write(case, name, parts_, unsure_first=unsure_first)
    except RetryError as error:
        return words.message(str(error), words.choices(case))
    told = say(key, n=f"{n:,}", file=f"{shown_place(case.folder)}/lists/{target.name}", what=_told(parts_))
    return words.message(told, words.choices(case))


def _told(parts_: Sequence[tuple[Sequence[str], str]]) -> str:
    """The conditions of a list as people read them."""
    plain = [c for c in parts_[0][0] if parts(str(c))[1]]
    return group_words(plain) if plain else prompts.say("handed.list.all")
