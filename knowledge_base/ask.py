"""``failsight ask``: a sentence in, an answer with its sources and the command that measures it out."""

from __future__ import annotations

from typing import Any

from failsight.knowledge_base.routing import route
from failsight.knowledge_base.search import KnowledgeBase
from failsight.knowledge_base.vocabulary import Vocabulary


def ask(
    sentence: str, vocabulary: Vocabulary | None = None, *, base: KnowledgeBase | None = None
) -> dict[str, Any]:
    """Answer ``sentence`` from the knowledge base.

    Returns:
        ``{"off_topic", "asks_back", "questions": [{"id", "topic", "score", "title"}, … best first],
        "call": {"tool", "arguments"} or None, "answer", "sources"}`` and, where there is one, ``"notice"``.
    """
    found = route(sentence, vocabulary, base=base)
    made: dict[str, Any] = {
        "off_topic": found.off_topic,
        "asks_back": found.asks_back,
        "questions": [
            {"id": q.id, "topic": q.topic, "score": q.score, "title": q.title} for q in found.questions
        ],
        "call": found.call,
        "answer": found.answer,
        "sources": list(found.sources),
    }
    if found.notice:
        made["notice"] = found.notice
    return made


def text(answer: dict[str, Any]) -> str:
    """What :func:`ask` returned, as plain text for a terminal."""
    lines = [answer["answer"]]
    if answer["call"]:
        given = " ".join(f"{k}={v}" for k, v in answer["call"]["arguments"].items())
        lines.append(f"Measure it: {answer['call']['tool']} {given}".rstrip())
    if answer["sources"]:
        lines.append("Source: " + "; ".join(answer["sources"]))
    if answer.get("notice"):
        lines.append(answer["notice"])
    return "\n".join(lines)
