"""The text of an evidence for a language model: what a question needs first, nothing twice, and how the rest is read.

A value that stands in a table is not listed a second time; one placeholder of each kind shows how it is named. What does not
fit is cut at the end of a row, each table by itself, and says with which call of ``show_evidence`` it goes on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from failsight.agent.planners.slots import SPOKEN
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence, Fact, ImageRef, Table
from failsight.tools.faces import cell_text, finding_text
from failsight.tools.text import clean, harmless, interval, number

if TYPE_CHECKING:
    from failsight.agent.case import Case

READ_ON = "show_evidence"  # the call that reads on
#: how the titles of those tables begin that come before all else of their tool
FIRST = {"confusion_matrix": ("Confusion matrix",), "evaluate": ("Classes",)}
FEW = 5  # rows of a part that are shown before any other part gets more
ATTRIBUTES = 8  # of one image
SEARCHED = 400  # rows of a table in which values are looked for
_IMAGES = "Images (a piece of one is named as a region or cue like:E1#1,x0,y0,x1,y1, with its own id):"
_KINDS = {"class", "slice", "split", "attribute", "of", "taken", "for", "answered", "the", "images"}
_WORD = re.compile(r"[^\s,;|()=]+")
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class Part:
    """One part of an evidence: a head and its rows; what belongs below it."""

    name: str
    head: str
    rows: tuple[str, ...]
    below: str = ""

    def lines(self, count: int, evidence: str, first: int = 1) -> list[str]:
        """``count`` rows from number ``first`` on, and how it goes on."""
        shown = self.rows[first - 1 : first - 1 + count]
        left = len(self.rows) - (first - 1) - len(shown)
        call = f'{READ_ON}(evidence="{evidence}", part="{self.name}", first={first + len(shown)})'
        more = [f"… {left} more rows: {call}"] if left > 0 else []
        return [*([self.head] if self.head else []), *shown, *more, *([self.below] if self.below else [])]

    def size(self, count: int) -> int:
        """Characters of so many rows, with what stands around them."""
        around = len(self.head) + len(self.below) + (120 if count < len(self.rows) else 0)
        return around + sum(map(len, self.rows[:count])) + count + 3


def told(evidence: Evidence, case: Case, limit: int) -> str:
    """``evidence`` in about ``limit`` characters."""
    lines = _lead(evidence, case, limit // 2)
    room = limit - sum(map(len, lines)) - len(lines)
    parts = list(_parts(evidence, case))
    counts = [min(FEW, len(p.rows)) for p in parts]
    sizes = [p.size(c) for p, c in zip(parts, counts, strict=True)]
    while sum(sizes) > room and any(counts):  # not even the first rows of all of them: the last ones give way
        at = max(i for i, c in enumerate(counts) if c)
        counts[at], sizes[at] = 0, len(parts[at].name) + 14
    for at, part in enumerate(parts):
        while counts[at] and counts[at] < len(part.rows):
            more = part.size(counts[at] + 1)
            if sum(sizes) - sizes[at] + more > room:
                break
            counts[at], sizes[at] = counts[at] + 1, more
    for part, count in zip(parts, counts, strict=True):
        lines += part.lines(count, evidence.id) if count else []
    out = [f"{p.name} ({len(p.rows)} rows)" for p, c in zip(parts, counts, strict=True) if p.rows and not c]
    if out:
        lines.append(
            f'… not shown: {"; ".join(out)}. {READ_ON}(evidence="{evidence.id}", part="NAME") shows one'
        )
    return "\n".join(lines)


def part_of(evidence: Evidence, case: Case, name: str, first: int, limit: int) -> str:
    """One part of ``evidence`` from row ``first`` on; without a name, which parts there are.

    Raises:
        RetryError: no such part, or no such row.
    """
    parts = list(_parts(evidence, case))
    wanted = clean(name, 200).casefold().strip()
    if not wanted:
        listed = [f"- {p.name}: {len(p.rows)} rows" for p in parts]
        return "\n".join([*_lead(evidence, case), "Parts:", *listed])
    found = [p for p in parts if p.name.casefold() == wanted] or [
        p for p in parts if wanted in p.name.casefold()
    ]
    if not found:
        raise RetryError(
            f"{evidence.id} has no part {clean(name, 80)!r}; it has {', '.join(p.name for p in parts)}."
        )
    part = found[0]
    if not 1 <= first <= max(1, len(part.rows)):
        raise RetryError(f"{part.name} of {evidence.id} has the rows 1 to {len(part.rows)}.")
    count = 0
    while first - 1 + count < len(part.rows) and sum(map(len, part.rows[first - 1 : first + count])) < limit:
        count += 1
    return "\n".join([f"{evidence.id} {evidence.tool}", *part.lines(max(1, count), evidence.id, first)])


def image_line(evidence: Evidence, number_: int, columns: Mapping[str, Sequence[object]]) -> str:
    """``E22#3: living_room answered bedroom, confidence 98.3 %; television=no, lighting=dark``: no name of a file."""
    one: ImageRef = evidence.images[number_ - 1]
    said = clean(one.label or "no label", 60) + (
        f" answered {clean(one.prediction, 60)}" if one.prediction else ""
    )
    sure = f", confidence {number(one.confidence)}" if one.confidence is not None else ""
    caption = f"; {clean(one.caption, 120)}" if one.caption else ""
    known = [
        f"{clean(name, 40)}={clean(str(column[one.row]), 40)}"
        for name, column in columns.items()
        if one.row < len(column) and column[one.row] not in (None, "")
    ]
    return f"{evidence.id}#{number_}: {said}{sure}{caption}" + (
        f"; {', '.join(known[:ATTRIBUTES])}" if known else ""
    )


