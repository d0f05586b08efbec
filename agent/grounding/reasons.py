"""Reasons that are no causes: for one's own conduct, for what can't be known, of plain arithmetic, of next to nothing."""

from __future__ import annotations

import re

from failsight.agent.grounding.lexicon import VERDICTS
from failsight.agent.grounding.reading import Reading

_CONDUCT = re.compile(
    r"\b(?:I|we) (?:would |will |'d |have |only )?(?:leave|left|put|cho[os]se|name|list|rank|start|began|begin|pick|mention|keep|kept|used?|prefer|order|skip|count)\b",
    re.IGNORECASE,
)
_NOT_KNOWABLE = re.compile(
    r"\b(?:cannot|can't|can not|could not|couldn't) be (?:\w+ )?(?:decided|judged|told|known|measured|tested|settled|compared|said)\b",
    re.IGNORECASE,
)
#: "because deer has a recall of 92.0 %", "because the wrong answers go to …": of numbers and answers, and of nothing in the pictures
_RECKONED = re.compile(
    r" (?:[^.;,]*\b(?:recall|precision|accuracy)\b[^.;]*\d|(?:the |its |their |all )?(?:\w+ )?(?:answers|errors|mistakes) (?:go|fall|land|count|end)\b)",
    re.IGNORECASE,
)
_UNKNOWN_CAUSE = re.compile(
    r"[^.;]*\b(?:is|are|remains?|stays?) (?:still )?(?:un(?:known|clear|tested)|open)\b", re.IGNORECASE
)
_SMALL_PART = re.compile(
    r" (?:only |just |at most |no more than )*an? (?:very )?(?:small|minor|tiny) (?:part|share|fraction)\b"
)
_TOO_LITTLE = re.compile(
    r"\btoo (?:small|weak|little|few|rare|slight|minor)(?: an? \w+)? to (?:\w+ )?$", re.IGNORECASE
)
#: "flash makes it fail (F5) | refuted": what a hypothesis says, with its verdict, which is checked
_REFUTED = re.compile(r"[^|.;]*(?:\|\W*refuted\W*(?:\||$)|\((?:F\d+, )?refuted\))", re.IGNORECASE)
_NO_THING = re.compile(r" (?:what|which|how|whether|where|who)\b")
_REASON = re.compile(r"because|since", re.IGNORECASE)


#: "the tool calls them ambiguous because …": the reason that it gives, and none of what the pictures show
_STATED = re.compile(
    r"\b(?:tool|record|note|check|search|test|report|table|[EF]\d+)\b[^.;]{0,24}\b(?:calls?|says?|rates?|lists?|gives?|counts?|treats?|takes?|names?|puts?)\b[^.;]*$",
    re.IGNORECASE,
)
_AS_FACT = re.compile(r"\b(?:that|fails?|wrong|errors?)\b")
_DENIED = re.compile(
    r"\b(?:none|neither|nothing|no(?: one)?|not|never)\b[^,;:.]*\b(?:an?|the|proven|established|known) (?:\w+ )?$|n't (?:an?|the) (?:\w+ )?$",
    re.IGNORECASE,
)
_SEARCHED = re.compile(r"\b(?:search|look|ask)(?:ed|ing|es|s)? (?:\w+ ){0,3}for [^.;]*$", re.IGNORECASE)
_COUNTED = re.compile(
    r"(?:\d|\b(?:all|most|half|none))(?: ?%)?(?: (?:of|more|errors?|mistakes?|items?|images?|ones|them|these|those|this|the|\d[\d,]*|are|is|wrong))* $"
)
_FROM_HALF = re.compile(r" (?:the |that |one |another |a )?(?:\w+ )?(?:half|halves|part|column|row)\b")


def names_no_cause(part: str, match: re.Match[str]) -> bool:
    """A cause of next to nothing, of what is not named, or of a verdict ("inconclusive, because …"), or one that is denied."""
    before = part[: match.start()]
    if _TOO_LITTLE.search(before) or _REFUTED.match(part, match.end()):
        return True
    if match[0].lower().startswith("cause") and _DENIED.search(before):
        return True
    if match[0].lower().startswith("behind") and _SEARCHED.search(before):
        return True
    reason = _REASON.match(match[0]) and any(v.search(part[: match.start()]) for v in VERDICTS.values())
    return bool(reason or _SMALL_PART.match(part, match.end()) or _NO_THING.match(part, match.end()))


def of_oneself(part: str, match: re.Match[str]) -> bool:
    """A reason for one's own conduct, for what cannot be known, or one that is plain arithmetic."""
    before, after = part[: match.start()], part[match.end() :]
    if not _REASON.match(match[0]):
        return False
    clause = re.split(r"[;:]\s|\.\s", before)[-1]
    if _STATED.search(clause) and not _AS_FACT.search(clause):
        return True
    return bool(_CONDUCT.search(clause) or _NOT_KNOWABLE.search(clause) or _RECKONED.match(after))


def of_shares(at: Reading, match: re.Match[str]) -> bool:
    """``they come from birds (28)``, ``what its own errors produce``, ``the cause is unknown``: counted, or not known."""
    before, after = at.part[: match.start()], at.part[match.end() :]
    if match[0].lower().startswith(("come", "came")):
        end = at.sentence.start + match.end()
        if _COUNTED.search(before) or _FROM_HALF.match(after):
            return True
        return any(
            m.kind == "class"
            and 0 <= m.start - end <= len(" the ")
            and re.match(r"s? \(\d", at.text[m.end :])
            for m in at.mentions
        )
    if match[0].lower().startswith("produce"):
        return re.search(r"\berrors(?: alone)?(?: would| could)? $", before) is not None
    return match[0].lower().startswith("cause") and _UNKNOWN_CAUSE.match(after) is not None
