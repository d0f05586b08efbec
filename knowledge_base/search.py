"""Hybrid search over the entries: dense vectors and words together, words alone where there are no vectors."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Final

from failsight.knowledge_base.index import Index
from failsight.knowledge_base.lexical import Lexicon, best_per_group
from failsight.knowledge_base.rendering import Row, rows
from failsight.knowledge_base.schema import LEVELS, Entry
from failsight.knowledge_base.store import shipped

_DENSE: Final = 0.65
_WORDS: Final = 0.2
_LETTERS: Final = 0.15


@dataclass(frozen=True, slots=True)
class Hit:
    """An entry that matches a query. ``score`` lies in [0, 1]; ``mine`` is False for people's own entries."""

    id: str
    kind: str
    topic: str
    title: str
    text: str
    score: float
    source: str
    mine: bool


@dataclass(frozen=True, slots=True)
class Scores:
    """What a query scored with every row: ``words`` and ``letters`` always, ``dense`` (cosines) or None."""

    words: list[float]
    letters: list[float]
    dense: Any


class KnowledgeBase:
    """All entries, shipped and people's own, and search over them."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.entries: Mapping[str, Entry] = {entry.id: entry for entry in entries}

    def __getitem__(self, name: str) -> Entry:
        return self.entries[name]

    def __len__(self) -> int:
        return len(self.entries)

    def of_kind(self, kind: str) -> tuple[Entry, ...]:
        """The entries of one kind, in order."""
        return tuple(e for e in self.entries.values() if e.kind == kind)

    @cached_property
    def rows(self) -> list[Row]:
        """Every searchable text."""
        return list(rows(self.entries.values()))

    @cached_property
    def places(self) -> list[int]:
        """For every row the position of its entry."""
        order = {name: i for i, name in enumerate(self.entries)}
        return [order[row.entry] for row in self.rows]

    @cached_property
    def lexicon(self) -> Lexicon:
        """The index by words and letters."""
        return Lexicon([row.text for row in self.rows])

    @cached_property
    def index(self) -> Index:
        """The embeddings."""
        return Index(self.rows)

    @property
    def notice(self) -> str:
        """One sentence on what does not work, or empty."""
        return self.index.notice

    def scores(self, query: str, *, dense: bool = True) -> Scores:
        """Similarity of ``query`` with every row."""
        vectors = self.index.vectors if dense else None
        cosines = None if vectors is None else vectors @ self._embed(query)
        return Scores(self.lexicon.words(query), self.lexicon.letters(query), cosines)

    def _embed(self, query: str) -> Any:
        from failsight.knowledge_base.encoder import encoder

        return encoder()([query])[0]

    def search(
        self,
        query: str,
        *,
        k: int = 5,
        kinds: Collection[str] | None = None,
        topic: str | None = None,
        step: str | None = None,
        level: str | None = None,
    ) -> list[Hit]:
        """The entries that match ``query`` best.

        Args:
            query: plain words.
            k: how many to return at most.
            kinds: restrict to these kinds of entry.
            topic: restrict to one topic of the question bank.
            step: restrict to entries that arise in this step (entries without steps arise in all).
            level: leave out entries above this literacy level.
        """
        if not query.strip() or k < 1:
            return []
        entries = list(self.entries.values())
        best = self._per_entry(self.scores(query), len(entries))
        allowed = [
            (score, entry)
            for score, entry in zip(best, entries, strict=True)
            if _fits(entry, kinds, topic, step, level) and score > 0
        ]
        allowed.sort(key=lambda pair: -pair[0])
        return [_hit(entry, score) for score, entry in allowed[:k]]

    def _per_entry(self, scores: Scores, n: int) -> list[float]:
        words = best_per_group(scores.words, self.places, n)
        letters = best_per_group(scores.letters, self.places, n)
        if scores.dense is None:
            return [0.55 * w + 0.45 * s for w, s in zip(words, letters, strict=True)]
        dense = best_per_group([max(0.0, float(c)) for c in scores.dense], self.places, n)
        return [
            min(1.0, _DENSE * d + _WORDS * w + _LETTERS * s)
            for d, w, s in zip(dense, words, letters, strict=True)
        ]


def _fits(
    entry: Entry, kinds: Collection[str] | None, topic: str | None, step: str | None, level: str | None
) -> bool:
    return (
        (kinds is None or entry.kind in kinds)
        and (not topic or entry.topic == topic)
        and (not step or not entry.steps or step in entry.steps)
        and (not level or LEVELS.index(entry.level) <= LEVELS.index(level))
    )


def _hit(entry: Entry, score: float) -> Hit:
    return Hit(
        entry.id,
        entry.kind,
        entry.topic,
        entry.title,
        entry.body(),
        round(score, 4),
        entry.source,
        entry.mine,
    )


@lru_cache(maxsize=1)
def load() -> KnowledgeBase:
    """The knowledge base, read once for the process."""
    return KnowledgeBase(shipped())
