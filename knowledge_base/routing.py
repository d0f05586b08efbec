"""Sentence → question of the bank → tool call, with a confidence; or asking back; or saying that it is off the subject."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any, Final

from failsight.knowledge_base.arguments import missing, resolve, values
from failsight.knowledge_base.commands import instructed
from failsight.knowledge_base.counts import named
from failsight.knowledge_base.heads import NEAREST, OFF, Heads, average, heads
from failsight.knowledge_base.meanings import asked, meanings
from failsight.knowledge_base.readings import read_again
from failsight.knowledge_base.schema import KINDS, Entry
from failsight.knowledge_base.search import Hit, KnowledgeBase, hit_of, load
from failsight.knowledge_base.vocabulary import Mentions, Vocabulary

# Chosen on out-of-fold scores and on the development set; see tests/knowledge_base/test_retrieval.py for the figures.
_OFF_TOPIC: Final = 0.15
_ASK_BACK: Final = 0.4
_TEMPERATURE: Final = 0.035
_WEAK: Final = 0.25
_OWN: Final = 0.5
_TERM: Final = 0.55
_LISTED: Final = 5
_OTHER_KINDS: Final = tuple(kind for kind in KINDS if kind != "question")
_DEFINITION: Final = re.compile(
    r"^\W*(?:what (?:does|do) .+ mean|what is meant by|meaning of|define|definition of|explain the (?:term|word|concept)"
    r"|what(?:'s| is| are) (?:an? )?(?!.*\b(?:the|this|that|it|its|we|my|our|your|there|for|of)\b)"
    r"(?!(?:wrong|going|good|best|next|left)\b)[\w-]+(?: [\w-]+){0,2}\W*$)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Ranked:
    """A question of the bank with the probability that it is the one meant."""

    id: str
    topic: str
    score: float
    title: str


@dataclass(frozen=True, slots=True)
class Route:
    """Where a sentence leads.

    Attributes:
        off_topic: the sentence is not about failures of image classifiers.
        asks_back: the confidence is too low to act; the first two or three of ``questions`` are the nearest.
        questions: questions of the bank, best first, with probabilities.
        call: ``{"tool", "arguments"}`` that measures the answer, or None.
        form: id of the elicitation form that answers it where no tool does (or as well), or empty.
        answer: what a person is told: plain text.
        sources: citations of the entries used.
        missing: slots that the preferred tool needs and the sentence does not name.
        mentions: the names found in the sentence.
        notice: what does not work (search by words only …), one sentence each, or empty.
        sure: how much both readings are for the call, 0 to 2 (see :mod:`failsight.knowledge_base.readings`); 0 without a second one.
        by_words: the sentence names the measurement by its own words (:mod:`failsight.knowledge_base.commands`).
    """

    off_topic: bool
    asks_back: bool
    questions: tuple[Ranked, ...]
    call: dict[str, Any] | None
    answer: str
    sources: tuple[str, ...]
    form: str = ""
    missing: tuple[str, ...] = ()
    mentions: Mentions = field(default_factory=lambda: Mentions("", (), ""))
    notice: str = ""
    by_words: bool = False
    sure: float = 0.0


def route(sentence: str, vocabulary: Vocabulary | None = None, *, base: KnowledgeBase | None = None) -> Route:
    """Match ``sentence`` to the question bank.

    Args:
        sentence: what a person typed; only the first 400 characters are read.
        vocabulary: the names of the case and the tools that exist.
        base: the knowledge base; the installed one by default.
    """
    base = base or load()
    vocabulary = vocabulary or Vocabulary()
    mentions = named(sentence[:400], vocabulary)
    return read_again(_by_bank(mentions, vocabulary, base), mentions, vocabulary, base)


def _by_bank(mentions: Mentions, vocabulary: Vocabulary, base: KnowledgeBase) -> Route:
    """The route by the question bank, and by the words that name a measurement."""
    ranked, off, notice = rank(mentions, base)
    told = instructed(mentions, values(mentions), tuple(vocabulary.tools))
    if told is not None and ranked:
        return _instructed(told, mentions, base, ranked, notice)
    doubtful = off > _OFF_TOPIC or not ranked or ranked[0].score < _ASK_BACK
    entry = _entry_meant(mentions, base, doubtful=doubtful)
    if entry is not None:
        return _from_entry(entry, mentions, vocabulary, ranked, notice)
    if off > _OFF_TOPIC or not ranked:
        return _off_topic(mentions, ranked, notice)
    if ranked[0].score < _ASK_BACK:
        return _ask_back(mentions, base, ranked, notice)
    best = base[ranked[0].id]
    call = resolve(best, mentions, vocabulary)
    lacking = missing(best, mentions, vocabulary)
    own = _own(mentions, base)
    return Route(
        False,
        False,
        tuple(ranked[:_LISTED]),
        call,
        " ".join([explain(best, call, lacking), *(_cited(hit) for hit in own)]),
        (best.source, *(hit.source for hit in own)),
        form=str(best.extra.get("form", "")),
        missing=tuple(lacking),
        mentions=mentions,
        notice=notice,
    )


def rank(mentions: Mentions, base: KnowledgeBase) -> tuple[list[Ranked], float, str]:
    """Questions of the bank with probabilities, best first; the probability of being off the subject; a notice."""
    texts = list(dict.fromkeys((mentions.sentence, mentions.masked)))
    try:
        trained = heads()
    except (OSError, ValueError, KeyError):
        return _rank_by_words(texts, base)
    words = average(trained.from_words(texts))
    vectors = base.index.embed(texts)
    if vectors is not None:
        near = _nearest(vectors, trained, base)
        probabilities = trained.fuse(words, average(trained.from_dense(vectors)), near)
    else:
        probabilities = trained.fuse(words)
    chances = dict(zip(trained.classes, (float(p) for p in probabilities), strict=True))
    ranked = [
        Ranked(q.id, q.topic, round(chances[q.id], 4), q.title)
        for q in base.of_kind("question")
        if q.id in chances
    ]
    ranked.sort(key=lambda r: -chances[r.id])
    return ranked, chances[OFF], base.notice


def _nearest(vectors: Any, trained: Heads, base: KnowledgeBase) -> Any:
    """For every class the mean cosine of its nearest few paraphrases; the better of the readings."""
    import numpy as np

    groups = _groups(base, trained.classes)
    similar = (vectors @ base.index.vectors.T).max(0)
    made = np.zeros(len(trained.classes), np.float32)
    for i, members in enumerate(groups):
        mine = similar[members]
        few = min(NEAREST, len(mine))
        made[i] = np.sort(mine)[len(mine) - few :].mean() if few else 0.0
    return made


def _groups(base: KnowledgeBase, classes: tuple[str, ...]) -> list[Any]:
    """Row numbers of the paraphrases and the title of every class."""
    cached: list[Any] | None = base.__dict__.get("_groups")
    if cached is None:
        import numpy as np

        members: dict[str, list[int]] = {name: [] for name in classes}
        for i, row in enumerate(base.index.rows):
            if row.part != "text" and row.entry in members:
                members[row.entry].append(i)
        cached = base.__dict__["_groups"] = [np.array(rows, np.int64) for rows in members.values()]
    return cached


def _rank_by_words(texts: list[str], base: KnowledgeBase) -> tuple[list[Ranked], float, str]:
    """Ranking without the trained heads: plain search, softened into something like probabilities."""
    hits = base.search(texts[0], k=10, kinds=("question",))
    weights = [math.exp((h.score - hits[0].score) / _TEMPERATURE) for h in hits]
    ranked = [
        Ranked(h.id, h.topic, round(w / sum(weights), 4), h.title) for h, w in zip(hits, weights, strict=True)
    ]
    off = 1.0 if not hits or hits[0].score < _WEAK else 0.0
    return (
        ranked,
        off,
        f"{base.notice} The router's file is missing or damaged; routing is rougher for it.".strip(),
    )


def _entry_meant(mentions: Mentions, base: KnowledgeBase, *, doubtful: bool) -> Hit | None:
    """The entry that answers the sentence better than a question of the bank would: a term asked for, or one's own."""
    definition = _DEFINITION.match(mentions.sentence) is not None
    request = asked(mentions.sentence)
    meant = meanings(request, base) if request is not None and not mentions.found else ()
    if meant:
        return hit_of(meant[0], 1.0)
    if not definition and not (doubtful and any(not e.mine for e in base.entries.values())):
        return None
    if (
        definition
        and (terms := base.search(mentions.sentence, k=1, kinds=("term",)))
        and terms[0].score >= _TERM
    ):
        return terms[0]
    if doubtful:
        hits = base.search(mentions.sentence, k=3, kinds=_OTHER_KINDS)
        return next((hit for hit in hits if not hit.mine and hit.score >= _OWN), None)
    return None


