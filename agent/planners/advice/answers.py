"""Advice and words about the work itself: decisions, the case in short, what matters most, the record, what figures do not mean.

Every sentence is read as a whole, without what people say around it, so that nothing is taken for advice that asks for a measurement.
Numbers come from the record; where it has none, that is said, or the tool that measures it is called.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from langchain_core.messages import AIMessage

from failsight import prompts
from failsight.agent.narrate.findings import FIRST
from failsight.agent.planners import antecedents, phrases, words
from failsight.agent.planners.advice import beliefs as advice_beliefs
from failsight.agent.planners.advice import decisions as advice_decisions
from failsight.agent.planners.advice import meta as advice_meta
from failsight.agent.planners.advice import ranking as advice_ranking
from failsight.agent.planners.advice import record as advice_record
from failsight.agent.planners.advice import strengths as advice_strengths
from failsight.agent.planners.advice import summaries as advice_summaries
from failsight.agent.planners.advice import uses as advice_uses
from failsight.agent.planners.advice.numbers import largest
from failsight.agent.planners.advice.ranking import line
from failsight.agent.planners.advice.words import bare, stands
from failsight.agent.planners.step import Step
from failsight.tools.registry import registry
from failsight.tools.text import clean

if TYPE_CHECKING:
    from failsight.agent.case import Case
    from failsight.agent.planners.dialogue import Turn
    from failsight.knowledge_base.vocabulary import Mentions

_ABOUT_IT = re.compile(r"\b(?:about|against|with) (?:it|this|that)\b")
MOST = 3  # findings that are named when somebody asks what to do
_DO = (
    r"what (?:would|will|do) you (?:do|recommend|suggest|advise|propose)(?: (?:next|now|first|in my place|if you were me|to (?:us|me)|that (?:we|i) do))*",
    r"(?:say |show (?:me|us) )?(?:what|how) (?:to do|should be done|has to be done|is to be done|we can do|i can do)(?: (?:now|next|then|about (?:it|this|that|them)|against (?:it|this|that)|with (?:it|this|that)))*",
    r"what (?:can|could) (?:i|we|one) do (?:about|against) (?:it|this|that)",
    r"what (?:do|should|shall|must) (?:i|we) do(?: (?:now|next|about it|about this|first|with (?:it|this|that)|on monday|then))*",
    r"(?:what|which)(?:'s| is) (?:your|the best|the next) (?:advice|recommendation|suggestion|next step|step)|any (?:advice|recommendations?|suggestions?)|what(?:'s| is) (?:the )?plan|and now|now what|what now",
)


def answered(case: Case, question: str, mentions: Mentions, before: Sequence[Turn]) -> AIMessage | None:
    """The answer to a sentence that wants advice, a summary or the record; None for all others.

    Args:
        mentions: the names of the case in the sentence.
        before: the turns so far.
    """
    text = bare(question)
    if not text:
        return None
    made = (
        advice_summaries.answered(case, text, mentions, before)
        or advice_record.answered(case, text, mentions, before)
        or advice_beliefs.answered(case, text, mentions, before)
        or advice_decisions.answered(case, text, mentions)
        or advice_strengths.answered(case, text, mentions)
        or advice_uses.answered(case, text, mentions)
        or advice_ranking.answered(case, text, mentions, before)
        or _to_do(case, text, mentions, before)
        or advice_meta.answered(case, text, mentions, before)
    )
    if not isinstance(made, Step):
        return made
    from failsight.agent.planners.words import call

    return call(made.tool, made.arguments, made.why) if made.tool in registry() else None


def _about_class(case: Case, name: str) -> AIMessage | None:
    """The confirmed findings that are about one class, with their repairs; None where there are none."""
    found = [r for r in largest(case.state()) if name in (r.finding.class_name, r.finding.confused_with)]
    if not found:
        return None
    shown = clean(name.replace("_", " "), 60)
    lines = [prompts.say("advice.do.class", name=shown), *(f"- {line(r)}" for r in found[:MOST])]
    return words.message("\n".join(lines), [f"Repair {found[0].id}", *words.choices(case)])


def _to_do(case: Case, text: str, mentions: Mentions, before: Sequence[Turn]) -> AIMessage | None:
    """What one would do next, most urgent first; about the class that the last answer was about, where ``it`` is one."""
    if mentions.found or not case.state().evidence or not stands(text, *_DO) or phrases.NEXT.match(text):
        return None
    about = antecedents.one_class(case, before) if _ABOUT_IT.search(text) else ""
    if about and (made := _about_class(case, about)) is not None:
        return made
    following = words.next_lines(case)
    top = largest(case.state())[:MOST]
    if not top or any(
        r.finding.kind in FIRST for r in top
    ):  # what feeds the model wrongly is mended first, and not by a repair
        return words.message("\n".join(following), words.choices(case))
    lines = [
        prompts.say("advice.do"),
        *(f"- {line(r)}" for r in top),
        *following[-1 if case.state().expectations else -2 :],
    ]
    return words.message("\n".join(lines), words.choices(case))
