"""What a claim is, and a text with its claims."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from failsight.agent.grounding.numbers import sentences

Kind = Literal["number", "verdict", "cause", "name", "rank", "comparison", "status"]
UNVERIFIED = "⟨unverified⟩"
ID = re.compile(r"\b([EF])(\d+)\b")


#: kinds of claims that stand on a recorded value or verdict: only these tell what a sentence rests on
_MATCHED = ("number", "verdict", "rank", "comparison")


@dataclass(frozen=True, slots=True)
class Claim:
    """One statement of an answer, checked.

    Attributes:
        start, end: where it stands in the text.
        ok: whether the record holds it.
        refs: evidence and finding ids that hold it.
        reason: why it does not stand, in a few words.
        named: whether the sentence itself says what its value is of: only then its evidence is put behind the sentence.
    """

    kind: Kind
    start: int
    end: int
    ok: bool
    refs: tuple[str, ...] = ()
    reason: str = ""
    named: bool = True


def weighed(kind: Kind, start: int, end: int, ok: bool, refs: tuple[str, ...], reason: str) -> Claim:
    """A claim that the record was asked about: held by ``refs`` where it is ``ok``, else not, for ``reason``."""
    return Claim(kind, start, end, ok, refs if ok else (), "" if ok else reason)


#: where a clause ends: not at a stop inside a number or before a reference
_CLAUSE_END = re.compile(r"[,;](?=\s)|[.!?]*\**\s*$|[.!?]\**(?=\s)|\s*\||(?<!\*\*)\s\((?=[^)]*\d)")
_REFERENCE = re.compile(r"\[(?:[EF]\d+(?:, ?| )?)+\]")


@dataclass(frozen=True, slots=True)
class Checked:
    """An answer with its claims."""

    text: str
    claims: tuple[Claim, ...]

    @property
    def unverified(self) -> tuple[Claim, ...]:
        """The claims that the record does not hold."""
        return tuple(c for c in self.claims if not c.ok)

    def marked(self) -> str:
        """The text with a mark behind everything unverified, and a reference behind each sentence that lacks one."""
        made = self.text
        places = [(self._mark_of(c), f" {UNVERIFIED}") for c in self.unverified]
        places += list(self._references())
        for at, mark in sorted(set(places), reverse=True):
            made = made[:at] + mark + made[at:]
        return made

    def _mark_of(self, claim: Claim) -> int:
        """Where the mark of a claim stands: behind a number, name or verdict, else at the end of its clause; never in a reference."""
        at = claim.end
        if claim.kind in ("comparison", "rank", "cause", "status"):
            end = self.text.find("\n", at)
            line = self.text[at : end if end >= 0 else len(self.text)]
            stop = _CLAUSE_END.search(line)
            at += stop.start() if stop is not None else len(line)
        inside = _REFERENCE.match(self.text, self.text.rfind("[", 0, at) if "[" in self.text[:at] else 0)
        at = inside.end() if inside is not None and inside.start() < at < inside.end() else at
        if self._in_row(claim.start):  # behind the closing bar it would break the table
            stop_at = self.text.find("\n", claim.start)
            row = self.text[: stop_at if stop_at >= 0 else len(self.text)].rstrip()
            at = min(at, len(row[:-1].rstrip()) if row.endswith("|") else len(row))
        bold = re.match(r"[:.]?\*{1,2}", self.text[at:])
        opened = self.text[self.text.rfind("\n", 0, at) + 1 : at].count("**") % 2
        return at + bold.end() if bold is not None and opened else at

    def _in_row(self, at: int) -> bool:
        """Whether a place lies in a row of a table."""
        return self.text[self.text.rfind("\n", 0, at) + 1 : at + 1].lstrip().startswith("|")

    def _references(self) -> Iterator[tuple[int, str]]:
        for sentence in sentences(self.text):
            inside = [c for c in self.claims if sentence.start <= c.start < sentence.end]
            said = self.text[sentence.start : sentence.end]
            if not inside or ID.search(said) or said.rstrip(" *").endswith(":"):
                continue  # a line that only introduces others rests on nothing yet
            refs = list(
                dict.fromkeys(
                    r
                    for c in inside
                    if c.ok and c.named and c.kind in _MATCHED
                    for r in c.refs[:1]
                    if r.startswith("E")
                )
            )
            if refs and all(c.ok for c in inside if c.kind not in _MATCHED):
                said = self.text[sentence.start : sentence.end].rstrip()
                if self._in_row(sentence.start) and said.endswith("|"):  # inside the last cell of a row
                    said = said[:-1].rstrip()
                end = sentence.start + len(said.rstrip(".!"))
                yield end, " " + "".join(f"[{r}]" for r in refs[:3])
