"""Labels of a careless source that nobody looked at: left out where they should be, as many by lot in the control arm."""

from __future__ import annotations

import csv
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence, Finding
from failsight.tools.repair import copies
from failsight.tools.repair.choosing import Asked, strategy_of
from failsight.tools.repair.lessons import Plan, Teacher
from failsight.tools.repair.planning import CLIP, UNLEARNING, Ready, prepare
from failsight.tools.repair.recipes import Recipe
from failsight.tools.repair.relabelling import corrections
from failsight.tools.repair.training import Trainer
from failsight.tools.retrain import retrain
from tests.fakes.view import FakeView
from tests.repair import square_world as world

FINDING = Finding("label_noise", "correctness", "data_content", "B's.", slice={"annotator": "B"}, verdict="confirmed")  # fmt: skip
N = 160  # training images, red first; every fourth was labelled by B
LOOKED = 16


@pytest.fixture
def view(tmp_path: Path) -> FakeView:
    made = world.view(tmp_path)
    made.table("train").columns["annotator"] = ["B" if i % 4 == 0 else "A" for i in range(N)]
    made.stated = [("F1", FINDING)]
    made.recorded = [Evidence("label_noise", "t", "s", arguments={"split": "train"}, findings=(FINDING,))]
    return made


def labels(view: FakeView, path: Path, rows: list[int], word: str = "blue") -> str:
    paths = [view.table("train").paths[i] for i in rows]
    return str(world.write_labels(path, paths, [word] * len(rows)))


def ready(view: FakeView, data: str, **more: Any) -> Ready:
    finding = more.pop("finding", FINDING)
    asked = Asked("F1" if finding else "", finding, "relabel", data, None, None, 2, "auto", "usual", **more)
    return prepare(view, asked, strategy_of("relabel"))


def test_what_nobody_looked_at_is_left_out_and_the_control_leaves_out_as_many_by_lot(
    view: FakeView, tmp_path: Path
) -> None:
    seen = list(range(0, 4 * LOOKED, 4))  # B's first, which are all red, and half of them turn out to be
    data = _both(view, tmp_path, seen)
    made = ready(view, data)
    out = [i for i in range(0, N, 4) if i not in seen]
    assert made.plan.left_out is not None and made.plan.left_out.tolist() == out
    assert any(f"{len(out)} training images with annotator=B" in n for n in made.notes)
    repair, parts = Teacher(made.plan, 2).lesson("repair", 1)
    control, _ = Teacher(made.plan, 2).lesson("control", 1)
    assert len(repair.pile) == len(control.pile) == N - len(out)
    assert set(repair.pile.rows.tolist()) == set(range(N)) - set(out) and parts[0][1] is not None
    gone = set(range(N)) - set(control.pile.rows.tolist())
    assert len(gone) == len(out) and gone != set(out) and any(i % 4 for i in gone)
    given = view.table("train").labels
    assert (control.pile.labels == given[control.pile.rows]).all()
    mended = {int(r) for r, c in zip(repair.pile.rows, repair.pile.labels, strict=True) if c != given[r]}
    assert mended == set(seen[::2])
    assert (
        made.plan.recipe.steps == UNLEARNING * Recipe().steps == repair.recipe.steps == control.recipe.steps
    )


