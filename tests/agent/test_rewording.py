"""Prompts for generated pictures in a language model's better words: over HTTP, paid, journalled, checked, asked for once."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from failsight.agent.case import Case
from failsight.agent.proposals.rewording import rewording
from failsight.tools.errors import RetryError
from failsight.tools.generate_repair_data import generate_repair_data
from failsight.tools.repair import pipelines
from failsight.tools.repair.pipelines import Painter
from failsight.tools.repair.prompts import Wanted, polished, prompt
from tests.agent.test_proposals import a_case, served
from tests.fakes.case import FakeCase
from tests.fakes.server import ChatServer, Turn, status, text, tool
from tests.fakes.view import FakeModel, FakeTable
from tests.repair.boxed_world import CLASSES, SIDE, pictures, rule
from tests.tools.test_generate_repair_data import Paints

PLAIN = ["a photo of a kitchen with a cat", "a photo of a hall without a cat"]
BETTER = ["A sunlit kitchen with a cat on the floor", "A narrow hall without a cat, seen from the door"]


def reworded(*said: str) -> Turn:
    return tool("reword_prompts", prompts=list(said))


@pytest.fixture
def case(tmp_path: Path) -> Iterator[FakeCase]:
    with a_case(tmp_path / "case") as made:
        yield made


def paid(case: Case) -> list[str]:
    return [e.data["why"] for e in case.journal if e.kind == "model.called"]


def test_a_model_rewords_prompts_once_and_the_call_is_paid(
    case: FakeCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ChatServer([reworded(*BETTER)]) as server:
        served(monkeypatch, server)
        polish = case.polish_prompts
        assert list(polish(PLAIN)) == BETTER
        assert list(case.polish_prompts(PLAIN)) == BETTER  # from what was kept
    assert len(server.requests) == 1 and paid(case) == ["better words for prompts"]
    asked = json.dumps(server.requests[0]["messages"])
    assert "1. a photo of a kitchen with a cat" in asked and "<data>" in asked


def test_without_a_language_model_there_is_nobody_to_ask(tmp_path: Path) -> None:
    images, labels, *_ = pictures(2)
    tables = {"data": FakeTable(images, labels, CLASSES)}
    with FakeCase(tmp_path / "plain", tables, FakeModel(rule, CLASSES, (SIDE, SIDE))) as made:
        assert made.polish_prompts is None


@pytest.mark.parametrize(
    "turns",
    [
        [reworded(BETTER[0])],  # one too few
        [text("Of course! Here they are.")],
        [status(500), status(500)],
        [text("not json {")],
    ],
)
def test_an_answer_that_does_not_fit_leaves_the_prompts_as_they_were(
    case: FakeCase, monkeypatch: pytest.MonkeyPatch, turns: list[Turn]
) -> None:
    wanted = [Wanted("kitchen", {"cat": "yes"}), Wanted("hall", {"cat": "no"})]
    plain = [prompt(w) for w in wanted]
    with ChatServer(turns) as server:
        served(monkeypatch, server)
        assert polished(plain, wanted, case.polish_prompts) == (plain, 2)


def test_words_in_the_answer_are_read_where_the_model_can_not_call(
    case: FakeCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ChatServer([text("Here:\n" + json.dumps({"prompts": BETTER}))]) as server:
        served(monkeypatch, server)
        assert list(case.polish_prompts(PLAIN)) == BETTER


def test_a_used_up_budget_asks_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with a_case(tmp_path / "case", budget="usd=0") as made, ChatServer([reworded(*BETTER)]) as server:
        served(monkeypatch, server)
        wanted = [Wanted("kitchen", {"cat": "yes"}), Wanted("hall", {"cat": "no"})]
        assert polished(PLAIN, wanted, made.polish_prompts) == (PLAIN, 2)
        assert not server.requests


def test_many_prompts_are_asked_about_in_parts(case: FakeCase) -> None:
    class Echo:
        def __init__(self) -> None:
            self.seen: list[int] = []

        def bind_tools(self, *_: Any, **__: Any) -> Echo:
            return self

        def invoke(self, messages: Any) -> Any:
            from langchain_core.messages import AIMessage

            lines = [x.split(". ", 1)[1] for x in messages[1].content.splitlines() if x[:1].isdigit()]
            self.seen.append(len(lines))
            return AIMessage(
                "", tool_calls=[{"name": "reword_prompts", "args": {"prompts": lines}, "id": "1"}]
            )

    chat = Echo()
    polish = rewording(case, chat=chat)
    assert polish is not None
    said = [f"a photo of room {i}" for i in range(130)]
    assert list(polish(said)) == said and chat.seen == [60, 60, 10]


def test_generation_paints_from_the_better_words_and_keeps_those_that_lost_something_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipelines, "_load", lambda *_: Paints())
    monkeypatch.setattr(Painter, "own_side", lambda self: SIDE)
    (tmp_path / "pipe").mkdir()
    (tmp_path / "pipe" / "model_index.json").write_text('{"_class_name": "Double"}')
    images, labels, boxes, red = pictures(12)
    table = FakeTable(images, labels, CLASSES, {"red": red}, boxes)
    asked = {
        "classes": ("a", "c"), "attributes": ("red=yes",), "method": "text_to_image", "count": 6, "keep": "all",
        "pipeline": str(tmp_path / "pipe"),
    }  # fmt: skip
    model = FakeModel(rule, CLASSES, (SIDE, SIDE))
    answer = reworded("a bright photo of an a with a red, from above", "a nice photo")
    with FakeCase(
        tmp_path / "case", {"data": table, "train": table}, model, planner="openai:gpt-5-mini"
    ) as case:
        with ChatServer([answer]) as server:
            served(monkeypatch, server)
            made = generate_repair_data(case, **asked)  # type: ignore[arg-type]
            again = generate_repair_data(case, **asked)  # type: ignore[arg-type]
        assert len(server.requests) == 1
        assert made.fact("folder").value == again.fact("folder").value == "repair/G1"
        assert any("Prompts were put into better words; 1 were kept as they were" in n for n in made.notes)
        with (case.folder / "repair" / "G1" / "manifest.csv").open(newline="") as file:
            said = {r["prompt"] for r in csv.DictReader(file)}
    assert said == {"a bright photo of an a with a red, from above", "a photo of a c with a red"}


def test_a_failing_answer_is_told_to_whoever_asks_directly(
    case: FakeCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ChatServer([reworded("one")]) as server:
        served(monkeypatch, server)
        with pytest.raises(RetryError, match="does not hold one prompt"):
            case.polish_prompts(PLAIN)
