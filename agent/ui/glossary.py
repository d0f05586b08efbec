"""The words of the trade, from the knowledge base. For both looks; reads files, so not for the thread that draws."""

from __future__ import annotations

from typing import NamedTuple

from failsight.agent.ui.words import inert_text

KINDS = ("term", "failure", "bug", "artifact", "instrument", "correction", "pitfall")
SHORTEST = 4  # letters from which on words that hold them are listed as well


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
    """The entries that ``wanted`` names, exact ones (``p`` is the p-value) first; else those whose text holds it; without it all proper terms."""
    from failsight.knowledge_base.meanings import entry_of
    from failsight.knowledge_base.search import load

    if not wanted.strip():
        return [t for t in known if t.kind == "term"]
    folded = wanted.strip().casefold()
    meant = entry_of(wanted, load())
    exact = [
        t for t in known if meant is not None and t.title == inert_text(meant.title) and t.kind == meant.kind
    ]
    if exact and len(folded) < SHORTEST:
        return exact  # p, q, CI: nearly every word holds these letters
    named = [t for t in known if t.fits(folded)]
    named = [*exact, *(t for t in named if t not in exact)]
    named.sort(
        key=lambda t: (
            t not in exact and folded not in (t.title.casefold(), *(a.casefold() for a in t.aliases))
        )
    )
    return named or [t for t in known if folded in t.text.casefold()]
