"""A demand that somebody changes in passing: ``the requirement of 90 % was a joke, make it 70 %``, ``put it back to 90``.

Which demand is meant is told by the measure that is named, by the bound that it has, by what it was before, or because there is only
one. Where none of that tells, it is asked, and nothing is noted.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from failsight import prompts
from failsight.agent.planners.advice.numbers import shown
from failsight.agent.planners.advice.words import PERCENT, bare, share, stands
from failsight.agent.planners.expectations import METRICS, Criterion, metric_name
from failsight.tools.expectations.names import is_price, is_share
from failsight.tools.text import listing
from failsight.tools.view import Expectation

if TYPE_CHECKING:
    from failsight.agent.case import Case

_M: Final = rf"(?:{'|'.join(METRICS)})"
_DEMAND: Final = r"(?:requirement|demand|expectation|target|goal|bound|criterion|limit|bar|floor|minimum|threshold for (?:acceptance|readiness))s?"
_WORD: Final = rf"(?:required|expected|needed|wanted|target|demanded|minimum|minimal) (?P<of>{_M})(?P<more>(?: (?:of|for|on) (?:the )?[\w ]+?)?)"
_TO: Final = r"(?:to|at|=|is|be|down to|up to|back to|as)(?: (?:at least|only|just))*"
_SET: Final = r"(?:set|change|lower|raise|reduce|put|make|move|drop|bring|increase|relax|turn|take|correct|update|adjust|let(?:'s| us) (?:set|change|lower|raise|make|put))"
_BACK: Final = re.compile(r"\bback\b|\bagain\b")
_CHANGES: Final = (
    # the requirement of 90 % was a joke, make it 70 %
    rf"(?:the |our |that |my )?(?:(?P<of>{_M}) )?{_DEMAND}(?: (?:of|at|for|on) (?P<what>[^,;]*?))?(?: (?:is|was|were) [^,;]*?)?[,;:]?(?: (?:and|so|but|please|better|let us|let's))*[,;]? ?{_SET} (?:it|that|this|them) (?:{_TO} )?{PERCENT}",
    rf"{_SET} (?:the |our |my |its )?{_WORD} (?:{_TO} )?{PERCENT}",
    # accuracy of 90 % is too much, make it 80 %
    rf"(?:the |an? )?(?P<what>(?:[\w-]+ ){{0,3}}{_M}(?: (?:of|for|on) (?:the )?[a-z][\w ]*?)?) (?:of|at) \d+ ?%? (?:is|was) [^,;]*[,;:]? (?:so |please |let's )?{_SET} (?:it|that|this) (?:{_TO} )?{PERCENT}",
    rf"{_SET} (?:the |our |my |its )?(?:(?P<of>(?:[\w-]+ ){{0,3}}{_M})(?P<more>(?: (?:of|for|on) (?:the )?[\w ]+?)?) )?{_DEMAND}(?: (?:of|for|on) (?P<what>[^,;]*?))? {_TO} {PERCENT}",
    rf"(?:the |our )?(?:(?P<of>{_M}) )?{_DEMAND}(?: (?:of|for|on) (?P<what>[^,;]*?))? (?:is|should be|shall be|must be|has to be|becomes) (?:now |only |just |really )*{PERCENT}(?: now| only)?",
    rf"(?:the |its |an? )?(?P<what>(?:[\w-]+ ){{0,3}}{_M}(?: (?:of|for|on) (?:the )?[\w ]+?)?) (?:only|just|really only|merely|now only) (?:has|have|needs?) to (?:be|reach) (?:at least )?{PERCENT}",
    rf"{PERCENT} (?P<what>{_M}) (?:is|are|would be|will be) (?:already |quite |really )?(?:enough|sufficient|fine|good enough)(?: for us| for me)?",
    rf"{_SET} (?:it|that|this) (?:(?:{_TO}|back) )?{PERCENT}",
    rf"(?:i|we) (?:(?:only|just) (?:need|want|require|expect|demand)|(?:need|want|require|expect|demand) (?:only|just)) (?:an? )?{PERCENT}(?: (?:of )?(?P<what>{_M}))?",
    rf"(?:and |or )?(?:go|back) (?:back )?to {PERCENT}(?: (?P<what>{_M}))?",
)
_LONE: Final = re.compile(rf"{_SET} (?:it|that|this)\b|(?:go|back)\b")


def changed(case: Case, text: str) -> tuple[list[Criterion], str] | None:
    """What a sentence makes of a demand that stands; None for a sentence that changes none.

    Returns:
        the criterion as it is from now on; or none of it and what to ask back where it is not told which demand is meant.
    """
    if text.rstrip().endswith("?") or not any(c.isdigit() for c in text):
        return None
    said = bare(text)
    found = stands(said, *_CHANGES)
    if found is None:
        return None
    bound = share(found["percent"], found["unit"])
    stands_now = [e for e in case.state().expectations.values() if not is_price(e.name) and is_share(e.name)]
    if bound is None:
        return None
    given = {k: (v or "").strip() for k, v in found.groupdict().items()}
    words = f"{given.get('of', '')}{' ' + given['more'] if given.get('more') else ''} {given.get('what', '')}".strip()
    named = metric_name(re.sub(PERCENT, " ", words), case.classes)
    if named is not None:
        old = next((e for e in stands_now if e.name == named), None)
        return [Criterion(named, bound, old.at_least if old is not None else True)], ""
    alone = _LONE.match(said) is not None
    if alone and not (stands_now and (found["unit"] or _BACK.search(said))):
        return None  # "set it to 70" may be about anything else
    measures = {v for k, v in METRICS.items() if re.search(rf"\b{k}\b", words)}
    fitting = [e for e in stands_now if any(m in e.name for m in measures)] if measures else stands_now
    meant = _meant(case, fitting, words, bound, said)
    if meant is not None:
        return [Criterion(meant.name, bound, meant.at_least)], ""
    return [], _which(stands_now, bound)


def _meant(
    case: Case, standing: Sequence[Expectation], words: str, bound: float, said: str
) -> Expectation | None:
    """The demand that is meant where no measure is named."""
    if _BACK.search(said):
        before = [
            str(e.data["name"])
            for e in case.journal
            if e.kind == "expectation.set" and abs(float(e.data["bound"]) - bound) < 1e-9
        ]
        had = [e for e in standing if e.name in before and abs(e.bound - bound) > 1e-9]
        if had:
            order = [str(e.data["name"]) for e in case.journal if e.kind == "expectation.set"]
            return max(had, key=lambda e: len(order) - order[::-1].index(e.name))
    old = re.search(PERCENT, words)
    if old is not None and (was := share(old["percent"], old["unit"])) is not None:
        had = [e for e in standing if abs(e.bound - was) < 1e-9]
        return had[0] if len(had) == 1 else None
    return standing[0] if len(standing) == 1 else None


def _which(standing: Sequence[Expectation], bound: float) -> str:
    """What to ask back: which demand is meant."""
    if not standing:
        return prompts.say("demand.none", bound=f"{100 * bound:g} %")
    now = listing([shown(e.name, e.bound, at_least=e.at_least) for e in standing], 6, 120)
    return prompts.say("demand.which", demands=now, bound=f"{100 * bound:g} %")


def before(old: Expectation | None, now: Criterion) -> str:
    """What was demanded before, one sentence; empty where that is new, or the same."""
    if old is None or (old.bound == now.bound and old.at_least == now.at_least):
        return ""
    return prompts.say("demand.before", criterion=str(Criterion(old.name, old.bound, old.at_least)))
