"""Questions that are worked out of counts: the best and the worst class, costs, wrong answers a day, what
is left unanswered, and any or none of several things.

A question of this kind that is asked again of another split (``and in deployment?``) is read together with the one before it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from failsight import prompts
from failsight.agent.planners import looks, words
from failsight.agent.planners.counting import by_column, named_beside
from failsight.agent.planners.counting import follow as counting_follow
from failsight.agent.planners.counting import prices as counting_prices
from failsight.agent.planners.counting import words as w
from failsight.agent.planners.counting.base import (
    LEAD,
    call_of,
    columns_of,
    marks,
    names_of,
    split_of,
    why,
    with_before,
)
from failsight.agent.planners.counting.read import OUTCOMES, Count, denied, parts, read
from failsight.agent.planners.counting.said import IS_BEST, RANKS, TOOL, by_share
from failsight.agent.planners.dialogue import Turn
from failsight.agent.planners.slots import without_names
from failsight.knowledge_base.details import digits
from failsight.knowledge_base.vocabulary import Mentions
from failsight.tools.registry import registry
from failsight.tools.text import clean

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case

_RANK_ELSE: Final = re.compile(
    r"\b(?:why|because|group|slices?|mistakes? (?:is|are)|confus\w+|apart|labels? (?:are|is)|for a|repair|fix|problem|risk|show|image|picture|photo|subgroups?|conditions?|attributes?|perturbation|layer|split)\b",
    re.IGNORECASE,
)
_TELL: Final = re.compile(  # what is to be shown is the class itself
    rf"{LEAD}(?:can you |could you )?(?:show|tell|give|name|list)(?: me| us)? (?=(?:what |which )?(?:is )?(?:the )?(?:\w+ )?(?:best|worst|weakest|strongest|hardest|easiest) (?:\w+ )?(?:class|room|categor|one))",
    re.IGNORECASE,
)
_CLASSES: Final = re.compile(
    r"\b(?:class(?:es)?|rooms?|categor(?:y|ies)|labels?)\b|\bit (?:\w+ )?(?:best|worst) (?:at|on|with)\b",
    re.IGNORECASE,
)
_GOOD: Final = re.compile(
    r"\b(?:any|which|what|is there (?:an?|any)|are there(?: any)?) (?:\w+ )?(?:groups?|kinds?|sorts?|types?|conditions?|situations?)(?: of (?:images|pictures|photos))?\b[^?]*\b(?:really |very |particularly |especially )?(?:good|best|well|better|strong|reliable|strongest)\b",
    re.IGNORECASE,
)
_NONE: Final = re.compile(
    r"\b(?:none of (?:the|those|these)(?: (?:two|three|four|five|things))?|left(?: over)? (?:after|without) (?:those|these|the|them)(?: (?:two|three|four|five))?|without (?:any of )?(?:those|these|them|the)(?: (?:two|three|four|five))?(?= *[?.!]*$))\b",
    re.IGNORECASE,
)
_INSTEAD: Final = re.compile(
    rf"{LEAD}(?:what|which)(?: \w+)? (?:do|does|are|is|did|were) (?:they|it|those|these|that)(?: \w+)? (?:get )?(?:called|call|say|said|taken for|mistaken for|answer|predicted as|confused with|predict)\b(?: (?:them|it|those))?(?: (?:instead|then|as|to be))*\W*$",
    re.IGNORECASE,
)


def answered(case: Case, question: str, mentions: Mentions, before: Sequence[Turn]) -> AIMessage | None:
    """The call, or the words, for a question of this kind; None for every other sentence."""
    whole = with_before(question, mentions, before)
    named = mentions if whole == question else names_of(case, whole)
    split = split_of(whole)
    return (
        counting_prices.cost(case, whole, named, before, split)
        or _unanswered(case, question, before)
        or _ranked(case, whole, named, before, split)
        or by_column.answered(case, whole, named)
        or counting_prices.day(case, whole, split)
        or named_beside.answered(case, question, mentions)
        or named_beside.corrected(case, question, mentions, before)
        or _that_many(case, question, before)
        or _by_number(case, question, mentions, before)
        or _none(case, question, mentions, before)
        or _instead(case, question, before, mentions)
        or _of_shown(case, question, mentions, before)
        or _good(question)
    )


def any_of(one: Count) -> tuple[list[Count], dict[str, Any]]:
    """The counts that tell how many images have at least one of several things: those that have none, taken from all."""
    nothing = tuple(denied(c) for c in one.either)
    names = [_spoken(c) for c in one.either]
    what = " and ".join(c if c in OUTCOMES else _spoken(c) for c in one.having if c not in one.either)
    among = tuple(c for c in one.among if c not in one.either)
    having = tuple(c for c in one.having if c not in one.either)
    said = {"kind": "any", "names": names, "what": what}
    if having and any(c in one.among for c in one.either):
        base = replace(one, among=among, either=())
        return [base, replace(base, among=(*among, *nothing))], said
    return [replace(one, among=(*among, *having), having=nothing, either=(), by="")], said


def _spoken(condition: str) -> str:
    name, sign, value = parts(condition)
    name = name.replace("_", " ")
    return (
        name
        if (sign, value) == ("=", "yes")
        else f"no {name}"
        if (sign, value) == ("=", "no")
        else f"{name} {sign} {value}"
    )


# --- best and worst ---------------------------------------------------------------------------------------------------------


def _ranked(
    case: Case, question: str, mentions: Mentions, before: Sequence[Turn], split: str
) -> AIMessage | None:
    found = RANKS.search(question)
    column = next((m.name for m in mentions.found if m.role == "attribute"), "")
    by_name = re.search(r"\b(?:which|what)\b", question, re.IGNORECASE) if column else None
    extreme = found or (re.search(r"\b(?:best|worst)\b", question, re.IGNORECASE) if by_name else None)
    rest = _TELL.sub("", without_names(mentions))
    if extreme is None or _RANK_ELSE.search(rest) or len(question) > 100:
        return None
    if any(m.role == "object" or (m.role in ("class", "value") and not column) for m in mentions.found):
        return None
    base, strict = counting_follow.context(before)
    ranked = any(RANKS.search(w.spelt(t.said)) for t in before[-2:])
    if not (column or strict or ranked or _CLASSES.search(question)):
        return None  # of findings, repairs or whatever else was spoken of
    said: dict[str, Any] = {
        "best": IS_BEST.search(extreme[0]) is not None,
        "split": split,
        "n": _number(question, len(case.classes)),
    }
    if column:
        among = by_column.narrowed(case, mentions, column)
        if among is None:
            return None
        given = {"having": ["correct"], "by": column, **({"among": among} if among else {}), **({"split": split} if split else {})}  # fmt: skip
        return call_of((TOOL, given), [], why(question), {**said, "kind": "rank_by", "by": column})
    if (
        strict
        and base[-1].having
        and re.search(r"\bof (?:those|these|them|the)\b|\bwhich one\b", question, re.IGNORECASE)
    ):
        return _of_those(question, base[-1], said)
    return call_of(
        ("evaluate", {"split": split} if split else {}), [], why(question), {**said, "kind": "rank"}
    )


def _of_those(question: str, one: Count, said: Mapping[str, Any]) -> AIMessage:
    """``which of those is worst?``: the values of the count before, or its classes."""
    by = one.by or "true"
    among = [c for c in one.among if parts(c)[0] != by or "|" in c or "!=" in c]
    given = {
        "split": one.splits[0] if one.splits else "",
        "among": among,
        "having": list(one.having),
        "by": by,
    }
    kind = {**said, "kind": "rank_by", "by": by, "wrong": one.having != ("correct",)}
    return call_of((TOOL, {k: v for k, v in given.items() if v}), [], why(question), kind)


def _number(question: str, classes: int) -> int:
    if re.search(r"\b(?:best|worst) first\b", question, re.IGNORECASE):
        return classes
    found = re.search(r"\b(\d)\b(?! ?%)", digits(question))
    return int(found[1]) if found else 1


def _good(question: str) -> AIMessage | None:
    if (
        not _GOOD.search(question)
        or re.search(r"\b(?:less|not|worse|fewer|n't)\b", question, re.IGNORECASE)
        or len(question) > 100
        or "disaggregate" not in registry()
    ):
        return None
    return call_of(("disaggregate", {"intersections": False}), [], why(question), {"kind": "good"})


_DOES_WORSE: Final = re.compile(
    r"\b(?:does|do|is|are|did) (?:it|the model|they)(?: (?:do|work|perform|fare))? (?:worse|better|less well|differently)\b",
    re.IGNORECASE,
)
#: ``and with less?``: the other side of a limit
_OTHER_SIDE: Final = re.compile(
    rf"{LEAD}(?:(?:with|for|those|ones|the|that|are|have|of|and|below|above|under|over)\b\W*)*(?:less|fewer|more|lower|higher|younger|older|newer|shorter|longer|smaller|larger|cheaper|(?:below|under|above|over|beyond) (?:that|it|this)|the (?:others?|rest))(?: (?:ones|hours|images|items|than that|of (?:it|them|that)))?\W*$",
    re.IGNORECASE,
)
_MORE_NUMBERS: Final = re.compile(
    rf"^\W*(?:(?:and|or|what about|how about|with|for)\b\W*)*{w.NUMBER}(?: or more)?(?:\W+(?:and |or |with |for )*{w.NUMBER}(?: or more)?)*\W*$",
    re.IGNORECASE,
)


def _by_number(case: Case, question: str, mentions: Mentions, before: Sequence[Turn]) -> AIMessage | None:
    """``and 2? and 3?`` after ``houses with 1 bathroom``; ``above 700000 dollars`` after ``expensive houses``; the two sides of a column of
    numbers where it is asked whether one is worse."""
    base, strict = counting_follow.context(before)
    made = (
        [
            c
            for one in base
            for c in one.among
            if parts(c)[1] and _is_number(parts(c)[2]) and parts(c)[0] != "confidence"
        ]
        if strict
        else []
    )
    if made and _MORE_NUMBERS.match(question) and not any(m.role == "class" for m in mentions.found):
        typed = re.findall(rf"\b({w.NUMBER})( or more)?", question, re.IGNORECASE)
        new = [
            f"{parts(made[-1])[0]}{'>=' if more else '='}{w.NUMBERS.get(n.lower(), n)}" for n, more in typed
        ]
        return _sides(question, [_with(base[-1], made, c) for c in new])
    limits = [c for c in made if parts(c)[1] in ("<", "<=", ">", ">=")]
    if len(limits) == 1 and not mentions.found and _OTHER_SIDE.match(question):
        turned = denied(limits[0])
        counts = [replace(b, among=tuple(turned if c == limits[0] else c for c in b.among)) for b in base]
        return _sides(question, [c for c in counts if turned in c.among])
    held = [m.value for m in marks(case, mentions)]
    if len(held) != 1:
        return None
    if made:
        return _sides(question, [_with(base[-1], made, c) for c in (held[0], denied(held[0]))])
    if _DOES_WORSE.search(question) and not mentions.found:
        return _sides(
            question, [Count((c,), ("correct",), (split_of(question),)) for c in (held[0], denied(held[0]))]
        )
    return None


def _is_number(text: str) -> bool:
    return re.fullmatch(r"-?\d+(?:\.\d+)?", text) is not None


def _with(one: Count, gone: Sequence[str], new: str) -> Count:
    return replace(
        one, among=(*(c for c in one.among if c not in gone and parts(c)[0] != parts(new)[0]), new)
    )


def _sides(question: str, counts: Sequence[Count]) -> AIMessage:
    calls = [(TOOL, replace(c, by="").arguments(c.splits[0] if c.splits else "")) for c in counts]
    return call_of(calls[0], calls[1:], why(question))


def _that_many(case: Case, question: str, before: Sequence[Turn]) -> AIMessage | None:
    """``how many pictures is that?`` after the best or worst value of a column was told."""
    turn = before[-1] if before else None
    if (
        turn is None
        or not turn.acts
        or not counting_follow.THAT.search(question)
        or turn.acts[0].tool != TOOL
    ):
        return None
    act, best = turn.acts[0], re.search(r"\b(?:best|worst)\b", turn.said, re.IGNORECASE)
    made = next((e for e in case.state().evidence if e.id == act.evidence), None)
    by = str(act.arguments.get("by") or "")
    if best is None or made is None or not by:
        return None
    wrong = counting_follow.held(act.arguments.get("having")) == ("wrong",)
    rows = by_share(made, by, best=(IS_BEST.search(best[0]) is not None) != wrong)
    if not rows:
        return None
    value = rows[0][0]
    given = {
        **act.arguments,
        "among": [
            *counting_follow.held(act.arguments.get("among")),
            value if "=" in value else f"{by}={value}",
        ],
        "having": ["wrong"],
    }
    return call_of((TOOL, {k: v for k, v in given.items() if v and k != "by"}), [], why(question))


# --- going on ---------------------------------------------------------------------------------------------------------------


def _unanswered(case: Case, question: str, before: Sequence[Turn]) -> AIMessage | None:
    """``and how many would we then not answer?`` after answers above some confidence."""
    if not w.UNANSWERED.search(question):
        return None
    base, strict = counting_follow.context(before)
    held = [c for b in base for c in b.among if parts(c)[0] == "confidence"]
    own = [c for c in _read(case, question) if parts(c)[0] == "confidence"]
    if not (held and strict) and not own:
        return None
    bound = (own or held)[0]
    split = split_of(question) or (base[0].splits[0] if base and base[0].splits else "")
    among = [c for c in base[0].among if parts(c)[0] != "confidence"] if base and not own else []
    given = {"split": split, "among": among, "having": [denied(bound)]}
    return call_of((TOOL, {k: v for k, v in given.items() if v}), [], why(question))


def _read(case: Case, question: str) -> list[str]:
    mentions = names_of(case, question)
    made = read(
        mentions, columns_of(case), lambda m, low: looks.condition(case, m, low), marks(case, mentions)
    )
    return [c for one in made for c in (*one.among, *one.having)]


def _none(case: Case, question: str, mentions: Mentions, before: Sequence[Turn]) -> AIMessage | None:
    """``none of the three``: of the things that the last count with several named."""
    if not _NONE.search(question) or mentions.found:
        return None
    acts = [a for t in reversed(before) for a in t.acts if a.tool == TOOL]
    for act in acts:
        held = [c for key in ("among", "having") for c in counting_follow.held(act.arguments.get(key))]
        things = [c for c in held if parts(c)[1] == "=" and parts(c)[2] in ("yes", "no")]
        if len(things) < 2:
            continue
        nothing = [f"{parts(c)[0]}=no" for c in things]
        split = split_of(question) or str(act.arguments.get("split") or "")
        left = re.search(r"\bleft\b", question, re.IGNORECASE) is not None
        given = {
            "split": split,
            "among": ["wrong"] if left else nothing,
            "having": nothing if left else ["wrong"],
        }
        return call_of((TOOL, {k: v for k, v in given.items() if v and v != "data"}), [], why(question))
    return None


def _instead(case: Case, question: str, before: Sequence[Turn], mentions: Mentions) -> AIMessage | None:
    """``what do they get called instead?``: the answers for the class whose errors were counted, or for the worst one."""
    if not _INSTEAD.match(question) or mentions.of("class"):
        return None
    base, strict = counting_follow.context(before)
    if not strict or base[-1].by:
        return None
    one = base[-1]
    among = [c for c in one.among if c not in OUTCOMES]
    if not any(parts(c)[0] == "true" for c in among):
        return None
    given = {
        "split": split_of(question) or (one.splits[0] if one.splits else ""),
        "among": [*among, "wrong"],
        "by": "predicted",
    }
    return call_of((TOOL, {k: v for k, v in given.items() if v}), [], why(question))


def _of_shown(case: Case, question: str, mentions: Mentions, before: Sequence[Turn]) -> AIMessage | None:
    """``how many of them are bathrooms?`` after pictures were listed that no condition tells: counted among those that were listed."""
    found = re.search(r"\bhow many of (?:them|those|these)\b", question, re.IGNORECASE)
    names = mentions.of("class")
    turn = next((t for t in reversed(before) if t.acts), None)
    if (
        found is None
        or len(names) != 1
        or len(mentions.found) != 1
        or turn is None
        or counting_follow.context(before)[0]
    ):
        return None
    made = next((e for e in case.state().evidence if e.id == turn.acts[0].evidence), None)
    if made is None or not made.images:
        return None
    called = w.CALLED.search(question) is not None or not any(i.label for i in made.images)
    count = sum((i.prediction if called else i.label) == names[0] for i in made.images)
    key = "count.of_shown_called" if called else "count.of_shown"
    text = prompts.say(
        key, count=count, n=len(made.images), name=clean(names[0].replace("_", " "), 60), evidence=made.id
    )
    return words.message(text, words.choices(case))
