"""``failsight ask``: a sentence in, an answer with its sources and the command that measures it out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from failsight.knowledge_base.routing import route
from failsight.knowledge_base.search import KnowledgeBase, load
from failsight.knowledge_base.vocabulary import Vocabulary


def ask(
    sentence: str,
    vocabulary: Vocabulary | None = None,
    *,
    base: KnowledgeBase | None = None,
    project: Path | None = None,
    url: str = "",
) -> dict[str, Any]:
    """Answer ``sentence`` from the knowledge base.

    Args:
        sentence: what a person typed.
        vocabulary: names of the case and the tools that exist.
        base: the knowledge base; the installed one, with the user's and the ``project``'s own entries, by default.
        project: folder whose own entries count too.
        url: a Chroma server to search (``FAILSIGHT_KNOWLEDGE_URL`` by default).

    Returns:
        ``{"off_topic", "asks_back", "questions": [{"id", "topic", "score", "title"}, … best first],
        "call": {"tool", "arguments"} or None, "answer", "sources"}`` and, where something does not work, ``"notice"``.
    """
    base = base or load(project)
    if (url := url or os.environ.get("FAILSIGHT_KNOWLEDGE_URL", "")) and base.index.store is None:
        base.connect(url)
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
