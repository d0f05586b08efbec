"""Which class is wrong most, by whatever people call a class, and what it is taken for: ``which animal does it get wrong the most?``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from failsight.agent.planners import antecedents
from failsight.agent.planners.counting import words as w
from failsight.agent.planners.counting.base import call_of, columns_of, split_of, why
from failsight.agent.planners.counting.read import OUTCOMES, parts
from failsight.agent.planners.counting.said import RANKS, TOOL, by_share
from failsight.knowledge_base.groups import group_of
from failsight.knowledge_base.vocabulary import words_of
from failsight.tools.registry import registry

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.agent.planners.dialogue import Turn
    from failsight.knowledge_base.vocabulary import Mentions

LONGEST: Final = 120
_LEAD: Final = r"^\W*(?:(?:and|so|but|ok(?:ay)?|now|then|well|please|hm+|tell me)\b\W*)*"
_MOST: Final = r"(?:wrong (?:the )?most(?: often)?|(?:the )?most (?:often )?(?:wrong|mistaken)|most often|(?:the )?most|worst|(?:the )?most (?:errors|mistakes)|fails? (?:the )?most(?: often)?)"
#: ``which animal is wrong most``, ``what kind of pill fails the most``, ``which one does it get wrong the most``
_WHICH: Final = re.compile(
    rf"{_LEAD}(?:which|what)(?: (?:kind|type|sort)s? of)? (?P<noun>[a-z]+)(?: (?:is|are|was|were|does|do|did|has|have|gets?|will))?(?: (?:it|the (?:model|program|network|machine|thing)))?"
    rf"(?: (?:is|are|get|gets|got|make|makes|fail|fails|do|does|answered|named|called|classified|mistaken|confuse))*(?: (?:with|at|on|for))?(?: (?:wrong|mistaken|wrongly|errors|mistakes))?(?: (?:is|are))? {_MOST}(?: (?:often|wrong|of all|mistaken|wrongly|with|at|on))*(?: (?:in|at|on|with|when|where|among|of)\b.{{2,60}})?\W*$",
    re.IGNORECASE,
)
_IS_ERROR: Final = re.compile(
    r"\b(?:wrong\w*|mistaken|mistakes?|errors?|fail\w*|worst|confus\w+)\b", re.IGNORECASE
)
_NO_CLASS_TEXT: Final = (
    "picture image photo file group slice subgroup attribute column condition error mistake confusion problem finding thing reason cause label annotator value feature "
    "layer version test model question part way one of side hour month day week weekday time season place site metric measure number score repair fix correction hypothesis cue the is are it"
)
_NO_CLASS: Final = frozenset(_NO_CLASS_TEXT.split())
#: ``what does it take them for then?``, ``and what is it taken for?``, ``what does it say instead?``
_TAKEN: Final = re.compile(
    rf"{_LEAD}(?:what|which \w+) (?:(?:does|do|did) (?:it|the (?:model|program)) (?:usually |mostly |often |then )*(?:take|mistake|call|say|name|think|answer|see|confuse|give|guess|choose|pick)(?: (?:they are|it is))?|(?:is|are|was|were) (?:it|they|these|those|that) (?:usually |mostly |often |then )*(?:taken|mistaken|called|named|confused))"
    r"(?: (?:them|it|those|these|that))?(?: (?:for|as|with))?(?: (?:then|instead|usually|mostly|there))*\W*$",
    re.IGNORECASE,
)
#: ``which rooms does it give those old kitchens instead``: names of the case as ``#``
_TAKEN_OF: Final = re.compile(
    rf"{_LEAD}(?:what|which \w+) (?:(?:does|do|did) (?:it|the (?:model|program)) (?:usually |mostly |often |then )*(?:take|mistake|call|name|confuse|give|say for|answer for|see in)|(?:is|are|was|were))"
    r"(?: (?:to|for|the|those|these|all|our|pictures|images|photos|scans|ones|of|in|at|on|from|with|and|that|which|are|is|#))* #(?: (?:pictures|images|photos|scans|ones|#))*"
    r"(?: (?:usually|mostly|often))*(?: (?:taken|mistaken|called|named|confused))?(?: (?:for|as|with|instead|usually|mostly|then|please))+\W*(?:please)?\W*$",
    re.IGNORECASE,
)

_OTHERS: Final = re.compile(r"\b(?:the |all (?:the )?)?(?:others?|other \w+|rest)\b.*\b(?:worse|wrong|fail\w*|errors?|mistakes?|bad|suffer\w*|affected)\b", re.IGNORECASE)  # fmt: skip
_JUST: Final = re.compile(r"\bor (?:is (?:it|that) |are (?:it|they) )?(?:just|only|mainly) (?:for |with |in )?(?:the )?$", re.IGNORECASE)  # fmt: skip


def answered(case: Case, question: str, mentions: Mentions, before: Sequence[Turn]) -> AIMessage | None:
    """The count by class, or by answer, for a question of this kind; None for every other sentence."""
    if TOOL not in registry() or len(question) > LONGEST:
        return None
    return _in_group(case, question, mentions, before) or _most(case, question, mentions) or _taken(case, question, mentions, before) or _only(case, question, mentions, before)  # fmt: skip


def _most(case: Case, question: str, mentions: Mentions) -> AIMessage | None:
    found = _WHICH.match(w.spelt(question))
    if found is None or RANKS.search(question) or not _IS_ERROR.search(question) or mentions.of("class"):
        return None
    noun = words_of(found["noun"])
    if set(noun) & _NO_CLASS or any(m.start <= found.start("noun") < m.end for m in mentions.found):
        return None
    if any(set(noun) & set(words_of(column)) for column in columns_of(case)):
        return None
    group = group_of(mentions, columns_of(case))
    if group.each or group.unsure or any(m.role in ("finding", "evidence", "image") for m in mentions.found):
        return None
    split = split_of(question)
    given = {"split": split, "among": list(group.conditions), "having": ["wrong"], "by": "true"}
    said = {"kind": "rank_by", "by": "true", "best": False, "wrong": True, "n": 1, "split": split}
    return call_of((TOOL, {k: v for k, v in given.items() if v}), [], why(question), said)


#: ``which sorts go wrong on oven C at night?``, ``which rolls does it mess up there, all sorts or one``
_GO_WRONG: Final = re.compile(
    rf"{_LEAD}(?:which|what)(?: (?:kind|type|sort)s? of)? (?P<noun>[a-z]+) (?:(?:does|do|did|is|are|was|were|has|have|gets?|will)(?: (?:it|the (?:model|program|network|machine|camera)))? ?)?(?:mess(?:es)? up|go(?:es)? wrong|get(?:s)? wrong|wrong|fails?(?: (?:on|at))?|come out wrong|struggles? with)\b(?P<rest>[^?!]*)",
    re.IGNORECASE,
)
_THERE: Final = re.compile(
    r"\b(?:there|then|of (?:those|these|them)|among (?:those|these|them))\b", re.IGNORECASE
)


def _in_group(case: Case, question: str, mentions: Mentions, before: Sequence[Turn]) -> AIMessage | None:
    """The errors of a group by class: of the one that the sentence names, or that was spoken of."""
    from failsight.agent.planners.known import last

    found = _GO_WRONG.match(w.spelt(question))
    if found is None or "most" in question.lower().split() or mentions.of("class") or any(m.role in ("finding", "evidence", "image") for m in mentions.found):  # fmt: skip
        return None
    noun = set(words_of(found["noun"]))
    own = any(noun & set(words_of(column)) for column in columns_of(case))
    if own or noun & (_NO_CLASS - {"class"}) or any(m.start <= found.start("noun") < m.end for m in mentions.found):  # fmt: skip
        return None
    group = group_of(mentions, columns_of(case))
    held = group.conditions
    if group.each or group.unsure:
        return None
    if not held and _THERE.search(found["rest"]):
        counts = last.counts(case, before)
        held = tuple(last.group_of(counts[0])) if counts else ()
    if not held:
        return None
    given = {"split": split_of(question), "among": list(held), "having": ["wrong"], "by": "true"}
    return call_of((TOOL, {k: v for k, v in given.items() if v}), [], why(question))


def _taken(case: Case, question: str, mentions: Mentions, before: Sequence[Turn]) -> AIMessage | None:
    if mentions.found:
        return _taken_of(case, question, mentions)
    if _TAKEN.match(re.sub(r",? please(?=\W*$)", "", question)) is None:
        return None
    name, held = _worst(case, before)
    if not name:
        return None
    calls = (TOOL, {"among": [f"true={name}", *held, "wrong"], "by": "predicted"})
    return call_of(calls, [], why(question), {"kind": "known"})


def _taken_of(case: Case, question: str, mentions: Mentions) -> AIMessage | None:
    """What the wrong images of a group are taken for; a class as a whole has its row of the confusion matrix."""
    text = question
    for one in mentions.found:
        text = f"{text[: one.start]}{'#':<{one.end - one.start}}{text[one.end :]}"
    names, group = mentions.of("class"), group_of(mentions, columns_of(case))
    if (
        _TAKEN_OF.match(" ".join(text.replace(",", " ").split())) is None
        or len(names) > 1
        or group.each
        or group.unsure
    ):
        return None
    if not group.conditions or any(m.role in ("finding", "evidence", "image") for m in mentions.found):
        return None
    among = [*(f"true={n}" for n in names), *group.conditions, "wrong"]
    split = split_of(question)
    given = {"split": split, "among": among, "by": "predicted"}
    return call_of((TOOL, {k: v for k, v in given.items() if v}), [], why(question), {"kind": "known"})


def _only(case: Case, question: str, mentions: Mentions, before: Sequence[Turn]) -> AIMessage | None:
    """``are the other animals worse there too, or only the dogs?``: the group beside the rest, by class."""
    from failsight.agent.planners.known.counts import rest_of
    from failsight.agent.planners.known.things import things_of

    names = [m for m in mentions.found if m.role == "class"]
    if len(names) != 1 or not _OTHERS.search(question) or not _JUST.search(question[: names[0].start]):
        return None
    group = things_of(case, mentions, before).group
    rest = rest_of(group) if group else ()
    if not rest:
        return None
    calls = [(TOOL, {"among": list(held), "having": ["wrong"], "by": "true"}) for held in (group, rest)]
    return call_of(calls[0], calls[1:], why(question), {"kind": "known", "beside": ["by_class"]})


def _worst(case: Case, before: Sequence[Turn]) -> tuple[str, tuple[str, ...]]:
    """The class that the last answer was about, or began with, and the images of which it spoke; empty where it was about none."""
    found = antecedents.recent(case, before)[:1]
    if not found or found[0].act is None:
        return "", ()
    act = found[0].act
    if act.tool == TOOL and act.arguments.get("by") == "true":
        made = next((e for e in case.state().evidence if e.id == act.evidence), None)
        rows = by_share(made, "true", best=True) if made is not None else []
        kept = tuple(c for c in found[0].counts[0].among if parts(c)[0] not in ("true", "predicted") and c not in OUTCOMES) if found[0].counts else ()  # fmt: skip
        return (rows[0][0], kept) if rows else ("", ())
    names = {c: () for one in found[0].counts[:1] if (c := antecedents.class_of(one))}
    name = next(iter(names), "")
    kept = tuple(c for one in found[0].counts[:1] for c in one.among if parts(c)[0] not in ("true", "predicted") and c not in OUTCOMES)  # fmt: skip
    return (name, kept) if name in case.classes else ("", ())
