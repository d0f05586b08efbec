"""Another thing that goes along with a group: ``is it because the 1950s have more black and white?``, ``is it still worse if you leave the phones out?``

The group and the other images are counted with that thing and without it. A difference that stays where the thing is the same does not come from it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from failsight import prompts
from failsight.agent.planners import antecedents, looks
from failsight.agent.planners.counting.base import call_of, split_of, why
from failsight.agent.planners.counting.beside import Side, apart, side
from failsight.agent.planners.counting.crossed import cells_of
from failsight.agent.planners.counting.read import Count
from failsight.agent.planners.counting.said import TOOL, of_count
from failsight.agent.planners.handed import groups
from failsight.agent.planners.handed.said import group_words
from failsight.agent.planners.known import last
from failsight.agent.planners.known.counts import at_hand
from failsight.knowledge_base.condition_text import TOGETHER, column_of
from failsight.tools.evidence import Evidence
from failsight.tools.registry import registry
from failsight.tools.stats.contingency import risk_difference
from failsight.tools.stats.intervals import newcombe
from failsight.tools.text import interval, number

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.agent.planners.dialogue import Turn
    from failsight.knowledge_base.vocabulary import Mentions

KIND: Final = "fixed"
LONGEST: Final = 200
Group = tuple[str, ...]
_MAYBE: Final = re.compile(
    r"\b(?:because|could|might|may|maybe|perhaps|possibl[ey]|simply|just|only|is it (?:just )?that|isn'?t it that|down to|due to)\b",
    re.IGNORECASE,
)
_MORE: Final = r"(?:(?:a lot|lots|many|much|far|so many|simply|just) )*(?:more|mostly|mainly|so many)"
_HAVE: Final = re.compile(
    rf"(?:.*\b(?:because|that|maybe|perhaps|if|due to|since)\b\s+)?(?P<a>.+?)\s+(?:simply |just |only |also )*(?:have|has|had|having|gets?|got|uses?|used|using|contains?|takes?|took|shows?|sees?)\s+{_MORE}\s+(?:of )?(?:the )?(?P<b>[^?.!]+)",
    re.IGNORECASE,
)
_THERE: Final = re.compile(
    rf"\bthere (?:are|were|is|was|have been)\s+(?:simply |just )*{_MORE}\s+(?P<b>[^?.!]+?)\s+(?P<a>(?:in|at|on|since|during|among|from|with|after|before|there|then)\b[^?.!]*)",
    re.IGNORECASE,
)
_LEAVE: Final = r"(?:leave|left|take|took|drop(?:ped)?|remove[sd]?|ignored?|skip(?:ped)?|exclude[sd]?|put|ban(?:ned)?|stop(?:ped)? using|(?:get|got) rid of|throw|threw|don'?t (?:use|count)|didn'?t (?:use|count)|set)"
_PUT: Final = r"(?:,?\s+(?:out|away|aside|off)(?:\s+of (?:it|that|this))?)?"
_STILL: Final = re.compile(
    rf"(?P<a>.*\b(?:still|even)\b.*?)\s*,?\s*(?:\b(?:if|when|once)\s+(?:you|we|i|one|they)\s+{_LEAVE}\s+(?P<b>[^?.!]+?){_PUT}|\b(?:without|outside(?: of)?|apart from|except for|leaving out|disregarding)\s+(?P<c>[^?.!]+?))\s*[?.!]*$",
    re.IGNORECASE,
)
_IF: Final = re.compile(
    rf"\bif\s+(?:you|we|i|one|they)\s+{_LEAVE}\s+(?P<b>[^?.!,]+?)\s+(?:(?:out|away|off)\s+)?(?:from|of|at|in|on)\s+(?P<a>[^?.!,]+?)(?:,|\s)\s*(?:would|will|is|does|do|are|can)\s+(?:it|that|they|this|everything)\b[^?.!]*\b(?:fine|ok(?:ay)?|good|well|right|better|solved|all right|alright|as good|gone)\b",
    re.IGNORECASE,
)
_ELSE: Final = re.compile(
    r"\b(?:than|train\w*|retrain\w*|labels?|labell\w*|annotat\w*|confiden\w+|sure|certain|pixels?|how many|show|list|mask|model (?:have|has|use))\b",
    re.IGNORECASE,
)
_ELSEWHERE: Final = re.compile(r"^\W*(?:and|but|so|what about|how about)\b.{3,60}$", re.IGNORECASE)
_PRONOUN: Final = re.compile(
    r"^\W*(?:it|that|they|those|these|this|them|there|then|the (?:trouble|problem))\W*$", re.IGNORECASE
)


def answered(case: Case, question: str, mentions: Mentions, before: Sequence[Turn]) -> AIMessage | None:
    """The counts with another thing held fixed, or left out; None for every other sentence."""
    text = " ".join(question.split())
    if (
        len(text) > LONGEST
        or TOOL not in registry()
        or not at_hand(case)
        or split_of(text)
        or _ELSE.search(text)
    ):
        return None
    if any(m.role in ("image", "finding", "evidence") for m in mentions.found):
        return None
    again = _again(case, text, mentions, before)
    if again is not None:
        return again
    because = (_THERE.search(text) or _HAVE.match(text)) if _MAYBE.search(text) else None
    left = None if because is not None else _IF.search(text) or _STILL.match(text)
    found = because or left
    if found is None:
        return None
    other = _one(case, found["b"] or (found["c"] if "c" in found.groupdict() else "") or "")
    group = _group(case, found["a"], before)
    if not other or not group or looks.only_in(case, (*group, *other)):
        return None
    group = tuple(c for c in group if c not in other)
    if not group:
        return None
    return _call(text, group, other, left=left is not None)


def _call(text: str, group: Group, other: Group, *, left: bool) -> AIMessage:
    calls = [(TOOL, Count(cell, ("wrong",)).arguments()) for cell in cells_of(group, other)]
    said = {"kind": KIND, "group": list(group), "other": list(other), "left": left}
    return call_of(calls[0], calls[1:], why(text), said)


def _again(case: Case, text: str, mentions: Mentions, before: Sequence[Turn]) -> AIMessage | None:
    """``and on the new overhead?`` after such an answer: the same group with another value of one of its columns."""
    found = antecedents.recent(case, before)[:1]
    counts = found[0].counts if found else ()
    if len(counts) != 4 or not _ELSEWHERE.match(text) or any(m.role not in ("value", "attribute") for m in mentions.found):  # fmt: skip
        return None
    new = _one(case, text)
    group = _of_cells(counts)
    other = tuple(c for c in counts[0].among if c not in group)
    columns = {column_of(c) for c in group}
    if len(new) != 1 or not group or not other or column_of(new[0]) not in columns:
        return None
    return _call(text, tuple(new[0] if column_of(c) == column_of(new[0]) else c for c in group), other, left=False)  # fmt: skip


def _one(case: Case, text: str) -> Group:
    """The one group that words name; empty for none or several."""
    read = groups.read(case, text)
    return (
        read.groups[0]
        if len(read.groups) == 1 and not any(c.startswith(TOGETHER) for c in read.groups[0])
        else ()
    )


def _group(case: Case, text: str, before: Sequence[Turn]) -> Group:
    """The group of one side: as it is named, more narrowly where the last answer was about a part of it, else that of the last answer."""
    named = _one(case, text)
    found = antecedents.recent(case, before)[:1]
    counts = found[0].counts if found else ()
    held = _of_cells(counts) if len(counts) == 4 else last.group_of(counts[0]) if counts else ()
    held = tuple(c for c in held if not c.startswith(TOGETHER))
    if not named:
        return held if _PRONOUN.match(text) else ()
    return held if set(named) < set(held) else named


def _of_cells(counts: Sequence[Count]) -> Group:
    """The group of four counts: what the first two of them share."""
    return tuple(c for c in counts[0].among if c in counts[1].among)


# --- what is said ---------------------------------------------------------------------------------------------------------


def lines(made: Sequence[Evidence], said: Mapping[str, Any]) -> list[str]:
    """Whether the difference stays where the other thing is the same, and the counts that tell."""
    cells = [s for e in made[:4] if (s := side(e, "")) is not None]
    if len(cells) < 4 or any(c.grouped for c in cells):
        return [of_count(e) for e in made]
    fields = {"group": group_words(said["group"]), "other": group_words(said["other"]), "evidence": "".join(f"[{e.id}]" for e in made[:4])}  # fmt: skip
    return _outside(cells, fields) if said.get("left") else _fixed(cells, fields)


def _say(key: str, fields: Mapping[str, str]) -> str:
    """A text with those of the fields that stand in it."""
    return prompts.say(key, **{name: fields[name] for name in prompts.fields_of(prompts.template(key))})


def _sum(a: Side, b: Side) -> tuple[int, int]:
    return a.k + b.k, a.n + b.n


def _share(k: int, n: int) -> str:
    return f"{k:,} of {n:,} ({number(k / n)})" if n else "–"


def _fixed(cells: Sequence[Side], fields: Mapping[str, str]) -> list[str]:
    """The shares of the other thing, the difference as it is, and at equal shares."""
    both, alone, other, neither = cells
    (k1, n1), (k0, n0) = _sum(both, alone), _sum(other, neither)
    if not n1 or not n0:
        return [prompts.say("fixed.empty", group=fields["group"], other=fields["other"])]
    crude, ci = k1 / n1 - k0 / n0, newcombe(k1, n1, k0, n0)
    tables = [[[a.k, a.n - a.k], [b.k, b.n - b.k]] for a, b in ((both, other), (alone, neither))]
    equal = risk_difference(tables)
    more = newcombe(both.n, n1, other.n, n0)
    key = _reading(crude, ci, equal.value, equal.ci, more)
    plain = {"group": fields["group"], "other": fields["other"]}
    told = {
        "part": _share(both.n, n1), "part0": _share(other.n, n0), "gap": f"{number(crude, 'points')} {interval(ci, 'points')}",
        "equal": f"{number(equal.value, 'points')} {interval(equal.ci, 'points')}", "evidence": fields["evidence"], **plain,
    }  # fmt: skip
    first = _say(f"fixed.{key}", plain)
    rates = {"with": _share(both.k, both.n), "with0": _share(other.k, other.n), "without": _share(alone.k, alone.n), "without0": _share(neither.k, neither.n)}  # fmt: skip
    return [f"{first} {prompts.say('fixed.counts', **told)}", prompts.say("fixed.cells", **rates, **plain)]


def _reading(crude: float, ci: tuple[float, float], equal: float, held: tuple[float, float], more: tuple[float, float]) -> str:  # fmt: skip
    """What the difference with the other thing held fixed says of it."""
    if ci[0] <= 0:
        return "none"  # the group does not surely do worse in the first place
    if more[0] <= 0:
        return "not_more"
    if held[0] > 0:
        return "stays" if equal >= 0.5 * crude else "partly"
    return "may_be"


def _outside(cells: Sequence[Side], fields: Mapping[str, str]) -> list[str]:
    """The group beside the others where both are without the other thing, and as it was with it."""
    both, alone, other, neither = cells
    (k1, n1), (k0, n0) = _sum(both, alone), _sum(other, neither)
    plain = {"group": fields["group"], "other": fields["other"]}
    if not alone.n or not neither.n:
        return [prompts.say("fixed.empty", **plain)]
    key = "open" if not apart(alone, neither) else "still" if alone.share > neither.share else "less"
    gap = f"{number(alone.share - neither.share, 'points')} {interval(newcombe(alone.k, alone.n, neither.k, neither.n), 'points')}"
    first = prompts.say(f"fixed.outside.{key}", share=_share(alone.k, alone.n), share0=_share(neither.k, neither.n), gap=gap, evidence=fields["evidence"], **plain)  # fmt: skip
    return [first, prompts.say("fixed.outside.whole", share=_share(k1, n1), share0=_share(k0, n0), **plain)]
