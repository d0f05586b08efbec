"""Who decided what is demanded, and how it is changed; how many answers stay where only sure ones are given; how many pictures to collect."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, cast

from failsight import prompts
from failsight.agent.narrate.words import who
from failsight.agent.planners import words
from failsight.agent.planners.advice.numbers import accuracy, largest, shown
from failsight.agent.planners.counting.base import call_of, why
from failsight.agent.planners.counting.read import Count
from failsight.agent.planners.counting.said import TOOL
from failsight.agent.planners.known import answer, findings, subjects
from failsight.agent.planners.known.counts import at_hand
from failsight.agent.planners.known.things import Things, things_of
from failsight.tools.expectations.names import is_share
from failsight.tools.notes import labelled_splits
from failsight.tools.registry import registry
from failsight.tools.text import clean

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.agent.planners.dialogue import Turn
    from failsight.agent.state import CaseState
    from failsight.knowledge_base.vocabulary import Mentions
    from failsight.tools.view import CaseView

LONGEST: Final = 260
MOST: Final = 4
_BOUND: Final = r"(?:numbers?|percent(?:age)?s?|per cent|%|bounds?|limits?|bars?|demands?|requirements?|targets?|figures?|goals?|thresholds?|criteri(?:on|a)|values?)"
_WHO: Final = re.compile(
    rf"\bwho(?:'s| has| had)? (?:decided?|set|chose|said|wants?|wanted|demand(?:s|ed)|made(?: up)?|came up with|invented|asked for|requires?d?)\b.{{0,30}}(?:\b{_BOUND}|\d ?%)|\bwhere (?:does|do|did|is|are) (?:the|this|that|these|those) (?:\d+ ?%? )?(?:{_BOUND} )?(?:of \d+ ?%? )?come from\b|\bwhy (?:exactly )?(?:is it |the )?\d+ ?(?:%|per ?cent)",
    re.IGNORECASE,
)
_OTHER: Final = re.compile(r"(?P<n>\d{1,3}(?:\.\d+)?) ?(?:%|per ?cent)? (?:is |would be |must be |has to be )?(?:the |our |a )?(?:minimum|least|enough for us|the least)|\b(?:minimum|at least|need|needs|demand|want)(?: (?:is|of|for us|are))? (?P<m>\d{1,3}(?:\.\d+)?)(?= ?(?:%|per ?cent)|\s*(?:[.,;!?]|$))", re.IGNORECASE)  # fmt: skip
_ABSTAIN: Final = re.compile(
    r"\b(?:shuts?|shut) up\b|\b(?:keeps?|kept|stays?|stayed|is|were|be) (?:quiet|silent)\b|\bsays? nothing\b|\babstain\w*|\b(?:says?|said|tells?)(?: \w+)?,? [\"“']?i (?:do not|don'?t|dont) know\b|\b(?:only|just) (?:let|lets?|answers?|decides?|speaks?|says?|trust|use|take|count)\b.{0,40}\b(?:when|if|where|above|over)\b.{0,30}\b(?:sure|confident|certain|confidence)\b"
    r"",
    re.IGNORECASE,
)
_WHEN_UNSURE: Final = re.compile(
    r"\b(?:when|if|where) (?:it|the \w+) (?:is|was) not (?:\w+ )?(?:sure|certain|confident)\b|\b(?:when|if) (?:it is |it's )?unsure\b",
    re.IGNORECASE,
)
_LEFT: Final = re.compile(r"\b(?:stay\w*|left|remain\w*|lose|lost)\b", re.IGNORECASE)
_STAYS: Final = re.compile(
    rf"\b(?:how many|how much|what (?:share|part|per ?cent\w*|fraction|proportion|happens)|how often)\b|{_LEFT.pattern}",
    re.IGNORECASE,
)
#: how sure it has to be; a share that is to be right is no such bar
_BAR: Final = re.compile(
    r"(?<!accuracy of )(?<!accuracy )(?<![\d.])(?:(?P<n>100|\d{1,2}(?:\.\d+)?) ?(?:%|per ?cent)(?! (?:\w+ )?(?:right|correct|accura\w+|recall|precision)\b)|0?\.(?P<d>\d{1,3})\b)",
    re.IGNORECASE,
)
_WHEN_WRONG: Final = re.compile(
    r"\b(?:sure|certain|confident)\b.{0,24}\b(?:wrong|mistaken|errs?|errors?)\b", re.IGNORECASE
)
BARS: Final = (0.6, 0.8, 0.9)
MOST_BARS: Final = 3
_PICTURES: Final = r"(?:pictures?|photos?|images?|photographs?|shots?|examples?|samples?|labels?|data)"
_COLLECT: Final = re.compile(
    rf"\bhow (?:many|much)(?: \w+){{0,3}}? {_PICTURES}\b.*\b(?:make|take|collect|shoot|gather|add|label|need\w*|fix|mend|repair|necessary|required|be enough|bring|get(?! (?:it |them |that )?(?:wrong|right)\b))\b",
    re.IGNORECASE,
)
_DECIDES: Final = re.compile(
    r"\b(?:decide|certain|sure|ready|verdict|know|judge|evaluate|were used|was used|are there|has it seen)\b",
    re.IGNORECASE,
)
_TAKES: Final = re.compile(
    r"^\W*(?:and |so |but )?who (?:should|has to|have to|must|can|could|shall|would|will|needs to)(?: \w+)? (?:take|make|collect|label|shoot|gather|provide|bring)(?: us)?"
    rf"(?: (?:them|these|those)\b(?! (?:better|worse|work|right|faster))|(?: \w+){{0,3}} {_PICTURES}\b)",
    re.IGNORECASE,
)


def decided(case: Case, question: str) -> AIMessage | None:
    """Who decided what is demanded, and how to demand something else; None for other sentences."""
    if not _WHO.search(question) or len(question) > LONGEST:
        return None
    state = case.state()
    if not state.expectations:
        return words.message(prompts.say("known.demand.none"), words.choices(case))
    lines = [
        prompts.say(
            "known.demand", criterion=shown(e.name, e.bound, at_least=e.at_least), by=clean(who(e.by), 120)
        )
        for e in list(state.expectations.values())[:MOST]
    ]
    wished = _OTHER.search(question)
    how = _instead(state, (wished["n"] or wished["m"]) if wished is not None else "")
    return words.message(
        " ".join([*lines, prompts.say("known.demand.change", how=how)]),
        [how, "Is it ready?", *words.choices(case)],
    )


def _instead(state: CaseState, value: str) -> str:
    """What to say to demand something else, in a form that is understood: of the accuracy, or else of what is demanded. ``value``: in percent."""
    known = state.expectations
    shares = [
        e for e in known.values() if e.at_least and is_share(e.name) and re.fullmatch(r"[a-z_.]+", e.name)
    ]
    own = known.get("accuracy") or next(iter(shares), None)
    if own is None or not own.at_least:
        return f"set accuracy at least {value or 90} %"
    more = min(99, round(100 * own.bound) + 5)
    return f"set {own.name.replace('_', ' ')} at least {value or more} %"


# --- only sure answers -------------------------------------------------------------------------------------------------------


def abstaining(case: Case, question: str, mentions: Mentions) -> AIMessage | None:
    """How many answers stay, and how many of these are right, where only sure ones are given; None for other sentences."""
    sure = subjects.told(case, "sure", Things()) if _WHEN_WRONG.search(question) else []
    silent = _ABSTAIN.search(question) is not None and (_STAYS.search(question) is not None or bool(sure))
    unsure = _WHEN_UNSURE.search(question) is not None and (_LEFT.search(question) is not None or bool(sure))
    if not (silent or unsure) or len(question) > LONGEST or case.state().latest("confidence_profile") is None:
        return None
    bars = [float(m["n"]) / 100 if m["n"] else float(f"0.{m['d']}") for m in _BAR.finditer(question)]
    following = ["Is it surer than it is right?", "Which errors are made with confidence?"]
    return only_sure(case, question, things_of(case, mentions), bars[:MOST_BARS] or BARS, sure[:1], following)


def only_sure(
    case: Case,
    question: str,
    things: Things,
    bars: Sequence[float],
    lead: Sequence[str] = (),
    following: Sequence[str] = (),
) -> AIMessage | None:
    """The counts of answers above each confidence, of these things; None where right and wrong are not known without a pass.

    Args:
        lead: sentences before the counts.
        following: what may be said next.
    """
    split = things.split or "data"
    rate = accuracy(case.state(), split)
    if not at_hand(case, split) or rate is None:
        return None
    held = (*(f"true={c}" for c in things.classes[:1]), *things.group)
    where = split if split != "data" else ""
    counts = (Count((*held, f"confidence>={b:g}"), ("correct",), (where,) if where else ()) for b in bars)
    first, *rest = [(TOOL, c.arguments(where)) for c in counts]
    said = {
        "kind": "sure_only",
        "bars": list(bars),
        "of": 0 if held else rate.n,
        "lead": list(lead),
        "next": list(following),
    }
    return call_of(first, rest, why(question), said)


# --- how many pictures to collect -------------------------------------------------------------------------------------------------


def collected(case: Case, question: str, mentions: Mentions, before: Sequence[Turn]) -> AIMessage | None:
    """How many pictures a repair asks for, and whether there are such ones already; None for other sentences."""
    if _TAKES.match(question):
        return words.message(prompts.say("known.collect.who"), words.choices(case))
    if not _COLLECT.search(question) or _DECIDES.search(question) or len(question) > LONGEST:
        return None
    if any(m.role in ("image", "evidence") for m in mentions.found):
        return None
    state = case.state()
    things = things_of(case, mentions, before)
    named = [state.find(i) for i in mentions.of("finding")]
    found = [r for r in named if r is not None] or (
        findings.about(state, things) if things else largest(state)
    )
    found = [r for r in found if r.finding.verdict == "confirmed"]
    if not found:
        return None
    if not any(e.tool == "propose_correction" for e in state.evidence) and "propose_correction" in registry():
        return words.call("propose_correction", {"finding": found[0].id}, why(question))
    proposed = ((r, *findings.to_collect(state, r)) for r in found)
    asked = [(r, said) for r, action, said in proposed if re.search(r"\d", action)]
    if not asked:
        return words.message(
            prompts.say("known.collect.none", id=found[0].id), [f"Repair {found[0].id}", *words.choices(case)]
        )
    record, said = asked[0]
    lead = [f"{said} {prompts.say('known.collect.least')}" if "at least" in said else said]
    calls, none = _there(case, things)
    lead += none
    if not calls:
        return words.message("\n".join(lead), [f"Repair {record.id}", *words.choices(case)])
    return call_of(
        calls[0],
        calls[1:],
        why(question),
        {"kind": "known", "lead": lead, "next": [f"Why {record.id}?", f"Repair {record.id}"]},
    )


def _there(case: Case, things: Things) -> tuple[list[tuple[str, dict[str, Any]]], list[str]]:
    """Counts of the pictures of the group that are there for training, or unlabelled; and where there are none of them."""
    calls, none = list[tuple[str, dict[str, Any]]](), list[str]()
    labelled = labelled_splits(cast("CaseView", case))
    for split in ("train", "pool"):
        if split not in case.splits() or not things.group or TOOL not in registry():
            continue
        none += answer.not_there(case, split, things)
        if answer.has_images(case, split, things):
            held = (
                *(f"true={c}" for c in things.classes[:1] if split in labelled),
                *things.group,
            )
            calls.append((TOOL, Count(held, (), (split,)).arguments(split)))
    return calls, none
