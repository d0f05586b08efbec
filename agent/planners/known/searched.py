"""Doubt about a search as a whole: ``with so many combinations something always looks bad``. What guards against that, and what does not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from failsight import prompts
from failsight.agent.narrate.findings import ordered
from failsight.agent.planners import words
from failsight.agent.planners.known import findings
from failsight.tools.text import p_value

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.agent.state import FindingRecord
    from failsight.knowledge_base.vocabulary import Mentions

LONGEST: Final = 300
SHORTEST: Final = 5  # words: fewer name the thing, which the glossary explains
MOST: Final = 4
_MEANS: Final = re.compile(r"^\W*(?:what (?:is|are|does|do)|explain|define|meaning of)\b", re.IGNORECASE)
_MANY: Final = r"(?:so many|that many|too many|many|loads of|lots of|a lot of|hundreds of|dozens of|all (?:those|these)|enough|everything|every)"
_THINGS: Final = r"(?:combinations?|tests?|things|groups?|comparisons?|columns?|slices?|ways|hypothes[ie]s|possibilities|questions|subgroups?|attributes?|cuts?)"
_TRIED: Final = re.compile(
    rf"\b(?:you|it|one|they|we)(?:'ve| have| has)? (?:only |just )?(?:tried|tested|looked at|looked for|compared|searched|checked|sliced|counted|went through|gone through|look at|test|try)\b[^.?!]{{0,20}}\b{_MANY} (?:of )?{_THINGS}\b"
    rf"|\bwith (?:so many|that many|this many|all (?:those|these)|{_MANY}) {_THINGS}\b[^.?!]*\b(?:something|some|always|bound|chance|accident|luck|looks?|will|must)\b"
    r"|\b(?:something|one|some group) (?:always|will always|is always bound to|is bound to|must|has to) (?:look|be|come out|turn out|seem)s?\b[^.?!]*\b(?:bad|worse|wrong|odd|significant|by chance)\b"
    r"|\b(?:fishing|data[ -]?dredging|p[ -]?hacking|multiple (?:testing|tests|comparisons)|cherry[ -]?pick\w*)\b",
    re.IGNORECASE,
)
_ASKED: Final = re.compile(
    r"\b(?:sure|chance|accident|luck|believe|trust|scepti\w+|skepti\w+|real|coinciden\w+|correct(?:ed)?|account|true|know|certain|fluke)\b|\?\W*$",
    re.IGNORECASE,
)


def answered(case: Case, question: str, mentions: Mentions) -> AIMessage | None:
    """What guards against findings by chance, and how each confirmed finding stands; None for every other sentence."""
    text = " ".join(question.split())
    if not len(text.split()) >= SHORTEST or len(text) > LONGEST or _MEANS.match(text):
        return None
    if not _TRIED.search(text) or not _ASKED.search(text):
        return None
    if any(m.role in ("image", "evidence", "finding") for m in mentions.found):
        return None
    state = case.state()
    confirmed = [r for r in ordered(state) if r.standing == "confirmed"]
    tested = [r for r in state.records.values() if r.finding.verdict is not None]
    lines = [prompts.say("searched.guards")]
    if not confirmed:
        lines.append(prompts.say("searched.none", tested=len(tested)))
        return words.message("\n".join(lines), words.choices(case))
    lines.append(prompts.say("searched.some", confirmed=len(confirmed), tested=len(tested)))
    lines += [f"- {findings.line(r)} {_tested(r)}".rstrip() for r in confirmed[:MOST]]
    lines.append(prompts.say("searched.left"))
    return words.message("\n".join(lines), [*(f"Why {r.id}?" for r in confirmed[:2]), *words.choices(case)])


def _tested(record: FindingRecord) -> str:
    """On how many images a finding was tested last, with p and q."""
    tests = getattr(record.finding, "tests", ())
    last = tests[-1] if tests else None
    if last is None:
        return ""
    shown = p_value(last.q if last.q is not None else last.p)
    value = shown if shown.startswith("<") else f"= {shown}"
    return prompts.say(
        "searched.test.q" if last.q is not None else "searched.test.p", n=f"{last.n:,}", value=value
    )
