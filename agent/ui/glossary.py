"""The words of the trade, from the knowledge base. For both looks; reads files, so not for the thread that draws."""

from __future__ import annotations

from typing import NamedTuple

from failsight.agent.ui.words import inert_text

KINDS = ("term", "failure", "bug", "artifact", "instrument", "correction", "pitfall")


class Term(NamedTuple):
    """One entry: its word, what it means, where that comes from, other names, and the kind of entry."""

    title: str
    text: str
    source: str
    aliases: tuple[str, ...]
    kind: str

    def fits(self, wanted: str) -> bool:
        """Whether the word or one of its other names holds ``wanted``."""
        folded = wanted.casefold()
        return any(folded in name.casefold() for name in (self.title, *self.aliases))

    def line(self) -> str:
        """``Recall: Among pictures of the class … (also sensitivity; Failsight)``"""
        tail = "; ".join([*([f"also {', '.join(self.aliases)}"] if self.aliases else []), self.source])
        return f"{self.title}: {self.text} ({tail})"


def terms() -> list[Term]:
    """All entries: the glossary proper first, each kind in alphabetical order."""
    from failsight.knowledge_base.store import shipped

    made = [
        Term(inert_text(e.title), inert_text(e.text), e.source, e.aliases, e.kind)
        for e in shipped()
        if e.kind in KINDS
    ]
    return sorted(made, key=lambda t: (KINDS.index(t.kind), t.title.casefold()))


def looked_up(wanted: str, known: list[Term]) -> list[Term]:
    """The entries that ``wanted`` names, exact ones first; else those whose text holds it; without it all proper terms."""
    if not wanted.strip():
        return [t for t in known if t.kind == "term"]
    folded = wanted.strip().casefold()
    named = [t for t in known if t.fits(folded)]
    named.sort(key=lambda t: folded not in (t.title.casefold(), *(a.casefold() for a in t.aliases)))
    return named or [t for t in known if folded in t.text.casefold()]
