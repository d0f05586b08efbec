"""search_knowledge: best practice from the knowledge base, with its source."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from failsight.tools.evidence import Evidence, Table
from failsight.tools.registry import tool
from failsight.tools.text import clean
from failsight.tools.view import CaseView


@tool(cost="instant")
def search_knowledge(
    view: CaseView,
    query: Annotated[
        str, Field(description="What to look up, in plain words.", min_length=1, max_length=400)
    ],
    topic: Annotated[
        str | None,
        Field(description="Restrict to one topic of the question bank, for example features_global."),
    ] = None,
    k: Annotated[int, Field(description="How many entries to return.", ge=1, le=20)] = 5,
) -> Evidence:
    """Look up failure-handling questions, hypotheses, instruments, corrections, pitfalls and terms in the knowledge base.

    Nothing is measured: entries are advice with a source, never a statement about this model.
    """
    hits = view.knowledge.search(query, k=k, topic=topic)
    rows = tuple((h.id, h.kind, clean(h.title), clean(h.text, 300), clean(h.source, 80)) for h in hits)
    best = (
        f"Best match: {clean(hits[0].title)} ({hits[0].id})."
        if hits
        else "Nothing in the knowledge base matches."
    )
    return Evidence(
        tool="search_knowledge",
        title="What is known about it",
        summary=best,
        tables=(Table("Entries", ("id", "kind", "title", "text", "source"), rows),) if rows else (),
    )
