"""Why it does that to the images that were just spoken of: what is known of it, what is not, and which test would tell.

Asked again, the answer goes on where the first one ended, and does not repeat it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from failsight import prompts
from failsight.agent.planners import words
from failsight.agent.planners.handed.said import group_words
from failsight.agent.planners.known import findings, last
from failsight.agent.planners.known.things import Things
from failsight.knowledge_base.condition_text import TOGETHER, column_of, parts
from failsight.tools.text import clean, listing

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.agent.planners.dialogue import Turn
    from failsight.knowledge_base.vocabulary import Mentions

LONGEST: Final = 240
MOST: Final = 2  # findings told
_IT: Final = (
    r"(?:it|the (?:\w+ )?(?:model|machine|computer|classifier|network|system|program|software|camera|app|ai))"
)
#: the deed is told by a pronoun: what it does was spoken of before
_WHY: Final = re.compile(
    rf"\b(?:why|how come|for what reason)\b[^.?!]*?\b(?:would|does|did|do|should|is|was)?\s*{_IT}\b(?: \w+){{0,2}}? (?:do(?:es|ing)?|did|say(?:s|ing)?|think(?:s|ing)?|call(?:s|ing)?|answer(?:s|ing)?|make|take|believe|react|behave)s?\b(?: \w+){{0,2}}? ?(?:that|this|so|them|those|these|it|such (?:a thing|things)|like (?:that|this))\b(?: \w+){{0,3}}\W*$"
    rf"|\b(?:why|how come) (?:is|does|would|did) (?:that|this)(?: be| happen)?(?: then)?\W*$|\bwhat makes {_IT} (?:do|say|think) (?:that|this|so)\b",
    re.IGNORECASE,
)


def answered(case: Case, question: str, mentions: Mentions, before: Sequence[Turn]) -> AIMessage | None:
    """What is known of the reason; None for every other sentence, and where nothing was spoken of."""
    text = " ".join(question.split())
    if len(text) > LONGEST or not before or not _WHY.search(text):
        return None
    if any(m.role not in ("class",) for m in mentions.found):
        return None
    told = prompts.say("reason.not_known")
    again = any(told in t.reply for t in before[-4:])
    turns = list(before)
    while turns and (told in turns[-1].reply or prompts.say("reason.again.mark") in turns[-1].reply):
        turns.pop()  # what was said of it is about what came before that
    found = last.counts(case, turns)
    group = tuple(c for c in last.group_of(found[0]) if not c.startswith(TOGETHER)) if found else ()
    names = [parts(c)[2] for c in found[0].among if c.startswith("true=")] if found else []
    if not group:
        return None
    things = Things(tuple(names[:1]), group)
    if again:
        return _again(case, group)
    about = [r for r in findings.about(case.state(), things) if findings.is_of_group(r, things) or set(r.finding.slice or {}) & {column_of(c) for c in group}][:MOST]  # fmt: skip
    what = group_words((*(f"true={n}" for n in names[:1]), *group))
    lines = [prompts.say("reason.known" if about else "reason.nothing", what=what)]
    lines += [f"- {findings.line(r)}" for r in about]
    lines += [told, _test(case, group)]
    following = [prompts.say("reason.right", what=_spoken(group)), *(f"Why {r.id}?" for r in about[:1])]
    return words.message("\n".join(lines), [*following, *words.choices(case)])


def _test(case: Case, group: Sequence[str]) -> str:
    """The test that would tell: with a model at hand one that can be run, else what whoever has the model can do."""
    columns = listing([clean(column_of(c).replace("_", " "), 60) for c in group], 4)
    return prompts.say("reason.test.model" if case.has("model") else "reason.test.answers", columns=columns)


def _again(case: Case, group: Sequence[str]) -> AIMessage:
    """What the first answer left open: that more is not recorded, and the steps that would bring more."""
    train = prompts.say("reason.train" if "train" in case.splits() else "reason.no_train")
    said = prompts.say("reason.again", what=group_words(group))
    return words.message(f"{said} {train}", [prompts.say("reason.right", what=_spoken(group)), *words.choices(case)])  # fmt: skip


def _spoken(group: Sequence[str]) -> str:
    return " and ".join(clean(c, 60) for c in group)