def _both(view: FakeView, tmp_path: Path, seen: list[int]) -> str:
    """A file in which every second of the images looked at is blue, the others what they were."""
    paths = [view.table("train").paths[i] for i in seen]
    return str(world.write_labels(tmp_path / "both.csv", paths, ["blue", "red"] * (len(seen) // 2)))


def test_versions_say_how_many_were_left_out(view: FakeView, tmp_path: Path) -> None:
    data = labels(view, tmp_path / "l.csv", [0, 4])
    made = retrain(view, finding="F1", strategy="relabel", data=data, epochs=1, seeds=1)
    assert (
        made.fact("training_images", "repair R1").value == N - (N // 4 - 2)
        and f"on {N - (N // 4 - 2)} training" in made.summary
    )
    assert view.versions()[0].data["recipe"]["clip"] == CLIP
    repair, control = view.versions()
    assert repair.data["left_out"] == control.data["left_out"] == N // 4 - 2
    assert repair.data["relabelled"] == [[0, 1, 2]]
    assert repair.cost["images"] == pytest.approx(control.cost["images"], abs=3)  # held out by group
    assert repair.cost["images"] < N - (N // 4 - 2)


def test_a_person_may_keep_them_and_they_are_kept_where_the_finding_is_of_other_labels(
    view: FakeView, tmp_path: Path
) -> None:
    data = labels(view, tmp_path / "l.csv", [0, 4])
    assert ready(view, data, unseen="keep").plan.left_out is None
    view.recorded = [Evidence("label_noise", "t", "s", arguments={"split": "data"}, findings=(FINDING,))]
    assert ready(view, data).plan.left_out is None
    wanted = ready(view, data, unseen="leave_out").plan.left_out
    assert wanted is not None and len(wanted) == N // 4 - 2
    with pytest.raises(RetryError, match="names whose labels are wrong"):
        ready(view, data, unseen="leave_out", finding=None)


def test_where_hardly_anything_would_be_left_nothing_is_left_out(view: FakeView, tmp_path: Path) -> None:
    view.table("train").columns["annotator"] = ["A" if i % 4 == 0 else "B" for i in range(N)]
    data = labels(view, tmp_path / "l.csv", [1, 5])
    made = ready(view, data)
    assert made.plan.left_out is None and any("too few images would be left" in n for n in made.notes)
    with pytest.raises(RetryError, match="have more of them looked at"):
        ready(view, data, unseen="leave_out")
    view.table("train").columns["annotator"] = ["B" if i >= 75 and i < 150 else "A" for i in range(N)]
    first = labels(view, tmp_path / "m.csv", [80], "red")
    assert ready(view, first).plan.left_out is not None  # ten of the blue images are left
    view.table("train").columns["annotator"] = ["B" if i >= 75 and i < 152 else "A" for i in range(N)]
    assert ready(view, first).plan.left_out is None  # eight are not enough


def test_only_what_somebody_looked_at_counts_as_looked_at(view: FakeView, tmp_path: Path) -> None:
    """The manifest of the case lists all images; suspects without a verdict, or with a question mark, were not judged."""
    paths, path = view.table("train").paths, tmp_path / "labels-train.csv"
    rows = [(paths[0], "blue", "red", "yes"), (paths[4], "red", "red", "yes"), (paths[8], "red", "red", "")]
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("path", "label", "given_label", "looked"), *rows])
    made = corrections(view, str(path))
    assert made.changed == {0: 1} and made.looked == {0, 4} and made.moves(view) == [[0, 1, 1]]
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("path", "given_label", "new_label"), (paths[0], "red", "blue"), (paths[4], "red", "")])  # fmt: skip
    assert corrections(view, str(path)).looked == {0}
    plain = world.write_labels(tmp_path / "all.csv", paths, ["red"] * 80 + ["blue"] * 80)
    assert len(corrections(view, str(plain)).looked) == N  # a list without the column was looked at whole


def test_a_list_to_be_trained_elsewhere_leaves_them_out_too(view: FakeView, tmp_path: Path) -> None:
    data = labels(view, tmp_path / "l.csv", [0, 4])
    made = retrain(view, finding="F1", strategy="relabel", data=data, recipe="export")
    assert made.fact("images", "repair R1").value == N - (N // 4 - 2)


def moved(view: FakeView, plan: Plan, clip: float) -> float:
    """How far five steps of the repair move the weights."""
    short = replace(plan, recipe=replace(plan.recipe, steps=5, rounds=1, decay=0.0, clip=clip))
    lesson, _ = Teacher(short, 2).lesson("repair", 1)
    network = copies.fresh(view.model())
    before = [p.detach().clone() for p in network.parameters()]
    Trainer(view.model(), network, lesson).run(None, lambda _: None)
    apart = [float(((a.detach() - b) ** 2).sum()) for a, b in zip(network.parameters(), before, strict=True)]
    return math.sqrt(sum(apart))


def test_a_gradient_that_is_too_long_is_made_short(view: FakeView, tmp_path: Path) -> None:
    """With momentum 0.9 no step is longer than ten times the rate times the largest gradient."""
    plan = ready(view, labels(view, tmp_path / "l.csv", [0, 4])).plan
    assert plan.recipe.clip == CLIP > 0 and Recipe().clip == 0
    bound = 5 * plan.recipe.rate * 10
    assert 0 < moved(view, plan, 1e-4) <= bound * 1e-4
    assert (
        moved(view, plan, 0.0) == pytest.approx(moved(view, plan, 1e9))
        and moved(view, plan, 0.0) > bound * 1e-4
    )
    with pytest.raises(ValueError, match="clip"):
        Recipe(clip=-1.0)
