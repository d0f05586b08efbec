"""A column asked about as a whole: ``does the ruler matter at all?``, ``is that the same on all wards, or does one stand out?``

The share that is wrong is counted for each value, with a test whether the values differ more than chance makes them. Of a group (``that``) each value
is set beside the same value of the other images.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from failsight import prompts
from failsight.agent.planners import antecedents, looks
from failsight.agent.planners.counting.base import call_of, columns_of, names_of, split_of, why
from failsight.agent.planners.counting.by_column import masked
from failsight.agent.planners.counting.read import Count, parts
from failsight.agent.planners.counting.said import TOOL
from failsight.agent.planners.handed import groups
from failsight.agent.planners.handed.said import group_words
from failsight.agent.planners.known import last
from failsight.agent.planners.known.counts import at_hand, rest_of
from failsight.knowledge_base.condition_text import TOGETHER, column_of
from failsight.tools.evidence import Evidence
from failsight.tools.registry import registry
from failsight.tools.stats.contingency import general_association
from failsight.tools.stats.intervals import newcombe
from failsight.tools.stats.tests import fisher_exact
from failsight.tools.text import clean, listing, number, p_value

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.agent.planners.dialogue import Turn
    from failsight.knowledge_base.vocabulary import Mention, Mentions

KIND: Final = "differs"
TESTED: Final = "disaggregate"
LONGEST: Final = 240
MOST_VALUES: Final = 31
MOST_TOLD: Final = 12
ALPHA: Final = 0.05
_MATTERS: Final = re.compile(
    r"\b(?:does|do|did|if|whether|would)\b[^.?!]*?\b(?:make (?:any|a|much|a big) (?:real |big |great )?difference|matter|play (?:a|any) (?:role|part)|have (?:an?|any) (?:effect|influence))s?\b[^.?!]*",
    re.IGNORECASE,
)
_OF_ALL: Final = re.compile(
    r"\b(?:is|was|are) (?:that|this|it|they|those|the (?:problem|trouble|effect|difference))(?: (?:also|just|only|really|now|then|equally))*(?: (?:the same|so|like (?:that|this)|true|worse|bad|as bad|there))? (?:in|on|for|at|with|across|of|by) (?:all|every|each|both|any)(?: of)?(?: (?:the|our|my|these|those|them))*(?: (?!#)\w+)? #",
    re.IGNORECASE,
)
_IN_SOME: Final = re.compile(
    r"\b(?:worse|better|harder|easier|weaker|wrong more often|more often wrong|more errors) (?:in|on|for|at|with|by|under|during|from) (?:some|certain|one|a few)(?: of (?:the|our|these))? #(?:[^.?!]*\bthan\b[^.?!]*)?",
    re.IGNORECASE,
)
#: asked of the values of a column beside each other, which a test at equal shares of the classes answers
_BETWEEN: Final = re.compile(
    r"\b(?:is|are) there (?:an?|any|some)? ?(?:real |big |clear |significant )?(?:differences?|gaps?) (?:between|among|across) (?:(?:the|our|my|all|different|various)\s+)*#\W*$",
    re.IGNORECASE,
)
_POINTS: Final = re.compile(
    r"\b(?:that|this|it|they|those|the (?:problem|trouble|effect|difference))\b", re.IGNORECASE
)
_WHO: Final = re.compile(r"\bwho (?:\w+ly )?(?P<verb>[a-z]{4,}(?:ed|t|s|e|k|n))\b", re.IGNORECASE)
_KINDS: Final = re.compile(r"\b(?:classes|kinds|types|sorts|categories)\b(?: of \w+)?", re.IGNORECASE)
_ELSE: Final = re.compile(
    r"\b(?:why|because|show|list|compare|test|label\w*|annotat\w*|confiden\w+|sure|trained|training|retrain\w*|version|repair\w*|demand|expect\w*)\b",
    re.IGNORECASE,
)


def answered(case: Case, question: str, mentions: Mentions, before: Sequence[Turn]) -> AIMessage | None:
    """The counts for each value of the column that is asked about; None for every other sentence."""
    text = " ".join(question.split())
    if len(text) > LONGEST or TOOL not in registry() or split_of(text):
        return None
    if any(m.role in ("image", "finding", "evidence") for m in mentions.found) or len(text.split()) < 3:
        return None
    mentions = names_of(case, text)
    column, shown = _column(case, text, mentions)
    if not column:
        return None
    if (
        column != "true"
        and _BETWEEN.search(shown)
        and TESTED in registry()
        and _group(case, text, column) == ()
    ):
        return call_of((TESTED, {"attributes": [column]}), [], why(text))
    some, every, matters = _IN_SOME.search(shown), _OF_ALL.search(shown), _MATTERS.search(shown)
    found = some or every or (matters if matters is not None and "#" in matters[0] else None)
    if found is None or _ELSE.search(found[0]) or not at_hand(case):
        return None
    group = _group(case, text, column)
    if group is None:
        return None
    if not group and found is not matters and _POINTS.search(found[0] if every else shown[: found.start()]):
        group = _spoken(case, before, column)
    if looks.only_in(case, group):
        return None
    names = tuple(c for c in group if parts(c)[0] == "true")
    own = tuple(c for c in group if c not in names)
    rest = (*names, *rest_of(own)) if own else rest_of(names[:1]) if names else ()
    arms = [group, rest] if rest else [()]
    calls = [(TOOL, Count(tuple(held), ("wrong",), (), column).arguments()) for held in arms]
    return call_of(calls[0], calls[1:], why(text), {"kind": KIND, "column": column, "group": list(group)})


def _column(case: Case, text: str, mentions: Mentions) -> tuple[str, str]:
    """The column that is asked about, ``true`` for the classes, and the sentence with ``#`` for it; empty where none, or several, is named."""
    columns = columns_of(case)
    named = [m for m in mentions.found if m.role == "attribute"]
    values = {column_of(m.name) for m in mentions.found if m.role == "value"}
    asked = [m for m in named if m.name not in values] or named
    if len({m.name for m in asked}) == 1:
        name = asked[0].name
        known = 2 <= len(columns.get(name, ())) <= MOST_VALUES
        kept = [m for m in mentions.found if m.role != "attribute" or m in asked]
        return (name, masked(text, _only(mentions, kept))) if known else ("", text)
    if asked:
        return "", text
    if (who := _WHO.search(text)) is not None:
        owners = [c for c in columns if _does(c, who["verb"]) and 2 <= len(columns[c]) <= MOST_VALUES]
        return (owners[0], f"{text[: who.start()]}#{text[who.end() :]}") if len(owners) == 1 else ("", text)
    if (kinds := _KINDS.search(text)) is not None and not mentions.of("class"):
        return "true", f"{text[: kinds.start()]}#{text[kinds.end() :]}"
    return "", text


