"""Hybrid search over the entries: dense vectors and words together, words alone where there are no vectors."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Final

from failsight.knowledge_base import user
from failsight.knowledge_base.filter import Filter
from failsight.knowledge_base.heads import OFF, off_topic_examples
from failsight.knowledge_base.index import Index
from failsight.knowledge_base.lexical import Lexicon, best_per_group
from failsight.knowledge_base.rendering import Row, rows
from failsight.knowledge_base.schema import Entry
from failsight.knowledge_base.store import home, shipped

_DENSE: Final = 0.65
_WORDS: Final = 0.55


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
        """The embeddings: of :attr:`rows`, then of the sentences that are off the subject."""
        return Index([*self.rows, *(Row(OFF, OFF, text) for text in off_topic_examples())])

    @property
    def notice(self) -> str:
        """What does not work, one sentence each, or empty."""
        return self.index.notice

    def connect(self, url: str | None = None, *, folder: Path | None = None) -> int:
        """Open the Chroma collection, bring it up to date and use it from now on (takes seconds: call in a worker).

        Args:
            url: address of a Chroma server; embedded in ``folder`` when None.
            folder: where the embedded collection is kept; under the cache folder by default.

        Returns:
            How many texts were added to the collection; 0 also when it can't be used, which :attr:`notice` says.
        """
        from failsight.knowledge_base import chroma

        index = self.index
        if index.vectors is None:
            return 0
        try:
            if url:
                store = chroma.open_server(url)
            else:
                store = chroma.open_embedded(folder or home() / "knowledge" / "chroma")
            added = store.sync(self.rows, self.entries, index.vectors, prune=not url)
        except chroma.StoreTrouble as error:
            index.say(f"{error} Search goes on without it.")
            return 0
        index.store = store
        return added

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
        wanted = Filter(kinds, topic, step, level)
        fits = {name: wanted.allows(entry) for name, entry in self.entries.items()}
        scores = self._by_words(query, fits)
        vectors = self.index.embed([query])
        if vectors is not None:
            allowed = [fits.get(row.entry, False) for row in self.index.rows]
            dense = self.index.nearest(vectors[0], allowed, wanted, max(k, 20))
            scores = {
                name: (1 - _DENSE) * scores.get(name, 0.0) + _DENSE * dense.get(name, 0.0)
                for name in scores.keys() | dense.keys()
            }
        best = sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))[:k]
        return [
            hit_of(entry, score)
            for name, score in best
            if score > 0 and (entry := self._known(name)) is not None
        ]

    def _by_words(self, query: str, fits: Mapping[str, bool]) -> dict[str, float]:
        mixed = [
            _WORDS * w + (1 - _WORDS) * s
            for w, s in zip(self.lexicon.words(query), self.lexicon.letters(query), strict=True)
        ]
        best = best_per_group(mixed, self.places, len(self.entries))
        return {
            name: score for (name, fit), score in zip(fits.items(), best, strict=True) if fit and score > 0
        }

    def _known(self, name: str) -> Entry | None:
        store = self.index.store
        return self.entries.get(name) or (store.foreign.get(name) if store else None)


def hit_of(entry: Entry, score: float) -> Hit:
    """``entry`` as a match with ``score`` in [0, 1]."""
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


def load(project: Path | None = None) -> KnowledgeBase:
    """The knowledge base: shipped entries, the user's own and the project's. Read again only when own entries change.

    Args:
        project: folder of a case, for entries that belong to it alone.
    """
    return _load(project, user.stamp(project))


@lru_cache(maxsize=4)
def _load(project: Path | None, _stamp: tuple[object, ...]) -> KnowledgeBase:
    return KnowledgeBase((*shipped(), *user.entries(project)))
