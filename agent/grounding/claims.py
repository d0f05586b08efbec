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


@dataclass(frozen=True, slots=True)
class Claim:
    """One statement of an answer, checked.

    Attributes:
        start, end: where it stands in the text.
        ok: whether the record holds it.
        refs: evidence and finding ids that hold it.
        reason: why it does not stand, in a few words.
    """

    kind: Kind
    start: int
    end: int
    ok: bool
    refs: tuple[str, ...] = ()
    reason: str = ""


def weighed(kind: Kind, start: int, end: int, ok: bool, refs: tuple[str, ...], reason: str) -> Claim:
    """A claim that the record was asked about: held by ``refs`` where it is ``ok``, else not, for ``reason``."""
    return Claim(kind, start, end, ok, refs if ok else (), "" if ok else reason)


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
        places = [(c.end, f" {UNVERIFIED}") for c in self.unverified]
        places += list(self._references())
        for at, mark in sorted(set(places), reverse=True):
            made = made[:at] + mark + made[at:]
        return made

    def _references(self) -> Iterator[tuple[int, str]]:
        for sentence in sentences(self.text):
            inside = [c for c in self.claims if sentence.start <= c.start < sentence.end]
            if not inside or ID.search(self.text[sentence.start : sentence.end]):
                continue
            refs = list(dict.fromkeys(r for c in inside if c.ok for r in c.refs[:1] if r.startswith("E")))
            if refs:
                said = self.text[sentence.start : sentence.end].rstrip()
                if said.lstrip().startswith("|") and said.endswith("|"):  # inside the last cell of a row
                    said = said[:-1].rstrip()
                end = sentence.start + len(said.rstrip(".!"))
                yield end, " " + "".join(f"[{r}]" for r in refs[:3])
