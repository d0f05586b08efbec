"""``What did you not look at?``, ``what do we still not know?``: what nobody examined, as the report tells it, and what stayed undecided."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from failsight import prompts
from failsight.agent.narrate.coverage import not_examined
from failsight.agent.narrate.record import Record
from failsight.agent.planners import words
from failsight.knowledge_base.vocabulary import recognise
from failsight.tools.text import clean, listing

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case

LONGEST: Final = 160
MOST: Final = 5
MOST_TOOLS: Final = 6
_WHO: Final = r"(?:you|we|i|they|anybody|anyone|somebody|this|it|the (?:tool|program|run|report))"
_LOOK: Final = r"(?:look(?:ed|ing)? (?:at|into)|check(?:ed)?|test(?:ed)?|examin(?:e|ed)|measur(?:e|ed)|know|known|tr(?:y|ied)|cover(?:ed)?|see|seen|stud(?:y|ied)|consider(?:ed)?|answer(?:ed)?|found out|find out|investigat(?:e|ed))"
_NOT: Final = r"(?:not|n['’]?t|never)"
_ASKS: Final = re.compile(
    rf"\bwhat(?: (?:else|all|things?))?\s+(?:(?:have|has|had|did|do|does|could|can|are|is|was|were)\s+)?{_WHO}?\s*(?:still |also |yet |so far )*{_NOT}\s+(?:yet |been |be |even |really )*{_LOOK}\b"
    rf"|\bwhat(?: else)?\s+(?:have|has|had|did|do|does|could|can|was|were|is|are){_NOT}\s+(?:{_WHO}\s+)?(?:yet |been |be |even |really )*{_LOOK}\b"
    rf"|\bwhat(?: else)?\s+(?:is|was|remains?|stays?|are|were)\s+(?:still |yet |left )*(?:unknown|untested|unchecked|unexamined|undecided|unmeasured|to be (?:tested|checked|examined))\b"
    r"|\bwhat (?:are )?(?:the |our |your )?(?:gaps|blind spots|unknowns) (?:of|in) (?:this|the|our|your) (?:analysis|study|work|examination|report|tests?)\b",
    re.IGNORECASE,
)


def answered(case: Case, question: str) -> AIMessage | None:
    """What was not examined, in the report's words; None for every other sentence, and for one about a name of the case."""
    text = " ".join(question.split())
    if len(text) > LONGEST or not _ASKS.search(text) or recognise(text, words.vocabulary(case)).found:
        return None
    record = Record(case.state(), case.journal.events)
    section = not_examined(record)
    points = [f"- {p.text}{_refs(p.refs)}" for p in section.points[:MOST]]
    unsure = [r for r in case.state().now() if r.finding.verdict == "inconclusive"]
    if unsure:
        told = listing([f"{clean(r.finding.statement, 400).rstrip('.')} [{r.id}]" for r in unsure[:MOST]])
        points.append(f"- {prompts.say('unexamined.undecided', findings=told)}")
    left = next((t for t in section.tables if t.title.startswith("Tools")), None)
    if left is not None:
        names = [str(row[0]) for row in left.rows]
        more = len(names) - MOST_TOOLS
        listed = listing([*names[:MOST_TOOLS], *([f"{more:,} more"] if more > 0 else [])], MOST_TOOLS + 1)
        points.append(f"- {prompts.say('unexamined.tools', tools=listed)}")
    if not points:
        return words.message(prompts.say("unexamined.nothing"), words.choices(case))
    return words.message("\n".join([prompts.say("unexamined.head"), *points]), words.choices(case))


def _refs(refs: tuple[str, ...]) -> str:
    """Evidence and findings that a sentence rests on; events are for the report."""
    shown = "".join(f"[{r}]" for r in refs if r[:1] in "EF")
    return f" {shown}" if shown else ""
