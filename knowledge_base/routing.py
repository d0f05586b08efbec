"""Sentence → question of the bank → tool call, with a confidence; or asking back; or saying that it is off the subject."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Final

from failsight.knowledge_base.arguments import missing, resolve
from failsight.knowledge_base.schema import Entry
from failsight.knowledge_base.search import KnowledgeBase, load
from failsight.knowledge_base.vocabulary import Mentions, Vocabulary, recognise

_TEMPERATURE: Final = 0.035
_ASK_BACK: Final = 0.35
_OFF_TOPIC: Final = 0.42


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
        asks_back: the confidence is too low to act; ``questions`` holds the nearest two or three.
        questions: questions of the bank, best first, with probabilities.
        call: ``{"tool", "arguments"}`` that measures the answer, or None.
        form: id of the elicitation form that answers it where no tool does (or as well), or empty.
        answer: what a person is told: plain text.
        sources: citations of the entries used.
        missing: slots that the preferred tool needs and the sentence does not name.
        mentions: the names found in the sentence.
        notice: one sentence on what does not work (search by words only), or empty.
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


def route(sentence: str, vocabulary: Vocabulary | None = None, *, base: KnowledgeBase | None = None) -> Route:
    """Match ``sentence`` to the question bank.

    Args:
        sentence: what a person typed.
        vocabulary: the names of the case and the tools that exist.
        base: the knowledge base; the installed one by default.
    """
    base = base or load()
    vocabulary = vocabulary or Vocabulary()
    mentions = recognise(sentence, vocabulary)
    ranked, strength = rank(mentions, base)
    if strength < _OFF_TOPIC and not mentions.found:
        return _off_topic(mentions, base, ranked)
    best = base[ranked[0].id]
    if ranked[0].score < _ASK_BACK:
        return _ask_back(mentions, base, ranked)
    call = resolve(best, mentions, vocabulary)
    return Route(
        False,
        False,
        tuple(ranked[:5]),
        call,
        explain(best, call),
        (best.source,),
        form=str(best.extra.get("form", "")),
        missing=tuple(missing(best, mentions, vocabulary)),
        mentions=mentions,
        notice=base.notice,
    )


def rank(mentions: Mentions, base: KnowledgeBase) -> tuple[list[Ranked], float]:
    """Questions of the bank with probabilities, best first, and the strength of the best match in [0, 1]."""
    questions = base.of_kind("question")
    strengths = {q.id: 0.0 for q in questions}
    for text in dict.fromkeys((mentions.sentence, mentions.masked)):
        scores = base.scores(text)
        for i, row in enumerate(base.rows):
            if row.entry in strengths:
                lexical = 0.5 * scores.words[i] + 0.5 * scores.letters[i]
                score = lexical if scores.dense is None else 0.75 * float(scores.dense[i]) + 0.25 * lexical
                strengths[row.entry] = max(strengths[row.entry], score)
    best = max(strengths.values(), default=0.0)
    weights = {name: math.exp((s - best) / _TEMPERATURE) for name, s in strengths.items()}
    total = sum(weights.values()) or 1.0
    order = sorted(questions, key=lambda q: -strengths[q.id])
    return [Ranked(q.id, q.topic, round(weights[q.id] / total, 4), q.title) for q in order], best


def explain(entry: Entry, call: dict[str, Any] | None) -> str:
    """What a person is told about a question: what a good answer contains, how it is measured, what to beware of."""
    parts = [entry.title, str(entry.extra["answer"])]
    if call is not None:
        parts.append(f"Measured by {call['tool']}.")
    elif entry.extra.get("form"):
        parts.append(f"Nothing measures this; the form '{entry.extra['form']}' asks the people who know.")
    parts += [f"Beware: {c}" for c in entry.extra.get("caution", ())[:1]]
    return " ".join(parts)


def _off_topic(mentions: Mentions, base: KnowledgeBase, ranked: list[Ranked]) -> Route:
    return Route(
        True,
        False,
        tuple(ranked[:3]),
        None,
        "This does not seem to be about a failing image classifier, which is all that I know about.",
        (),
        mentions=mentions,
        notice=base.notice,
    )


def _ask_back(mentions: Mentions, base: KnowledgeBase, ranked: list[Ranked]) -> Route:
    near = ranked[: 2 if len(ranked) > 2 and ranked[2].score < 0.1 else 3]
    asked = " ".join(f"({i}) {r.title}" for i, r in enumerate(near, 1))
    return Route(
        False,
        True,
        tuple(ranked[:5]),
        None,
        f"I'm not sure which question you mean. {asked}",
        tuple(base[r.id].source for r in near[:1]),
        mentions=mentions,
        notice=base.notice,
    )
