"""The router on sentences that it was never fitted to."""

from __future__ import annotations

import hashlib
from collections import Counter

import pytest

from failsight.knowledge_base import Vocabulary, load
from failsight.knowledge_base.lexical import fold
from failsight.knowledge_base.rendering import GENERAL, domains, fill
from failsight.knowledge_base.routing import route
from tests.knowledge_base.retrieval import DATA, TEST_SHA256, figures, on_test_set, sentences

#: questions that came into the bank after the set was frozen, with sentences of their own, as unseen as those of the set
SINCE = {
    "performance.10": (
        "How high must the number be before we tell somebody that it is a cat?",
        "I need help choosing a cut-off on the probability.",
        "Plot the receiver operating characteristic and report AUROC with a CI.",
        "Where do we put the bar so that hardly any tumour slips through?",
        "whats the best treshold for this class",
    )
}


def test_the_test_set_is_the_frozen_one() -> None:
    """It was written before any tuning; whoever changes it must say so here."""
    assert hashlib.sha256((DATA / "retrieval_test.txt").read_bytes()).hexdigest() == TEST_SHA256


def test_the_test_set_is_large_varied_and_unseen() -> None:
    found = sentences("retrieval_test")
    on = [s for s in found if s.expected]
    assert len(on) >= 300
    assert len(found) - len(on) >= 0.149 * len(found)
    assert {s.level[0] for s in on} == {"n", "i", "e"}
    assert sum(s.level.endswith("t") for s in on) >= 40
    questions = load().of_kind("question")
    assert {i for s in on for i in s.expected} == {q.id for q in questions} - SINCE.keys()
    known = {
        fold(fill(phrase, names)).strip(" ?.!")
        for q in questions
        for phrase in (*q.aliases, q.title)
        for names in (GENERAL, *domains())
    }
    later = [text for texts in SINCE.values() for text in texts]
    assert not [t for t in (*(s.text for s in found), *later) if fold(t).strip(" ?.!") in known]


@pytest.mark.parametrize("question", SINCE)
def test_questions_that_came_since_are_found(question: str) -> None:
    """Four of the five; the one in pictures of speech ("slips through") is not."""
    base = load()
    found = [
        question in [q.id for q in route(t, Vocabulary(), base=base).questions[:3]] for t in SINCE[question]
    ]
    assert sum(found) >= 4


@pytest.mark.parametrize("case", ["", "rooms"])
def test_sentences_find_their_question(case: str) -> None:
    _, made = on_test_set(case)
    assert made.first >= 0.85
    assert made.in_three >= 0.96
    assert made.off_recognised >= 0.90
    assert made.turned_away <= 0.05
    assert made.asked_back <= 0.10


def test_words_alone_still_route(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the encoder routing is worse, but works, and says so."""
    from failsight.knowledge_base import search

    monkeypatch.setenv("FAILSIGHT_ENCODER", "/nowhere/model.onnx")
    from failsight.knowledge_base.encoder import encoder
    from failsight.knowledge_base.store import shipped

    encoder.cache_clear()
    base = search.KnowledgeBase(shipped())
    base.index.vectors = None
    made = figures(sentences("retrieval_development"), Vocabulary(), base)
    assert made.first >= 0.75
    assert made.in_three >= 0.9
    assert made.turned_away <= 0.08


def test_confidence_can_be_acted_upon() -> None:
    """Of the sentences answered without asking back, nine in ten are understood; the doubtful ones are asked about."""
    found, made = on_test_set("")
    answered = Counter(
        r.questions[0].id in s.expected
        for s, r in zip(found, made.routes, strict=True)
        if s.expected and not r.asks_back and not r.off_topic
    )
    assert answered[True] / answered.total() >= 0.88
