"""A sentence that says something of the case which nothing in the record bears out: it is unverified, not innocent.

A claim that no rule could read is not true by that. What supposes, asks, advises, admits that something is not known or
speaks of nothing in the case says nothing that a record could hold, and is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from failsight.agent.grounding.claims import Claim
from failsight.agent.grounding.hedges import supposes
from failsight.agent.grounding.reading import Reading

_UNKNOWN = re.compile(
    r"\b(?:no|not|never|nobody|nothing|none|neither|cannot|can't|without|yet|hasn't|haven't|wasn't|weren't|isn't|didn't|doesn't|don't|unknown|unclear|open)\b[^.;]*\b(?:test\w*|experiment\w*|evidence|establish\w*|settled|shown|known|know|tell|tells|say|looked|mask\w*|cover\w*|measured|examined|checked|tried|carried|done|run|retrained|repaired|proof|proven|proved|cause[sd]?|ties?|explain|excluded|ruled|compared|checks?|vouch|promise|decided?|verdict|suspect\w*|record)\b|"
    r"\bfor a person to\b|\bonly (?:a|the) (?:person|human|expert)\b|\bthis is (?:just |simply )?the [\w ]{3,40} again\b|\ba person (?:has to|decides|should)\b|\bsuspicion\b|\bsuspects?\b|\bhints?\b|\bopen (?:question|hypothes\w+)\b|\bremains? to be\b|\bcorrelations? (?:so far|only)\b|\bassociation only\b",
    re.IGNORECASE,
)
_ADVICE = re.compile(
    r"\b(?:I|we|you|one) (?:\w+ )?(?:suspect|think|would|'d|propose|suggest|can|could|can't|cannot|don't|do not|haven't|have not|recommend|want|need|should|must|may|might|will|'ll|judge|decide|know|are the)\b|\b(?:I|we) (?!ran\b|checked|looked|found|tested|verified|measured|examined|confirmed|proved|saw\b|did\b|made\b|retrained|fixed|applied|evaluated|masked|compared|covered|searched|computed)\w+|\bI'd\b|\blet us\b|\blet's\b|\bplease\b|\bmy guess\b|\bsomeone\b|^\W*(?:(?:so|then|first|next|now|for now|also|instead),? )?(?:trust|beware|be|look|see|collect|cover|check|re-?train|mask|ask|add|use|try|start|keep|don't|do not|consider|give|decide|before|after|to|imagine|think|note|compare|run|test|fix|repair|put|take|read|treat|weigh|make|show|paste|re-?label|recalibrate|gather|hide|have|with|in short|in other words|that said|good news|bad news)\b(?![^,]*\b(?:is|are|was|were|has|have)\b[^,]*$)|"
    r"\b(?:one of the|first|second|next) (?:proposals?|repairs?|steps?|corrections?)\b|\badvis\w+|\brecommend\w*|\bhelps? to\b|\busually\b|\bin general\b|\btip\b|\bproposes?\b|\b(?:of|among) the (?:\w+ )?proposals\b",
    re.IGNORECASE,
)
#: words by which a sentence says more than that something exists: how much, which one, how often, why
_STRONG = re.compile(
    r"\b(?:more|less|fewer|most|least|only|never|always|nearly|almost|hardly|barely|rarely|seldom|often|mostly|usually|every|all|none|no|many|few|best|worst|highest|lowest|largest|smallest|weakest|strongest|"
    r"(?!rather |other )\w+er than|proven|proved|because|causes?|caused|drives?|shortcuts?|exception|trouble|problem|unaffected|over-represented|under-represented)\b",
    re.IGNORECASE,
)
#: checks and repairs that are said to have been made
_DONE = re.compile(
    r"\b(?:checks?|tests?|experiments?|analys[ei]s|curves|retraining|repairs?|fix|searched?|maps?) (?:\w+ ){0,6}?(?:found|showed|shows|proved|proves|confirmed|confirms|has (?:already )?(?:taken place|been (?:made|done|run|carried))|worked|succeeded|revealed|reveals)\b|"
    r"\b(?:I|we) (?:ran|checked|tested|verified|examined|retrained|fixed|applied|confirmed)\b",
    re.IGNORECASE,
)
_TABLE = re.compile(r"^\s*\||\|\s*$")


def unsupported(at: Reading, claims: Sequence[Claim]) -> Claim | None:
    """The claim that a sentence makes of the case though nothing bears it out; None where it makes none, or all is borne out."""
    part = at.part
    if claims or part.rstrip().endswith((":", "?")) or _TABLE.search(part) or len(part.split()) < 4:
        return None
    if supposes(part) or _UNKNOWN.search(part) or _ADVICE.search(part):
        return None
    done = _DONE.search(part) is not None
    if not done and not ((at.whole.classes | at.whole.attributes) and _STRONG.search(part)):
        return None
    end = at.sentence.start + len(part.rstrip().rstrip(".!"))
    return Claim("status", at.sentence.start, end, False, (), "nothing in the record bears this out")
