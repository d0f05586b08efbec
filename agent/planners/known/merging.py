"""Two classes taken for one: how many answers would be right, from the answers that are recorded."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from failsight import prompts
from failsight.agent.planners.counting import beside
from failsight.agent.planners.counting.base import call_of, why
from failsight.agent.planners.counting.said import TOOL, of_count
from failsight.agent.planners.known.counts import at_hand
from failsight.agent.planners.slots import splits
from failsight.tools.notes import called
from failsight.tools.stats.intervals import wilson
from failsight.tools.text import clean, interval, number

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.knowledge_base.vocabulary import Mentions
    from failsight.tools.evidence import Evidence

LONGEST: Final = 200
KIND: Final = "merged"
_MERGED: Final = re.compile(
    r"\b(?:merg(?:e|ed|ing)|combin(?:e|ed|ing)|lump(?:ed|ing)?|join(?:ed|ing)?|group(?:ed)? together|put together|(?:were|was|are|is|be|count(?:ed|s)?|treat(?:ed|ing)?|tak(?:e|en|ing)|see|seen) (?:\w+ )?(?:as )?(?:one|the same|a single)\b)",
    re.IGNORECASE,
)
_IF: Final = re.compile(r"\b(?:what if|if|suppose|would|could|how (?:good|accurate|many|much|often)|what (?:happens|changes))\b", re.IGNORECASE)  # fmt: skip


def answered(case: Case, question: str, mentions: Mentions) -> AIMessage | None:
    """The counts that tell the accuracy with two classes taken for one; None for every other sentence."""
    names = list(dict.fromkeys(mentions.of("class")))
    if len(question) > LONGEST or len(names) != 2 or len({m.role for m in mentions.found}) != 1:
        return None
    if not _MERGED.search(question) or not _IF.search(question):
        return None
    split = next((s for s in splits(question) if s != "data"), "")
    if not at_hand(case, split or "data"):
        return None
    where = {"split": split} if split else {}
    a, b = names
    pairs = [(TOOL, {"having": [f"true={x}", f"predicted={y}"], **where}) for x, y in ((a, b), (b, a))]
    return call_of(
        (TOOL, {"having": ["correct"], **where}), pairs, why(question), {"kind": KIND, "names": names}
    )


def lines(made: Sequence[Evidence], said: Mapping[str, Any]) -> list[str]:
    """How many answers would be right, beside how many are."""
    found = [s for s in (beside.side(e, "") for e in made[:3]) if s is not None]
    if len(found) < 3 or not found[0].n:
        return [of_count(e) for e in made]
    right, *pairs = found
    n, gained = right.n, sum(p.k for p in pairs)
    k = right.k + gained
    names = [clean(str(c).replace("_", " "), 60) for c in said.get("names") or ()]
    return [
        prompts.say(
            "known.merged", names=" and ".join(names), k=f"{k:,}", n=f"{n:,}", share=f"{number(k / n)} {interval(wilson(k, n))}", images=called(str(made[0].arguments.get("split") or "data")),
            now=f"{right.k:,}", was=number(right.share), gained=f"{gained:,}", evidence="".join(f"[{e.id}]" for e in made[:3]),
        )
    ]  # fmt: skip
