"""The outline of an answer: which heading, introductory line and references stand over each of its sentences.

A heading, a line that introduces a list or a table, a line in bold: what they name and cite holds for what stands below,
until the next one. What a paragraph or an item cites holds for all its sentences.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from failsight.agent.grounding.claims import ID
from failsight.agent.grounding.names import is_f1
from failsight.agent.grounding.sources import NOTHING

Kind = Literal["row", "item", "head", "text"]
_LINE = re.compile(r"[^\n]*\S[^\n]*")
_ITEM = re.compile(r"\s*(?:[-*•–]|\d{1,2}[.)])\s")
_RULE = re.compile(r"\s*\|(?:\s*:?-+:?\s*\|)+\s*$")
_REFERENCES = r"(?:\s*[\[(](?:[EF]\d+(?:, ?| )?)+[\])])*"
_HEAD = re.compile(rf"\s*(?:#{{1,6}}\s.*|\*\*[^*]+\*\*{_REFERENCES}\s*[:.]?{_REFERENCES}\s*)$")
_BOLD = re.compile(r"\s*(?:(?:[-*•–]|\d{1,2}[.)])\s+)?(?:\*\*|\*|__)(?P<said>[^*_\n]{2,80})(?:\*\*|\*|__)")
#: a line over others that says of what stands below that it is no claim
_SUPPOSED = re.compile(
    r"\bimpressions?\b|\bnot (?:a )?measure(?:d|ments?)\b|\b(?:my|our) guess(?:es)?\b|\bspeculat\w+",
    re.IGNORECASE,
)
_SEEN = re.compile(r"\bI (?:looked|see|saw)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Scope:
    """What stands over a sentence.

    Attributes:
        lead: the words of the lines over it and of the bold start of its own line.
        near: ids that its own line cites; ``over`` those of the lines over it, else the last ones above in its section.
        head: whether its line only introduces others.
        supposed: whether a line over it says that what follows is merely supposed.
        line: where its line begins; two sentences of one line have the same.
        section: where its section begins.
        leads: where the lines over it begin.
        listed: whether its line is an item of a list or a row of a table.
    """

    lead: str = ""
    near: frozenset[str] = NOTHING
    over: frozenset[str] = NOTHING
    head: bool = False
    supposed: bool = False
    line: int = 0
    section: int = 0
    leads: tuple[int, ...] = ()
    listed: bool = False


@dataclass(frozen=True, slots=True)
class _Line:
    kind: Kind
    start: int
    end: int


class Outline:
    """The lines of an answer and what stands over each."""

    def __init__(self, text: str, over: Scope | None = None) -> None:
        self._text, self._over = text, over
        self._lines = [_Line(_kind(m[0]), *m.span()) for m in _LINE.finditer(text)]
        self._known: dict[int, Scope] = {}

    def at(self, place: int) -> Scope:
        """What stands over the sentence at a place of the text."""
        if self._over is not None:
            return self._over
        at = next((i for i in range(len(self._lines) - 1, -1, -1) if self._lines[i].start <= place), -1)
        if at < 0:
            return Scope()
        if at not in self._known:
            self._known[at] = self._scope(at)
        return self._known[at]

    def _scope(self, at: int) -> Scope:
        line = self._lines[at]
        leads = self._leads(at)
        said = [self._text[one.start : one.end] for one in leads]
        own = self._text[line.start : line.end]
        bold = _BOLD.match(own) if line.kind != "head" else None
        following = self._lines[at + 1] if at + 1 < len(self._lines) else None
        opens = line.kind == "head" or (
            following is not None
            and ((line.kind == "text" and own.rstrip().endswith(":"))
                 or (line.kind == "row" and _RULE.match(self._text[following.start : following.end]) is not None))
        )  # fmt: skip
        section = next((one.start for one in self._lines[at::-1] if one.kind == "head"), 0)
        above = [one for one in self._lines[:at] if one.start >= section]
        below = itertools.takewhile(lambda one: one.kind != "head", self._lines[at + 1 :])
        nearest = (*leads, *below) if opens else (*leads, *reversed(above), *below)
        over = next((ids for one in nearest if (ids := _ids(self._text[one.start : one.end]))), NOTHING)
        return Scope(
            " ; ".join((*reversed(said), bold["said"] if bold else "")).strip(" ;"), _ids(own), over, opens,
            line.kind == "item" and self._supposed(leads, above), line.start, section,
            tuple(one.start for one in leads), line.kind in ("item", "row"),
        )  # fmt: skip

    def _supposed(self, leads: Sequence[_Line], above: Sequence[_Line]) -> bool:
        """Whether the line over an item says so, or one above in its section says so of all that was seen."""
        near = (self._text[one.start : one.end] for one in leads[:1])
        seen = (self._text[one.start : one.end] for one in above if one.kind == "text")
        return any(_SUPPOSED.search(s) for s in near) or any(
            _SUPPOSED.search(s) and _SEEN.search(s) for s in seen
        )

    def _leads(self, at: int) -> Sequence[_Line]:
        """The lines over one: for an item or a row the line that introduces it, and the heading over that; nearest first."""
        made: list[_Line] = []
        kind = self._lines[at].kind
        for one in self._lines[at - 1 :: -1] if at else ():
            if one.kind == "head":
                return [*made, one]
            if one.kind == "text" and kind in ("item", "row") and not made:
                made.append(one)
        return made


def _kind(line: str) -> Kind:
    if line.lstrip().startswith("|"):
        return "row"
    if _ITEM.match(line):
        return "item"
    return "head" if _HEAD.match(line) else "text"


def _ids(text: str) -> frozenset[str]:
    return frozenset(m[0] for m in ID.finditer(text) if not is_f1(text, m.start()))
