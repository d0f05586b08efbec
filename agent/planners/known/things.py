"""The things that a sentence names: classes, groups of images, columns, the images that its words mean.

Everyday words count as well: ``when the lights are off`` is the recorded dark lighting, ``in our homes`` the images from real use, ``old
lamps`` the upper half of a column of numbers whose name has that word. What a sentence does not name it takes from the one before it,
where it goes on with that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from failsight.agent.planners import antecedents, grouped, looking, looks, words
from failsight.agent.planners.counting import words as w
from failsight.agent.planners.counting.base import median
from failsight.agent.planners.slots import splits
from failsight.knowledge_base.calendar import kind_of
from failsight.knowledge_base.condition_text import column_of, parts
from failsight.knowledge_base.conditions import condition
from failsight.knowledge_base.directions import directions
from failsight.knowledge_base.people import are_numbers
from failsight.knowledge_base.vocabulary import words_of

if TYPE_CHECKING:
    from failsight.agent.case import Case
    from failsight.agent.planners.dialogue import Turn
    from failsight.knowledge_base.vocabulary import Mention, Mentions

MOST_COLUMNS: Final = 2
BACK: Final = 40  # turns that a limit which was said before may lie back
SHORT: Final = 9  # words of a sentence that may go on with the one before it
#: everyday words for how pictures look, beside those that ask for pictures → the measure, and whether its low end is meant
_EVERYDAY: Final = (
    (
        re.compile(
            r"\b(?:(?:at|by|during|in) (?:the )?(?:night(?:s|time)?|dark(?:ness)?|evenings?)|nights?|night-?time|darkness|(?:the )?(?:lights?|lamps?) (?:is|are|were|was|goes?|being)?(?: (?:switched|turned))? ?(?:off?|out)\b"
            r"|(?:without|no|(?:too )?little|low|poor|bad|dim|not enough) light(?:ing)?|(?:in |when |if )?(?:it'?s |it is |it gets |is )?(?:too |very |so )?dark(?:er)?)\b",
            re.IGNORECASE,
        ),
        "brightness",
        True,
    ),
    (
        re.compile(
            r"\b(?:(?:at|by|during|in) (?:the )?(?:day(?:s|time|light)?|broad daylight|sun(?:light|shine)?)|daylight|(?:the )?(?:lights?|lamps?) (?:is|are|were|was|being)?(?: (?:switched|turned))? ?on|well lit|bright(?:ly)?)\b",
            re.IGNORECASE,
        ),
        "brightness",
        False,
    ),
    (re.compile(r"\b(?:blurr?(?:y|ed)|unsharp|out of focus|shaky|shaken)\b", re.IGNORECASE), "sharpness", True),
    (re.compile(r"\b(?:sharp|in focus)\b", re.IGNORECASE), "sharpness", False),
)  # fmt: skip
_REAL_USE: Final = re.compile(
    r"\b(?:(?:in|under|during) (?:the )?(?:real(?: (?:use|life|world|conditions))?|practice|every ?day (?:use|life)|actual use|daily (?:use|life)|use|reality)"
    r"|(?:at|in) (?:home|our homes|people'?s homes|the homes)|(?:our|their|the users?'?|users'|people'?s|my|your)(?: own)? (?:own )?(?:photos?|pictures?|images?|phones?)|when (?:people|our \w+|they|users|we) (?:really )?use it|outside (?:the )?(?:lab|tests?))\b",
    re.IGNORECASE,
)
#: adjectives → words of the names of columns that measure it
_MEASURES: Final = (
    (re.compile(r"\b(?:fast|slow|quick)(?:er|ly)?\b", re.IGNORECASE), ("speed", "velocity", "pace", "rpm", "fps")),
    (re.compile(r"\b(?:tall|high|low)(?:er)?\b", re.IGNORECASE), ("height", "altitude")),
    (re.compile(r"\b(?:heavy|heavier|light weight|lighter)\b", re.IGNORECASE), ("weight", "mass", "load")),
    (re.compile(r"\b(?:expensive|cheap|dear)(?:er)?\b", re.IGNORECASE), ("price", "cost", "usd", "eur")),
    (re.compile(r"\b(?:old|young|elderly)(?:er)?\b", re.IGNORECASE), ("age",)),
)  # fmt: skip
_AS_COLUMN: Final = re.compile(
    r"\b(?:by|per|each|every|(?:var|chang|differ|correlat|associat|depend|go|along|compar|do|does)\w* (?:with|on)|matter|effect of|about|attribute|column)(?: the)?\s*$",
    re.IGNORECASE,
)
_MATTERS: Final = re.compile(
    r"\s*(?:matters?|play|plays|counts?|influence|make|makes|have|has|an? (?:effect|influence|problem|role)|\?|$)",
    re.IGNORECASE,
)
_SHOWN: Final = re.compile(
    r"\b(?:with|without|no|has|have|having|showing|shows?|sees?|contain\w*|on|in|from|under|when|where|if|of|for|is|are|and)(?: (?:an?|the|any|some|much|lots of))*\s*$",
    re.IGNORECASE,
)
_LIVES: Final = re.compile(r"\b(?:that|which|who) (?!is\b|are\b)[a-z]+\s+$", re.IGNORECASE)
_NOUN: Final = re.compile(
    r"\s+(?!(?:is|are|was|were|does|do|did|has|have|had|matter|and|or|but|in|on|at|for|with|so|that|too|also|then|now)\b)[^\W\d_]{3,}",
    re.IGNORECASE,
)
_COMPARED: Final = re.compile(
    r"er(?: \w+)? than\b", re.IGNORECASE
)  # of looks: "darker than the others" is no group
_FROM_IT: Final = re.compile(
    r"\b(?:from|with|by|under|because of|due to|of|on) (?:it|that|this|these|those|them)\b|\bwhy\b.*\b(?:there|here|then)\b",
    re.IGNORECASE,
)
_THERE: Final = re.compile(r"\bwhy\b.*\b(?:there|here|then)\b", re.IGNORECASE)
_HIGH: Final = re.compile(r"\b(?:old(?:er|est)?|aged|worn(?:-?out)?|high(?:er)?|long(?:er)?|large(?:r)?|big(?:ger)?|fast(?:er)?|quick(?:er)?|many|heav(?:y|ier)|late(?:r)?|tall(?:er)?|expensive)\b", re.IGNORECASE)  # fmt: skip
_LOW: Final = re.compile(r"\b(?:new(?:er|est|ly)?|fresh|young(?:er)?|low(?:er)?|short(?:er)?|small(?:er)?|slow(?:er)?|few(?:er)?|light(?:er)?|early|earlier|cheap(?:er)?)\b", re.IGNORECASE)  # fmt: skip
_GOES_ON: Final = re.compile(
    r"^\W*(?:and|but|so|also|ok(?:ay)?|then|what about|how about|no|yes|why)\b|\bthere\b", re.IGNORECASE
)
#: before a word that says who is told something, and names no column
_READER: Final = re.compile(
    r"\b(?:tell(?:ing)?|told|inform|phone|e-?mail|(?:write|say|explain|show|report|letter|message|mail|note|complain|sentences?|summary|page)(?: \w+)? (?:to|for)|write|ask|call)\s+(?:(?:the|our|my|a|their)\s+)$",
    re.IGNORECASE,
)
_NO_PART_TEXT: Final = "computed centre center width height size style type kind image number count name value level data model class label file path time date part side light colour color"
_NO_PART: Final = frozenset(_NO_PART_TEXT.split())


@dataclass(frozen=True, slots=True)
class Things:
    """What a sentence is about.

    Attributes:
        classes: those that it names, in order.
        group: conditions of the images that it speaks of: ``lighting=dark``.
        columns: attributes that it names without a value.
        split: the images that its words mean; empty where they mean none.
        pair: which class is taken for which, where it says so.
        taken: what its classes and group were taken from, where that was the sentence before it.
        assumed: what was assumed of a group, told beside the answer.
    """

    classes: tuple[str, ...] = ()
    group: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    split: str = ""
    pair: tuple[str, str] | None = None
    taken: bool = False
    assumed: str = ""

    def __bool__(self) -> bool:
        return bool(self.classes or self.group or self.columns or self.split)


def things_of(case: Case, mentions: Mentions, before: Sequence[Turn] = ()) -> Things:
    """The things in a sentence, with those of the one before it where it goes on with that.

    Args:
        mentions: the names of the case in the sentence.
        before: the turns so far.
    """
    made = named(case, mentions, before)
    text = mentions.sentence
    if not made.group and before and _FROM_IT.search(text) and (held := _last_group(case, before)):
        made = replace(made, group=held, split=made.split or looks.only_in(case, held) or "")
    goes_on = _GOES_ON.search(text) is not None and len(text.split()) <= SHORT
    if not goes_on or made.classes or not before:
        return made
    last = _last_class(case, before)
    if not last or not (made or _THERE.search(text)):
        return made
    return replace(made, classes=(last,), taken=True)


def _last_class(case: Case, before: Sequence[Turn]) -> str:
    """The class that the last answer was about, or began with."""
    found = antecedents.recent(case, before)[:1]
    return antecedents.class_of(found[0].counts[0]) if found and found[0].counts else ""


def _last_group(case: Case, before: Sequence[Turn]) -> tuple[str, ...]:
    """The group that the last answer was about."""
    found = antecedents.recent(case, before)[:1]
    held = found[0].counts[0].among if found and found[0].counts else ()
    return tuple(c for c in held if parts(c)[0] not in ("true", "predicted") and parts(c)[1])


def named(case: Case, mentions: Mentions, before: Sequence[Turn] = ()) -> Things:
    """The things that a sentence itself names."""
    text = mentions.sentence
    classes = tuple(dict.fromkeys(m.name for m in mentions.found if m.role == "class"))
    group, spans, looked = _group(case, mentions)
    columns = _columns(case, mentions, group, spans)
    limits, assumed = _limits(case, text, columns, before)
    columns = tuple(c for c in columns if c not in {column_of(one) for one in limits})
    group = tuple(dict.fromkeys((*group, *limits)))
    taken_for = (
        w.CALLED.search(text) is not None or re.search(r"\bconfus\w+", text, re.IGNORECASE) is not None
    )
    pair = directions(mentions) if len(classes) == 2 and taken_for else (None, None)
    both = (pair[0], pair[1]) if pair[0] and pair[1] else None
    quarter = " ".join(filter(None, (looks.said(case, c) for c in looked)))
    return Things(
        classes, group, columns[:MOST_COLUMNS], _split(case, text, group), both, False, quarter or assumed
    )


def _split(case: Case, text: str, group: tuple[str, ...]) -> str:
    """The images that the words mean: those that are named, those from real use, or those that alone have the group."""
    there = list(case.splits())
    found = [s for s in splits(text) if s in there]
    if found:
        return found[0]
    if "deploy" in there and _REAL_USE.search(text):
        return "deploy"
    return looks.only_in(case, group) or ""


def _group(case: Case, mentions: Mentions) -> tuple[tuple[str, ...], list[tuple[int, int]], list[str]]:
    """All conditions of a sentence: by names of the case, by things in the pictures, by how pictures look; where they stand, and the last kind."""
    text = mentions.sentence
    made = grouped.group_in(case, mentions)
    held = [
        *made.conditions,
        *(f"{name}={'|'.join(values)}" for name, values in made.each.items() if _told(name, values, case)),
    ]
    spans = list(made.spans)
    known = {column_of(c) for c in held}
    looked = list(made.conditions) if made.looked else []
    for one in mentions.found:
        free = not any(a < one.end and one.start < b for a, b in spans)
        if one.role == "object" and free and one.name not in known:
            held.append(condition(mentions, one))
            spans.append((one.start, one.end))
    for one in mentions.found:
        free = not any(a < one.end and one.start < b for a, b in spans)
        if one.role == "attribute" and free and one.name not in known and _is_there(case, mentions, one):
            held.append(condition(mentions, one))
            spans.append((one.start, one.end))
    timed = any(kind_of(n, words.vocabulary(case).attributes.get(n, ())) for n in known)
    for pattern, measure, low in (*_EVERYDAY, *looking.LOOKS[:4]):
        found = pattern.search(text)
        if (
            found is None
            or _COMPARED.match(text[found.end() - 2 :])
            or any(a < found.end() and found.start() < b for a, b in spans)
        ):
            continue
        if timed and looks.recorded(case, measure, low) is None:
            continue  # in winter it is dark: the month says which images are meant
        where = looks.condition(case, measure, low)
        if where is not None and column_of(where) not in {column_of(c) for c in held}:
            held.append(where)
            looked.append(where)
            spans.append(found.span())
    return tuple(dict.fromkeys(held)), spans, looked


def _is_there(case: Case, mentions: Mentions, one: Mention) -> bool:
    """``wet fruit``, ``with hair``: whether a column of yes and no is named as what the images show, and not as a column."""
    values = {v.casefold() for v in words.vocabulary(case).attributes.get(one.name, ())}
    if not values or values - {"yes", "no"}:
        return False
    before, after = mentions.sentence[: one.start], mentions.sentence[one.end :]
    if _AS_COLUMN.search(before):
        return False
    if _LIVES.search(before) or any(m.role == "class" and m.end + 1 == one.start for m in mentions.found):
        return True  # cats that live indoors, a cat taken for a dog indoors
    return _SHOWN.search(before) is not None or (_NOUN.match(after) is not None and not _MATTERS.match(after))


def as_values(case: Case, mentions: Mentions) -> Mentions:
    """A sentence in which columns of yes and no that are named as what pictures show are values: ``the indoor cats``, ``wet fruit``."""
    found = tuple(
        replace(m, role="value", name=condition(mentions, m))
        if m.role == "attribute" and _is_there(case, mentions, m)
        else m
        for m in mentions.found
    )
    return replace(mentions, found=found) if found != mentions.found else mentions


def _told(name: str, values: Sequence[str], case: Case) -> bool:
    """Whether several values of a column are a group of their own, and not each value of the column beside the others."""
    return len(values) < len(words.vocabulary(case).attributes.get(name, ()))


# --- columns -----------------------------------------------------------------------------------------------------------


def _columns(
    case: Case, mentions: Mentions, group: Sequence[str], spans: Sequence[tuple[int, int]]
) -> tuple[str, ...]:
    """Columns that are named without a value, or by one word of their name."""
    held = {column_of(c) for c in group}
    made = [m.name for m in mentions.found if m.role == "attribute" and m.name not in held]
    return tuple(n for n in dict.fromkeys([*made, *_by_part(case, mentions, spans)]) if n not in held)


def _by_part(case: Case, mentions: Mentions, spans: Sequence[tuple[int, int]]) -> Iterator[str]:
    """``the lamps`` for ``lamp_hours``, where that word stands in the name of one column alone."""
    owners: dict[str, set[str]] = {}
    for name in words.vocabulary(case).attributes:
        parts = words_of(name)
        for part in parts if len(parts) > 1 else ():
            owners.setdefault(part, set()).add(name)
    taken = [*((m.start, m.end) for m in mentions.found), *spans]
    yield from _by_measure(case, mentions.sentence, taken)
    for found in re.finditer(r"[^\W\d_]{4,}", mentions.sentence):
        if any(a < found.end() and found.start() < b for a, b in taken) or _READER.search(mentions.sentence[: found.start()]):  # fmt: skip
            continue
        for word in words_of(found.group()):
            if word not in _NO_PART and len(owners.get(word, ())) == 1:
                yield next(iter(owners[word]))


def _by_measure(case: Case, sentence: str, taken: Sequence[tuple[int, int]]) -> Iterator[str]:
    """``faster`` for a column of speeds, ``old`` for one of ages or hours, where one column alone is of that; in ``old phones`` that is a
    value of another one, and ``taken``."""
    attributes: Mapping[str, Sequence[str]] = words.vocabulary(case).attributes
    for pattern, measures in _MEASURES:
        free = (
            m for m in pattern.finditer(sentence) if not any(a < m.end() and m.start() < b for a, b in taken)
        )
        if next(free, None) is not None:
            found = [n for n, v in attributes.items() if set(words_of(n)) & set(measures) and are_numbers(v)]
            if len(found) == 1:
                yield found[0]


def _limits(case: Case, text: str, columns: Sequence[str], before: Sequence[Turn]) -> tuple[list[str], str]:
    """``old lamps``: a column of numbers with a word for its high or low end, by the limit that was said before, else by its middle."""
    attributes: Mapping[str, Sequence[str]] = words.vocabulary(case).attributes
    high, low = _HIGH.search(text) is not None, _LOW.search(text) is not None
    if high == low:
        return [], ""
    made, assumed = [], ""
    for name in columns:
        if not are_numbers(attributes.get(name, ())):
            continue
        said = _said_before(name, before)
        middle = None if said else median(case, name)
        limit = said or middle
        if limit is not None:
            made.append(f"{name}{'>' if high else '<='}{limit}")
            assumed = f"{name}|{limit}" if middle is not None else assumed
    return made, assumed


def _said_before(column: str, before: Sequence[Turn]) -> str | None:
    """The limit of a column with which something was last measured."""
    limit = re.compile(rf"(?<!\w){re.escape(column)}(?:<=|>=|<|>)(?P<value>-?\d+(?:\.\d+)?)")
    for turn in reversed(before[-BACK:]):
        found = next((m for a in turn.acts if (m := limit.search(str(dict(a.arguments)))) is not None), None)
        if found is not None:
            return found["value"]
    return None
