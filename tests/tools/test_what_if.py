"""what_if: what an edit does to a model whose rule is known; names of images; hostile input; through the agent loop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence, ImageRef
from failsight.tools.experiments.what_if_images import find_named, margin, scores_known
from failsight.tools.what_if import what_if
from tests.fakes.case import FakeCase, television_world
from tests.fakes.view import FakeModel, FakeTable, FakeView
from tests.figures.test_charts import NASTY
from tests.tools.cases import check_evidence, check_spec


def daylight(**more: Any) -> FakeView:
    """``day`` where the mean lies above one half; row i is grey 100 + 10 i."""
    pixels = np.stack([np.full((8, 8, 3), 100 + 10 * i, np.uint8) for i in range(10)])
    table = FakeTable(pixels, [int(i > 2) for i in range(10)], ("night", "day"), bad=more.pop("bad", ()))

    def rule(x: np.ndarray) -> np.ndarray:
        lead = 20 * (x.mean((1, 2, 3)) - 0.5)
        return np.stack([-lead, lead], 1)

    return FakeView({"data": table}, FakeModel(rule, table.classes, (8, 8)), **more)


def rooms(**more: Any) -> FakeView:
    table, model = television_world(60)
    return FakeView({"data": table}, model, **more)


def test_its_arguments_are_described_and_bounded() -> None:
    check_spec(what_if)


def test_the_strength_at_which_the_answer_turns_is_told(tmp_path: Path) -> None:
    made = what_if(daylight(folder=tmp_path), "#6", "brightness:-30%")  # 160: turns at −20.3 %
    check_evidence(made)
    assert made.fact("prediction", "before").value == "day"
    assert made.fact("prediction", "after").value == "night"
    assert made.fact("prediction_flips").value is True
    assert made.fact("flip_strength", "brightness, downwards").value == pytest.approx(-20.3, abs=0.6)
    assert "at brightness −20.5 % it becomes night" in made.summary
    before = 1 / (1 + np.exp(-40 * (160 / 255 - 0.5)))
    assert made.fact("score", "before, class day").value == pytest.approx(before, abs=1e-4)
    assert made.fact("margin", "before").value == pytest.approx(2 * before - 1, abs=1e-4)
    assert made.findings == ()
    assert any("proves nothing" in n for n in made.notes)
    assert made.questions == ("what_if.1",)
    assert any("robustness_probe" in s and "darker" in s for s in made.next_steps)
    assert (tmp_path / "what-if.png").exists()
    assert (tmp_path / "what-if-scores.svg").exists()


def test_in_a_sequence_the_edit_that_turns_the_answer_is_named() -> None:
    made = what_if(daylight(), "#6", "grey; brightness:-10%; brightness:-20%; flip")
    assert "turns at the edit “brightness −20 %”" in made.summary
    assert "on top of grey, then brightness −10 %" in made.summary
    # 160 · 0.9 = 144: half is reached at −11.5 %
    assert made.fact("flip_strength", "brightness, downwards").value == pytest.approx(-11.5, abs=0.6)
    steps = next(t for t in made.tables if t.title == "Edit by edit")
    assert [r[1] for r in steps.rows] == ["day", "day", "day", "night", "night"]


def test_an_edit_that_does_not_turn_the_answer_is_turned_over_its_range() -> None:
    made = what_if(daylight(), "#6", "brightness:-5%")
    assert "the answer stays" in made.summary
    assert "−20.5 %" in made.summary
    calm = what_if(daylight(), "#6", "hue:30")
    assert "No hue between" in calm.summary
    assert what_if(daylight(), "#6", "grey").tables[-1].title == "Scores before and after"


def test_without_edits_the_smallest_changes_that_turn_the_answer_are_looked_for(tmp_path: Path) -> None:
    made = what_if(daylight(folder=tmp_path), "#4")  # 140: only light and noise matter to the mean
    check_evidence(made)
    assert "brightness −8." in made.summary or "brightness −9." in made.summary
    assert "holds against" in made.summary
    assert len(next(t for t in made.tables if t.title == "Where the answer turns").rows) >= 10


def test_covering_and_pasting_a_region_moves_the_score_as_the_rule_says() -> None:
    view = rooms()
    table = view.table()
    boxed = [i for i in range(60) if table.boxes[i] and table.labels[i] == 1]
    bare = next(i for i in range(60) if not table.boxes[i] and view.predictions().predicted[i] == 1)
    wrong = next(i for i in boxed if view.predictions().predicted[i] == 0)
    covered = what_if(view, f"#{wrong}", "mask:box:television", fill="inpaint")
    assert covered.fact("prediction", "after").value == "blue_room"
    assert "television covered" in covered.summary
    assert any("test_by_masking" in s for s in covered.next_steps)
    pasted = what_if(view, f"#{bare}", f"paste:box:television from #{wrong}")
    assert pasted.fact("prediction", "after").value == "red_room"
    assert set(pasted.questions) == {"what_if.1", "what_if.2"}


def test_the_same_call_gives_the_same_evidence() -> None:
    first, second = (what_if(daylight(), "#6", "noise:40; jpeg:30") for _ in "ab")
    assert first.to_dict() == second.to_dict()


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("img_00003.png", 3), ("IMG_00003", 3), ("#3", 3), ("3", 3), (" # 3 ", 3), ("data:#3", 3),
        ("E2#1", 4), ("E2", 4), ("e2#2", 5),
    ],
)  # fmt: skip
def test_an_image_is_found_by_each_of_its_names(name: str, row: int) -> None:
    view = daylight()
    shown = tuple(ImageRef("data", r, f"img_{r:05d}.png") for r in (4, 5))
    view.recorded.append(Evidence("evaluate", "t", "s", images=shown, id="E2"))
    assert find_named(view, name, "data").row == row


def test_a_bare_number_that_is_the_name_of_another_row_is_asked_back() -> None:
    view = daylight()
    view.table().paths = [f"{i + 1}.png" for i in range(10)]
    with pytest.raises(RetryError, match=r"row #3 or the file of that name.*#3.*3\.png"):
        find_named(view, "3", "data")
    assert find_named(view, "#3", "data").row == 3
    assert find_named(view, "3.png", "data").row == 2
    with pytest.raises(RetryError, match="file of that name"):
        find_named(view, "10", "data")
    view.table().paths = [f"{i}.png" for i in range(10)]
    assert find_named(view, "3", "data").row == 3


def test_for_the_scores_of_one_training_image_the_training_set_is_not_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    view = daylight()
    view._tables["train"] = view.table()
    asked: list[str] = []
    plain = view.predictions
    monkeypatch.setattr(view, "predictions", lambda split="data": asked.append(split) or plain(split))
    there, here = find_named(view, "train:#6", "data"), find_named(view, "#6", "data")
    found, same = scores_known(view, there), scores_known(view, here)
    assert asked == ["data"]
    assert found == pytest.approx(same)


def test_an_image_of_another_split_is_found_there() -> None:
    data, train = (FakeTable(np.zeros((3, 4, 4, 3), np.uint8), [0, 1, 0], ("a", "b")) for _ in range(2))
    train.paths = ["x/one.png", "x/two.png", "y/two.png"]
    view = FakeView({"data": data, "train": train}, FakeModel(None, ("a", "b"), (4, 4)))
    assert find_named(view, "train:#2", "data") == find_named(view, "y/two.png", "data")
    assert find_named(view, "one", "data").split == "train"
    assert find_named(view, "train:#2", "data").words == "train:#2 (two.png)"
    with pytest.raises(RetryError, match=r"2 images are called 'two\.png'"):
        find_named(view, "two.png", "train")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("img_00033.png", "img_00003.png"),
        ("holiday", "img_00000.png"),
        ("#10", "#0 to #9"),
        ("E7#1", "no image called"),
        ("train:#1", "no image called"),
        ("", "no image called"),
        (NASTY, "no image called"),
    ],
)
def test_an_unknown_image_is_refused_with_near_names(name: str, said: str) -> None:
    with pytest.raises(RetryError, match=said):
        what_if(daylight(), name)


def test_what_can_not_be_done_is_refused() -> None:
    for given, said in (
        ({"edits": "sparkle"}, "not an edit"),
        ({"edits": " ; "}, "at least one edit"),
        ({"edits": "mask:box:cat"}, "no object boxes"),
        ({"edits": "mask:saliency:top20%"}, "test_by_masking"),
        ({"edits": "paste:rect:0,0,1,1 from nowhere"}, "edits: there is no image"),
        ({"edits": "grey", "split": "train"}, "no 'train' images"),
        ({"edits": "grey", "fill": "gold"}, "no fill"),
    ):
        with pytest.raises(RetryError, match=said):
            what_if(daylight(), "#1", **given)  # type: ignore[arg-type]
    with pytest.raises(RetryError, match="can't be read"):
        what_if(daylight(bad=(1,)), "#1", "grey")
    view = rooms()
    bare = next(i for i in range(60) if not view.table().boxes[i])
    with pytest.raises(RetryError, match="does not show the television"):
        what_if(view, f"#{bare}", "mask:box:television")
    black_box = FakeView({"data": view.table()}, scores={"data": np.full((60, 2), 0.5)})
    with pytest.raises(RetryError, match="predictions only"):
        what_if(black_box, "#1", "grey")


def test_scores_that_are_not_finite_are_no_answer() -> None:
    view = daylight()
    view._model = FakeModel(lambda x: np.full((len(x), 2), np.nan), ("night", "day"), (8, 8))
    with pytest.raises(RetryError, match="not finite"):
        what_if(view, "#1", "grey")


def test_a_margin_is_the_lead_over_the_next_class() -> None:
    assert margin(np.array([0.2, 0.7, 0.1], np.float32)) == pytest.approx(0.5)
    assert margin(np.array([1.0], np.float32)) == 1.0


@pytest.mark.parametrize(
    ("sentence", "edits"),
    [
        ("what if image img_00003.png were darker?", "brightness:-50"),
        ("what if #3 was 30 % brighter and rotated by ten degrees", "brightness:30; rotate:10"),
        ("what would it predict if I removed the television from #{boxed}", "mask:box:television"),
    ],
)
def test_a_plain_sentence_reaches_it(tmp_path: Path, sentence: str, edits: str) -> None:
    from failsight.agent.events import EvidenceMade
    from failsight.agent.session import Session

    table, model = television_world(60)
    boxed = next(i for i in range(60) if table.boxes[i])
    case = FakeCase(tmp_path / "case", {"data": table}, model)
    session = Session(case, policy="auto")
    events = list(session.say(sentence.replace("{boxed}", str(boxed))))
    (made,) = (e.evidence for e in events if isinstance(e, EvidenceMade))
    assert made.tool == "what_if"
    assert made.arguments["edits"] == edits
    session.close()
    case.close()


def test_a_planner_mends_a_wrong_name(tmp_path: Path) -> None:
    from failsight.agent.events import EvidenceMade, ToolFailed
    from failsight.agent.planners.scripted import ScriptedPlanner, call
    from failsight.agent.session import Session

    table, model = television_world(60)
    case = FakeCase(tmp_path / "case", {"data": table}, model)
    script = ScriptedPlanner(
        [
            call("what_if", "to see", image="img_3.png", edits="grey"),
            call("what_if", "to see", image="img_00003.png", edits="grey"),
            "It was tried [E1].",
        ]
    )
    session = Session(case, planner=script, policy="auto")
    events = list(session.say("what if img 3 was grey?"))
    assert any(isinstance(e, ToolFailed) and "img_00003.png" in e.message for e in events)
    assert sum(isinstance(e, EvidenceMade) for e in events) == 1
    session.close()
    case.close()
