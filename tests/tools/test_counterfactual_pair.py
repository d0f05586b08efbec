"""counterfactual_pair: the pair and the cells are known; hostile input; through the agent loop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from failsight.tools.counterfactual_pair import counterfactual_pair
from failsight.tools.errors import RetryError
from tests.fakes.case import FakeCase, television_world
from tests.fakes.view import FakeModel, FakeTable, FakeView
from tests.tools.cases import check_evidence, check_spec

LAMP = (slice(4, 8), slice(8, 12))  # the cell in row 2 and column 3 of a 4 × 4 grid of 16 pixels


def lamps(**more: Any) -> FakeView:
    """``day`` where the one cell is bright. Rows 0 to 4 dark rooms, 5 to 9 the same with the lamp lit; features tell rooms."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 90, (10, 16, 16, 3)).astype(np.uint8)
    pixels[5:] = pixels[:5]
    pixels[5:, LAMP[0], LAMP[1]] = 230
    boxes = [{"lamp": [(0.5, 0.25, 0.75, 0.5)]} if i >= 5 else {"rug": [(0, 0.9, 1, 1)]} for i in range(10)]
    table = FakeTable(pixels, [0] * 5 + [1] * 5, ("night", "day"), boxes=boxes, bad=more.pop("bad", ()))

    def rule(x: np.ndarray) -> np.ndarray:
        lead = 20 * (x[:, LAMP[0], LAMP[1]].mean((1, 2, 3)) - 0.5)
        return np.stack([-lead, lead], 1)

    view = FakeView({"data": table}, FakeModel(rule, table.classes, (16, 16)), **more)
    rooms = np.tile(rng.normal(size=(5, 6)), (2, 1))
    rooms[5:, 0] += 0.1
    view.given_features = {"data": rooms.astype(np.float32)}
    return view


def test_its_arguments_are_described_and_bounded() -> None:
    check_spec(counterfactual_pair)


def test_the_closest_image_and_the_cell_that_turns_the_answer_are_found(tmp_path: Path) -> None:
    made = counterfactual_pair(lamps(folder=tmp_path), "#2", cells=4, draws=200)
    check_evidence(made)
    assert [i.row for i in made.images] == [2, 7]  # the same room with its lamp lit
    assert made.fact("cells_needed", "greedy search").value == 1
    assert made.fact("cells_needed", "random order, median").value == pytest.approx(8.5, abs=2)
    assert made.fact("share_of_draws_as_few", "random order").value == pytest.approx(1 / 16, abs=0.06)
    assert made.fact("score", "after, class day").value > 0.9  # type: ignore[operator]
    assert "about as easily" not in made.summary
    assert made.tables[0].rows[1][0] == "grid:2,3/4x4"
    assert "lamp (brought from the second, 100.0 % of it)" in made.summary
    assert any("test_by_adding(region='box:lamp')" in s for s in made.next_steps)
    assert set(made.questions) == {"what_if.1", "features_local.2"}
    assert made.findings == ()
    assert (tmp_path / "counterfactual.png").exists()


def test_a_pair_of_classes_gives_their_closest_images() -> None:
    made = counterfactual_pair(lamps(), class_name="day", other_class="night", cells=4, draws=5)
    assert made.images[0].row - made.images[1].row == 5
    assert made.fact("cells_needed", "greedy search").value == 1
    assert "lamp (covered in the first" in made.summary


def test_where_the_model_is_wrong_the_true_class_is_the_aim() -> None:
    view = lamps()
    view.table().labels[2] = 1
    assert counterfactual_pair(view, "#2", cells=4, draws=5).images[1].label == "day"


def test_another_image_that_is_not_answered_with_the_class_asked_for_is_refused() -> None:
    with pytest.raises(RetryError, match=r"other: the model says day .* not night"):
        counterfactual_pair(lamps(), "#2", other_class="night", other="#9", cells=2, draws=5)


def test_the_other_image_may_be_named_and_the_answer_asked_for_may_be_there_already() -> None:
    made = counterfactual_pair(lamps(), "#2", other="#9", cells=2, draws=5)
    assert made.images[1].row == 9
    assert made.fact("cells_needed", "greedy search").value == 1
    already = counterfactual_pair(lamps(), "#2", other_class="night", cells=2, draws=5)
    assert any("says night already" in n for n in already.notes)


def test_the_same_call_gives_the_same_evidence() -> None:
    first, second = (counterfactual_pair(lamps(), "#2", cells=5) for _ in "ab")
    assert first.to_dict() == second.to_dict()


def test_what_can_not_be_done_is_refused() -> None:
    for given, said in (
        ({}, "name an image, or class_name and other_class"),
        ({"class_name": "day"}, "class_name and other_class"),
        ({"class_name": "day", "other_class": "day"}, "another class"),
        ({"class_name": "dusk", "other_class": "day"}, "no class 'dusk'"),
        ({"image": "nowhere"}, "no image called"),
        ({"image": "#2", "other": "#3"}, "says night for both"),
        ({"image": "#4"}, "can't be read"),
    ):
        with pytest.raises(RetryError, match=said):
            counterfactual_pair(lamps(bad=(4,)), **given)  # type: ignore[arg-type]
    dark = lamps()
    dark.table().pixels[:] = 0
    with pytest.raises(RetryError, match="answers none of the evaluation images"):
        counterfactual_pair(dark, "#2")
    with pytest.raises(RetryError, match="of day rightly"):
        counterfactual_pair(dark, class_name="day", other_class="night")
    black_box = FakeView({"data": dark.table()}, scores={"data": np.full((10, 2), 0.5)})
    with pytest.raises(RetryError, match="predictions only"):
        counterfactual_pair(black_box, "#2")


def test_a_grid_finer_than_the_picture_is_as_fine_as_it_goes() -> None:
    pixels = np.stack([np.zeros((3, 3, 3), np.uint8), np.full((3, 3, 3), 255, np.uint8)])
    table = FakeTable(pixels, [0, 1], ("night", "day"))

    def rule(x: np.ndarray) -> np.ndarray:
        lead = 20 * (x.mean((1, 2, 3)) - 0.5)
        return np.stack([-lead, lead], 1)

    view = FakeView({"data": table}, FakeModel(rule, table.classes, (3, 3)))
    made = counterfactual_pair(view, "#0", cells=14, draws=5, space="pixels")
    assert made.fact("cells_needed", "greedy search").value == 5  # of nine: more than half
    assert made.fact("cells_needed", "random order, median").value == 5
    assert "Random cells do it about as easily" in made.summary


def test_a_plain_sentence_reaches_it(tmp_path: Path) -> None:
    from failsight.agent.events import EvidenceMade
    from failsight.agent.session import Session

    table, model = television_world(60)
    case = FakeCase(tmp_path / "case", {"data": table}, model)
    session = Session(case, policy="auto")
    answers = case.predictions().predicted
    row = int(np.flatnonzero(answers == 1)[0])
    events = list(session.say(f"what must change in #{row} to become red room"))
    (made,) = (e.evidence for e in events if isinstance(e, EvidenceMade))
    assert made.tool == "counterfactual_pair"
    assert made.arguments["other_class"] == "red_room"
    assert made.images[1].prediction == "red_room"
    session.close()
    case.close()
