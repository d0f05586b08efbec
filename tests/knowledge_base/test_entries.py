"""The data files: complete, consistent, and in our own schema."""

from __future__ import annotations

from collections import Counter

import pytest

from failsight.knowledge_base.elicitation import forms
from failsight.knowledge_base.lexical import fold
from failsight.knowledge_base.schema import KINDS, TOPICS, parse
from failsight.knowledge_base.store import ENTRIES, read_files, shipped
from failsight.knowledge_base.workflow import workflows

# Table 4 of the paper, topic by topic: how many questions it has once its compound rows are split.
TABLE4 = {
    "input": 15,  # with the questions on data that its first row takes over from the XAI question bank
    "performance": 6,
    "expectations": 6,
    "model_structure": 5,
    "model_training": 6,
    "features_global": 6,
    "features_local": 3,
    "features_comparison": 6,
    "questionable_features": 8,
    "what_if": 2,
    "iterations": 4,
}
# The paper's own count of rows without an established answer, split.
OPEN = {
    "input.4",
    "performance.6",
    "expectations.1",
    "expectations.2",
    "expectations.4",
    "expectations.5",
    "questionable_features.4",
    "questionable_features.5",
    "questionable_features.6",
    "iterations.1",
    "iterations.2",
}
QUESTIONS = [e for e in shipped() if e.kind == "question"]


def test_every_file_fits_the_schema() -> None:
    _, problems = read_files(sorted(ENTRIES.rglob("*.yaml")), mine=True)
    assert problems == []


def test_every_kind_is_there() -> None:
    counts = Counter(e.kind for e in shipped())
    assert set(counts) == set(KINDS) - {"note"}
    assert counts["question"] >= 50
    assert counts["workflow"] == 5
    assert counts["failure"] == 9
    assert counts["pitfall"] >= 12
    assert counts["heuristic"] >= 25


def test_table_4_is_complete() -> None:
    from_paper = [q for q in QUESTIONS if "table4" in q.extra]
    assert dict(Counter(q.topic for q in from_paper)) == TABLE4
    assert set(TABLE4) == set(TOPICS)
    assert {q.id for q in QUESTIONS if q.extra.get("open_in_paper")} == OPEN
    assert len({q.extra["table4"] for q in from_paper}) == len(from_paper)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda q: q.id)
def test_a_question_is_complete(question) -> None:  # type: ignore[no-untyped-def]
    assert len(question.aliases) >= 8
    assert len({fold(a) for a in question.aliases}) == len(question.aliases)
    assert question.steps
    assert question.extra["calls"] or question.extra["form"]
    assert any(not c.get("partly") for c in question.extra["calls"]) or question.extra["form"]
    assert all(question.extra[field] for field in ("answer", "reads", "caution", "next"))
    assert question.extra.get("form", "") in {"", *forms()}


def test_no_paraphrase_belongs_to_two_questions() -> None:
    owner: dict[str, str] = {}
    for question in QUESTIONS:
        for phrase in question.aliases:
            assert owner.setdefault(fold(phrase), question.id) == question.id


def test_references_lead_somewhere() -> None:
    known = {e.id for e in shipped()}
    fields = ("next", "reads", "questions", "corrections", "instruments", "bugs")
    referred = {r for e in shipped() for f in fields for r in e.extra.get(f, [])}
    referred |= {r for w in workflows().values() for s in w.steps for r in (*s.artifacts, *s.questions)}
    assert referred <= known
    assert {f for e in shipped() for f in e.extra.get("forms", [])} <= set(forms())


def test_every_bug_family_and_correction_family_is_covered() -> None:
    families = {e.extra["family"] for e in shipped() if e.kind == "bug"}
    assert families == {
        "data_statistics",
        "data_content",
        "data_engineering",
        "training_parameter",
        "structural",
    }
    families = {e.extra["family"] for e in shipped() if e.kind == "correction"}
    assert families == {"dataset", "training", "model", "setup"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"topic": "cooking"}, "topic is 'cooking'"),
        ({"id": "No Good"}, "an id looks like"),
        ({"say": ["one"]}, "at least 8 paraphrases"),
        ({"calls": [], "form": ""}, "neither a tool call nor a form"),
        ({"calls": [{"tool": "evaluate", "arguments": {"split": "{nonsense}"}}]}, "unknown slot"),
        ({"colour": "red"}, "unknown field 'colour'"),
        ({"steps": ["sleep"]}, "unknown step"),
        ({"title": 7}, "'title' is missing or not text"),
    ],
)
def test_what_is_wrong_is_said(change: dict[str, object], said: str) -> None:
    good = {
        "id": "input.99",
        "kind": "question",
        "topic": "input",
        "title": "t",
        "source": "s",
        "answer": "a",
        "calls": [{"tool": "evaluate"}],
        "reads": [],
        "caution": [],
        "next": [],
        "say": [f"phrase {i}" for i in range(8)],
    }
    assert parse(good, mine=True)[1] == []
    entry, problems = parse({**good, **change}, mine=True)
    assert entry is None
    assert any(said in p for p in problems)