# --- its parts --------------------------------------------------------------------------------------------------------


def _lead(evidence: Evidence, case: Case, limit: int = 100_000) -> list[str]:
    """Headline, summary, and findings by their ids; these in few words where all of it would be over ``limit``."""
    records = list(case.state().records.values())  # another call of the same message may add to them
    ids = {r.finding.key: r.id for r in records}
    named = [(" ".join(filter(None, ("-", ids.get(f.key, "")))), f) for f in evidence.findings]
    lines = [f"{evidence.id} {evidence.tool}: {clean(evidence.title)}".strip(), harmless(evidence.summary)]
    whole = [f"{name} {finding_text(f).replace('.; ', '; ')}" for name, f in named]
    if sum(map(len, lines + whole)) > limit:
        whole = [f"{name} [{f.verdict or 'not decided here'}] {clean(f.statement, 160)}" for name, f in named]
    return lines + whole


def _parts(evidence: Evidence, case: Case) -> Iterator[Part]:
    first = FIRST.get(evidence.tool, ())
    tables = sorted(evidence.tables, key=lambda t: not t.title.startswith(first))
    texts = [[[cell_text(t, i, v) for i, v in enumerate(row)] for row in t.rows] for t in tables]
    rows = [list(_searchable(t, made)) for t, made in zip(tables, texts, strict=True)]
    held: dict[int, list[Fact]] = {}
    apart: list[Fact] = []
    for fact in evidence.facts:
        at = next((i for i, some in enumerate(rows) if _stands_in(fact, some)), None)
        (held.setdefault(at, []) if at is not None else apart).append(fact)
    shown = [
        Part(
            clean(table.title),
            f"{clean(table.title)}: {' | '.join(map(clean, table.columns))}",
            tuple(" | ".join(row) for row in texts[i]),
            _named(evidence.id, held.get(i, ())),
        )
        for i, table in enumerate(tables)
    ]
    early = sum(t.title.startswith(first) for t in tables)
    yield from shown[:early]
    if evidence.notes:
        yield Part("notes", "Notes:", tuple(f"- {harmless(n)}" for n in evidence.notes))
    if apart:
        yield Part("values", "Values:", tuple(_by_name(apart)))
    yield from shown[early:]
    if evidence.images:
        yield Part("images", _IMAGES, tuple(_images(evidence, case)))
    if evidence.next_steps:
        yield Part("next", "Next:", tuple(harmless(n) for n in evidence.next_steps))


def _images(evidence: Evidence, case: Case) -> Iterator[str]:
    columns = {s: case.table(s).columns for s in {i.split for i in evidence.images}}  # type: ignore[arg-type]
    for i, one in enumerate(evidence.images, 1):
        yield image_line(evidence, i, columns[one.split])


def _by_name(facts: Iterable[Fact]) -> Iterator[str]:
    """The values, those of one name in a line of about 600 characters."""
    lines: dict[str, list[str]] = {}
    for fact in facts:
        value = " ".join(filter(None, (number(fact.value, fact.unit), interval(fact.ci, fact.unit))))
        count = f" (n = {fact.n:,})" if fact.n is not None else ""
        lines.setdefault(fact.name, []).append(f"{f'of {clean(fact.of)} ' if fact.of else ''}{value}{count}")
    for name, told_of in lines.items():
        line = ""
        for one in told_of:
            if line and len(line) + len(one) > 600:
                yield line
                line = ""
            line = f"{line}; {one}" if line else f"- {name.replace('_', ' ')} {one}"
        yield line


def _searchable(table: Table, rows: Sequence[Sequence[str]]) -> Iterator[tuple[set[str], set[str]]]:
    """The words and numbers of each row, with those of the table's title."""
    title = _words(" ".join((table.title, *table.columns)))
    for row in rows[:SEARCHED]:
        text = " ".join(row)
        yield title | _words(text), set(_NUMBER.findall(text))


def _stands_in(fact: Fact, rows: Iterable[tuple[set[str], set[str]]]) -> bool:
    """Whether a row says this value of what it is of."""
    value = _NUMBER.search(number(fact.value, fact.unit))
    about = {SPOKEN.get(w, w) for w in _words(fact.of or fact.name)} - _KINDS
    return (
        value is not None
        and bool(about)
        and any(about <= words and value[0] in numbers for words, numbers in rows)
    )


def _words(text: str) -> set[str]:
    return {w.casefold().strip(".:") for w in _WORD.findall(text.replace("_", " "))} | {
        w.casefold().strip(".:") for w in _WORD.findall(text)
    }


def _named(evidence: str, facts: Sequence[Fact]) -> str:
    """How values of a table are named in a placeholder, one for each name."""
    first: dict[str, Fact] = {}
    for fact in facts:
        first.setdefault(fact.name, fact)
    shown = [f"{{{evidence}.{clean(f'{f.name} of {f.of}' if f.of else f.name, 80)}}}" for f in first.values()]
    return f"(by placeholder, for example: {', '.join(shown)})" if shown else ""
