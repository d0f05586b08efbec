"""The one figure that a question asks for, in the first words of its answer: a rate of a class, or of the images of a group.

Read from the evidence that was made for the question: nothing is counted here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from failsight import prompts
from failsight.agent.planners import grouped, rates
from failsight.knowledge_base.groups import Group
from failsight.knowledge_base.two_classes import other, positive
from failsight.tools.evidence import Evidence
from failsight.tools.text import clean, interval, number

if TYPE_CHECKING:
    from failsight.agent.case import Case
    from failsight.knowledge_base.vocabulary import Mentions

MOST: Final = 6
RECALL: Final = rates.Rate("recall", True, False, "")
PRECISION: Final = rates.Rate("precision", True, False, "")


def answer(case: Case, question: str, evidence: Sequence[str], mentions: Mentions) -> str:
    """The figures asked for, a line each; empty where the question asks for none, or the evidence does not hold them.

    Args:
        evidence: ids of what was measured for the question.
        mentions: the names of the case in it.
    """
    made = [e for e in case.state().evidence if e.id in evidence]
    if not made:
        return ""
    last = made[-1]
    if last.tool == "evaluate":
        lines = [*_of_class(case, question, last, mentions)]
    elif last.tool == "disaggregate":
        lines = [*_of_group(case, question, last, mentions, grouped.group_in(case, mentions))]
    else:
        lines = []
    return "\n".join(lines[:MOST])


def _wanted(question: str) -> list[rates.Rate]:
    named = rates.named(question)
    if named:
        return named
    return [PRECISION] if re.search(r"\bprecision\b", question, re.IGNORECASE) else [RECALL]


def _targets(case: Case, question: str, mentions: Mentions) -> list[tuple[rates.Rate, str]]:
    """Rates with the class that each is measured on; none where no class is named and the case does not tell which is looked for."""
    named = mentions.of("class")
    about = (
        named[0]
        if named
        else (positive(case.classes) if rates.named(question) or _misses(question) else None)
    )
    if about is None:
        return []
    pairs = [(rate, about if rate.own else other(case.classes, about)) for rate in _wanted(question)]
    return [(rate, name) for rate, name in pairs if name is not None]


def _misses(question: str) -> bool:
    return re.search(r"\b(?:miss(?:es|ed)?|false alarms?|precision)\b", question, re.IGNORECASE) is not None


def _of_class(case: Case, question: str, made: Evidence, mentions: Mentions) -> Iterator[str]:
    """Of an evaluation: the rates that are named, of the class that each is of."""
    if not rates.named(question) and not grouped.is_recognised(mentions):
        return
    split = str(made.arguments.get("split") or "data")
    of = "class {}" if split == "data" else f"split {split}, class {{}}"
    for rate, name in _targets(case, question, mentions):
        found = next((f for f in made.facts if f.name == rate.measure and f.of == of.format(name)), None)
        if found is not None and isinstance(found.value, int | float):
            yield _line(rate, name, "", float(found.value), interval(found.ci), found.n or 0, made.id)


def _of_group(case: Case, question: str, made: Evidence, mentions: Mentions, group: Group) -> Iterator[str]:
    """Of groups by their columns: the figure of the group that is named, or of each group of the column."""
    wanted = [c for c in group.conditions if "=" in c and not re.search(r"[<>!]", c)]
    wanted += [f"{name}={value}" for name, values in group.each.items() for value in values]
    tables = {t.title: t.rows for t in made.tables}
    targets = _targets(case, question, mentions)
    rows = {str(r[0]): r for r in tables.get("Groups", ())}
    for one in wanted:
        if not targets and one in rows:
            _, n, right, ci, *_ = rows[one]
            yield prompts.say(
                "figure.group", group=clean(one, 60), right=_share(right), ci=ci, n=f"{n:,}", evidence=made.id
            )
        for rate, name in targets:
            yield from _cell(tables.get("By group and class", ()), one, rate, name, made.id)


def _cell(
    rows: Sequence[Sequence[Any]], group: str, rate: rates.Rate, name: str, evidence: str
) -> Iterator[str]:
    row = next((r for r in rows if r[0] == group and r[1] == name), None)
    if row is None:
        if any(r[0] == group for r in rows):  # the group was measured, and has no image of the class
            yield prompts.say("figure.none", group=clean(group, 60), name=clean(name, 60), evidence=evidence)
        return
    _, _, n, recall, recall_ci, precision, precision_ci, *_ = row
    value, ci = (recall, recall_ci) if rate.measure == "recall" else (precision, precision_ci)
    if value is None:
        yield prompts.say("figure.none", group=clean(group, 60), name=clean(name, 60), evidence=evidence)
    else:
        count = int(n) if rate.measure == "recall" else 0
        yield _line(rate, name, group, float(value), str(ci), count, evidence)


def _line(rate: rates.Rate, name: str, group: str, value: float, ci: str, n: int, evidence: str) -> str:
    """``Sensitivity (recall of Läsion verdächtig) at site=Ost: 32.0 % [17.2, 51.6] % of 25 images``; a rate of errors as one minus."""
    minus = "one minus the " if rate.rest else ""
    measure = f"{minus}{rate.measure} of {clean(name, 60)}"
    shown = f"{rate.shown} ({measure})" if rate.shown else measure
    value, ci = (1 - value, _turned(ci)) if rate.rest else (value, ci)
    where = prompts.say("figure.where", group=clean(group, 60)) if group else ""
    counted = prompts.say("figure.of", n=f"{n:,}") if n else ""
    return prompts.say(
        "figure.rate", what=f"{shown[:1].upper()}{shown[1:]}", where=f" {where}" if where else "",
        value=number(value), ci=ci, of=f" {counted}" if counted else "", evidence=evidence,
    )  # fmt: skip


def _share(value: Any) -> str:
    return number(float(value)) if isinstance(value, int | float) else "–"


def _turned(ci: str) -> str:
    """The interval of one minus a share."""
    ends = re.findall(r"[\d.]+", ci)
    return interval((1 - float(ends[1]) / 100, 1 - float(ends[0]) / 100)) if len(ends) == 2 else ci


__all__ = ["answer"]