def _own(mentions: Mentions, base: KnowledgeBase) -> list[Hit]:
    """People's own entries that bear on the sentence, at most two."""
    if all(entry.mine for entry in base.entries.values()):
        return []
    hits = base.search(mentions.sentence, k=8, kinds=_OTHER_KINDS)
    return [hit for hit in hits if not hit.mine and hit.score >= _OWN][:2]


def _cited(hit: Hit) -> str:
    text = " ".join(hit.text.split())
    return f"From {hit.source}: “{hit.title}: {text[:300]}{'…' if len(text) > 300 else ''}”"


def _from_entry(
    hit: Hit, mentions: Mentions, vocabulary: Vocabulary, ranked: list[Ranked], notice: str
) -> Route:
    known = not vocabulary.tools or "search_knowledge" in vocabulary.tools
    call = {"tool": "search_knowledge", "arguments": {"query": mentions.sentence.strip()}} if known else None
    said = f"{hit.title}: {hit.text}" if hit.mine else _cited(hit)
    return Route(
        False,
        False,
        tuple(ranked[:_LISTED]),
        call,
        said,
        (hit.source,),
        mentions=mentions,
        notice=notice,
        by_words=True,
    )


_SLOT_WORDS: Final = {
    "class": "a class",
    "class2": "a second class",
    "true": "the true class",
    "predicted": "the predicted class",
    "image": "an image",
    "image2": "a second image",
    "region": "an object or region",
    "where": "a condition",
}


