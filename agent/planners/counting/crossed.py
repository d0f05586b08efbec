"""Two things asked as alternatives: ``is it the site, or is it the old phones?``.

The errors are counted with both, with each alone and with neither, which tells whether it is the one, the other, both by themselves, or only
the two together. A column without a value is that of which the last answer spoke; where none was spoken of, both are counted by their values.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from failsight import prompts
from failsight.agent.planners import antecedents, looks
from failsight.agent.planners.counting.base import call_of, columns_of, median, names_of, why
from failsight.agent.planners.counting.beside import Side, apart, side
from failsight.agent.planners.counting.read import Count, parts
from failsight.agent.planners.counting.said import TOOL, by_share, of_count, said_in_words
from failsight.knowledge_base.condition_text import TOGETHER, column_of
from failsight.knowledge_base.people import are_numbers
from failsight.knowledge_base.turned_away import left_over
from failsight.tools.evidence import Evidence
from failsight.tools.experiments.population import apart as conditions_apart
from failsight.tools.registry import registry
from failsight.tools.text import clean, interval, number

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.agent.planners.antecedents import About
    from failsight.agent.planners.dialogue import Turn

KIND: Final = "crossed"
LONGEST: Final = 160
_LEAD: Final = r"^\W*(?:(?:and|so|but|ok(?:ay)?|now|then|well|hm+|no|yes|maybe|perhaps|or|could|i wonder|tell me|if|whether)\b\W*)*"
_IT: Final = r"(?:it|that|this|the (?:reason|cause|problem|trouble))"
_FROM: Final = r"(?:(?:more|rather|mainly|mostly|just|only|really|simply|all|both|be|because of|due to|down to|caused by|from|about|the fault of|a matter of)\s+)*"
_NOUN: Final = r"(?:\s+(?:that (?:is|are|was|were|makes?|causes?) (?:the |so much |all the )?(?:problems?|troubles?|issues?|bad|wrong|to blame|at fault)|itself|alone|instead|there|then|that (?:people|they|we) \w+(?: there)?|(?:people|they|we) \w+(?: there)?))*"
_EITHER: Final = (
    re.compile(rf"{_LEAD}(?:is|are|was|were|can) {_IT} {_FROM}(?:not )?(?P<a>.+?)\s*,?\s+(?:or|and not|rather than)\s+(?:(?:is|are|was) {_IT}\s+)?{_FROM}(?P<b>.+?){_NOUN}\W*$", re.IGNORECASE),
    re.compile(rf"{_LEAD}{_IT}(?:'s| is| was| may be| might be| could be) {_FROM}not {_FROM}(?P<a>.+?)\s*,?\s+but\s+{_FROM}(?P<b>.+?){_NOUN}\W*$", re.IGNORECASE),
    re.compile(rf"{_LEAD}{_IT}(?:'s| is| was| may be| might be| could be) {_FROM}(?P<a>.+?)\s*,?\s+(?:and|but) not\s+{_FROM}(?P<b>.+?){_NOUN}\W*$", re.IGNORECASE),
)  # fmt: skip
_PRONOUN: Final = re.compile(r"^\W*(?:it|them|they|those|these|that|this|the place|the people)(?: (?:itself|themselves|there))?\W*$", re.IGNORECASE)  # fmt: skip
#: what stands before it is a reason: ``fog is bad everywhere, so maybe it is just the fog and not the pasture``
_CLAUSE: Final = re.compile(r"[,;.]\s*(?:(?:so|and|but|or|then)\s+)*(?P<rest>(?:maybe|perhaps|possibly|is it|is that|could it be|it is|it may be|it might be)\b[^,;.]+(?:,\s*(?:or|but|and not)\b[^,;.]+)?)$", re.IGNORECASE)  # fmt: skip
_ELSE: Final = re.compile(r"\b(?:worse|better|right|correct|wrong|ready|good|bad|fair|sure|certain|labels?|called|taken|true|false|possible|enough|bias\w*|luck|chance)\b", re.IGNORECASE)  # fmt: skip


def answered(case: Case, question: str, before: Sequence[Turn]) -> AIMessage | None:
    """The counts with both, with each alone and with neither of two things; None for every other sentence."""
    if TOOL not in registry() or len(question) > LONGEST:
        return None
    clause = _CLAUSE.search(question)
    texts = [question, clause["rest"]] if clause is not None else [question]
    found = next((m for t in texts for p in _EITHER if (m := p.match(t)) is not None), None)
    if found is None or _ELSE.search(f"{found['a']} {found['b']}"):
        return None
    told = antecedents.recent(case, before)
    around = question[: question.find(found.string)] if found.string != question else ""
    first, second = (_it(case, found[x], around, told) or thing(case, found[x], told) for x in "ab")
    if first is None or second is None:
        return None
    base = _base(told) if re.search(rf"\b{_IT}\b", question, re.IGNORECASE) else Count((), ("wrong",))
    if not all(c for c, _ in (first, second)):
        calls = [
            (TOOL, Count(base.among, base.having, (), column).arguments()) for _, column in (first, second)
        ]
        return call_of(calls[0], calls[1:], why(question)) if calls[0] != calls[1] else None
    a, b = first[0], second[0]
    if {column_of(c) for c in a} & {column_of(c) for c in b}:
        return None  # two values of one column
    if any(parts(c)[0] == "true" for c in (*a, *b)):
        base = Count((), ("wrong",), base.splits)  # what a class is called is no error of the other classes
    lead = tuple(c for c in base.among if column_of(c) not in {column_of(x) for x in (*a, *b)})
    cells = cells_of(a, b)
    split = looks.only_in(case, (*a, *b)) or next(iter(base.splits), "")
    calls = [(TOOL, Count((*lead, *cell), base.having).arguments(split)) for cell in cells]
    said = {"kind": KIND, "a": list(a), "b": list(b)}
    return call_of(calls[0], calls[1:], why(question), said)


def _base(told: Sequence[About]) -> Count:
    """What is to be explained: which class is taken for which, where the last answer counted that; else wrong answers."""
    counts = told[0].counts if told else ()
    pairs = [c for c in counts[:1] if any(parts(h)[0] == "predicted" for h in c.having)]
    if pairs:
        classes = tuple(c for c in pairs[0].among if parts(c)[0] == "true")
        return Count(classes, pairs[0].having, pairs[0].splits)
    return Count((), ("wrong",))


def cells_of(a: Sequence[str], b: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """The conditions of the images with both of two things, with the first alone, with the second alone and with neither."""
    return (*a, *b), (*a, *_denied(b)), (*_denied(a), *b), (*_denied(a), *_denied(b))


def _denied(conditions: Sequence[str]) -> tuple[str, ...]:
    return tuple(conditions_apart(left_over(conditions)))


def _it(case: Case, text: str, around: str, told: Sequence[About]) -> tuple[tuple[str, ...], str] | None:
    """``is it them or is it the phones they use?``: the group that the sentence named before, else that of the last answer."""
    from failsight.agent.planners.handed import groups
    from failsight.agent.planners.known import last

    if not _PRONOUN.match(text):
        return None
    named = groups.read(case, around).groups
    held = named[0] if len(named) == 1 else () if named or not told or not told[0].counts else last.group_of(told[0].counts[0])  # fmt: skip
    held = tuple(c for c in held if not c.startswith(TOGETHER))
    return (held, column_of(held[0])) if held else None


def thing(case: Case, text: str, told: Sequence[About]) -> tuple[tuple[str, ...], str] | None:
    """The conditions that one of the two things says, and its column; None where it names nothing that is recorded."""
    from failsight.agent.planners.handed import groups
    from failsight.agent.planners.known.things import named

    things = named(case, names_of(case, text))
    if things.classes:
        one = f"true={things.classes[0]}"
        return ((one,), "true") if len(things.classes) == 1 and not things.group else None
    if things.group:
        return things.group, column_of(things.group[0])
    if not things.columns:
        told_by = groups.read(case, text).groups  # ``the phones`` of nurse phone
        return (told_by[0], column_of(told_by[0][0])) if len(told_by) == 1 else None
    column = things.columns[0]
    values = columns_of(case).get(column, ())
    spoken = _spoken(case, column, told)
    if spoken:
        return (spoken,), column
    if {v.casefold() for v in values} == {"yes", "no"}:
        return (f"{column}={next(v for v in values if v.casefold() == 'yes')}",), column
    middle = median(case, column) if are_numbers(values) and not values else None
    return ((f"{column}>{middle}",), column) if middle is not None else ((), column)


def _spoken(case: Case, column: str, told: Sequence[About]) -> str:
    """The value of a column of which the last answers spoke, one that a confirmed finding is about before others, the worst where they told
    all of its values; empty for none."""
    confirmed = {f"{k}={v}" for r in case.state().confirmed() for k, v in (r.finding.slice or {}).items()}
    spoken = [c for one in told for count in one.counts[:1] for c in count.among if column_of(c) == column]
    if (known := next((c for c in spoken if c in confirmed), "")) and len(set(spoken)) > 1:
        return known
    for one in told:
        act = one.act
        if act is not None and act.tool == TOOL and act.arguments.get("by") == column:
            made = next((e for e in case.state().evidence if e.id == act.evidence), None)
            wrong = "wrong" in (act.arguments.get("having") or ())
            rows = by_share(made, column, best=wrong) if made is not None else []
            if rows:
                return str(rows[0][0]) if "=" in rows[0][0] else f"{column}={rows[0][0]}"
        held = [c for count in one.counts[:1] for c in count.among if column_of(c) == column]
        if held:
            return held[0]
    return ""


# --- what the four counts say ---------------------------------------------------------------------------------------------


def lines(made: Sequence[Evidence], said: Mapping[str, Any]) -> list[str]:
    """Which of the two it is, as far as four counts tell, and the counts."""
    sides = [side(e, "") for e in made]
    cells = [s for s in sides if s is not None and s.n]
    counted = [of_count(e) for e in made]
    names = {k: clean(said_in_words([str(c) for c in said.get(k) or ()]), 80) for k in "ab"}
    if len(cells) < len(made) or len(made) != 4:
        return [prompts.say("crossed.empty", **names), *counted]
    both, a, b, neither = cells
    shares = {k: f"{number(s.share)} {interval(s.ci)}".strip() for k, s in zip(("both", "only_a", "only_b", "neither"), cells, strict=True)}  # fmt: skip
    return [prompts.say(f"crossed.{_reading(both, a, b, neither)}", **names, **shares), *counted]


def _reading(both: Side, a: Side, b: Side, neither: Side) -> str:
    """``first``, ``second``, ``each``, ``together`` or ``open``: what is surely larger than what."""

    def more(x: Side, y: Side) -> bool:
        return x.share > y.share and apart(x, y)

    alone_a, alone_b = more(a, neither), more(b, neither)
    together = more(both, a) and more(both, b)
    if alone_a and alone_b:
        return "each"
    if together:
        return "together" if not (alone_a or alone_b) else "first_more" if alone_a else "second_more"
    if alone_a and not more(both, a):
        return "first"
    if alone_b and not more(both, b):
        return "second"
    if more(both, b) and not more(both, a):
        return "first" if not alone_b else "open"
    if more(both, a) and not more(both, b):
        return "second" if not alone_a else "open"
    return "open"
