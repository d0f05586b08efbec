"""Who does which part, clause by clause: ``A and B by itself, C at night by hand``.

Each clause is read by its own side. Where the sides contradict each other, or a part of a clause can't be read, nothing is made of it: the
reader says what is not clear, so that it can be asked back.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from failsight import prompts
from failsight.agent.planners import words
from failsight.agent.planners.counting.base import names_of
from failsight.agent.planners.handed import groups
from failsight.agent.planners.handed import words as h
from failsight.agent.planners.handed.groups import Group
from failsight.knowledge_base.condition_text import parts
from failsight.tools.text import clean, listing

if TYPE_CHECKING:
    from failsight.agent.case import Case
    from failsight.agent.planners.dialogue import Turn
    from failsight.agent.planners.handed.kept import Division

BACK: Final = 3  # turns in which a column was spoken of whose values are letters
_PEOPLE, _MODEL = "people", "model"
_GLUE: Final = re.compile(r"\s*(?:[,;:.!?]+|\b(?:and|but|or|while|whereas|plus)\b)\s*", re.IGNORECASE)
_REST: Final = re.compile(
    r"\b(?:the (?:rest|others?|remaining|remainder)|(?:everything|anything|all) (?:else|(?:the )?others?|the rest)|all other \w+|whatever is left)\b",
    re.IGNORECASE,
)
_NOT: Final = re.compile(r"\b(?:not|never|no longer)\b|n['’]t\b", re.IGNORECASE)
_SHORT: Final = re.compile(r"(?<![\w'’-])[A-Z][A-Z0-9]?(?![\w'’-])")
_ARTICLE: Final = re.compile(
    r"\s+(?!(?:and|or|by|at|on|in|is|are|goes|go|alone|to|does|only|always|not|never|must|should|can|may|for|with)\b)[a-z]"
)


@dataclass(frozen=True, slots=True)
class Shared:
    """What goes to people, what is left to the model, and what could not be read.

    Attributes:
        people: groups of images that go to people.
        unclear: what to ask back; empty where everything is read.
        unsaid: whether images may be left of which nothing was said.
    """

    people: tuple[Group, ...] = ()
    unclear: str = ""
    unsaid: bool = False


@dataclass(frozen=True, slots=True)
class _Clause:
    text: str
    side: str
    named: bool
    rest: bool
    first: bool  # whether the word for its side stands before its names
    denied: bool = False


def spelt(case: Case, text: str, before: Sequence[Turn]) -> tuple[str, str]:
    """``text`` with the column before each bare short value (``C at night`` as ``oven C at night``), and what to ask where none can be told."""
    names = words.vocabulary(case).attributes
    mentions = names_of(case, text)
    held = {c: {str(v) for v in values} for c, values in names.items() if values}
    short = {c: v for c, v in held.items() if any(_SHORT.fullmatch(x) for x in v)}
    made, at, unclear, last = "", 0, "", ""
    for found in _SHORT.finditer(text):
        before_it = [
            m
            for m in mentions.found
            if m.role == "attribute" and text[m.end : found.start()].strip(" ") in ("", "s")
        ]
        column = before_it[-1].name if before_it else ""
        if any(m.start <= found.start() < m.end for m in mentions.found):
            last = next(
                (
                    parts(m.name)[0]
                    for m in mentions.found
                    if m.role == "value" and m.start <= found.start() < m.end
                ),
                last,
            )
            continue
        if found[0] == "I" or (found[0] == "A" and _ARTICLE.match(text[found.end() :])):
            continue
        owners = [column] if column else [c for c, values in short.items() if found[0] in values]
        if len(owners) > 1:
            spoken = [c for c in owners if c == last] or [c for c in owners if _spoken_of(c, before)]
            owners = spoken if len(spoken) == 1 else owners
        if len(owners) > 1:
            unclear = unclear or prompts.say("handed.which_column", value=found[0], columns=_names(owners))
        elif owners and found[0] in held.get(owners[0], ()):
            last = owners[0]
            made += f"{text[at : found.start()]}{'' if column else owners[0].replace('_', ' ') + ' '}"
            at = found.start()
        elif (column or len(found[0]) == 1) and short:
            unclear = unclear or _no_such(found[0], column or last, short)
    return made + text[at:], unclear


def _no_such(value: str, column: str, short: dict[str, set[str]]) -> str:
    columns = [column] if column in short else sorted(short)
    known = "; ".join(
        f"{clean(c.replace('_', ' '), 40)}: {listing(sorted(short[c]), 8)}" for c in columns[:3]
    )
    return prompts.say("handed.no_such", value=value, known=known)


def _spoken_of(column: str, before: Sequence[Turn]) -> bool:
    told = re.compile(rf"\b{re.escape(column)}\b|\b{re.escape(column.replace('_', ' '))}\b", re.IGNORECASE)
    return any(
        told.search(t.said) or any(told.search(str(a.arguments)) for a in t.acts) for t in before[-BACK:]
    )


def _names(columns: Sequence[str]) -> str:
    return listing([clean(c.replace("_", " "), 40) for c in columns], 4)


def read(case: Case, text: str) -> Shared | None:
    """The two sides of a sentence that names both; None for every other sentence. Its short values are ``spelt``."""
    clauses = _clauses(case, text)
    sides = {c.side for c in clauses if c.side}
    if len(sides) < 2 or "both" in sides or not any(c.named for c in clauses):
        return None
    if any(c.denied for c in clauses):
        return Shared(unclear=prompts.say("handed.sides_unclear"))
    given = {_PEOPLE: list[str](), _MODEL: list[str]()}
    for i, one in enumerate(clauses):
        if not one.named:
            continue
        side = one.side or _side_of(clauses, i)
        if not side:
            return Shared(unclear=prompts.say("handed.sides_unclear"))
        given[side].append(one.text)
    return _shared(case, given, rest={c.side for c in clauses if c.rest and c.side})


def _shared(case: Case, given: dict[str, list[str]], rest: set[str]) -> Shared:
    taken = {side: groups.read(case, " and ".join(told), sided=True) for side, told in given.items()}
    unread = [x for one in taken.values() for x in one.strict]
    if unread:
        return Shared(unclear=not_read(unread))
    if len(rest) > 1 or any(given[s] and not taken[s].groups for s in given):
        return Shared(unclear=prompts.say("handed.sides_unclear"))
    people, model = taken[_PEOPLE].groups, taken[_MODEL].groups
    both = next(((p, m) for p in people for m in model if not _apart(p, m) and not set(m) < set(p)), None)
    if both is not None:
        from failsight.agent.planners.handed.said import group_words

        return Shared(
            unclear=prompts.say("handed.both_sides", people=group_words(both[0]), model=group_words(both[1]))
        )
    if people and _PEOPLE not in rest:
        return Shared(people, unsaid=bool(model) and not rest)
    if model and not people:
        return Shared(groups.complement([groups.as_answered(g) for g in model]))
    return Shared(unclear=prompts.say("handed.sides_unclear"))


def not_read(unread: Sequence[str]) -> str:
    """That a rule with words that were not read is not kept."""
    told = listing([f"“{clean(x, 40)}”" for x in dict.fromkeys(unread)], 4)
    return prompts.say("handed.not_read", words=told)


def kept_words(old: Division) -> str:
    """The rule that stays in force; empty where there is none."""
    from failsight.agent.planners.handed.said import rule_words

    return prompts.say("handed.still", rule=rule_words(old)) if old else ""


def _apart(a: Group, b: Group) -> bool:
    """Whether no image can be in both groups: they name other values of a column."""
    held = {parts(c)[0]: set(parts(c)[2].split("|")) for c in a if parts(c)[1] == "="}
    return any(
        parts(c)[1] == "=" and parts(c)[0] in held and not held[parts(c)[0]] & set(parts(c)[2].split("|"))
        for c in b
    )


def _clauses(case: Case, text: str) -> list[_Clause]:
    text = groups.MODAL.sub(lambda m: " " * len(m[0]), text)
    spans = [(m.start, m.end) for m in names_of(case, text).found]
    cuts, start = list[tuple[int, int]](), 0
    for glue in _GLUE.finditer(text):
        if not any(a < glue.end() - 1 and glue.start() + 1 < b for a, b in spans):
            cuts.append((start, glue.start()))
            start = glue.end()
    return [
        _clause(text[a:b], [x - a for x, y in spans if a <= x and y <= b])
        for a, b in (*cuts, (start, len(text)))
        if text[a:b].strip()
    ]


def _clause(text: str, names: Sequence[int]) -> _Clause:
    plain = h.ALONE.sub(lambda m: " " * len(m[0]), text)  # "without anyone checking" is the model's side
    people, model = h.BY_PEOPLE.search(plain), h.BY_MODEL.search(text) or h.ALONE.search(text)
    side = "both" if people and model else _PEOPLE if people else _MODEL if model else ""
    rest = _REST.search(text) is not None
    marker = people or model
    first = marker is not None and bool(names) and marker.start() < names[0]
    return _Clause(
        text, side, bool(names) and not rest, rest, first, denied=bool(side) and _NOT.search(text) is not None
    )


def _side_of(clauses: Sequence[_Clause], at: int) -> str:
    """The side of a clause that names things without a word for it: that of the list in which it stands; empty where that is not clear."""
    before = next((c for c in reversed(clauses[:at]) if c.side and c.named), None)
    after = next((c for c in clauses[at + 1 :] if c.side and (c.named or c.rest)), None)
    leads = after is not None and after.named and not after.first
    follows = before is not None and before.first
    if leads and follows:
        return before.side if before is not None and after is not None and before.side == after.side else ""
    if leads and after is not None:
        return after.side
    if before is not None and (follows or after is None or after.rest):
        return before.side
    return ""
