"""Tables in an answer: each cell is the sentence that its row and the head of its column make of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from failsight.agent.grounding.lexicon import ELSEWHERE, SAID, marked_quantities, recorded
from failsight.agent.grounding.names import Lexicon

_LINE = re.compile(r"^[ \t]*\|.*$", re.MULTILINE)
_RULE = re.compile(r"^[ \t]*\|(?:\s*:?-+:?\s*\|)+\s*$")
_REFERENCE = re.compile(r"\[(?:[EF]\d+(?:, ?| )?)+\]|\b[EF]\d+\b")
_DIGIT = re.compile(r"\d")
_BARE = re.compile(r"[\s*_`]*[-+−±]?\d[\d.,]*[\s*_`]*")  # a cell that is one number without a unit
_UNIT = re.compile(
    r"[\[(]\s*(?P<unit>%|percent|points|pp|s|ms|seconds|times)\s*[\])]|,?\s(?P<bare>%)\s*$", re.IGNORECASE
)
_COUNT = re.compile(r"^\s*(?:n|no\.?|#|count|number)\s*$", re.IGNORECASE)
_TAKEN = re.compile(r"\b(?:taken|mistaken) for\b|\bcalled\b|\banswered (?:as|with)\b", re.IGNORECASE)
_PROSE = 5  # words: a longer cell is a sentence and no label
_ALSO = re.compile(r"taken|predict|answer|toward|called|class|split|\bset\b|images|label", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell with numbers, as the sentence that it stands for.

    Attributes:
        start, end: where the cell stands in the answer.
        said: the sentence; ``at`` is where the cell begins in it.
    """

    start: int
    end: int
    said: str
    at: int


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table with a head: where it stands and its cells with numbers."""

    start: int
    end: int
    cells: tuple[Cell, ...]


def rows(text: str, lexicon: Lexicon) -> Iterator[Row]:
    """The rows of all tables of ``text`` that have a head."""
    lines = list(_LINE.finditer(text))
    heads: list[str] | None = None
    caption, last = "", -2
    for at, line in enumerate(lines):
        if line.start() != last + 1:
            heads = None
        last = line.end()
        following = lines[at + 1] if at + 1 < len(lines) else None
        if heads is None:
            if following is not None and following.start() == last + 1 and _RULE.match(following[0]):
                heads = [text[a:b].strip() for a, b in _places(line)]
                caption = _caption(text[: line.start()])
                heads[:1] = [_whole_head(h, text[: line.start()], lexicon) for h in heads[:1]]
        elif not _RULE.match(line[0]):
            yield Row(line.start(), line.end(), tuple(_cells(text, line, heads, caption, lexicon)))


def _places(line: re.Match[str]) -> list[tuple[int, int]]:
    """Where the cells of a line stand, without the blanks around them."""
    bars = [m.start() for m in re.finditer(r"(?<!\\)\|", line[0])]
    ends = [*bars[1:], len(line[0])] if not line[0].rstrip().endswith("|") else bars[1:]
    made = []
    for a, b in zip(bars, ends, strict=False):
        inner = line[0][a + 1 : b]
        left = line.start() + a + 1 + len(inner) - len(inner.lstrip())
        made.append((left, max(left, line.start() + a + 1 + len(inner.rstrip()))))
    return made


def _whole_head(head: str, before: str, lexicon: Lexicon) -> str:
    """``taken for``: over a column of classes, what is taken for them is the one class of the line above."""
    if not _TAKEN.search(head):
        return head
    line = next((part for part in reversed(before.split("\n")[-3:]) if part.strip()), "")
    classes = lexicon.find(head).classes or lexicon.find(line).classes
    name = next(iter(classes)) if len(classes) == 1 else ""
    return f"{name} taken for" if name else head


def _caption(before: str) -> str:
    """The quantity that the line above a table names, where it names one."""
    line = next((part for part in reversed(before.split("\n")[-3:]) if part.strip()), "")
    found = marked_quantities(line)
    return line[found[0][1] : found[0][2]] if len({names for names, _, _ in found}) == 1 else ""


def _cells(
    text: str, line: re.Match[str], heads: list[str], caption: str, lexicon: Lexicon
) -> Iterator[Cell]:
    places = _places(line)
    inside = [text[a:b] for a, b in places]
    refs = " ".join(dict.fromkeys(_REFERENCE.findall(line[0])))
    refs = " ".join(f"[{r}]" if r[0] != "[" else r for r in refs.split())
    label = ""
    quantity = caption
    for at, (cell, (start, end)) in enumerate(zip(inside, places, strict=True)):
        head = heads[at] if at < len(heads) else ""
        bare = _REFERENCE.sub(" ", cell)
        measured = _DIGIT.search(bare) is not None and not lexicon.find(bare).entities and at > 0
        if not measured or not label:
            label = _labelled(label, head, cell, lexicon)
            continue
        mate = _mate(label, head, heads, lexicon)
        if mate:
            lead = f"{head} taken for {mate}: "
            yield Cell(start, end, f"{lead}{cell} {refs}".rstrip() + ".", len(lead))
            continue
        unit = _UNIT.search(head)
        plain = _UNIT.sub(" ", head).strip()
        quantity = plain if _is_quantity(plain) else quantity
        lead = f"For {label} the {_named(plain, quantity)} "
        tail = f" {unit['unit'] or unit['bare']}" if unit is not None and _BARE.fullmatch(cell) else ""
        yield Cell(start, end, f"{lead}{cell}{tail} {refs}".rstrip() + ".", len(lead))


_THE_OTHER = re.compile(
    r"\b(?:taken|mistaken) for the other\b|\b(?:called|confused with|answered as) the other\b", re.IGNORECASE
)


def _mate(label: str, head: str, heads: list[str], lexicon: Lexicon) -> str:
    """``taken for the other`` under one of two columns of classes: the class of the other one."""
    named = [h for h in heads if len(lexicon.find(h).classes) == 1]
    if len(named) != 2 or head not in named or not _THE_OTHER.search(label):
        return ""
    return next(h for h in named if h != head)


def _labelled(label: str, head: str, cell: str, lexicon: Lexicon) -> str:
    """What a row is about so far: its first cell, and further ones that name things."""
    bare = _REFERENCE.sub(" ", cell).strip(" *_`")
    if not label and bare and head.endswith(" taken for") and lexicon.find(bare).classes:
        return f"{head} {bare}"
    if not label and bare and lexicon.find(head).attributes and not lexicon.find(bare).entities:
        return f"{head.strip(' *_`')}={bare}" if lexicon.find(f"{head.strip()}={bare}").values else bare
    if not label or not bare:
        return label or bare
    if len(bare.split()) > _PROSE:
        return label
    if _ALSO.search(head) or lexicon.find(bare).entities | lexicon.find(bare).splits:
        return f"{label}, {head} {bare}"
    return label


def _is_quantity(head: str) -> bool:
    """Whether a head names what its column holds."""
    return bool(marked_quantities(head)) or recorded(head) in SAID


def _named(head: str, quantity: str) -> str:
    """The head of a column as the subject of a sentence."""
    if _COUNT.match(head):
        return "number of images is"
    if _is_quantity(head) or not quantity:
        return f"{head} is" if _is_quantity(head) else f"{head}:"
    if ELSEWHERE.search(head):
        return f"{quantity} elsewhere is"
    return f"{quantity}, {head}, is"
