"""compare_features: cues whose weight for each class is known by construction; through the agent; hostile input."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from langchain_core.messages import AIMessage

from failsight.agent.events import EvidenceMade
from failsight.agent.planners.scripted import ScriptedPlanner, call
from failsight.agent.session import Session
from failsight.tools.compare_features import compare_features
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence
from tests.fakes.case import FakeCase
from tests.fakes.view import FakeModel, FakeTable, FakeView
from tests.tools.cases import check_evidence, check_spec

CLASSES = ("fire", "chess", "void")


def world(n: int = 60) -> tuple[FakeTable, FakeModel]:
    """Fires are red (hue decides), chess boards are black and white by turns (detail decides), the void is dark.

    A white tag stands in the upper left corner of fires and boards; the model asks for it in both.
    """
    rng = np.random.default_rng(0)
    labels = np.arange(n) % 3
    x = rng.integers(20, 40, (n, 24, 24, 3)).astype(np.uint8)
    x[labels == 0, :, :, 0] += 160
    board = (np.indices((24, 24)).sum(0) % 2).astype(bool)
    for i in np.flatnonzero(labels == 1):
        x[i][board] = 220
    x[labels < 2, :6, :6] = 255

    def rule(p: np.ndarray) -> np.ndarray:
        tag = p[:, :6, :6].min(-1).mean((1, 2)) > 0.9
        rest = p[:, 8:, 8:]
        red = rest[..., 0].mean((1, 2)) - rest[..., 2].mean((1, 2))
        detail = np.abs(np.diff(rest.mean(-1), axis=2)).mean((1, 2))
        return np.stack([5 * red - 3 + 3 * tag, 4 * detail - 3 + 3 * tag, np.zeros(len(p))], 1)

    return FakeTable(x, labels, CLASSES), FakeModel(rule, CLASSES, (24, 24))


def compared(view: FakeView, **more: object) -> Evidence:
    made = compare_features(view, **{"class_a": "fire", "class_b": "chess", "max_images": 40, **more})  # type: ignore[arg-type]
    check_evidence(made)
    return made


def test_the_tool_describes_itself() -> None:
    check_spec(compare_features)


def test_what_serves_for_both_and_what_for_one_alone() -> None:
    table, model = world(120)
    view = FakeView({"data": table}, model)
    made = compared(view)
    serves = {f.of: f.value for f in made.facts if f.name == "serves"}
    assert serves["hue"] == "fire" and serves["top left"] == "both"
    assert serves["bottom left"] == "undetermined"
    assert "Both fire and chess depend on the top left corner" in made.summary
    assert made.questions == ("features_comparison.1", "features_comparison.2")
    assert len(view.instruments) == 1 and view.instruments[0].id == made.fact("plan").value
    turned = compared(view, class_a="chess", class_b="fire")
    assert turned.fact("effect_difference", "hue").value == pytest.approx(
        -float(made.fact("effect_difference", "hue").value)
    )  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"class_b": "fire"}, "with itself"),
        ({"class_b": "water"}, "no class"),
        ({"split": "train"}, "no 'train'"),
    ],
)
def test_what_cannot_be_compared_is_one_sentence(arguments: dict[str, str], words: str) -> None:
    table, model = world()
    with pytest.raises(RetryError, match=words):
        compared(FakeView({"data": table}, model), **arguments)


def test_too_few_images_of_a_class_are_said_so() -> None:
    table, model = world(18)
    with pytest.raises(RetryError, match="Only 6 images are rightly called"):
        compared(FakeView({"data": table}, model))


def test_without_labels_images_count_by_their_prediction() -> None:
    table, model = world()
    table.labels[:] = -1
    assert any("Nothing is labelled" in n for n in compared(FakeView({"data": table}, model)).notes)


@pytest.fixture
def case(tmp_path: Path) -> Iterator[FakeCase]:
    table, model = world()
    made = FakeCase(tmp_path / "case", {"data": table}, model)
    yield made
    made.close()


def test_through_the_agent(case: FakeCase) -> None:
    planner = ScriptedPlanner(
        [call("compare_features", class_a="fire", class_b="chess", max_images=32), AIMessage("Done.")]
    )
    session = Session(case, planner=planner, policy="auto")
    (made,) = [e.evidence for e in session.say("what do they share?") if isinstance(e, EvidenceMade)]
    assert made.figures and (case.folder / made.figures[0].path).is_file()
    session.close()
