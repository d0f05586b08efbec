"""What would make it surer: ``what would you need from us before you would trust it?`` What nobody has said, given or looked at, from the record."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from failsight import prompts
from failsight.agent.planners import words
from failsight.tools.text import listing

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.knowledge_base.vocabulary import Mentions

LONGEST: Final = 240
MOST: Final = 5
_NEEDS: Final = re.compile(
    r"\bwhat (?:else |more |exactly |other \w+ )?(?:would|do|could|should|might|must|can|will) (?:you|it|one|the tool|we|i) (?:still |also |first )?(?:want|need|require|like|have to (?:see|know|have)|give|provide|bring|ask)\b(?P<rest>[^?!]*)",
    re.IGNORECASE,
)
_FROM_US: Final = re.compile(r"\b(?:from|of) (?:us|me|our side|my side|the (?:team|staff))\b", re.IGNORECASE)
_TO_TRUST: Final = re.compile(
    r"\b(?:trust|sure|surer|certain|confident|believe|rely|say (?:yes|more)|know (?:more|better|for sure)|decide|convinced?|recommend|let it)\b",
    re.IGNORECASE,
)
_TAKES: Final = re.compile(
    r"\bwhat would (?:it take|make (?:you|it) (?:surer|sure|more certain|trust))\b", re.IGNORECASE
)
_ELSE: Final = re.compile(
    r"\b(?:retrain|train|repair|fix|install|run|format|file|column)\w*\b", re.IGNORECASE
)


def answered(case: Case, question: str, mentions: Mentions) -> AIMessage | None:
    """What is missing, the most needed first; None for every other sentence."""
    text = " ".join(question.split())
    if len(text) > LONGEST or mentions.found or _ELSE.search(text):
        return None
    needs = _NEEDS.search(text)
    asked = needs is not None and _TO_TRUST.search(needs["rest"])
    if not (asked or _TAKES.search(text)) or (
        needs is not None and not (_FROM_US.search(text) or " you " in needs[0])
    ):
        return None
    lines = [f"- {one}" for one in missing(case)]
    return words.message("\n".join([prompts.say("needed.lead"), *lines]), words.choices(case))


def missing(case: Case) -> list[str]:
    """What nobody has said, given or looked at so far."""
    state, made = case.state(), list[str]()
    if not state.expectations:
        made.append(prompts.say("needed.demand"))
    if "deploy" not in case.splits():
        made.append(prompts.say("needed.deploy"))
    confirmed = [r.id for r in state.confirmed()]
    if confirmed:
        made.append(prompts.say("needed.repair", ids=listing(confirmed, MOST)))
    undecided = [r.id for r in state.records.values() if r.finding.verdict == "inconclusive"]
    if undecided:
        made.append(prompts.say("needed.more", ids=listing(undecided, MOST)))
    labels = state.latest("label_noise")
    rate = next((f for f in labels.facts if f.name == "suspect_labels" and f.n and isinstance(f.value, int | float)), None) if labels is not None else None  # fmt: skip
    if rate is not None and labels is not None and float(str(rate.value)) > 0:
        made.append(prompts.say("needed.labels", n=f"{round(float(str(rate.value)) * (rate.n or 0)):,}", evidence=labels.id))  # fmt: skip
    made.append(prompts.say("needed.judged"))
    return made