def _only(mentions: Mentions, kept: Sequence[Mention]) -> Mentions:
    return replace(mentions, found=tuple(kept))


def _does(column: str, verb: str) -> bool:
    """Whether a column is called by who does so: ``donor`` of ``who donated them``, ``photographer`` of ``who photographed it``."""
    word = column.lower().split("_")[-1]
    stem = re.sub(r"(?:or|er|ist|ant)$", "", word)
    return stem != word and len(stem) >= 3 and verb.lower().startswith(stem)


def _group(case: Case, text: str, column: str) -> tuple[str, ...] | None:
    """The conditions of the one group that a sentence names beside the column; empty for none, None for several."""
    read = groups.read(case, text)
    held = [tuple(c for c in g if column_of(c) != column) for g in read.groups]
    held = [g for g in dict.fromkeys(held) if g]
    if len(held) > 1 or any(c.startswith(TOGETHER) for g in held for c in g):
        return None
    return held[0] if held else ()


def _spoken(case: Case, before: Sequence[Turn], column: str) -> tuple[str, ...]:
    """The group of the last answer, with its class."""
    found = antecedents.recent(case, before)[:1]
    if not found or not found[0].counts or (found[0].act is not None and found[0].act.arguments.get("by")):
        return ()
    one = found[0].counts[0]
    names = [c for c in one.among if parts(c)[0] == "true" and column != "true"]
    held = [c for c in last.group_of(one) if not c.startswith(TOGETHER) and column_of(c) != column]
    return (*names, *held)


# --- what is said ---------------------------------------------------------------------------------------------------------