def explain(entry: Entry, call: dict[str, Any] | None, lacking: list[str] | None = None) -> str:
    """What a person is told about a question: what a good answer contains, how it is measured, what to beware of."""
    parts = [entry.title, f"A good answer contains: {entry.extra['answer']}"]
    form = entry.extra.get("form")
    if call is not None:
        parts.append(f"Measured by {call['tool']}.")
        if form:
            parts.append(f"What no measurement can tell, the form '{form}' asks.")
    elif form:
        parts.append(f"The form '{form}' asks the people who know.")
    if lacking:
        named = " and ".join(dict.fromkeys(_SLOT_WORDS.get(slot, slot) for slot in lacking))
        parts.append(f"Name {named} for a sharper test.")
    parts += [f"Beware: {caution}" for caution in entry.extra.get("caution", ())[:1]]
    return " ".join(parts)


def _instructed(
    call: dict[str, Any], mentions: Mentions, base: KnowledgeBase, ranked: list[Ranked], notice: str
) -> Route:
    """The sentence names the measurement: of its questions the likeliest comes first in what is said."""
    answered = next(
        (r for r in ranked if any(c["tool"] == call["tool"] for c in base[r.id].extra.get("calls", ()))),
        ranked[0],
    )
    best = base[answered.id]
    return Route(
        False, False, tuple(ranked[:_LISTED]), call, explain(best, call), (best.source,), mentions=mentions, notice=notice,
        by_words=True,
    )  # fmt: skip


def _off_topic(mentions: Mentions, ranked: list[Ranked], notice: str) -> Route:
    return Route(
        True,
        False,
        tuple(ranked[:3]),
        None,
        "This does not seem to be about a failing image classifier, which is all that I know about.",
        (),
        mentions=mentions,
        notice=notice,
    )


def _ask_back(mentions: Mentions, base: KnowledgeBase, ranked: list[Ranked], notice: str) -> Route:
    near = ranked[: 3 if len(ranked) > 2 and ranked[2].score > 0.1 else 2]
    asked = " ".join(f"({i}) {r.title}" for i, r in enumerate(near, 1))
    return Route(
        False,
        True,
        tuple(ranked[:_LISTED]),
        None,
        f"I'm not sure which question you mean. {asked}",
        tuple(dict.fromkeys(base[r.id].source for r in near)),
        mentions=mentions,
        notice=notice,
    )
