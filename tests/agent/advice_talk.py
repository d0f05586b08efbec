"""A whole case to ask for advice about, and what a sentence gets there."""

from __future__ import annotations

from pathlib import Path

from failsight.agent.case import Case
from failsight.agent.planners import words
from failsight.agent.planners.advice import answers as advice
from failsight.agent.planners.dialogue import Turn
from failsight.knowledge_base.counts import named
from tests.agent.guided_talk import rooms
from tests.fakes.case import FakeCase

JOURNAL = Path(__file__).parent / "data" / "rooms_journal.jsonl"


def opened(folder: Path) -> Case:
    """The rooms with the journal of a whole case: eleven findings, 90 % accuracy and 80 % recall of each class demanded."""
    like = rooms(folder / "like")
    (folder / "case").mkdir()
    (folder / "case" / "journal.jsonl").write_bytes(JOURNAL.read_bytes())
    return FakeCase(folder / "case", like._tables, like._model)  # type: ignore[arg-type]


def said(case: Case, text: str, before: tuple[Turn, ...] = ()) -> str:
    """The words that a sentence gets; ``→ tool`` where something is measured; empty where it is left to others."""
    made = advice.answered(case, text, named(text, words.vocabulary(case)), before)
    if made is None:
        return ""
    return f"→ {made.tool_calls[0]['name']}" if made.tool_calls else str(made.text)
