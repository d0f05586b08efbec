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
from failsight.tools.notes import labelled_splits
from failsight.tools.registry import registry
from failsight.tools.text import clean

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.agent.planners.dialogue import Turn
    from failsight.agent.state import FindingRecord
    from failsight.knowledge_base.vocabulary import Mentions
    from failsight.tools.view import CaseView

LONGEST: Final = 260
MOST: Final = 4
_BOUND: Final = r"(?:numbers?|percent(?:age)?s?|per cent|%|bounds?|limits?|bars?|demands?|requirements?|targets?|figures?|goals?|thresholds?|criteri(?:on|a)|values?)"
_WHO: Final = re.compile(
    rf"\bwho(?:'s| has| had)? (?:decided?|set|chose|said|wants?|wanted|demand(?:s|ed)|made(?: up)?|came up with|invented|asked for|requires?d?)\b.{{0,30}}(?:\b{_BOUND}|\d ?%)|\bwhere (?:does|do|did|is|are) (?:the|this|that|these|those) (?:\d+ ?%? )?(?:{_BOUND} )?(?:of \d+ ?%? )?come from\b|\bwhy (?:exactly )?(?:is it |the )?\d+ ?(?:%|per ?cent)",
    re.IGNORECASE,
)
_OTHER: Final = re.compile(r"(?P<n>\d{1,3}(?:\.\d+)?) ?(?:%|per ?cent)? (?:is |would be |must be |has to be )?(?:the |our |a )?(?:minimum|least|enough for us|the least)|\b(?:minimum|at least|need|needs|demand|want)(?: (?:is|of|for us|are))? (?P<m>\d{1,3}(?:\.\d+)?)", re.IGNORECASE)  # fmt: skip
_ABSTAIN: Final = re.compile(
    r"\b(?:shuts?|shut) up\b|\b(?:keeps?|kept|stays?|stayed|is|were|be) (?:quiet|silent)\b|\bsays? nothing\b|\babstain\w*|\b(?:says?|said|tells?)(?: \w+)?,? [\"“']?i (?:do not|don'?t|dont) know\b|\b(?:only|just) (?:let|lets?|answers?|decides?|speaks?|says?|trust|use|take|count)\b.{0,40}\b(?:when|if|where|above|over)\b.{0,30}\b(?:sure|confident|certain|confidence)\b"
    r"|\b(?:when|if|where) (?:it|the \w+) (?:is|was) not (?:\w+ )?(?:sure|certain|confident)\b|\b(?:when|if) (?:it is |it's )?unsure\b",
    re.IGNORECASE,
)
_STAYS: Final = re.compile(
    r"\b(?:how many|how much|what (?:share|part|per ?cent\w*|fraction|proportion|happens)|how often|stay\w*|left|remain\w*|lose|lost)\b",
    re.IGNORECASE,
)
_BAR: Final = re.compile(r"(?P<n>\d{1,2}(?:\.\d+)?) ?(?:%|per ?cent)|\b0?\.(?P<d>\d{1,3})\b", re.IGNORECASE)
_WHEN_WRONG: Final = re.compile(
    r"\b(?:sure|certain|confident)\b.{0,24}\b(?:wrong|mistaken|errs?|errors?)\b", re.IGNORECASE
)
BARS: Final = (0.6, 0.8, 0.9)
_PICTURES: Final = r"(?:pictures?|photos?|images?|photographs?|shots?|examples?|samples?|labels?|data)"
_COLLECT: Final = re.compile(
    rf"\bhow (?:many|much)(?: \w+){{0,3}}? {_PICTURES}\b.*\b(?:make|take|collect|shoot|gather|add|label|need\w*|fix|mend|repair|necessary|required|be enough|bring|get)\b",
    re.IGNORECASE,
)
_DECIDES: Final = re.compile(
    r"\b(?:decide|certain|sure|ready|verdict|know|judge|evaluate|were used|was used|are there|has it seen)\b",
    re.IGNORECASE,
)
_TAKES: Final = re.compile(
    r"^\W*(?:and |so |but )?who (?:should|has to|have to|must|can|could|shall|would|will|needs to)(?: \w+)? (?:take|make|collect|label|shoot|gather|do|provide|bring)\b",
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
    first = next(iter(state.expectations.values()))
    wished = _OTHER.search(question)
    value = (wished["n"] or wished["m"]) if wished is not None else f"{min(99, round(100 * first.bound) + 5)}"
    name = "accuracy" if "accuracy" in state.expectations else first.name
    how = f"set {name.replace('_', ' ')} at least {value} %"
    return words.message(
        " ".join([*lines, prompts.say("known.demand.change", how=how)]),
        [how, "Is it ready?", *words.choices(case)],
    )


# --- only sure answers -------------------------------------------------------------------------------------------------------


def abstaining(case: Case, question: str, mentions: Mentions) -> AIMessage | None:
    """How many answers stay, and how many of these are right, where only sure ones are given; None for other sentences."""
    sure = subjects.told(case, "sure", Things()) if _WHEN_WRONG.search(question) else []
    if not (_ABSTAIN.search(question) and (_STAYS.search(question) or sure)) or len(question) > LONGEST:
        return None
    things = things_of(case, mentions)
    split = things.split or "data"
    rate = accuracy(case.state(), split)
    if not at_hand(case, split) or rate is None or case.state().latest("confidence_profile") is None:
        return None
    bars = [float(m["n"]) / 100 if m["n"] else float(f"0.{m['d']}") for m in _BAR.finditer(question)][
        :3
    ] or list(BARS)
    lead = tuple(f"true={c}" for c in things.classes[:1])
    counts = [
        Count((*lead, *things.group, f"confidence>={b:g}"), ("correct",), (split,) if split != "data" else ())
        for b in bars
    ]
    first, *rest = [(TOOL, c.arguments(split if split != "data" else "")) for c in counts]
    whole = 0 if lead or things.group else rate.n
    return call_of(
        first,
        rest,
        why(question),
        {
            "kind": "sure_only",
            "bars": bars,
            "of": whole,
            "lead": sure[:1],
            "next": ["Is it surer than it is right?", "Which errors are made with confidence?"],
        },
    )


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
    asked = [(r, how) for r in found if (how := _collects(r))]
    if not asked:
        return words.message(
            prompts.say("known.collect.none", id=found[0].id), [f"Repair {found[0].id}", *words.choices(case)]
        )
    record, how = asked[0]
    source = next((e.id for e in reversed(state.evidence) if e.tool == "propose_correction"), "")
    lead = [prompts.say("known.collect", id=record.id, action=how, evidence=source)]
    lead = (
        [" ".join([*lead, prompts.say("known.collect.least")])] if re.search(r"\bat least\b", how) else lead
    )
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


def _collects(record: FindingRecord) -> str:
    """What is to be collected against a finding, as it was proposed; empty where nothing is."""
    found = next(
        (
            c.action
            for c in record.corrections
            if re.search(r"\b(?:collect|label|gather|photograph)\b", c.action, re.IGNORECASE)
            and re.search(r"\d", c.action)
        ),
        "",
    )
    return clean(found, 240).rstrip(".")


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
