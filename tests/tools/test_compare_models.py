"""compare_models: known differences between two models, what each looks at, how alike they are inside; hostile input."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from langchain_core.messages import AIMessage

from failsight.agent.events import EvidenceMade
from failsight.agent.planners.scripted import ScriptedPlanner, call
from failsight.agent.session import Session
from failsight.tools.compare_models import compare_models
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence
from failsight.tools.repair.beside import ModelBeside, other_print
from tests.fakes.repairs import RepairedCase, World, repaired
from tests.fakes.view import FakeModel, FakeTable, FakeView
from tests.tools.cases import check_evidence, check_spec

BAD, TRADE = (0.5, 0.05, 0.1), (0.1, 0.6, 0.1)


def compared(view: Any, **more: Any) -> Evidence:
    made = compare_models(view, **{"saliency": False, "features": False, **more})
    check_evidence(made)
    return made


def test_the_tool_describes_itself() -> None:
    check_spec(compare_models)


def test_what_was_mended_what_is_new_and_where() -> None:
    world = World()
    view = repaired(world, BAD, TRADE, BAD)
    made = compared(view)
    first, second = view.predictions(), view.version("R1.1").predictions()
    table = made.tables[0]
    assert table.columns[1:] == ("R1.1 right", "R1.1 wrong")
    counted = [
        [int((a & b).sum()) for b in (second.correct, ~second.correct)]
        for a in (first.correct, ~first.correct)
    ]
    assert [list(row[1:]) for row in table.rows] == counted
    assert made.fact("churn").value == (first.predicted != second.predicted).mean()
    assert made.fact("accuracy", "after").value == second.correct.mean()
    groups = {row[0]: row for row in made.tables[1].rows}
    assert groups["television=yes, bath (slice)"][-1] == "worse"
    assert groups["television=yes, not bath (finding)"][-1] == "better"
    assert "television=yes, bath lost most" in made.summary and made.summary.startswith("The model is right")
    assert {i.caption.split(";")[0] for i in made.images} == {"mended", "new error"}
    assert any("verify_correction" in n for n in made.notes)


def test_any_two_versions_are_compared_in_the_order_asked_for() -> None:
    view = repaired(World(), BAD, TRADE, BAD)
    one, other = compared(view, before="r1.1", after="R1.c1"), compared(view, before="R1.c1", after="R1.1")
    assert one.fact("accuracy_change").value == -other.fact("accuracy_change").value  # type: ignore[operator]
    assert "R1.1 right" in one.tables[0].rows[0]
    same = compared(view, before="R1.1", after="R1.1")
    assert "there is no change" in same.summary and same.fact("churn").value == 0


def _pixels(n: int = 60) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    labels = np.arange(n) % 2
    x = rng.integers(60, 120, (n, 16, 16, 3))
    x[labels == 1, :8, :8] += 90
    return np.clip(x, 0, 255).astype(np.uint8), labels


class _Net:
    """Builders of a tiny network whose features are known functions of the picture."""

    @staticmethod
    def make(turn: Any, name: str, bias: float = 0.0) -> FakeModel:
        import torch

        class Net(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.maps = torch.nn.AvgPool2d(4)
                self.head = torch.nn.Linear(48, 2)
                weight = torch.zeros(2, 48)
                weight[1, [0, 1, 4, 5]], weight[0, [0, 1, 4, 5]] = 2.0, -2.0
                with torch.no_grad():
                    self.head.weight.copy_(weight @ torch.linalg.pinv(turn))
                    self.head.bias.copy_(torch.tensor([4.2 + bias, -4.2]))

            def forward(self, x: Any) -> Any:
                return self.head(self.maps(x).flatten(1) @ turn.T)

        made = FakeModel(None, ("dark", "light"), (16, 16), Net().eval())
        made.fingerprint = name
        return made


def _pair(turned: bool) -> FakeView:
    import torch

    torch.manual_seed(0)
    pixels, labels = _pixels()
    table = FakeTable(pixels, labels, ("dark", "light"), {"odd": ["a", "b", "c"] * 20})
    view = FakeView({"data": table}, _Net.make(torch.eye(48), "one"))
    q, _ = torch.linalg.qr(torch.randn(48, 48))
    other = _Net.make(2.5 * q if turned else torch.randn(48, 48) ** 5, "two", 3.0)
    view.given_versions["R1.1"] = other
    from failsight.tools.repair.versions import ModelVersion

    view.made_versions.append(ModelVersion("R1.1", "R1", "repair", 1, "collect", "", "repair/R1/R1.1", "two"))
    return view


def test_features_that_are_only_turned_are_the_same_space(tmp_path: Path) -> None:
    view = _pair(turned=True)
    view.folder = tmp_path
    made = compared(view, features=True, saliency=True, max_images=16)
    assert made.fact("feature_alignment").value == pytest.approx(1, abs=1e-3)
    assert made.fact("neighbours_shared").value > 0.95  # type: ignore[operator]
    assert made.fact("neighbours_shared", "by chance").value == pytest.approx(10 / 59)
    assert "Their features are alike to 1.00" in made.summary
    assert made.questions == ("iterations.3", "iterations.4")
    (figure,) = made.figures
    assert (tmp_path / figure.path).is_file()
    assert any(t.title == "What each depends on" for t in made.tables)


def test_features_that_are_distorted_are_less_alike() -> None:
    made = compared(_pair(turned=False), features=True, max_images=16)
    value = made.fact("feature_alignment")
    assert value.value < 0.999 and value.ci and value.ci[0] < value.value < value.ci[1]  # type: ignore[operator]


def test_models_without_inner_layers_are_compared_by_their_answers() -> None:
    made = compared(repaired(World(120), BAD, TRADE, BAD), features=True, max_images=8)
    assert any("no inner layers" in n for n in made.notes)


def test_without_labels_no_error_is_said_to_be_mended() -> None:
    view = repaired(World(), BAD, TRADE, BAD)
    view._tables["data"].labels[:] = -1
    view.stated.clear()
    made = compared(view)
    assert "No shared image has a label" in made.summary and made.images
    assert all(";" in i.caption and not i.caption.startswith(("mended", "new")) for i in made.images)


def test_unreadable_pictures_are_listed_and_left_out() -> None:
    view = repaired(World(), BAD, TRADE, BAD)
    view._tables["data"].bad = {0, 5}
    made = compared(view)
    assert made.fact("churn").n == 598 and any(
        "2 of the evaluation images were left out" in n for n in made.notes
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"after": "R9"}, "no version"),
        ({"after": "hub:owner/name"}, "would be fetched"),
        ({"after": "/nowhere/model.onnx"}, "after:"),
        ({"before": "../weights.pkl"}, "before:"),
        ({"split": "deploy"}, "no 'deploy'"),
    ],
)
def test_what_cannot_be_opened_is_one_sentence(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(RetryError, match=words):
        compared(repaired(World(60), BAD, TRADE, BAD), **arguments)


def test_with_nothing_repaired_a_name_is_needed() -> None:
    view = repaired(World(60), BAD, TRADE, BAD)
    view.made_versions.clear()
    with pytest.raises(RetryError, match="name another model"):
        compared(view)


def _file(folder: Path, classes: list[str]) -> Path:
    """A scripted model that always gives its first class."""
    import torch

    class Net(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            flat = x.flatten(1).mean(1)
            return torch.stack([flat * 0 + 3.0, flat * 0], 1)

    folder.mkdir()
    torch.jit.script(Net()).save(folder / "model.pt")
    told = {"classes": classes, "input_size": [4, 4], "mean": [0.5] * 3, "std": [0.5] * 3, "channels": "RGB", "outputs": "logits"}  # fmt: skip
    (folder / "model.json").write_text(json.dumps(told))
    return folder / "model.pt"


def test_another_models_file_is_compared_and_its_content_is_part_of_the_call(tmp_path: Path) -> None:
    view = repaired(World(60), BAD, TRADE, BAD)
    path = _file(tmp_path / "other", ["bath", "bed"])
    made = compared(view, after=str(path))
    assert made.fact("accuracy", "after").value == 0.5 and "other right" in made.tables[0].columns
    print_ = other_print({"before": "", "after": str(path)})
    assert len(print_) > 20 and other_print({"before": "R1.1", "after": ""}) == ""
    with pytest.raises(RetryError, match="other classes"):
        compared(view, after=str(_file(tmp_path / "third", ["bath", "hall"])))
    with pytest.raises(RetryError, match="another order"):
        compared(view, after=str(_file(tmp_path / "fourth", ["bed", "bath"])))


def test_a_model_beside_is_asked_once_and_then_remembered() -> None:
    view = repaired(World(60), BAD, TRADE, BAD)
    model = view.given_versions["R1.1"]
    first = ModelBeside(view, model, "x").predictions()  # type: ignore[arg-type]
    seen = model.seen
    again = ModelBeside(view, model, "x").predictions()  # type: ignore[arg-type]
    assert model.seen == seen and again.cached
    assert np.array_equal(first.scores, again.scores) and np.array_equal(first.rows, again.rows)


@pytest.fixture
def case(tmp_path: Path) -> Iterator[RepairedCase]:
    made = RepairedCase(tmp_path / "case", 80)
    yield made
    made.close()


def test_through_the_agent(case: RepairedCase) -> None:
    planner = ScriptedPlanner([call("compare_models", after="R1.2", max_images=8), AIMessage("Done.")])
    session = Session(case, planner=planner, policy="auto")
    (made,) = [e.evidence for e in session.say("compare them") if isinstance(e, EvidenceMade)]
    assert made.tool == "compare_models" and "R1.2" in made.summary
    assert made.figures and (case.folder / made.figures[0].path).is_file()
    assert made.questions == ("iterations.3", "iterations.4")
    session.close()
