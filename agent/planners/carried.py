"""Whether the calls of a turn carry all that its sentence states of the images: what they do not is named in the answer.

One place compares what was read in the sentence (columns with values, limits, how pictures look) with the arguments of all calls, so that no
reader drops a condition in silence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from failsight.agent.planners import grouped
from failsight.agent.planners.counting.said import SAID, TOOL
from failsight.knowledge_base.condition_text import TOGETHER, columns_in, denied, parts
from failsight.knowledge_base.groups import Group, told
from failsight.knowledge_base.vocabulary import words_of
from failsight.tools.experiments.population import NOT, apart, parse_filters

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

    from failsight.agent.case import Case
    from failsight.knowledge_base.vocabulary import Mentions

_CONDITIONS: Final = ("where", "among", "having", "donors")
_COLUMNS: Final = ("attributes", "attribute", "by", "group_by", "colour")
_BRACKET: Final = re.compile(r"\[([^\[\]]*)\]")


def left_out(case: Case, mentions: Mentions, since: Sequence[BaseMessage]) -> tuple[list[str], str]:
    """What the sentence states of the images and no call of the turn carries, as people read it, and the tool that ran without it.

    Args:
        mentions: the names of the case in the sentence.
        since: the messages of the turn.
    """
    calls = [(c["name"], c["args"], m) for m in since if m.type == "ai" for c in getattr(m, "tool_calls", ())]
    if not calls or not grouped.is_of_images(calls[0][0], calls[0][1]):
        return [], ""
    group = grouped.group_in(case, mentions)
    held = set[str]()
    columns = set[str]()
    for _, given, message in calls:
        held |= set(_conditions(case, given, message))
        columns |= {str(v) for name in _COLUMNS for v in _listed(given.get(name))}
    regions = [str(v) for _, given, _ in calls for v in given.values()]

    def has(one: str) -> bool:
        if len(several := apart(one)) > 1:
            return all(map(has, several))
        names = columns_in(one)
        return (
            _met(one, held)
            or (parts(one)[1] == "=" and all(n in columns for n in names))
            or any(f"box:{n}" in text for n in names for text in regions)
        )

    missing = tuple(c for c in group.conditions if not has(c))
    each = {
        n: v for n, v in group.each.items() if n not in columns and not all(_met(f"{n}={x}", held) for x in v)
    }
    lost = told(Group(missing, {n: v for n, v in each.items() if not v}))
    lost += [f"{n.replace('_', ' ')} {', '.join(v)}" for n, v in each.items() if v]
    lost += _columns_named(mentions, {*columns, *group.each, *(n for c in (*held, *group.conditions) for n in columns_in(c))}, calls)  # fmt: skip
    return [*lost, *group.unsure, *_looks(case, mentions, group, held)], calls[0][0]


def _columns_named(
    mentions: Mentions, used: set[str], calls: Sequence[tuple[str, Any, BaseMessage]]
) -> list[str]:
    """Columns that the sentence names and no count of the turn uses; a name of one word may be an ordinary word, and is not told."""
    if any(name != TOOL for name, _, _ in calls):
        return []
    named = dict.fromkeys(
        m.name for m in mentions.found if m.role == "attribute" and len(words_of(m.name)) > 1
    )
    return [n.replace("_", " ") for n in named if n not in used]


def _met(one: str, held: set[str]) -> bool:
    """Whether a condition is among those of the calls, or in a list of values of its column, or turned round."""
    name, sign, value = parts(one)
    if one in held or (sign and denied(one) in held):
        return True
    if one.startswith(TOGETHER) and set(apart(denied(one))) <= held:
        return True
    lists = [(s, v.split("|")) for n, s, v in map(parts, held) if n == name and "|" in v]
    return sign in ("=", "!=") and any(set(value.split("|")) <= set(v) for _, v in lists)


def _conditions(case: Case, given: Mapping[str, Any], message: BaseMessage) -> Iterator[str]:
    """The conditions of a call: its own, those of a finding that it tests, those of the demands that it judges."""
    texts = [part for name in _CONDITIONS for v in _listed(given.get(name)) for part in apart(v)]
    texts += [str(given[name]) for name in ("cue", "region") if given.get(name)]
    said = message.additional_kwargs.get(SAID) or {}
    texts += [
        part
        for name in said.get("names", ())
        for inside in _BRACKET.findall(str(name))
        for part in apart(inside)
    ]
    for text in texts:
        yield text.strip()
        if text.strip().startswith(f"{NOT}("):
            yield from (str(one) for one in parse_filters(text)[0].inside)
    record = case.state().find(str(given.get("finding") or ""))
    if record is not None:
        from failsight.tools.hypotheses.typed import conditions_of

        yield from map(str, conditions_of(record.finding.slice))


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else [str(v) for v in value or ()]


def _looks(case: Case, mentions: Mentions, group: Group, held: set[str]) -> list[str]:
    """How pictures look, where the sentence says it beside other conditions and no call has a condition of it."""
    if group.looked or not (group.conditions or group.each):
        return []
    made = []
    for found, condition in grouped.looks_in(case, mentions):
        if not any(a < found.end() and found.start() < b for a, b in group.spans) and condition not in held:
            made.append(found[0].strip())
    return made
