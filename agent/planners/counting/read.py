"""Sentences that count, read word by word into a call of ``count_images``: among which images, which of them, on which split.

A sentence is cut into marks (names of the case, what is right or wrong, splits, words that deny) and small words. A word that is
neither is told as unread: nothing that a sentence says is dropped in silence. Pure functions of the sentence and the names in it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from failsight.agent.planners.counting import words as w
from failsight.agent.planners.counting.marks import (
    OUTCOMES,
    PREDICTED,
    TRUE,
    Columns,
    Look,
    Mark,
    denied,
    marks_of,
    parts,
)
from failsight.agent.planners.slots import splits
from failsight.knowledge_base.condition_text import TOGETHER
from failsight.knowledge_base.directions import directions
from failsight.knowledge_base.vocabulary import Mentions

_ERRORS_BY: Final = re.compile(r"^\W*(?:(?:and|the|all|number of)\W+)*(?:errors?|mistakes?|failures?|wrong (?:answers|ones|pictures|images|photos))\b", re.IGNORECASE)  # fmt: skip
_WORD: Final = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*|&|,|%")


class Held(NamedTuple):
    """A condition with what stands before it: a preposition, and whether it belongs to what is said of the images."""

    condition: str
    prep: str = ""
    said: bool = False
    either: bool = False  # joined to the one before by ``or``


@dataclass(frozen=True, slots=True)
class Count:
    """One count.

    Attributes:
        among, having: as ``count_images`` takes them.
        splits: those that the sentence names, each counted for itself.
        by: column, ``true`` or ``predicted``; empty for none.
        head: ``many``, ``share``, ``rate``, or empty where the sentence asks for nothing by itself.
        those: the sentence speaks of images that were counted before.
        either: conditions of several columns of which one is enough.
        unread: words that are not understood.
    """

    among: tuple[str, ...] = ()
    having: tuple[str, ...] = ()
    splits: tuple[str, ...] = ()
    by: str = ""
    head: str = ""
    those: bool = False
    either: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()

    def arguments(self, split: str = "") -> dict[str, object]:
        """The arguments of the call, on one split."""
        given = {"split": split if split != "data" else "", "among": list(self.among), "having": list(self.having), "by": self.by}  # fmt: skip
        return {k: v for k, v in given.items() if v}


@dataclass
class _Clause:
    """A part of the sentence with one head, while it is read."""

    head: str = ""
    outcome: str = ""  # of a rate
    held: list[Held] = field(default_factory=list)
    by: str = ""
    those: bool = False
    there: bool = False
    verb: str = ""
    either: bool = False
    versus: int = 0  # how many conditions stand before the ``versus``
    differs: str = ""
    splits: list[str] = field(default_factory=list)


def read(mentions: Mentions, columns: Columns, look: Look, more: Sequence[Mark] = ()) -> list[Count]:
    """The counts that a sentence asks for, one for each of its heads; one without a head where it has none.

    Args:
        mentions: the names of the case in the sentence.
        columns: attribute → its values as they are shown, none listed for numbers.
        look: a measure and whether its low end is meant → a condition, None where the images are all alike.
        more: further marks of the sentence.
    """
    marks = marks_of(mentions, columns, look, more)
    unread: list[str] = []
    clauses = _walk(mentions, marks, unread)
    made = _joined([one for c in clauses for one in _counts(c, mentions, len(clauses) == 1)])
    return [replace(one, unread=tuple(dict.fromkeys(unread))) for one in made]


# --- walking -------------------------------------------------------------------------------------------------------------


@dataclass
class _Pen:
    """What the words so far say of the next name."""

    no: bool = False
    out: bool = False
    prep: str = ""
    called: bool = False
    either: bool = False
    fresh: bool = False  # a word that denies was said, and nothing since that it denies
    which: bool = False  # ``that``, ``which``: the verb behind it is not that of the sentence

    def over(self) -> None:
        self.no = self.no and self.fresh
        self.called = self.either = False


def _walk(mentions: Mentions, marks: Sequence[Mark], unread: list[str]) -> list[_Clause]:
    text = mentions.sentence
    clauses, pen, at = [_Clause()], _Pen(), 0
    for mark in [*marks, Mark(len(text), len(text), "end")]:
        for found in _WORD.finditer(text, at, max(at, mark.start)):
            _word(found.group().lower(), clauses[-1], pen, unread)
        at = max(at, mark.end)
        _mark(mark, clauses, pen, text)
    for clause in clauses:
        if clause.differs and clause.by and not clause.head:
            clause.head, clause.outcome = "rate", "correct"
        elif clause.differs:
            unread.append(clause.differs)
        if clause.by and not clause.head and _ERRORS_BY.match(text):
            clause.head = "many"
    return [c for c in clauses if c.head or c.held or c.by or c.splits or c.those]


def _word(word: str, clause: _Clause, pen: _Pen, unread: list[str]) -> None:
    if word in ("that", "which", "who"):
        pen.which = True
        pen.over()
    elif word in w.VERBS:
        if not pen.which:
            clause.verb = clause.verb or word
        pen.prep, pen.which = (pen.prep if pen.prep in ("when", "if", "where", "while") else ""), False
        pen.over()
    elif word in w.KEEP:
        pen.either = word == "or" or (pen.either and word != "and")
    elif word in w.PREPS:
        pen.prep, pen.no, pen.fresh = word, False, False
    elif word not in w.FILLER and word != "%":
        unread.append(word)


def _mark(mark: Mark, clauses: list[_Clause], pen: _Pen, text: str) -> None:
    typed = text[mark.start : mark.end].lower()
    if mark.kind in ("many", "share", "rate", "only"):
        _head(mark, clauses, pen)
    elif mark.kind in ("class", "condition", "outcome"):
        first = typed.partition(" ")[
            0
        ]  # a preposition that is a part of the mark: ``at night``, ``in the morning``
        pen.prep = first if first in ("at", "in", "on", "during", "by") and first != typed else pen.prep
        _hold(mark, clauses[-1], pen)
    elif mark.kind in ("called", "gets", "out", "no", "versus"):
        _turn(mark.kind, typed, clauses[-1], pen)
    else:
        _note(mark, typed, clauses[-1])


def _turn(kind: str, typed: str, clause: _Clause, pen: _Pen) -> None:
    """A mark that says how what comes behind it is meant."""
    if kind == "called":
        clause.verb, pen.called, pen.prep = clause.verb or "called", True, ""
    elif kind == "out":
        pen.out, pen.prep = True, "without"
    elif kind == "no":
        pen.no = pen.fresh = True
        pen.prep = "without" if typed in ("without", "with no") else pen.prep
    elif kind == "gets":
        clause.verb, pen.prep = clause.verb or "gets", ""
        pen.over()
    else:
        clause.versus = len(clause.held)
        pen.over()


def _note(mark: Mark, typed: str, clause: _Clause) -> None:
    """A mark that says something of its part of the sentence as a whole."""
    if mark.kind == "by":
        clause.by = mark.value
    elif mark.kind == "those":
        clause.those = True
    elif mark.kind == "there":
        clause.there = True
    elif mark.kind == "any":
        clause.either = True
    elif mark.kind == "differs":
        clause.differs = typed
    elif mark.kind == "split":
        clause.splits += [s for s in splits(typed) if s not in clause.splits]
    elif mark.kind == "attribute":
        clause.held.append(Held(f"?{mark.value}"))


def _head(mark: Mark, clauses: list[_Clause], pen: _Pen) -> None:
    kind = "rate" if mark.kind in ("rate", "only") else mark.kind
    before = clauses[-1]
    if before.head:
        clauses.append(_Clause())
    clause = clauses[-1]
    clause.head, clause.outcome = kind, mark.value or ("correct" if kind == "rate" else "")
    clause.held = [h._replace(prep="before", said=False) for h in clause.held]
    clause.verb, clause.there = "", False
    pen.no = pen.out = pen.called = pen.fresh = pen.which = False
    pen.prep = ""


def _hold(mark: Mark, clause: _Clause, pen: _Pen) -> None:
    away = pen.no != pen.out if not (pen.no and pen.out) else True
    if mark.kind == "class":
        made = f"{PREDICTED if pen.called else TRUE}={mark.value}"
    else:
        made = mark.value
    said = bool(clause.verb) and not (clause.there and clause.verb in ("is", "are"))
    if made.startswith(TOGETHER):  # what is left out is left out of all that is counted
        pen.prep, said = "without", False
    clause.held.append(Held(denied(made) if away else made, pen.prep, said, pen.either))
    pen.fresh = pen.which = False
    if mark.kind == "outcome":
        pen.over()
        pen.prep = ""


# --- putting together ------------------------------------------------------------------------------------------------------


def _counts(clause: _Clause, mentions: Mentions, alone: bool) -> list[Count]:
    """What a part of the sentence counts: two where it sets groups beside each other that are no values of one column."""
    left, right = clause.held[: clause.versus], clause.held[clause.versus :]
    names = {parts(h.condition)[0] for h in clause.held if h.condition not in OUTCOMES}
    if not (left and right) or (len(names) == 1 and all(parts(h.condition)[1] == "=" and parts(h.condition)[2] not in ("yes", "no") for h in clause.held)):  # fmt: skip
        return [_count(clause, mentions, alone)]
    there = {parts(h.condition)[0] for h in right}
    both = [h for h in left if parts(h.condition)[0] not in there]
    sides = ([*left, *(h for h in right if h.condition in OUTCOMES and h not in left)], [*both, *right])
    return [_count(replace(clause, held=side, versus=0), mentions, alone) for side in sides]


def _count(clause: _Clause, mentions: Mentions, alone: bool) -> Count:
    held = _directed(clause, mentions) if alone else clause.held
    by = clause.by
    if clause.head == "rate":
        among, having = _of_rate(clause, held)
    elif clause.head:
        among, having = _of_many(clause, held)
    else:
        among, having = [h.condition for h in held], []
    either = _several(held, clause)
    merged_among, by = _merged(among, by if by else "")
    merged_having, by = _merged(having, by)
    return Count(tuple(merged_among), tuple(merged_having), tuple(clause.splits), by, clause.head, clause.those, either)  # fmt: skip


def _directed(clause: _Clause, mentions: Mentions) -> list[Held]:
    """Two classes with a word for taking one for the other: which is the true one."""
    roles = [h for h in clause.held if parts(h.condition)[0] in (TRUE, PREDICTED)]
    confuses = w.CALLED.search(mentions.sentence) or re.search(
        r"\bconfus\w+", mentions.sentence, re.IGNORECASE
    )
    if len(roles) != 2 or not confuses or any("!=" in h.condition for h in roles):
        return clause.held
    true, predicted = directions(mentions)
    if not (true and predicted) or {true, predicted} != {parts(h.condition)[2] for h in roles}:
        return clause.held
    made = []
    for one in clause.held:
        if one in roles:
            own = parts(one.condition)[2] == true
            one = one._replace(
                condition=f"{TRUE}={true}" if own else f"{PREDICTED}={predicted}", said=not own
            )
        made.append(one)
    return made


def _of_rate(clause: _Clause, held: Sequence[Held]) -> tuple[list[str], list[str]]:
    conditions = [h.condition for h in held]
    outcome = clause.outcome
    if outcome in ("recall", "precision"):
        if outcome == "precision":
            conditions = [re.sub(rf"^{TRUE}(?==)", PREDICTED, c) for c in conditions]
        return [c for c in conditions if c not in OUTCOMES], ["correct"]
    return [c for c in conditions if c not in OUTCOMES], [outcome]


_AMONG: Final = frozenset(
    [
        "in",
        "on",
        "at",
        "for",
        "among",
        "when",
        "where",
        "if",
        "under",
        "during",
        "within",
        "with",
        "without",
        "while",
        "whose",
        "before",
        "only",
        "inside",
    ]
)


def _of_many(clause: _Clause, held: Sequence[Held]) -> tuple[list[str], list[str]]:
    among = [h for h in held if not h.said]
    said = [h for h in held if h.said]
    having: list[Held] = []
    only_outcome = bool(among) and all(h.condition in OUTCOMES for h in among)
    for one in said:
        told = [h for h in having if h.condition in OUTCOMES or parts(h.condition)[0] == PREDICTED]
        made = only_outcome and clause.verb in ("gets", "does", "do", "did", "make", "makes")
        (among if one.prep in _AMONG and (told or made) else having).append(one)
    if not having:
        within = [h for h in among if h.prep == "among"]
        outcomes = [h for h in among if h.condition in OUTCOMES]
        if within and len(within) < len(among):
            having = [h for h in among if h.prep not in ("among", "before")]
        elif outcomes:
            having = outcomes
        elif clause.head == "share" or any(parts(h.condition)[0] == PREDICTED for h in among):
            having = [h for h in among if h.prep != "before"]
        among = [h for h in among if h not in having]
    return [h.condition for h in among], [h.condition for h in having]


def _several(held: Sequence[Held], clause: _Clause) -> tuple[str, ...]:
    """Conditions of several columns of which one is enough: ``a television or a cat``, ``add up television, cat and stools``."""
    others = [
        h for h in held if h.condition not in OUTCOMES and parts(h.condition)[0] not in (TRUE, PREDICTED)
    ]
    columns = {parts(h.condition)[0] for h in others}
    if len(columns) < 2 or not (clause.either or any(h.either for h in others[1:])):
        return ()
    return tuple(dict.fromkeys(h.condition for h in others))


def _merged(conditions: Sequence[str], by: str) -> tuple[list[str], str]:
    """Several values of one name as ``true=kitchen|bathroom``, each of them told: by that name."""
    values: dict[str, list[str]] = {}
    for one in dict.fromkeys(conditions):
        name, sign, value = parts(one)
        values.setdefault(f"{name}{sign}" if sign == "=" else one, []).append(value)
    made = []
    for key, found in values.items():
        if key.endswith("=") and not key.endswith(("!=", "<=", ">=")):
            several = len(found) > 1 and not set(found) <= {"yes", "no"}
            made.append(f"{key}{'|'.join(found)}" if several else f"{key}{found[-1]}")
            by = by or (key[:-1] if several else "")
        else:
            made.append(key)
    return made, by


def _joined(made: Sequence[Count]) -> list[Count]:
    """Clauses of one sentence: one that speaks of the images before it counts among them."""
    counts: list[Count] = []
    for one in made:
        before = counts[-1] if counts else None
        if before is None or not one.head:
            counts.append(one)
            continue
        bare = not one.among and not any(c not in OUTCOMES for c in one.having)
        if one.those or (bare and one.having and not before.having):
            base = (*before.among, *(before.having if before.having and not (set(one.having) & set(OUTCOMES) and set(before.having) & set(OUTCOMES)) else ()))  # fmt: skip
            joined = replace(one, among=tuple(dict.fromkeys((*base, *one.among))), splits=one.splits or before.splits, those=before.those)  # fmt: skip
            if before.having:
                counts.append(joined)
            else:
                counts[-1] = joined
        elif not one.among and not one.having and one.splits and before.head:
            counts.append(replace(before, splits=one.splits))
        else:
            counts.append(one)
    return counts


__all__ = ["OUTCOMES", "Count", "Mark", "denied", "parts", "read"]
