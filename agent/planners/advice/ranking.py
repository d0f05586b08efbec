"""Which of the findings matters most, what mending one could bring, what is cheapest, whether it is mended.

The order is that of the errors at stake: how many of the measured errors a perfect repair of the finding would save. They overlap, and a
repair is seldom perfect, so each is said to be the most that can be gained.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from failsight import prompts
from failsight.agent.narrate.plain import for_requesters
from failsight.agent.planners import words
from failsight.agent.planners.advice.numbers import (
    accuracy,
    action,
    fixed,
    largest,
    size,
    stake,
    told_stake,
)
from failsight.agent.planners.advice.words import count, stands
from failsight.agent.planners.step import Step
from failsight.tools.registry import registry
from failsight.tools.text import clean, listing, number

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.agent.planners.dialogue import Turn
    from failsight.agent.state import CaseState, FindingRecord
    from failsight.knowledge_base.vocabulary import Mentions

MOST: Final = 5
_PROBLEM: Final = r"(?:problem|issue|risk|finding|fault|bug|failure|weakness|weak spot|thing|concern|error source|trouble|mistake)s?"
_MOST: Final = r"(?:(?:most|more) (?:important|serious|severe|urgent|critical|pressing|costly|expensive|harmful|relevant)|biggest|bigger|worst|worse|largest|gravest|main|top|number one|heaviest)"
_N: Final = r"(?:(?:\d{1,2}|one|two|three|four|five|six|seven|eight|nine|ten|few|single|couple of) )?"
_MATTERS: Final = (
    rf"(?:which|what)(?: one)?(?: of (?:the|these|those|all|all the|your|our|them|my)(?: (?:two|three|four|five))?)?(?: ?{_PROBLEM})?(?: is| are|'s)? (?:the )?(?:matters?|counts?|weighs?|hurts?|costs?)(?: the)? most(?: errors)?",
    rf"(?:which|what)(?: one)? of (?:the|these|those|them|all|your|our)(?: (?:two|three|four|five))?(?: ?{_PROBLEM})? (?:is|are) (?:the )?{_MOST}(?: (?:one|ones|{_PROBLEM}))?",
    rf"(?:what|which)(?:'s| is| are|'re)? (?:the |its |your |our |my )?(?:{_N})?(?:single |absolutely )?{_MOST} {_PROBLEM}(?: (?:here|with (?:it|the model|this model)|of (?:it|the model|this model)|we have|to (?:fix|do|mend|repair|know|tackle|work on|look at)|you found))?(?: (?:first|on monday|next week|tomorrow|today))*",
    rf"(?:give|tell|list|show|name)(?: me| us)? (?:the |its |your )?(?:{_N}){_MOST} {_PROBLEM}(?:,? (?:and|with) (?:for )?(?:each|every|the|a|their|its|what|how|one).{{0,60}})?",
    rf"(?:rank|order|sort|prioriti[sz]e|rate) (?:all )?(?:the |your |these |those |our )?{_PROBLEM}(?: (?:by|for|according to) .{{0,60}})?",
    r"(?:and )?by how (?:cheap|easy|quick|costly|expensive) (?:they|it) (?:are|is) to (?:fix|mend|repair)",
    r"(?:what|which)(?:'s| is)? (?:the )?(?:single )?(?:most important|one) thing (?:to do|i (?:should|must|need to) do|we (?:should|must|need to) do|you would do)(?: (?:first|on monday|now|next week|tomorrow|today))*",
    r"what should (?:we|i) (?:fix|mend|repair|tackle) first",
    r"where (?:should|do) (?:we|i) (?:put our|put the|spend the|spend our) (?:next )?(?:effort|money|time|hour|work|euro|dollar)s?",
)
_CHEAP: Final = re.compile(r"\b(?:cheap|easy|easiest|quick|cost)\w*\b.*\bto (?:fix|mend|repair)\b")
_ONE: Final = re.compile(
    rf"\b(?:single|which (?:finding|problem|issue|fault|bug|risk)|which(?: one)? of|one thing|most important thing|(?:what|which)(?: is|'s) the {_MOST})\b"
)
_SHAKY: Final = (
    r"(?:which|what)(?: of (?:the|these|those|your|our) findings| findings?)?(?: is| are|'s)? (?:the )?(?:shakiest|weakest|least (?:certain|sure|reliable|well supported|solid|confident)|most (?:uncertain|doubtful|fragile))(?: (?:one|finding|of (?:them|these|all)))?(?: (?:supported|founded))?",
    r"(?:which|what) (?:of the |of your )?findings? (?:are you|is|am i|should i be) (?:the )?least (?:sure|certain|confident)(?: (?:of|about))?",
)
_GAIN: Final = (
    r"(?:and )?how (?:much|many points|far) (?:would|will|could|does|can) (?:the )?(?:accuracy|it|that|this|the model|things|performance)(?: (?:go up|rise|improve|increase|get better|gain|help|bring|change|be better|climb))+(?: (?:by|from|with|through|after|if we (?:fix|mend|repair|do)) ?(?:it|that|this|this one|that one|f\d+|then)?)*",
    r"(?:and )?how much better (?:would|will|could) (?:it|the model|the accuracy|that|things) (?:be|get|become|do)(?: (?:by|from|with|after|if we (?:fix|mend|repair|did|do)) (?:it|that|this|f\d+))?",
    r"(?:and )?what (?:would|will|could|do|can) (?:we|i|it|that|this) (?:gain|win|bring|get|save)(?: (?:us|by|from|with|out of|if we (?:fix|mend|repair)) ?(?:it|that|this|f\d+)?)*",
    r"is (?:it|that|this|f\d+) (?:not )?worth (?:it|fixing|mending|repairing|the (?:effort|trouble|money))",
    r"(?:it's|it is|that's|that is) not worth (?:it|fixing|mending|repairing|the (?:effort|trouble))",
)
_CHEAPER: Final = (
    r"(?:is there |do you have |have you got |isn't there )?(?:anything|something|nothing|an?(?:y|other)? (?:way|option|repair|fix|idea|alternative)s?)(?: (?:that is|that's))? (?:cheaper|easier|quicker|faster|simpler|less (?:expensive|work|effort))(?: (?:than that|to try|first))?",
    r"(?:is there |do you have |have you got )?(?:an?|any|some) (?:cheaper|easier|quicker|faster|simpler) (?:way|option|repair|fix|idea|alternative|one)s?(?: (?:to (?:fix|repair|mend|do) (?:it|that|this)|than that))?",
    r"(?:what|which)(?:'s| is| would be)? (?:the )?(?:cheapest|easiest|quickest|simplest|fastest)(?: (?:way|option|repair|fix|one|thing)(?: to (?:fix|repair|mend|do|try)(?: (?:it|that|this))?)?)?",
    r"(?:a |any )?cheaper (?:way|option|fix|repair|alternative|one)s?",
)
_FIXED: Final = (
    r"(?:is|was|are|has) (?:that|it|this|that one|this one|the (?:problem|bug|fault|finding)|those|they|f\d+) (?:been )?(?:already |now |finally )*(?:fixed|repaired|mended|solved|cured|gone|done)(?: (?:now|yet|already|by now))*",
)
_ID: Final = re.compile(r"\bf\d{1,4}\b", re.IGNORECASE)


def answered(case: Case, text: str, mentions: Mentions, before: Sequence[Turn]) -> AIMessage | Step | None:
    """The answer to a bare sentence about what matters most or what mending it brings; None for other sentences."""
    if any(m.role in ("value", "attribute", "object", "evidence", "image", "class") for m in mentions.found):
        return None
    state = case.state()
    if stands(text, *_MATTERS) and state.records:
        points = re.search(r"\bof (?:these|those|them|the two)\b(?! (?:findings|problems))", text)
        asked = _names_of("", before[-1:]) if points else []
        if points and len(asked) < 2:
            return None  # of what was counted or shown last, and not of findings
        return _ranked(case, state, text, asked)
    if stands(text, *_SHAKY) and largest(state):
        return _shakiest(case, state)
    if stands(text, *_GAIN):
        worth = "worth" in text  # of what was told last, whatever that was
        return _gain(case, state, _meant(state, text, before, open_only=not worth))
    if stands(text, *_CHEAPER) and (state.confirmed() or state.records):
        return _cheapest(case, state, _meant(state, text, before))
    if stands(text, *_FIXED) and (found := _meant(state, text, before, open_only=False)) is not None:
        return _whether_fixed(case, found)
    return None


def _names_of(text: str, before: Sequence[Turn]) -> list[str]:
    """Ids of the findings in the sentence, else in the last answer, in order."""
    said = [text, *(t.reply for t in reversed(before[-3:]))]
    return next(
        (found for one in said if (found := list(dict.fromkeys(i.upper() for i in _ID.findall(one))))), []
    )


def _meant(
    state: CaseState, text: str, before: Sequence[Turn], *, open_only: bool = True
) -> FindingRecord | None:
    """The finding that ``it`` is: named in the sentence, else in the answers before, else the one with most errors at stake."""
    named = [r for i in _names_of(text, before) if (r := state.find(i)) is not None]
    chosen = [r for r in named if r.finding.verdict == "confirmed"] or named
    if chosen:
        return chosen[0]
    top = largest(state)
    return top[0] if top and open_only else None


def line(record: FindingRecord) -> str:
    """A finding in one line: what happens, how much is at stake, the first repair proposed for it."""
    said = for_requesters(record.finding).rstrip(".")
    told = prompts.say("advice.finding", id=record.id, statement=clean(said, 300))
    if at := told_stake(record):
        told += f" {at}"
    if how := action(record):
        told += " " + prompts.say("advice.first", action=how)
    return told


def _ranked(case: Case, state: CaseState, text: str, asked: Sequence[str]) -> AIMessage:
    found = largest(state)
    some = [r for r in found if r.id in asked]
    if len(some) > 1:
        found = some
    if not found:
        return words.message(prompts.say("advice.none"), words.choices(case))
    wanted = count(text, r"\w*") if not _ONE.search(text) else 1
    one = wanted == 1 or len(found) == 1 or _ONE.search(text) is not None
    most = (
        1
        if one
        else min(
            wanted or (MOST if text.startswith(("rank", "order", "sort", "prior", "rate")) else 3), len(found)
        )
    )
    if _CHEAP.search(text):
        found = sorted((r for r in found if _cost(state, r)[1]), key=lambda r: _cost(state, r)[0]) or found
        most = min(most, len(found))
    cheap = _CHEAP.search(text) is not None
    lines = [] if one else [prompts.say("advice.ranked.cheap" if cheap else "advice.ranked", count=most)]
    for record in found[:most]:
        cost = _cost(state, record)[1] if cheap else ""
        told = line(record) + (" " + prompts.say("advice.cost", cost=cost) if cost else "")
        lines.append(told if one else f"- {told}")
    if one and len(found) > 1:
        lines.append(
            prompts.say("advice.ranked.after", ids=listing([f"{r.id} ({stake(r):,})" for r in found[1:4]]))
        )
    lines.append(prompts.say("advice.overlap"))
    more = len(found) - most
    if more > 0 and not one:
        lines.append(prompts.say("next.more", count=more))
    return words.message("\n".join(lines), words.choices(case))


def of_those(case: Case, ids: Sequence[str], *, least: bool = False) -> AIMessage:
    """Findings that were spoken of beside each other, the one with most errors at stake first (``least``: with fewest)."""
    state = case.state()
    known = [r for i in ids if (r := state.find(i)) is not None]
    some = [r for r in largest(state) if r.id in ids and stake(r)]
    if (
        len(some) < len(known) or len(some) < 2
    ):  # what is not confirmed, or costs no errors, has no place in the order
        lines = [prompts.say("compared.findings"), *(f"- {words.finding_line(r)}" for r in known)]
        return words.message("\n".join(lines), words.choices(case))
    some = sorted(some, key=stake, reverse=not least)
    lines = [prompts.say("compared.stake", ids=listing([f"{r.id} ({stake(r):,})" for r in some], len(some)))]
    lines += [f"- {line(r)}" for r in some[:MOST]]
    return words.message("\n".join([*lines, prompts.say("advice.overlap")]), words.choices(case))


def _shakiest(case: Case, state: CaseState) -> AIMessage:
    """The confirmed finding whose effect lies nearest to none, measured by the half width of its interval."""

    margins = []
    for record in largest(state):
        tests = [t for t in record.finding.tests if t.ci is not None and t.ci[1] > t.ci[0]]
        margins += [(2 * abs(t.effect) / (t.ci[1] - t.ci[0]), record) for t in tests]
    if not margins:
        return words.message(prompts.say("advice.shaky.untested"), words.choices(case))
    chosen = min(margins, key=lambda one: one[0])[1]
    lines = [prompts.say("advice.shaky"), f"- {words.finding_line(chosen)}"]
    return words.message("\n".join(lines), [f"Why {chosen.id}?", *words.choices(case)])


def _gain(case: Case, state: CaseState, found: FindingRecord | None) -> AIMessage | None:
    """The most that mending a finding can bring, in images and points; that only a repair measured tells."""
    if found is None:
        return None
    errors, n = stake(found), found.finding.n or 0
    if not errors or not n:
        text = prompts.say("advice.gain.none", id=found.id)
        return words.message(text, words.choices(case))
    in_use = found.finding.split == "deploy" or found.finding.kind == "distribution_shift"
    all_ = accuracy(state, "deploy" if in_use else "data")
    lines = [
        prompts.say(
            "advice.gain",
            id=found.id,
            errors=f"{errors:,}",
            n=size(found),
            evidence=listing(list(found.evidence[:1])),
        )
    ]
    if all_ is not None and all_.n:
        lines.append(
            prompts.say(
                "advice.gain.points",
                points=number(errors / all_.n, "points").lstrip("+"),
                n=f"{all_.n:,}",
                rate=str(all_),
                evidence=all_.evidence,
            )
        )
    lines.append(prompts.say("advice.gain.measure", id=found.id))
    return words.message("\n".join(lines), [f"Repair {found.id}", *words.choices(case)])


_COSTS: Final = ("low", "medium", "high")


def _cost(state: CaseState, record: FindingRecord) -> tuple[int, str, str]:
    """(rank, cost in words, what to do) of the cheapest repair proposed for a finding, by the newest list that has it."""
    best = (len(_COSTS), "", "")
    for made in state.evidence:
        for table in made.tables if made.tool == "propose_correction" else ():
            if (
                "cost" not in table.columns
                or "what to do" not in table.columns
                or "finding" not in table.columns
            ):
                continue
            at = {name: table.columns.index(name) for name in ("finding", "cost", "what to do")}
            for row in table.rows:
                cost = str(row[at["cost"]])
                rank = _COSTS.index(cost) if cost in _COSTS else len(_COSTS)
                if str(row[at["finding"]]) == record.id and rank < best[0]:
                    best = (rank, cost, clean(row[at["what to do"]], 240).rstrip("."))
    return best


def _cheapest(case: Case, state: CaseState, found: FindingRecord | None) -> AIMessage | Step | None:
    if found is None:
        return None
    rank, cost, what = _cost(state, found)
    if not what:
        if "propose_correction" not in registry():
            return None
        return Step("", "propose_correction", prompts.say("why.propose_correction"), {"finding": found.id})
    key = "advice.cheapest" if rank == 0 else "advice.cheapest.no"
    return words.message(
        prompts.say(key, id=found.id, action=what, cost=cost), [f"Repair {found.id}", *words.choices(case)]
    )


def _whether_fixed(case: Case, found: FindingRecord) -> AIMessage:
    """Whether a finding is mended: by a verified repair, or not, and how far its repair is."""
    states = [c.status for c in found.corrections]
    key = (
        "yes" if fixed(found) else next((s for s in ("applied", "rejected", "proposed") if s in states), "no")
    )
    if found.finding.verdict != "confirmed" and key != "yes":
        key = "never"
    fields = (
        {"action": action(found)}
        if key == "proposed"
        else {"standing": found.standing}
        if key == "never"
        else {}
    )
    return words.message(prompts.say(f"advice.fixed.{key}", id=found.id, **fields), words.choices(case))
