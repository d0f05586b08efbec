"""The same quantity on two sides that one sentence names: ``are ringed robins called tit more often than the others?``.

The second side is what stands behind ``than``: other values, or all of the class that the first side is not. Both are counted, and the
counts say whether it is so.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from failsight import prompts
from failsight.agent.planners import looks, whether
from failsight.agent.planners.counting import words as w
from failsight.agent.planners.counting.base import call_of, columns_of, marks, names_of, split_of, why
from failsight.agent.planners.counting.read import OUTCOMES, Count, parts, read
from failsight.agent.planners.counting.said import TOOL
from failsight.knowledge_base.condition_text import column_of
from failsight.knowledge_base.turned_away import left_over
from failsight.tools.experiments.population import apart
from failsight.tools.registry import registry
from failsight.tools.text import clean

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.knowledge_base.vocabulary import Mentions

COMPARE: Final = "compare_group"
LONGEST: Final = 240
_WORSE: Final = r"worse|weaker|poorer|harder"
_BETTER: Final = r"better|stronger|easier"
_MORE: Final = r"more|higher|oftener"
_LESS: Final = r"less|fewer|lower"
_THAN: Final = re.compile(
    rf"^(?P<left>.*?)(?P<no>\b(?:not|no|never)\s+|n't\s+)?(?:any\s+)?\b(?P<how>{_WORSE}|{_BETTER}|{_MORE}|{_LESS})\b(?P<mid>[^.?!;]*?)\s+than\s+(?P<tail>[^?!;]+?)"
    r"(?:,\s*(?:is|are|does|do|did|isn't|aren't|doesn't|don't|right)\b[^,]*)?\W*$",
    re.IGNORECASE | re.DOTALL,
)
#: ``is medium skin any different from light?``
_DIFFERENT: Final = re.compile(
    r"^\W*(?:(?:and|so|but|then|now|ok(?:ay)?|well)\W+)*(?:is|are|was|were|do|does|did)\s+(?P<left>[^.?!;]+?)\s+(?:(?:any|really|very|much|that|so|all that|at all)\s+)*(?:different(?:ly)?|differ)(?:\s+(?:at all|much))?\s+(?:from|to|than)\s+(?P<tail>[^?!;.]+?)\W*$",
    re.IGNORECASE,
)
_WITH_REST: Final = re.compile(
    r"^\W*(?:(?:and|so|but|then|now|ok(?:ay)?|well|please|can you|could you)\W+)*(?:compare|test|hold|set|put)\s+(?P<left>[^.?!;]+?)\s+(?:to|with|against|beside)\s+(?:all )?(?:the |of the )*(?:rest|others?|other (?:ones|images|pictures|photos)|everything else)\b(?: of (?:them|the \w+))?(?:,? (?:please|and test it))*\W*$",
    re.IGNORECASE,
)
_DENIED: Final = re.compile(
    r"^(?P<lead>\W*(?:\w+\W+){0,3}?(?:is|are|was|were|does|do|did))(?:\s+not|n't)\b", re.IGNORECASE
)
_ELSE: Final = re.compile(
    r"\b(?:why|show|list|label\w*|confiden\w+|sure|surer|certain|versions?|before|usual|expected|chance|random|guess\w*|baseline|training|bright\w+er|because|"
    r"think|believe|suspect|feel\w*|bet|assume|suppose|must|should|need|demand|require|hypothes\w+|human|people|slower|faster|seconds?|cost\w*)\b",
    re.IGNORECASE,
)
_OTHERS: Final = re.compile(
    r"(?:(?:in|at|on|for|of|with|from|by) )*(?:(?:all |any )?(?:the |those )?(?:others?|rest(?: of .*)?|other (?:\w+ ?){1,3})|elsewhere|(?:any|every)where else|otherwise)",
    re.IGNORECASE,
)
_NOT: Final = re.compile(r"\b(?:not|without|no|never|non|un[a-z]{3,})\b|n't\b|\bnon-", re.IGNORECASE)
_ASKED: Final = re.compile(r"^\W*(?:(?:and|so|but|then|now|ok(?:ay)?|well)\W+)*(?:is|are|was|were|does|do|did|has|have)\b", re.IGNORECASE)  # fmt: skip
_RIGHT: Final = re.compile(r"\b(?:right|correct\w*|recogni[sz]\w*|accura\w+|reliab\w+|found|identified)\b", re.IGNORECASE)  # fmt: skip
_SMALL_TEXT: Final = "often frequently likely images pictures photos wrong errors mistakes error mistake worse better more less fewer any get gets getting be live lives stay outside inside"
_SMALL: Final = frozenset(_SMALL_TEXT.split())
_RELATIVE: Final = re.compile(r"\b(?:that|which|who)\s+(?P<verb>[a-z]+)\b", re.IGNORECASE)


def answered(case: Case, question: str, mentions: Mentions) -> AIMessage | None:
    """The counts of both sides of a sentence that sets them beside each other with ``than``; None for every other sentence."""
    if TOOL not in registry() or len(question) > LONGEST or _ELSE.search(_unnamed(mentions, question)):
        return None
    if any(m.role in ("image", "finding", "evidence") for m in mentions.found):
        return None
    text = _without_verbs(case, _DENIED.sub(lambda m: m["lead"], w.spelt(question)))
    rest = _WITH_REST.match(text)
    if rest is not None:
        return _beside_all(case, question, rest["left"])
    found = _THAN.match(text) or _DIFFERENT.match(text)
    if found is None or re.match(r"(?:\w+ )?\d", found["tail"]):
        return None
    tail = found["tail"].strip()
    (first, limit), (second, _) = (
        _side(case, f"{found['left']}{found.groupdict().get('mid') or ''}"),
        _side(case, tail),
    )
    if first is None or second is None:
        return None
    first = replace(first, splits=tuple(s for s in (split_of(text),) if s in case.splits()))
    other, taken = _second(first, second, tail)
    if other is None:
        return None
    having = _quantity(first, question)
    if having == ("wrong",) and _is_rest(first, other):
        return _tested(case, question, first)
    differ = "how" not in found.groupdict()
    how = "difference" if differ else _kind(found["how"], having)
    counts = [replace(c, having=having) for c in (first, other)]
    denied_ = differ or found["no"] is not None or _DENIED.match(question) is not None
    said = {"kind": "compared", "how": how, "asked": _ASKED.match(question) is not None and not denied_}
    if limit:
        said["assumed"] = limit
    elif taken:
        said["assumed"] = prompts.say(
            "compared.taken", words=clean(question.rpartition(" than ")[2].strip(" ?.!"), 60)
        )
    calls = [(TOOL, c.arguments(c.splits[0] if c.splits else "")) for c in counts]
    return call_of(calls[0], calls[1:], why(question), said, [] if limit else _unread(case, first, question))


def _beside_all(case: Case, question: str, text: str) -> AIMessage | None:
    """``compare the old flatbed of 1950 to the rest``: the test of one group against all other images."""
    from failsight.agent.planners.handed import groups

    named = groups.read(case, text).groups
    held = [c for c in named[0] if parts(c)[0] not in ("true", "predicted")] if len(named) == 1 else []
    if not held or len(held) < len(named[0]) or COMPARE not in registry():
        return None
    arguments = {"where": held}
    settled = whether.settled(case, {"tool": COMPARE, "arguments": arguments}, question)
    return settled or call_of((COMPARE, arguments), [], why(question))


def _unnamed(mentions: Mentions, question: str) -> str:
    """The sentence without the limits of time that it names: *before October* is a group of images."""
    text = question
    for one in mentions.found if mentions.sentence == question else ():
        if one.told and one.role == "value":
            text = f"{text[: one.start]}{' ' * (one.end - one.start)}{text[one.end :]}"
    return text


def _is_rest(first: Count, other: Count) -> bool:
    """Whether the second side is all of the class that the first is not."""
    own, rest = ([c for c in one.among if parts(c)[0] != "true"] for one in (first, other))
    return rest == apart(left_over(own))


def _tested(case: Case, question: str, first: Count) -> AIMessage | None:
    """A group against the rest of its class by right and wrong: that has a test of its own."""
    names = [parts(c)[2] for c in first.among if parts(c)[0] == "true"]
    held = [c for c in first.among if parts(c)[0] != "true"]
    if COMPARE not in registry() or len(names) != 1 or "|" in names[0]:
        return None
    given = {"class_name": names[0], "where": held, "split": first.splits[0] if first.splits else ""}
    arguments = {k: v for k, v in given.items() if v}
    settled = whether.settled(case, {"tool": COMPARE, "arguments": arguments}, question)
    return settled or call_of((COMPARE, arguments), [], why(question))


def _kind(how: str, having: Sequence[str]) -> str:
    """In what way the first side is said to differ: by how often it is wrong, or by how often whatever else is counted."""
    how = how.lower()
    if re.fullmatch(f"{_WORSE}|{_BETTER}", how):
        return "worse" if re.fullmatch(_WORSE, how) else "better"
    more = re.fullmatch(_MORE, how) is not None
    if tuple(having) in (("wrong",), ("correct",)):
        return "worse" if more == (tuple(having) == ("wrong",)) else "better"
    return "more" if more else "less"


def _quantity(first: Count, question: str) -> tuple[str, ...]:
    """What is counted on both sides: how often it is called a class, wrong or right."""
    return first.having or (("correct",) if _RIGHT.search(question) and not w.WRONG.search(question) else ("wrong",))  # fmt: skip


def _without_verbs(case: Case, text: str) -> str:
    """The sentence without the verbs of its relative clauses that are no names: ``cats that live indoors``, ``robins that sit at the lake``."""
    named = [(m.start, m.end) for m in names_of(case, text).found]
    made = list(text)
    for found in _RELATIVE.finditer(text):
        start, end = found.span("verb")
        if found["verb"].lower() in w.VERBS or any(a < end and start < b for a, b in named):
            continue
        if found["verb"].lower() not in w.PREPS and not _NOT.match(found["verb"]):
            made[start:end] = " " * (end - start)
    return "".join(made)


def _side(case: Case, text: str) -> tuple[Count | None, str]:
    """What one side names: its images, what is counted of them, and the limit that was assumed (``old lamps``)."""
    mentions = names_of(case, text)
    made = read(
        mentions, columns_of(case), lambda m, low: looks.condition(case, m, low), marks(case, mentions)
    )
    one = made[0] if made else Count()
    held = [c for c in (*one.among, *one.having) if not c.startswith("?")]
    if len(made) > 1:
        return None, ""
    having = tuple(c for c in held if c in OUTCOMES or parts(c)[0] == "predicted")
    called = tuple(c for c in having if parts(c)[0] == "predicted")
    among, limit = [c for c in held if c not in having], ""
    if not any(parts(c)[0] != "true" for c in among):
        among, limit = _limited(case, mentions, among)
    if not limit and len(held) < len((*one.among, *one.having)):
        return None, ""  # a column without a value
    return replace(one, among=tuple(among), having=called or having, head="", by=""), limit


def _limited(case: Case, mentions: Mentions, among: Sequence[str]) -> tuple[list[str], str]:
    """The conditions of a side with those that everyday words tell of a column of numbers: ``old lamps``, by its middle."""
    from failsight.agent.planners.known.things import named

    things = named(case, mentions)
    limits = [c for c in things.group if parts(c)[1] in ("<", "<=", ">", ">=")]
    column, _, middle = things.assumed.partition("|")
    if not limits or not middle:
        return list(among), ""
    return [*among, *limits], prompts.say("known.middle", column=clean(column, 60), limit=middle)


def _second(first: Count, second: Count, tail: str) -> tuple[Count | None, bool]:
    """The other side, and whether its words were taken for all that the first side is not; None where there is none to count."""
    own = [c for c in first.among if parts(c)[0] != "true"]
    new = [c for c in second.among if parts(c)[0] != "true"]
    names = [c for c in second.among if parts(c)[0] == "true"]
    lead = names or [c for c in first.among if parts(c)[0] == "true"]
    if not own:
        return None, False
    columns = {column_of(c) for c in own}
    if new and not (_NOT.search(tail) and {column_of(c) for c in new} <= columns):
        if {column_of(c) for c in new} & columns or len(own) > 1:
            kept = [c for c in own if column_of(c) not in {column_of(n) for n in new}]
            return replace(first, among=(*lead, *kept, *new)), False
        return replace(first, among=(*lead, *new)), False
    if names and names != [c for c in first.among if parts(c)[0] == "true"]:
        return replace(first, among=(*names, *own)), False  # of another class, on the same images
    others = _OTHERS.fullmatch(tail) is not None
    if not lead:
        return None, False  # a group against all others has a test of its own
    if not (others or names or new or _NOT.search(tail)):
        return None, False
    return replace(first, among=(*lead, *apart(left_over(own)))), not (others or _NOT.search(tail))


def _unread(case: Case, first: Count, question: str) -> list[str]:
    """Words of the first side that are not understood, but for nouns right behind a condition (``small pills``)."""
    text = question.lower()
    ends = {m.end for m in names_of(case, question).found}
    made = []
    for word in first.unread:
        at = text.find(word)
        if word not in _SMALL and not (at > 0 and {at, at - 1} & ends):
            made.append(word)
    return made