def lines(case: Case, made: Sequence[Evidence], said: Mapping[str, Any]) -> list[str]:
    """Whether the values differ more than chance makes them, and each value."""
    column = str(said["column"])
    spoken = prompts.say("differs.class") if column == "true" else clean(column.replace("_", " "), 60)
    cited = "".join(f"[{e.id}]" for e in made[:2])
    if said.get("group") and len(made) > 1:
        return _beside(rows_of(made[0]), {v: (k, n) for v, k, n in rows_of(made[1])}, group_words(said["group"]), spoken, cited)  # fmt: skip
    rows = rows_of(made[0])
    if len(rows) < 2:
        return []
    lead = "" if column == "true" else f"{column}="
    if made[0].arguments.get("group_by"):  # of images that go together no test of each image tells anything
        return [prompts.say("differs.grouped", column=spoken, values=_told(rows, lead), evidence=cited)]
    p = general_association([[[k, n - k] for _, k, n in rows]]).p
    fields = {"column": spoken, "values": _told(rows, lead), "p": _p(p), "evidence": cited}
    out = _standing_out(rows, lead)
    if p >= ALPHA and not out:
        return [prompts.say("differs.nothing", **fields), prompts.say("denied.no_proof")]
    return [
        prompts.say("differs.more" if p < ALPHA else "differs.one", **fields),
        *out,
        prompts.say("denied.not_why"),
    ]


def rows_of(made: Evidence) -> list[tuple[str, int, int]]:
    """Each value of a count by a column, with how many of how many are counted."""
    return [(str(r[0]), int(str(r[2])), int(str(r[1]))) for t in made.tables[:1] for r in t.rows if r[1]]


def _p(p: float) -> str:
    shown = p_value(p)
    return shown if shown.startswith("<") else f"= {shown}"


def _told(rows: Sequence[tuple[str, int, int]], lead: str) -> str:
    told = [f"{clean(lead + v if lead else v.replace('_', ' '), 60)} {k:,} of {n:,} ({number(k / n)})" for v, k, n in sorted(rows, key=lambda r: -r[1] / r[2])]  # fmt: skip
    return listing(told, MOST_TOLD, 100)


def _standing_out(rows: Sequence[tuple[str, int, int]], lead: str) -> list[str]:
    """The values that differ from all the others together, each tested with the others in mind."""
    k, n = sum(r[1] for r in rows), sum(r[2] for r in rows)
    out: dict[bool, list[str]] = {True: [], False: []}
    for value, own, of in rows:
        low, high = newcombe(own, of, k - own, n - of, 1 - ALPHA / len(rows))
        if of < n and (low > 0 or high < 0):
            out[own / of > k / n].append(clean(lead + value if lead else value.replace("_", " "), 60))
    return [prompts.say(f"differs.out.{key}", names=listing(names, MOST_TOLD)) for key, names in (("more", out[True]), ("fewer", out[False])) if names]  # fmt: skip


def _beside(rows: Sequence[tuple[str, int, int]], others: Mapping[str, tuple[int, int]], group: str, column: str, cited: str) -> list[str]:  # fmt: skip
    """A group beside the other images, for each value of a column."""
    both = [(v, k, n, *others[v]) for v, k, n in rows if others.get(v, (0, 0))[1]]
    if not both:
        return []
    so: dict[str, list[str]] = {"more": [], "fewer": [], "open": []}
    for value, k, n, k0, n0 in sorted(both, key=lambda r: r[3] / r[4] - r[1] / r[2]):
        sure = fisher_exact(k, n, k0, n0) * len(both) < ALPHA
        key = ("more" if k / n > k0 / n0 else "fewer") if sure else "open"
        so[key].append(f"{clean(value.replace('_', ' '), 60)} {k:,} of {n:,} ({number(k / n)}) against {k0:,} of {n0:,} ({number(k0 / n0)})")  # fmt: skip
    key = "all" if not so["open"] and not so["fewer"] else "some" if so["more"] else "none"
    made = [prompts.say(f"differs.group.{key}", group=group, column=column, evidence=cited)]
    return [*made, *(prompts.say(f"differs.group.in.{k}", values=listing(v, MOST_TOLD, 140)) for k, v in so.items() if v)]  # fmt: skip
