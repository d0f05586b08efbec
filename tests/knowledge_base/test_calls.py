"""Every tool call of the question bank, executed on the demo case: the evidence declares the question answered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from failsight.knowledge_base import Vocabulary
from failsight.knowledge_base.arguments import resolve
from failsight.knowledge_base.store import shipped
from failsight.knowledge_base.vocabulary import recognise

pytestmark = pytest.mark.slow

CALLS = [
    pytest.param(question, call, id=f"{question.id}-{number}-{call['tool']}")
    for question in shipped()
    if question.kind == "question"
    for number, call in enumerate(question.extra["calls"])
    if not call.get("partly")
]


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    from failsight.agent.opening import open_case
    from failsight.knowledge_base.cases import prepare_demo

    folder = tmp_path_factory.mktemp("demo")
    demo = prepare_demo(folder / "inputs")
    given = {
        name: str(getattr(demo, name)) for name in ("model", "data", "train", "deploy", "pool", "history")
    }
    expected = {"accuracy": 0.9}
    with open_case(**given, arch=demo.arch, out=str(folder / "case"), expectations=expected) as opened:
        yield opened


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("question", "call"), CALLS)
def test_the_evidence_declares_the_question_answered(question: Any, call: dict[str, Any], case: Any) -> None:
    from failsight.agent.planners.words import vocabulary

    names: Vocabulary = vocabulary(case)
    if call["tool"] not in names.tools:
        pytest.skip("the tool does not exist yet")
    if not names.findings:
        case.call("find_slices", {})
        names = vocabulary(case)
    sentence = f"living_room kitchen {names.images[0]} {names.images[1]} darker television test set"
    if call.get("arguments") == {"finding": "{finding}"}:
        sentence = names.findings[0]
    alone = replace(question, extra={**question.extra, "calls": [call]})
    made = resolve(alone, recognise(sentence, names), names)
    assert made is not None
    evidence, _ = case.call(made["tool"], made["arguments"])
    assert question.id in evidence.questions
