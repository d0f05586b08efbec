"""Which images may judge: none that chose, none that trained."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from failsight.tools.evidence import Evidence
from failsight.tools.find_slices import find_slices
from failsight.tools.repair.outcomes import find_arms, sample
from failsight.tools.repair.untouched import untouched
from failsight.tools.slices.search import Search
from tests.fakes.repairs import World, repaired
from tests.fakes.view import FakeView

RATES = ((0.6, 0.05, 0.1), (0.2, 0.05, 0.1), (0.6, 0.05, 0.1))


def view_of(data: dict[str, Any] | None = None, **more: Any) -> FakeView:
    return repaired(World(400), *RATES, data=data, **more)


def test_everything_judges_where_nothing_chose_and_nothing_trained() -> None:
    view = view_of()
    made = untouched(view, "data", view.stated[0][1], view.versions())  # type: ignore[arg-type]
    assert made.keep.all() and not made.notes


def test_the_half_that_find_slices_searched_is_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    view = view_of()
    view.recorded.clear()
    seen: list[Search] = []
    import failsight.tools.find_slices as module

    real = module.search
    monkeypatch.setattr(module, "search", lambda *a: seen.append(real(*a)) or seen[-1])
    found = find_slices(view)  # type: ignore[arg-type]
    weak = next(f for f in found.findings if f.verdict == "confirmed")
    view.recorded.append(found)
    made = untouched(view, "data", weak, view.versions())  # type: ignore[arg-type]
    judges = set(view.predictions().rows[made.keep].tolist())
    tests = set(view.predictions().rows[seen[0].positions[seen[0].confirmation]].tolist())
    assert judges == tests and len(judges) == 200
    assert any("half on which the finding was searched for" in n for n in made.notes)


@pytest.mark.parametrize("asked", ["bed", "Bed", " BED "])
def test_a_class_typed_in_another_case_draws_the_same_half(
    monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    view = view_of()
    view.recorded.clear()
    seen: list[Search] = []
    import failsight.tools.find_slices as module

    real = module.search
    monkeypatch.setattr(module, "search", lambda *a: seen.append(real(*a)) or seen[-1])
    found = find_slices(view, within_class=asked)  # type: ignore[arg-type]
    weak = next(f for f in found.findings if f.verdict == "confirmed")
    view.recorded.append(found)
    made = untouched(view, "data", weak, view.versions())  # type: ignore[arg-type]
    chose = set(view.predictions().rows[seen[0].positions[seen[0].report.discovery]].tolist())
    judges = set(view.predictions().rows[made.keep].tolist())
    assert len(chose) == 100 and not judges & chose and len(judges) == 300


@pytest.mark.parametrize("asked", ["bath", "Bath"])
def test_so_does_a_predicted_class(asked: str) -> None:
    view = view_of()
    finding = view.stated[0][1]
    arguments = {"within_prediction": asked}
    view.recorded[:] = [Evidence("find_slices", "Found", "Found.", arguments, findings=(finding,))]
    made = untouched(view, "data", finding, view.versions())  # type: ignore[arg-type]
    called = view.predictions().predicted == 0
    assert made.keep[~called].all() and abs((~made.keep[called]).sum() - called.sum() / 2) <= 1


def test_a_half_that_is_not_the_recorded_one_is_not_passed_off_as_it() -> None:
    """The houses by which the half was drawn were edited since: nobody knows any more which images chose."""
    view = view_of()
    view.recorded.clear()
    houses = [f"h{i // 2}" for i in range(400)]
    view._tables["data"].columns["house"] = houses
    found = find_slices(view, group_by="house")  # type: ignore[arg-type]
    weak = next(f for f in found.findings if f.verdict == "confirmed")
    view.recorded.append(found)
    same = untouched(view, "data", weak, view.versions())  # type: ignore[arg-type]
    assert same.keep.sum() == 400 - found.fact("half_that_chose").n  # type: ignore[operator]
    view._tables["data"].columns["house"] = [*houses[::-1][:399], "h7"]
    other = untouched(view, "data", weak, view.versions())  # type: ignore[arg-type]
    assert other.keep.all() and any("chose this finding on these very" in n for n in other.notes)


@pytest.mark.parametrize(
    ("arguments", "kept"),
    [
        ({"within_class": "bed"}, 300),
        ({"within_class": "Bed"}, 300),
        ({"within_class": "garage"}, 400),
        ({"split": "deploy"}, 400),
        ({"method": "hibug"}, 400),
        ({"group_by": "gone"}, 400),
    ],
)
def test_halves_of_other_searches(arguments: dict[str, Any], kept: int) -> None:
    view = view_of()
    finding = view.stated[0][1]
    view.recorded[:] = [Evidence("find_slices", "Found", "Found.", arguments, findings=(finding,))]
    made = untouched(view, "data", finding, view.versions())  # type: ignore[arg-type]
    assert made.keep.sum() == kept
    assert any("chose this finding on these very" in n for n in made.notes) == (
        "method" in arguments or "group_by" in arguments or arguments.get("within_class") == "garage"
    )


def test_rows_that_trained_never_judge() -> None:
    view = view_of({"data": {"fingerprint": "x", "rows": list(range(0, 400, 4))}, "train": {"rows": 9000}})
    made = untouched(view, "data", view.stated[0][1], view.versions())  # type: ignore[arg-type]
    assert made.keep.sum() == 300 and not made.keep[::4].any()
    assert any("trained the repair" in n for n in made.notes)


@pytest.mark.parametrize("said", [{"rows": 100}, 100])
def test_a_split_of_which_only_the_number_is_known_is_used_up(said: Any) -> None:
    view = view_of({"data": said})
    assert not untouched(view, "data", None, view.versions()).keep.any()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "said", [{"rows": 0}, {"rows": []}, {}, {"rows": True}, {"rows": [-5, 99999]}, "odd"]
)
def test_odd_records_use_nothing_up(said: Any) -> None:
    view = view_of({"data": said})
    assert untouched(view, "data", None, view.versions()).keep.all()  # type: ignore[arg-type]


def test_deployment_images_judge_too_and_alone_where_the_shift_is_repaired() -> None:
    view = view_of()
    world = World(300, seed=9)
    view._tables["deploy"] = world.table()
    arms, finding = find_arms(view.versions(), ""), view.stated[0][1]
    both = sample(view, arms, finding, None)  # type: ignore[arg-type]
    assert set(both.at) == {"data", "deploy"} and len(both) == 700
    assert {name for kind, name in both.others if kind == "split"} == {
        "evaluation images",
        "deployment images",
    }
    shifted = dataclasses.replace(finding, kind="distribution_shift", slice=None, class_name=None)
    moved = sample(view, arms, shifted, None)  # type: ignore[arg-type]
    assert moved.target.sum() == 300 and moved.target[400:].all()


def test_the_target_itself_and_the_same_images_twice_are_no_other_groups() -> None:
    view = view_of()
    made = sample(view, find_arms(view.versions(), "R1"), view.stated[0][1], None)  # type: ignore[arg-type]
    names = {name for _, name in made.others}
    assert "television=yes, bed" not in names  # that is the target
    assert {"television=yes, bath", "television=no, bed", "bath", "bed", "all images"} <= names


def test_images_of_one_group_are_one_unit() -> None:
    view = view_of()
    view._tables["data"].columns["house"] = [f"h{i // 8}" for i in range(400)]
    made = sample(view, find_arms(view.versions(), "R1"), view.stated[0][1], "house")  # type: ignore[arg-type]
    assert made.units is not None and len(np.unique(made.units)) == 50
