"""Search in a session: words, evidence and hypotheses that say something. For both looks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from failsight.agent.state import FindingRecord
from failsight.agent.ui.renderables import headline
from failsight.agent.ui.words import finding_line
from failsight.tools.evidence import Evidence
from failsight.tools.text import clean

AROUND = 40  # characters before and behind what was found
MOST = 200


class Said(NamedTuple):
    """Something that was said in this session or before."""

    role: str  # person | planner | line
    text: str


class Found(NamedTuple):
    """Where the words stand: ``E3``, ``F1`` or ``""`` for the conversation, its headline, and the words around them."""

    id: str
    title: str
    around: str
    text: str = ""  # of the conversation, in full

    def line(self) -> str:
        """``E3 Accuracy by class: … recall of the kitchen …``"""
        return f"{self.title}: {self.around}" if self.around else self.title


def search(
    wanted: str, said: Iterable[Said], evidence: Iterable[Evidence], records: Iterable[FindingRecord]
) -> list[Found]:
    """Everything that holds all the words of ``wanted``, hypotheses first, then evidence, then what was said, newest first."""
    words = wanted.casefold().split()
    if not words:
        return []
    return list(_all(words, said, evidence, records))[:MOST]


def _all(
    words: list[str], said: Iterable[Said], evidence: Iterable[Evidence], records: Iterable[FindingRecord]
) -> Iterator[Found]:
    for record in records:
        finding = record.finding
        where = " ".join(f"{k}={v}" for k, v in (finding.slice or {}).items())
        text = " ".join(
            [
                record.id,
                finding.statement,
                where,
                finding.class_name or "",
                finding.kind.replace("_", " "),
                finding.note,
            ]
        )
        if _holds(text, words):
            yield Found(record.id, finding_line(record, 160), "")
    for made in reversed(list(evidence)):
        text = _text(made)
        if _holds(text, words):
            yield Found(made.id, headline(made), _around(text, words[0]))
    for one in reversed(list(said)):
        if _holds(one.text, words):
            who = {"person": "you", "planner": "answer"}.get(one.role, "session")
            text = one.text.replace("**", "")  # Markdown is seen on its own line, not here
            yield Found("", who, _around(text, words[0]), text)


def _text(made: Evidence) -> str:
    """All words of a piece of evidence: what is said, measured, tabled and noted."""
    cells = (str(c) for t in made.tables for row in t.rows for c in row if isinstance(c, str))
    facts = (f"{f.name.replace('_', ' ')} {f.of}" for f in made.facts)
    images = (f"{i.path} {i.label} {i.prediction}" for i in made.images)
    titles = [*(t.title for t in made.tables), *(f.title for f in made.figures)]
    return " ".join(
        [made.id, made.summary, made.title, made.tool, *made.notes, *titles, *facts, *cells, *images]
    )


def _holds(text: str, words: list[str]) -> bool:
    folded = text.casefold()
    return all(w in folded for w in words)


def _around(text: str, word: str) -> str:
    """The first place of ``word`` with what stands around it, on one line."""
    at = max(0, text.casefold().find(word))
    start, end = max(0, at - AROUND), at + len(word) + AROUND
    return f"{'…' if start else ''}{clean(text[start:end], 2 * AROUND + 60)}{'…' if end < len(text) else ''}"
