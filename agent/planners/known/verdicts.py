"""May it be used, kept or switched off: yes, no, or what it depends on comes first, by what is demanded; then which demand fails by how much."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from failsight import prompts
from failsight.agent.planners import words
from failsight.agent.planners.advice.decisions import READY
from failsight.agent.planners.advice.numbers import accuracy, judged, largest, measured, shown
from failsight.agent.planners.advice.words import MODEL, bare, stands
from failsight.agent.planners.counting import beside
from failsight.agent.planners.counting.base import call_of, why
from failsight.agent.planners.counting.read import Count
from failsight.agent.planners.counting.said import TOOL, of_count
from failsight.agent.planners.known import findings
from failsight.agent.planners.known.counts import at_hand
from failsight.agent.planners.known.things import Things, named
from failsight.agent.planners.slots import splits
from failsight.tools.expectations.names import is_price, is_share
from failsight.tools.registry import registry
from failsight.tools.text import number

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.agent.state import CaseState
    from failsight.knowledge_base.vocabulary import Mentions
    from failsight.tools.evidence import Evidence

LONGEST: Final = 200
KIND, OF = "verdict", "verdict_of"
JUDGES: Final = "readiness"
MOST: Final = 6
_WHICH: Final = "Judged is "  # the sentence of the judgement that says which version it is of
_WHO: Final = r"(?:i|we|you|one|they|us|people|it|the \w+)"
_IT: Final = rf"(?:{MODEL}|(?:the|this|that|our|my) (?:\w+ )?(?:machine|sorter|program(?:me)?|software|tool|app|computer|camera))"
_MUST: Final = rf"\b(?:should|shall|can|could|may|must|do|would|better|ought)\b(?: not)?(?: {_WHO})?(?: (?:rather|better|really|just|still|now|to|then|not|have to|continue to))*"
_ON: Final = r"(?:keep(?: on)?(?: using| running| trusting)?|go on(?: using)?(?: with)?|carry on(?: using)?(?: with)?|continue(?: using| with)?|stop(?: using)?|quit(?: using)?|throw|get rid of|scrap|abandon|give up(?: on)?)"
_KEEP: Final = re.compile(
    rf"{_MUST} (?:{_ON} {_IT}|(?:switch|turn|shut|take|pull) (?:{_IT} )?(?:off|down|out)(?: {_IT})?)\b(?! (?:away )?(?:for|in|on|into|under|as|to|of) )",
    re.IGNORECASE,
)
_STOPS: Final = re.compile(
    r"\b(?:stop|quit|throw|get rid of|scrap|abandon|give up|off|down|out)\b", re.IGNORECASE
)
_OFF: Final = re.compile(rf"\bor (?:should|shall|do|must|can|better)?(?: (?:{_WHO}|rather|better))* ?(?:switch|turn|shut|take|pull) (?:{_IT} )?(?:off|down|out)\b", re.IGNORECASE)  # fmt: skip
_USE_FOR: Final = re.compile(
    rf"^\W*(?:(?:so|and|but|ok(?:ay)?|now|then|well)\b\W*)*(?:can|could|may|should|shall|must) (?:{_WHO}|my \w+|our \w+)(?: (?:safely|really|already|at least|still|now))* (?:use|trust|rely on|run|deploy|take|let) {MODEL}(?: run)? (?:for|on|with|at|in)\b",
    re.IGNORECASE,
)


def answered(case: Case, question: str, mentions: Mentions) -> AIMessage | None:
    """The judgement that a sentence wants; None for every other sentence."""
    if len(question) > LONGEST or any(
        m.role in ("image", "evidence", "finding", "object") for m in mentions.found
    ):
        return None
    if _USE_FOR.match(question) and mentions.found and not re.search(r"\d ?(?:%|per ?cent)", question):
        return _of_named(case, question, named(case, mentions))
    kept = _KEEP.search(question) or _OFF.search(question)
    if mentions.found or not (kept or stands(bare(question), *READY)):
        return None
    if not kept and splits(question):
        return None
    bounds = [e for e in case.state().expectations.values() if not is_price(e.name)]
    if not bounds:
        return _undemanded(case) if kept else None
    ask = "" if not kept else "off" if _STOPS.search(kept[0]) and not _OFF.search(question) else "keep"
    return (
        call_of((JUDGES, {}), [], why(question), {"kind": KIND, "ask": ask}) if JUDGES in registry() else None
    )


def _undemanded(case: Case) -> AIMessage | None:
    """What it depends on, where nobody has said how good it has to be."""
    state = case.state()
    right = accuracy(state)
    if right is None:
        return None
    lines = [
        prompts.say("known.verdict.depends", right=str(right), n=f"{right.n:,}", evidence=right.evidence)
    ]
    lines += [f"- {findings.line(r)}" for r in largest(state)[:2]]
    return words.message("\n".join(lines), ["accuracy at least 90 %", *words.choices(case)])


def _of_named(case: Case, question: str, things: Things) -> AIMessage | None:
    """May it be used for a class or a group: how many of these are right, beside the demand that is nearest to them."""
    if not (things.classes or things.group) or things.columns or len(things.classes) > 1:
        return None
    held = (*(f"true={c}" for c in things.classes), *things.group)
    where = [s for s in ([things.split] if things.split else ["data", "deploy"]) if at_hand(case, s)]
    counts = [
        (TOOL, Count(held, ("correct",), () if s == "data" else (s,)).arguments("" if s == "data" else s))
        for s in where
    ]
    if not counts:
        return None
    about = [r.id for r in findings.about(case.state(), things)[:1]]
    said = {
        "kind": OF,
        "class": things.classes[0] if things.classes else "",
        "group": list(things.group),
        "findings": about,
    }
    return call_of(counts[0], counts[1:], why(question), said)


# --- what is said ------------------------------------------------------------------------------------------------------------


def lines(case: Case, made: Sequence[Evidence], said: Mapping[str, Any]) -> list[str]:
    """Yes, no, or undecided; then the demands that do not hold, each with its value and what is missing."""
    known = judged(case.state())
    if known is None:
        return []
    failing = [c for c in known.criteria if c["holds"] is False]
    open_ = [c for c in known.criteria if c["holds"] is None]
    key = "no" if failing else "open" if open_ else "yes"
    ask = str(said.get("ask") or "")
    text = [
        prompts.say(
            f"known.verdict.{ask}.{key}" if ask and key != "open" else f"known.verdict.{key}",
            evidence=known.evidence.id,
        )
    ]
    text += [f"{one.rstrip('.')}." for one in known.evidence.summary.split(". ") if one.startswith(_WHICH)]
    some = sorted(failing, key=_short, reverse=True) or open_
    text += ["- " + _demand(c) for c in some[:MOST]]
    if len(some) > MOST:
        text.append(prompts.say("next.more", count=len(some) - MOST))
    return text


def _short(row: Mapping[str, Any]) -> float:
    """By how much a criterion is missed, as a part of its bound."""
    if row["value"] is None or not row["bound"]:
        return 0.0
    return abs(float(row["value"]) - float(row["bound"])) / abs(float(row["bound"]))


def _demand(row: Mapping[str, Any]) -> str:
    demand = shown(str(row["name"]), float(row["bound"]), at_least=bool(row["at_least"]))
    if row["value"] is None:
        return prompts.say("known.verdict.unmeasured", demand=demand)
    gap = ""
    if row["holds"] is False and is_share(str(row["name"])):
        gap = prompts.say(
            "known.verdict.gap",
            gap=number(abs(float(row["bound"]) - float(row["value"])), "points").lstrip("+"),
        )
    key = "fails" if row["holds"] is False else "undecided"
    return prompts.say(
        f"known.verdict.{key}",
        demand=demand,
        value=measured(row),
        n=f"{row['n'] or 0:,}",
        gap=f", {gap}" if gap else "",
    )


def of_lines(case: Case, made: Sequence[Evidence], said: Mapping[str, Any]) -> list[str]:
    """The answer for a class or a group of images."""
    found = [s for s in (beside.side(e, "") for e in made) if s is not None and s.n and s.ci is not None]
    if not found:
        return [of_count(e) for e in made]
    demand = _nearest(case.state(), str(said.get("class") or ""), [str(c) for c in said.get("group") or ()])
    counted = " ".join(of_count(e) for e in made)
    if demand is None:
        text = [f"{prompts.say('known.verdict.of.depends')} {counted}"]
    else:
        sides = [
            "no" if s.ci and s.ci[1] < demand[1] else "yes" if s.ci and s.ci[0] >= demand[1] else "open"
            for s in found
        ]
        key = "no" if "no" in sides else "open" if "open" in sides else "yes"
        text = [f"{prompts.say(f'known.verdict.of.{key}', demand=shown(*demand))} {counted}"]
    records = (case.state().find(str(i)) for i in said.get("findings") or ())
    return [*text, *(f"- {findings.line(r)}" for r in records if r is not None)]


def _nearest(state: CaseState, name: str, group: Sequence[str]) -> tuple[str, float] | None:
    """The demand that speaks of a class or a group, or else of all images; None where none does."""
    wanted = [f"recall.{name}", "worst_recall"] if name and not group else []
    wanted += [f"accuracy[{'&'.join(group)}]"] if group and not name else []
    for one in (*wanted, "accuracy"):
        found = state.expectations.get(one)
        if found is not None and found.at_least:
            return one, found.bound
    return None
